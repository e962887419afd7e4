"""Volumes by points: cuboids whose intersections over unions are known."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from cvxgeom.data import LabeledPoints, VolumePoints, volume_points

HALF = torch.tensor([0.5, 0.2, 0.3])


def record(box: torch.Tensor) -> SimpleNamespace:
    """A cuboid whose uniform points are drawn from a box of its own, as other people's data have it."""
    points = (2 * torch.rand(40_000, 3, generator=torch.Generator().manual_seed(1)) - 1) * box
    labels = LabeledPoints(points, (points.abs() <= HALF).all(dim=-1))
    return SimpleNamespace(id="box", uniform=labels, bounds=torch.stack([-HALF, HALF]))


def inside(half: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda points: (points.abs() <= half).all(dim=-1)


@pytest.mark.parametrize("box", [HALF, torch.full((3,), 0.55)], ids=["its own box", "a larger box"])
@pytest.mark.parametrize("n_inside", [None, 20_000])
def test_a_larger_cuboid_counts_by_its_volume(box: torch.Tensor, n_inside: int | None) -> None:
    found = volume_points(record(box), n_inside)
    assert len(found.points) == (n_inside or 40_000) and len(found.all) == len(found.points) + len(found.outside)
    assert found.iou(inside(HALF)) == (1.0, 1.0)
    larger = torch.tensor([0.6, 0.4, 0.5])
    everywhere, _ = found.iou(inside(larger))
    assert everywhere == pytest.approx(float(HALF.prod() / larger.prod()), abs=0.01)
    smaller = torch.tensor([0.5, 0.1, 0.3])
    assert found.iou(inside(smaller)) == pytest.approx((0.5, 0.5), abs=0.01)


def test_what_sticks_out_of_the_box_counts_in_the_cube_alone() -> None:
    everywhere, in_box = volume_points(record(HALF)).iou(inside(torch.tensor([0.65, 0.2, 0.3])))
    assert in_box == 1.0 and everywhere == pytest.approx(0.5 / 0.65, abs=0.01)


def test_points_depend_on_the_seed_alone() -> None:
    one, same, other = (volume_points(record(HALF), 100, 200, seed) for seed in (1, 1, 2))
    assert torch.equal(one.all, same.all) and not torch.equal(one.outside[:50], other.outside[:50])


def test_nothing_against_nothing_is_no_match() -> None:
    none = VolumePoints(torch.zeros(2, 3), torch.zeros(2, dtype=torch.bool), torch.zeros(0, 3), 1.0)
    assert none.iou(lambda points: torch.zeros(len(points), dtype=torch.bool)) == (0.0, 0.0)
