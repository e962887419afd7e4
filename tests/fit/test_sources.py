"""Grids and functions of space as sources: the target is the solid that they describe, and what is wrong is named."""

from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from cvxgeom.fit import Field, FitConfig, OccupancyGrid, fit
from cvxgeom.fit.target import Target, as_target

QUICK = FitConfig(n_steps=20, n_samples=10_000)
BALL = [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]


def ball(points: torch.Tensor) -> torch.Tensor:
    """Signed distance to one of radius 0.8 about (0.1, 0, 0)."""
    return (points - torch.tensor([0.1, 0.0, 0.0], dtype=points.dtype)).norm(dim=1) - 0.8


def nodes(n: int, low: float = -1.0, high: float = 1.0) -> tuple[np.ndarray, float]:
    """Centers of n³ cells of a cube, (n, n, n, 3), and the side of a cell."""
    cell = (high - low) / n
    axis = low + cell * (np.arange(n) + 0.5)
    return np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1), cell


def surface_error(target: Target, radius: float = 0.8) -> tuple[float, float]:
    """Of the surface points of a ball: greatest distance from it, and least cosine of a normal, but for a hundredth."""
    shown = target.inside[target.inside.on_surface]
    offset = target.normalization.invert(shown.points) - [0.1, 0.0, 0.0]
    distance = np.linalg.norm(offset, axis=1)
    cosine = (shown.normals * offset).sum(axis=1) / distance
    return float(np.quantile(np.abs(distance - radius), 0.99)), float(np.quantile(cosine, 0.01))


def label_error(target: Target) -> float:
    """Share of points of the cube around the ball that are labeled wrong."""
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 3))
    truth = ball(torch.from_numpy(points)).numpy() < 0
    return float((target.contains(target.normalization.apply(points)) != truth).mean())


def test_a_grid_of_truth_values_is_the_union_of_its_cells() -> None:
    values = np.zeros((5, 4, 3), dtype=bool)
    values[1:4, 1:3, 1], values[1, 1, 2] = True, True
    target = as_target(OccupancyGrid(torch.from_numpy(values), [10.0, 0.0, -1.0], [1.0, 2.0, 0.5]), 0)
    points = np.random.default_rng(0).uniform([9, -2, -2], [16, 8, 1], (20_000, 3))
    cell = np.round((points - [10, 0, -1]) / [1, 2, 0.5]).astype(int)
    known = ((cell >= 0) & (cell < values.shape)).all(axis=1)
    truth = np.zeros(len(points), dtype=bool)
    truth[known] = values[tuple(cell[known].T)]
    np.testing.assert_array_equal(target.contains(target.normalization.apply(points)), truth)


def test_probabilities_are_interpolated_between_centers() -> None:
    centers, cell = nodes(24)
    distance = ball(torch.from_numpy(centers.reshape(-1, 3))).numpy().reshape(24, 24, 24)
    soft = OccupancyGrid(np.clip(0.5 - distance / (4 * cell), 0, 1), centers[0, 0, 0], cell)
    hard = OccupancyGrid(distance < 0, centers[0, 0, 0], cell)
    assert label_error(as_target(soft, 0)) < 0.2 * label_error(as_target(hard, 0))
    error, cosine = surface_error(as_target(soft, 0))
    assert error < 0.1 * cell and cosine > 0.98


def test_a_fit_to_a_grid_is_in_its_frame_and_ends_with_the_grid() -> None:
    """A full grid is a box: around it, it is free."""
    grid = OccupancyGrid(np.ones((10, 5, 5), dtype=np.uint8), (100.0, 200.0, 300.0), 2.0)
    shape = fit(grid, QUICK).shape
    assert shape.n_convexes == 1
    np.testing.assert_allclose(shape.polytopes()[0].bounds, [[99, 199, 299], [119, 209, 309]], atol=0.1)


def test_voxels_of_trimesh_are_a_source() -> None:
    voxels = trimesh.creation.box((1, 2, 3)).apply_translation((5, 6, 7)).voxelized(0.1).fill()
    shape = fit(voxels, QUICK).shape
    np.testing.assert_allclose(shape.polytopes()[0].bounds.mean(dim=0), [5, 6, 7], atol=0.1)
    turned = voxels.copy().apply_transform(trimesh.transformations.rotation_matrix(0.3, [0, 0, 1]))
    with pytest.raises(ValueError, match="voxels must be along the axes"):
        fit(turned, QUICK)


@pytest.mark.parametrize(
    ("values", "options", "error", "sentence"),
    [
        (np.ones((3, 3)), {}, ValueError, r"values must have shape \(X, Y, Z\)"),
        (np.ones((3, 0, 3)), {}, ValueError, "none of them 0"),
        (np.full((3, 3, 3), 255, dtype=np.uint8), {}, TypeError, "values must be bool, 0 and 1, or floating-point"),
        (np.full((2, 2, 2), np.nan), {}, ValueError, "got 8 of 8 that are not, or NaN"),
        (np.full((2, 2, 2), -3.0), {}, ValueError, "values must be from 0 to 1"),
        (np.ones((2, 2, 2)), {"origin": (0, 0)}, ValueError, "origin must be three finite numbers"),
        (np.ones((2, 2, 2)), {"spacing": 0}, ValueError, "spacing must be one or three finite numbers greater than 0"),
        (np.ones((2, 2, 2)), {"spacing": (1, 2)}, ValueError, "spacing must be one or three"),
    ],
)
def test_wrong_grids_are_named(values: np.ndarray, options: dict, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        OccupancyGrid(values, **options)


def test_a_grid_without_a_solid_is_named() -> None:
    with pytest.raises(ValueError, match=r"occupied somewhere .* got a grid of 27 free cells"):
        fit(OccupancyGrid(np.full((3, 3, 3), 0.5)))


@pytest.mark.parametrize(
    "source",
    [
        Field(ball, BALL, resolution=32),
        Field(lambda points: ball(points) < 0, BALL, "occupancy", torch.float64, 32),
        Field(lambda points: np.linalg.norm(points - [0.1, 0, 0], axis=1) - 0.8, BALL, dtype="float64", resolution=32),
    ],
    ids=["signed distance", "truth values", "numpy"],
)
def test_the_surface_of_a_function_is_found_between_nodes(source: Field) -> None:
    target = as_target(source, 0)
    error, cosine = surface_error(target)
    assert error < 0.04 * 2 / 32, "what is left is how far a triangle is from the ball"
    assert cosine > 0.99
    assert label_error(target) < 1e-4


def test_a_function_is_not_asked_outside_of_its_box_which_ends_the_solid() -> None:
    def half_space(points: torch.Tensor) -> torch.Tensor:
        assert bool((points.abs() <= 1.0001).all())
        return points[:, 2]

    shape = fit(Field(half_space, BALL, resolution=16), QUICK).shape
    np.testing.assert_allclose(shape.polytopes()[0].bounds, [[-1, -1, -1], [1, 1, 0]], atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"function": 3}, TypeError, "function must be a function of points"),
        ({"bounds": [[0, 0, 0], [1, 1, 0]]}, ValueError, "bounds must be the lowest and highest corner of a box"),
        ({"bounds": [0, 1]}, ValueError, "bounds must be the lowest and highest corner of a box"),
        ({"kind": "udf"}, ValueError, "kind must be one of 'sdf', 'occupancy'"),
        ({"resolution": 1.5}, TypeError, "resolution must be a whole number"),
        ({"resolution": 2000}, ValueError, "resolution must be from 8 to 256 cells"),
    ],
)
def test_wrong_arguments_of_a_field_are_named(arguments: dict[str, Any], error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Field(**{"function": ball, "bounds": BALL, **arguments})


@pytest.mark.parametrize(
    ("function", "error", "sentence"),
    [
        (lambda points: points, ValueError, r"function must return \(4096,\) values"),
        (lambda points: ball(points)[:, None], ValueError, r"function must return \(4096,\) values"),
        (lambda points: 1.0, TypeError, "function must return an array or a tensor, got float"),
        (lambda points: points[:, 0] * torch.nan, ValueError, "function must return numbers, got 4096 NaN"),
        (lambda points: ball(points) + 2, ValueError, "got none of 4096 points inside; give tighter bounds"),
        (lambda points: ball(points) - 9, ValueError, "got all of 4096 points inside; give wider bounds"),
    ],
)
def test_what_a_function_must_not_return_is_named(function: Any, error: type, sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        fit(Field(function, BALL, resolution=16))


def test_the_known_bounds_of_a_coarse_grid_are_those_of_its_cells() -> None:
    target = as_target(OccupancyGrid(np.ones((4, 2, 2), dtype=bool)), 0)
    found = target.known_bounds / target.normalization.scale + target.normalization.center
    np.testing.assert_allclose(found, [[-0.5] * 3, [3.5, 1.5, 1.5]], atol=0.01)
