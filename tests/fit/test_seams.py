"""Parts of a fit that lie face to face have no crack between them, unless the solid has one."""

from functools import partial

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.fit import FitConfig
from cvxgeom.fit.deadline import Deadline
from cvxgeom.fit.seams import seamless
from cvxgeom.prepare.generated import furniture
from cvxgeom.shape import ConvexUnion, concatenate

from .solids import frame, lattice, table

TURNED = trimesh.transformations.rotation_matrix(0.7, (1, 2, 3))[:3, :3]


def between(low, high) -> ConvexUnion:
    low, high = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    return cvxgeom.box(size=high - low, center=(low + high) / 2)


def turned(*parts: ConvexUnion) -> ConvexUnion:
    """Parts as a fit has them: in float32, and not along the axes."""
    return concatenate([part.to(torch.float32).rotate(TURNED.tolist()) for part in parts])


def membership(*parts: ConvexUnion):
    solid = turned(*parts).to(torch.float64)
    return lambda points: solid.contains(torch.from_numpy(points)).numpy()


def n_pieces(shape: ConvexUnion) -> int:
    return len(cvxgeom.to_trimesh(shape, "union").split(only_watertight=False))


@pytest.mark.parametrize("gap", [0.0, 3e-7, 4e-5, 3e-4, 2e-3])
def test_a_crack_across_a_bar_is_closed(gap: float) -> None:
    bar = between((0, 0, 0), (1, 0.1, 0.1))
    left, right = between((0, 0, 0), (0.4, 0.1, 0.1)), between((0.4 + gap, 0, 0), (1, 0.1, 0.1))
    closed = seamless(turned(left, right), membership(bar), 0.01)
    union = cvxgeom.to_trimesh(closed, "union")
    assert n_pieces(closed) == 1
    assert union.area == pytest.approx(0.42, rel=1e-4)
    assert union.volume == pytest.approx(0.01, rel=1e-4)
    assert seamless(closed, membership(bar), 0.01) is closed


def test_the_part_grows_that_wins_nothing_of_the_air() -> None:
    board, leg = between((0, 0, 0), (1, 0.05, 1)), between((0.2, -0.5, 0.2), (0.3, -1e-4, 0.3))
    whole_leg = between((0.2, -0.5, 0.2), (0.3, 0.01, 0.3))
    for parts in ([board, leg], [leg, board]):
        closed = seamless(turned(*parts), membership(board, whole_leg), 0.055)
        found = cvxgeom.to_trimesh(closed, "parts")
        volumes = sorted(part.volume for part in found)
        assert volumes == pytest.approx([0.1 * 0.1 * 0.50002, 0.05], rel=1e-5)
        assert n_pieces(closed) == 1


@pytest.mark.parametrize("start", [0.0, -5e-4])  # at its narrow end: there the parts may overlap
def test_a_crack_that_widens_is_closed_to_its_end(start: float) -> None:
    bar = between((0, 0, 0), (1, 0.1, 0.1))
    left = between((0, 0, 0), (0.4, 0.1, 0.1))
    normals = torch.tensor([(1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1), (-1, 0.01, 0)]).double()
    offsets = torch.tensor([-1, -0.1, 0, -0.1, 0, 0.4 + start])
    lengths = normals.norm(dim=1)
    right = cvxgeom.from_planes(normals / lengths[:, None], offsets / lengths, size=1.0)
    open_area = cvxgeom.to_trimesh(turned(left, right), "union").area
    closed = cvxgeom.to_trimesh(seamless(turned(left, right), membership(bar), 0.01), "union")
    assert open_area > 0.425
    assert closed.area == pytest.approx(0.42, rel=1e-3)
    assert closed.volume == pytest.approx(0.01, rel=1e-3)


def test_a_gap_of_the_solid_stays() -> None:
    shape = turned(between((0, 0, 0), (0.4, 0.1, 0.1)), between((0.401, 0, 0), (1, 0.1, 0.1)))
    exact = shape.to(torch.float64)
    kept = seamless(shape, lambda points: exact.contains(torch.from_numpy(points)).numpy(), 0.01)
    assert kept is shape


def test_a_seam_stays_that_would_cost_too_much() -> None:
    """Neither of two plates that touch near a corner can grow without winning much air."""
    one, other = between((0, 0, 0), (1, 0.01, 1)), between((0.9, -0.012, 0.9), (1.9, -0.002, 1.9))
    bridge = between((0.9, -0.005, 0.9), (1, 0.005, 1))
    shape = turned(one, other)
    assert seamless(shape, membership(one, other, bridge), 0.02) is shape


@pytest.mark.parametrize(
    "second",
    [
        between((0.35, 0.05, 0), (1, 0.15, 0.1)),  # it overlaps
        between((0.6, 0.1, 0.1), (1, 0.2, 0.2)),  # far away
        between((0.4, 0.1, 0), (1, 0.2, 0.1)),  # they meet in an edge
    ],
    ids=["overlap", "apart", "edge"],
)
def test_what_has_no_seam_stays(second: ConvexUnion) -> None:
    shape = turned(between((0, 0, 0), (0.4, 0.1, 0.1)), second)
    assert seamless(shape, lambda points: np.ones(len(points), dtype=bool), 0.01) is shape


@pytest.mark.parametrize(("left", "seconds"), [(-1.0, 0.0), (1.0, 0.1)])
def test_without_time_it_stays(left: float, seconds: float) -> None:
    shape = turned(between((0, 0, 0), (0.4, 0.1, 0.1)), between((0.4001, 0, 0), (1, 0.1, 0.1)))
    until = Deadline.after(left, clock=lambda: 0.0)
    assert seamless(shape, membership(between((0, 0, 0), (1, 0.1, 0.1))), 0.01, until, seconds) is shape


@pytest.mark.parametrize("name", ["table", "frame", "lattice", "bed", "storage"])
def test_the_fit_of_one_piece_is_one_piece(name: str) -> None:
    made = {"table": table, "frame": frame, "lattice": partial(lattice, 3)}
    mesh = made[name]() if name in made else furniture({"bed": 30, "storage": 215}[name])[1]
    shape = cvxgeom.fit(mesh, FitConfig.preset("fast")).shape
    assert n_pieces(shape) == 1
    assert cvxgeom.to_trimesh(shape, "union").area < 1.02 * mesh.area
