"""Samplers: true labels, even spread, the same points for the same seed."""

import numpy as np
import pytest
import torch
import trimesh

from cvxgeom.data import (
    LabeledPoints,
    sample_inside,
    sample_near_surface,
    sample_surface,
    sample_uniform,
    solidify,
)


@pytest.fixture(scope="module")
def box():
    return solidify(trimesh.creation.box((1.0, 2.0, 4.0)))


@pytest.fixture(scope="module")
def dumbbell():
    """Two boxes, the second a hundredth of the first in volume, and a thin sheet between them: an open soup."""
    small = trimesh.creation.box((0.1, 0.1, 1.0)).apply_translation([2, 0, 0])
    sheet = trimesh.Trimesh([[0.5, -0.2, 0], [1.95, -0.2, 0], [1.95, 0.2, 0], [0.5, 0.2, 0]], [[0, 1, 2], [0, 2, 3]])
    return solidify(trimesh.util.concatenate([trimesh.creation.box(), small, sheet]), resolution=48)


@pytest.mark.parametrize("sampler", [sample_uniform, sample_near_surface])
def test_labels_are_true_and_seeds_repeat(sampler, box, dumbbell) -> None:
    for solid in (box, dumbbell):
        one, same, other = sampler(solid, 3000, seed=1), sampler(solid, 3000, seed=1), sampler(solid, 3000, seed=2)
        assert len(one) == 3000
        assert one.points.dtype == torch.float32
        assert torch.equal(one.points, same.points)
        assert torch.equal(one.occupancy, same.occupancy)
        assert not torch.equal(one.points, other.points)
        assert (solid.contains(one.points) == one.occupancy.numpy()).all()
        assert 0 < one.occupancy.sum() < 3000 or solid is box


def test_uniform_points_fill_the_box(box, dumbbell) -> None:
    assert sample_uniform(box, 1000, seed=0).occupancy.all()
    wide = sample_uniform(box, 40_000, seed=0, bounds=[[-2, -2, -2], [2, 2, 2]], dtype=torch.float64)
    assert wide.points.dtype == torch.float64
    assert wide.occupancy.double().mean().item() == pytest.approx(8 / 64, abs=4 * np.sqrt(0.125 * 0.875 / 40_000))
    torch.testing.assert_close(wide.points.mean(dim=0), torch.zeros(3, dtype=torch.float64), atol=0.03, rtol=0)
    share = dumbbell.volume / np.prod(np.ptp(dumbbell.bounds, axis=0))
    assert sample_uniform(dumbbell, 40_000, seed=0).occupancy.float().mean().item() == pytest.approx(share, abs=0.01)


def test_near_surface_points_scatter_as_told(box) -> None:
    points = sample_near_surface(box, 20_000, seed=0, sigma=0.01, dtype=torch.float64).points
    beyond = points.abs() - torch.tensor([0.5, 1.0, 2.0])
    distance = beyond.clamp(min=0).norm(dim=1) + beyond.amax(dim=1).clamp(max=0)
    # one coordinate of a Gaussian of 0.01 times the longest side, but for the edges
    assert distance.std().item() == pytest.approx(0.04, rel=0.05)
    assert sample_near_surface(box, 20_000, seed=0).occupancy.float().mean().item() == pytest.approx(0.5, abs=0.05)


def test_inside_points_are_inside_and_even(box, dumbbell) -> None:
    points = sample_inside(box, 20_000, seed=3)
    assert box.contains(points).all()
    assert torch.equal(points, sample_inside(box, 20_000, seed=3))
    torch.testing.assert_close(points.std(dim=0), torch.tensor([1.0, 2.0, 4.0]) / 12**0.5, rtol=0.02, atol=0)
    torch.testing.assert_close(points.mean(dim=0), torch.zeros(3), atol=0.04, rtol=0)

    points = sample_inside(dumbbell, 20_000, seed=3)
    assert dumbbell.contains(points).all()
    cell = np.ptp([-0.5, 2.05]) / 48
    in_small = (points[:, 0] > 1.95).double().mean().item()
    in_sheet = ((points[:, 0] > 0.5) & (points[:, 0] < 1.95)).double().mean().item()
    sheet = 1.45 * 0.4 * cell
    assert in_small == pytest.approx(0.01 / (1.01 + sheet), rel=0.15)
    assert in_sheet == pytest.approx(sheet / (1.01 + sheet), rel=0.25)  # its rim is blurred by a cell


def test_thin_solids_are_found() -> None:
    wire = trimesh.creation.cylinder(0.0005, 1.0)
    points = sample_inside(solidify(wire), 1000, seed=0)
    assert len(points) == 1000
    assert points[:, :2].norm(dim=1).max() < 0.0005


def test_crumbs_in_a_wide_space_are_found_evenly() -> None:
    far = trimesh.creation.box([0.001] * 3).apply_translation((1, 1, 1))
    solid = solidify(trimesh.util.concatenate([trimesh.creation.box([0.002] * 3), far]))
    corners, side = solid.cover
    assert len(corners) * side**3 < 200 * solid.volume  # cells as wide as the 64th part hold it 800 times
    points = sample_inside(solid, 4000, seed=0, dtype=torch.float64)
    assert (points[:, 0] > 0.5).double().mean().item() == pytest.approx(1 / 9, abs=0.02)
    points -= (points > 0.5).double()
    assert points.abs().max() < 0.001
    assert points[:, 0].abs().max() > 0.00099


def test_surface_points_lie_on_the_surface(box) -> None:
    points, normals = sample_surface(box.mesh, 50_000, seed=0, dtype=torch.float64)
    half = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close((points.abs() - half).amax(dim=1), torch.zeros(50_000, dtype=torch.float64))
    torch.testing.assert_close((points * normals).sum(dim=1), (half * normals.abs()).sum(dim=1))
    # every side gets its share: 2 * 8, 2 * 4 and 2 * 2 of 28
    shares = torch.stack([(normals[:, axis].abs() > 0.5).double().mean() for axis in range(3)])
    torch.testing.assert_close(shares, torch.tensor([16, 8, 4], dtype=torch.float64) / 28, atol=0.01, rtol=0)
    assert torch.equal(sample_surface(box.mesh, 10, seed=5)[0], sample_surface(box.mesh, 10, seed=5)[0])


def test_triangles_without_area_are_never_drawn() -> None:
    mesh = trimesh.Trimesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]], [[0, 1, 3], [0, 1, 2], [0, 3, 1]], process=False
    )
    _, normals = sample_surface(mesh, 1000, seed=0)
    assert torch.equal(normals, torch.tensor([0.0, 0, 1]).expand(1000, 3))


@pytest.mark.parametrize("n", [0, 1])
def test_none_and_one(box, n: int) -> None:
    assert len(sample_uniform(box, n, seed=0)) == n
    assert len(sample_near_surface(box, n, seed=0)) == n
    assert sample_inside(box, n, seed=0).shape == (n, 3)
    assert sample_surface(box.mesh, n, seed=0)[1].shape == (n, 3)


def test_sets_can_be_joined(box) -> None:
    parts = [sample_uniform(box, 5, seed=0), sample_near_surface(box, 7, seed=0)]
    joined = LabeledPoints.concatenate(parts)
    assert len(joined) == 12
    assert torch.equal(joined.points[5:], parts[1].points)
    with pytest.raises(ValueError, match="parts must hold at least one set"):
        LabeledPoints.concatenate([])


def test_counts_are_checked(box) -> None:
    for draw in (
        lambda n: sample_uniform(box, n, seed=0),
        lambda n: sample_near_surface(box, n, seed=0),
        lambda n: sample_inside(box, n, seed=0),
        lambda n: sample_surface(box.mesh, n, seed=0),
    ):
        with pytest.raises(TypeError, match="n must be an integer"):
            draw(10.0)
        with pytest.raises(ValueError, match="n must be 0 or more"):
            draw(-1)


def test_arguments_are_checked(box) -> None:
    for bounds in (np.zeros((3, 2)), [[0, 0, 0], [1, 1, np.nan]], [[1, 1, 1], [0, 2, 2]]):
        with pytest.raises(ValueError, match="bounds must be a"):
            sample_uniform(box, 10, seed=0, bounds=bounds)
    with pytest.raises(ValueError, match="sigma must be a finite number greater than 0"):
        sample_near_surface(box, 10, seed=0, sigma=0.0)
    with pytest.raises(TypeError, match="sigma must be a number"):
        sample_near_surface(box, 10, seed=0, sigma="wide")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"mesh must be a trimesh\.Trimesh"):
        sample_surface(box, 10, seed=0)
    with pytest.raises(ValueError, match="zero area"):
        sample_surface(trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0, 1, 2]], process=False), 10, seed=0)


@pytest.mark.parametrize(
    ("points", "occupancy", "error", "message"),
    [
        (np.zeros((2, 3)), torch.ones(2, dtype=torch.bool), TypeError, "points must be a torch tensor"),
        (torch.zeros(2, 2), torch.ones(2, dtype=torch.bool), ValueError, "points must have shape"),
        (torch.zeros(2, 2, 3), torch.ones(2, dtype=torch.bool), ValueError, "points must have shape"),
        (torch.full((2, 3), torch.nan), torch.ones(2, dtype=torch.bool), ValueError, "points must be finite"),
        (torch.zeros(2, 3), torch.ones(2), TypeError, "occupancy must be a tensor of dtype torch.bool"),
        (torch.zeros(2, 3), torch.ones(3, dtype=torch.bool), ValueError, "occupancy must have shape"),
    ],
)
def test_labeled_points_are_checked(points, occupancy, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        LabeledPoints(points, occupancy)
