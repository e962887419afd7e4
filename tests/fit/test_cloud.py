"""Point clouds as a source: inside and outside are found through noise, uneven density, holes and missing normals."""

from typing import Any

import numpy as np
import pytest
import torch
import trimesh

from cvxgeom.data import sample_surface, solidify
from cvxgeom.fit import FitConfig, PointCloud, fit
from cvxgeom.fit.sources.cloud import _evened, from_cloud

from .solids import joined, table

QUICK = FitConfig(n_steps=40, n_samples=10_000)


def cabinet() -> trimesh.Trimesh:
    """Solid, with a niche and a leg of 8 % thickness."""
    body = (((0, 0.3, 0), (1, 0.9, 0.5)), ((0, 0.9, 0), (1, 1.0, 0.2)), ((0.4, 0.0, 0.2), (0.48, 0.3, 0.28)))
    return joined(*body)


def drawn(mesh: trimesh.Trimesh, n: int = 4000, noise: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    points, normals = (t.numpy() for t in sample_surface(mesh, n, 0, torch.float64))
    return points + noise * np.random.default_rng(1).standard_normal(points.shape), normals


def iou(cloud: PointCloud, mesh: trimesh.Trimesh) -> float:
    """Of the solid that a cloud is taken for."""
    target = from_cloud(cloud, 0)
    low, high = mesh.bounds
    points = low + (high - low) * np.random.default_rng(2).uniform(-0.05, 1.05, (20_000, 3))
    found, truth = target.contains(target.normalization.apply(points)), solidify(mesh).contains(points)
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize("with_normals", [True, False])
@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.98), (0.005, 0.94)])
def test_what_points_surround_is_inside(noise: float, least: float, with_normals: bool) -> None:
    points, normals = drawn(cabinet(), noise=noise)
    assert iou(PointCloud(points, normals if with_normals else None), cabinet()) > least


@pytest.mark.parametrize("with_normals", [True, False])
def test_density_may_be_uneven(with_normals: bool) -> None:
    points, normals = drawn(cabinet(), 12_000)
    kept = np.random.default_rng(3).random(len(points)) < np.where(points[:, 0] < 0.5, 1.0, 0.1)
    cloud = PointCloud(points[kept], normals[kept] if with_normals else None)
    assert iou(cloud, cabinet()) > 0.96


def test_normals_close_a_scan_without_a_floor() -> None:
    mesh = trimesh.creation.box((1, 1, 1))
    points, normals = drawn(mesh)
    above = normals[:, 2] > -0.5
    assert iou(PointCloud(points[above], normals[above]), mesh) > 0.97
    assert iou(PointCloud(points[above]), mesh) > 0.95, "the flood drains on its way around the walls"


def test_wide_empty_space_is_outside_beside_a_thin_pole() -> None:
    """Tetrahedra from its shade to its foot see hardly more of the front of the pole than of its back."""
    pole = trimesh.creation.cylinder(0.012, 1.0, sections=24)
    foot, shade = (trimesh.creation.cylinder(0.15, 0.03, sections=32).apply_translation((0, 0, z)) for z in (-0.5, 0.5))
    lamp = trimesh.boolean.union([pole, foot, shade])
    points, normals = drawn(lamp, 8000, noise=0.004)
    assert iou(PointCloud(points, normals), lamp) > 0.9


def test_noise_of_a_fifth_of_their_thickness_leaves_boards_as_thick_as_they_are() -> None:
    points, normals = drawn(table(), 20_000, noise=0.01)
    assert iou(PointCloud(points, normals), table()) > 0.85
    assert iou(PointCloud(points), table()) > 0.7


def test_boards_may_be_thinner_than_points_are_apart() -> None:
    points, normals = drawn(table(), 3000)  # about 0.03 apart
    assert iou(PointCloud(points, normals), table()) > 0.9


def test_estimated_surface_is_the_true_one() -> None:
    points, _ = drawn(cabinet(), noise=0.004)
    target = from_cloud(PointCloud(points), 0)
    shown = target.inside[target.inside.on_surface]
    places = target.normalization.invert(shown.points)
    # Every point against every triangle: trimesh's search of the nearest needs a package more.
    n, triangles = 500, cabinet().triangles
    feet = trimesh.triangles.closest_point(np.tile(triangles, (n, 1, 1)), places[:n].repeat(len(triangles), axis=0))
    distances = np.linalg.norm(feet.reshape(n, -1, 3) - places[:n, None], axis=2)
    distance, face = distances.min(axis=1), distances.argmin(axis=1)
    assert np.median(distance) < 0.0015, "0.0027 if nothing were done about the noise"
    assert np.quantile((cabinet().face_normals[face] * shown.normals[:500]).sum(axis=1), 0.25) > 0.9


def test_strays_and_duplicates_do_not_matter() -> None:
    points, normals = drawn(cabinet())
    points = np.concatenate([points, points[:1000], [[5.0, 5, 5]]])
    normals = np.concatenate([normals, normals[:1000], [[0.0, 0, 1]]])
    assert iou(PointCloud(points, normals), cabinet()) > 0.98


def test_many_points_are_thinned_out_evenly() -> None:
    points, _ = drawn(trimesh.creation.box(), 100_000)
    dense = points[(points[:, 0] == 0.5).nonzero()[0]]
    cloud = PointCloud(np.concatenate([points, *[dense + 1e-3 * i for i in range(4)]]))
    kept, _ = _evened(cloud, np.random.default_rng(0))
    assert 20_000 < len(kept) <= 30_000
    front, back = ((np.abs(kept[:, 0] - side) < 0.01).sum() for side in (0.5, -0.5))
    assert front < 1.5 * back


@pytest.mark.parametrize(("scale", "shift"), [(1.0, (0.0, 0.0, 0.0)), (1000.0, (5000.0, -300.0, 40.0))])
def test_a_fit_to_points_of_a_box_is_one_in_their_frame(scale: float, shift: tuple) -> None:
    points, normals = drawn(trimesh.creation.box((1, 2, 3)), 2000)
    shape = fit(PointCloud(torch.from_numpy(points * scale + shift), torch.from_numpy(3 * normals)), QUICK).shape
    assert shape.n_convexes == 1
    expected = np.array([[-0.5, -1, -1.5], [0.5, 1, 1.5]]) * scale + shift
    np.testing.assert_allclose(shape.polytopes()[0].bounds, expected, atol=1e-3 * scale)


def test_equal_seeds_give_equal_targets() -> None:
    points, _ = drawn(cabinet(), 1000)
    one, other = (from_cloud(PointCloud(points), 3) for _ in range(2))
    np.testing.assert_array_equal(one.inside.points, other.inside.points)


@pytest.mark.parametrize(
    ("points", "normals", "sentence"),
    [
        (np.zeros((30, 2)), None, r"points must have shape \(N, 3\)"),
        (np.zeros((0, 3)), None, "points must be at least 20, got 0"),
        (np.full((30, 3), np.nan), None, "points must be finite, got 30 of 30 that are NaN"),
        (np.eye(3)[np.zeros(30, dtype=int)], np.ones((29, 3)), "normals must be as many as points, 30, got 29"),
        (np.ones((30, 3)), np.zeros((30, 3)), "normals must not be 0, got 30 of 30 that are"),
        (np.ones((30, 3)), np.ones((30, 1)), r"normals must have shape \(N, 3\)"),
    ],
)
def test_wrong_clouds_are_named(points: np.ndarray, normals: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        PointCloud(points, normals)


@pytest.mark.parametrize("points", [np.ones((30, 3)), np.random.default_rng(0).random((500, 3)) * [1, 1, 0]])
def test_a_cloud_in_a_plane_is_named(points: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"source must be points around a volume, got .* that lie in a plane"):
        fit(PointCloud(points))
