"""Thin walls count by their surface: what a fit makes of them, and by what samples."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom import FitConfig, fit, metrics
from cvxgeom.data import LabeledPoints, solidify
from cvxgeom.fit.parts import parts_of
from cvxgeom.fit.samples import SampleCells, VolumeSamples
from cvxgeom.fit.simplify import _Covered, simplify
from cvxgeom.fit.target import as_target

RADIUS, WALL, HEIGHT = 0.1, 0.01, 1.0


def test_the_skin_lies_on_both_sides_of_the_surface_and_is_spread_by_area() -> None:
    sides = np.array([0.2, 0.6, 1.0])
    target = as_target(trimesh.creation.box(sides), 0)
    skin = target.skin(20_000, np.random.default_rng(0))
    assert skin is not None
    off = (skin.points.abs().double() - torch.from_numpy(sides / 2)).amax(dim=1)
    assert torch.equal(skin.occupied, off < 0)
    outside, inside = off[~skin.occupied], off[skin.occupied]
    torch.testing.assert_close(outside, torch.full_like(outside, 0.003), atol=1e-5, rtol=0)
    # Near an edge another face may be nearer than that which a point belongs to.
    assert inside.min() > -0.00301 and (inside < -0.0029).double().mean() > 0.95
    assert len(skin) == 40_000 and skin.weights[skin.occupied].unique().tolist() == [1.0]
    assert skin.weights[~skin.occupied].unique().tolist() == [0.5]
    areas = np.array([sides[1] * sides[2], sides[0] * sides[2], sides[0] * sides[1]])
    face = (skin.points.abs() - torch.from_numpy(sides / 2).float())[skin.occupied].argmax(dim=1)
    assert np.bincount(face.numpy()) / 20_000 == pytest.approx(areas / areas.sum(), abs=0.02)


@pytest.mark.parametrize("thickness", [0.02, 0.004, 0.002, 0.001])
def test_in_a_thin_wall_the_skin_is_nearer_to_the_surface(thickness: float) -> None:
    skin = as_target(trimesh.creation.box((1, 1, thickness)), 0).skin(1000, np.random.default_rng(0))
    assert skin is not None
    assert int(skin.occupied.sum()) > 990
    depth = (thickness / 2 - skin.points[skin.occupied][:, 2].abs()).median()
    own = max(d for d in (0.003, 0.0015, 0.0007) if d < thickness)
    assert depth.item() == pytest.approx(min(own, thickness - own), abs=1e-5)  # below the nearer of both faces


def test_where_no_sample_is_on_the_right_side_there_is_no_skin() -> None:
    target = replace(as_target(trimesh.creation.box(), 0), contains=lambda points: np.zeros(len(points), dtype=bool))
    assert target.skin(100, np.random.default_rng(0)) is None


def test_labeled_points_have_no_skin() -> None:
    points = torch.rand(500, 3, generator=torch.Generator().manual_seed(0)) - 0.5
    source = LabeledPoints(points, points.norm(dim=1) < 0.4)
    assert as_target(source, 0).skin(100, np.random.default_rng(0)) is None


def test_a_share_is_one_of_what_is_occupied() -> None:
    own = VolumeSamples(torch.zeros(3, 3), torch.tensor([True, True, False]), torch.tensor([1.0, 3.0, 7.0]))
    others = VolumeSamples(torch.ones(2, 3), torch.tensor([True, False]), torch.tensor([5.0, 2.5]))
    both = own.with_share(others, 0.2)
    # 1 of 5 parts: 4 × 0.2 / 0.8 = 1; the free one keeps its ratio to the occupied one.
    torch.testing.assert_close(both.weights, torch.tensor([1.0, 3.0, 7.0, 1.0, 0.5]))
    assert both.occupied.tolist() == [True, True, False, True, False]
    torch.testing.assert_close(both.points, torch.cat([own.points, others.points]))


def test_the_hull_of_a_tube_is_dropped_by_volume_and_kept_by_surface() -> None:
    """Its bore holds four times the volume of its wall, but its outside is more than its inside."""
    solid = solidify(trimesh.creation.annulus(RADIUS - WALL, RADIUS, HEIGHT, sections=64))
    target = as_target(solid, 0)
    cells = SampleCells.of(solid.bounds, target.inside.points)
    samples = cells.draw(solid.contains, 50_000, np.random.default_rng(0))
    filled = cvxgeom.concatenate([cvxgeom.box(size=(0.02, 0.02, HEIGHT), center=(RADIUS - 0.01, 0, 0)), cylinder()])
    by_volume = simplify(filled, samples, 0.002, 64, 64)
    assert by_volume.n_convexes == 1 and not bool(by_volume.contains(torch.zeros(1, 3)))
    by_surface = simplify(filled, samples, 0.002, 64, 64, skin=target.skin(10_000, np.random.default_rng(0)))
    assert bool(by_surface.contains(torch.zeros(1, 3)))


def test_surface_close_to_another_part_is_not_missed_without_a_part() -> None:
    """Two cubes with a gap of 0.005: of the second, points 0.007 and 0.05 from the first, and a free one."""
    parts = parts_of(cvxgeom.concatenate([cvxgeom.box(center=(0, 0, 0)), cvxgeom.box(center=(1.005, 0, 0))]))
    points = torch.tensor([[0.507, 0, 0], [0.55, 0, 0], [0.508, 0, 0.1]])
    samples = VolumeSamples(points, torch.tensor([True, True, False]), torch.tensor([0.1, 0.2, 0.05]))
    exact, near = _Covered(parts, samples, 0.3), _Covered(parts, samples, 0.3, reach=0.01)  # of 0.3 in all
    assert (exact.alone(0), near.alone(0)) == (0, 0)
    assert exact.alone(1) == pytest.approx(0.25) and near.alone(1) == pytest.approx(0.15)
    near.remove(0)
    assert near.alone(1) == pytest.approx(0.25)


def cylinder() -> cvxgeom.ConvexUnion:
    angles = 2 * torch.pi * torch.arange(32) / 32
    normals = torch.stack([angles.cos(), angles.sin(), torch.zeros(32)], dim=1)
    normals = torch.cat([normals, torch.tensor([[0.0, 0, 1], [0, 0, -1]])])
    offsets = torch.cat([torch.full((32,), -RADIUS), torch.full((2,), -HEIGHT / 2)])
    return cvxgeom.from_planes(normals.float(), offsets.float(), size=1.0)


def test_a_shell_is_covered() -> None:
    """An open half of a hollow ball with a thin wall, of which nothing is flat, on a block of most of the volume."""
    outer, inner = trimesh.creation.icosphere(4, 0.4), trimesh.creation.icosphere(4, 0.385)
    half = trimesh.creation.box((1, 1, 0.5), transform=trimesh.transformations.translation_matrix((0, 0, -0.25)))
    bowl = trimesh.boolean.intersection([trimesh.boolean.difference([outer, inner]), half])
    block = trimesh.creation.box((0.9, 0.9, 0.5), transform=trimesh.transformations.translation_matrix((0, 0, -0.64)))
    solid = solidify(trimesh.boolean.union([bowl, block]))
    result = fit(solid, FitConfig())
    assert metrics.surface_scores(result.shape, solid).recall > 0.9
