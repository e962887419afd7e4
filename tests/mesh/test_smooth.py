"""The surface of smooth convexes by rays, against closed forms, the exact polytopes and marching cubes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

import cvxgeom
from cvxgeom.mesh import EmptyShapeError, to_trimesh
from cvxgeom.mesh.smooth_convex import SmoothConvex
from tests.mesh.shapes import random_shape, two_boxes


def sdf(shape: cvxgeom.ConvexUnion, points: np.ndarray) -> np.ndarray:
    return shape.to(torch.float64).sdf(torch.from_numpy(np.array(points))).numpy()


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000), smoothness=st.sampled_from([20.0, 100.0, 1e4]), size=st.sampled_from([1e-3, 1, 1e3])
)
def test_vertices_are_on_the_level_set_and_triangles_near(seed, smoothness, size):
    shape = random_shape(k=1, smoothness=smoothness, seed=seed).scale(size)
    try:
        mesh = to_trimesh(shape, "smooth", tolerance=2e-3 * size)
    except EmptyShapeError:
        assert smoothness < 100
        return
    assert mesh.is_watertight and mesh.euler_number == 2
    assert np.abs(sdf(shape, mesh.vertices)).max() < 1e-12 * size
    between = sdf(shape, mesh.triangles_center)
    assert between.max() < 1e-12 * size  # a chord of a convex is inside
    assert between.min() > -2e-3 * size


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000))
def test_smooth_lies_inside_exact(seed):
    shape = random_shape(k=1, seed=seed)
    exact, smooth = to_trimesh(shape)[0], to_trimesh(shape, "smooth", tolerance=5e-3)
    normals = shape.normals[0].numpy()
    distances = (smooth.vertices - shape.translations[0].numpy()) @ normals.T + shape.offsets[0].numpy()
    assert distances.max() <= 1e-12
    assert smooth.volume < exact.volume


def test_two_planes_at_an_edge_and_three_at_a_corner():
    # Where m perpendicular faces are equally far all distances are L: (1/δ) log(m e^{δL}) = 0, so L = −log(m)/δ.
    box = cvxgeom.box(size=(2, 2, 40)).to(torch.float64)
    shape = cvxgeom.ConvexUnion(box.normals, box.offsets, box.translations, torch.tensor([50.0]).double(), 75.0)
    mesh = to_trimesh(shape, "smooth", tolerance=1e-4)
    edge, corner = 1 - math.log(2) / 50, np.array([1.0, 1.0, 20.0]) - math.log(3) / 50
    section = mesh.section(plane_origin=(0, 0, 3), plane_normal=(0, 0, 1)).vertices
    assert section[:, :2].sum(axis=1).max() == pytest.approx(2 * edge, abs=1e-3)
    assert (mesh.vertices @ (1, 1, 1)).max() == pytest.approx(corner.sum(), abs=1e-3)
    assert len(mesh.vertices) < 20_000  # triangles are long where the surface is straight


def test_many_planes_make_a_smaller_ball():
    # Φ of H tangent planes all around is that of a von Mises average: a ball up to the spread of the planes.
    ball = cvxgeom.sphere(radius=1.0, n_halfspaces=500)
    shape = cvxgeom.ConvexUnion(ball.normals, ball.offsets, ball.translations, torch.tensor([30.0]), 75.0)
    radii = np.linalg.norm(to_trimesh(shape, "smooth", tolerance=1e-3).vertices, axis=1)
    # log mean over the sphere of exp(δ r cos) = log(sinh(δ r)/(δ r)): solve (log H + log(sinh(δr)/(δr)))/δ = 1.
    delta, r = 30.0, 1.0
    for _ in range(50):
        value = (math.log(500) + delta * r - math.log(2 * delta * r)) / delta - (-float(ball.offsets[0, 0]))
        r -= value
    np.testing.assert_allclose(radii, r, atol=2e-3)


def test_the_finer_the_tolerance_the_larger_the_volume():
    shape = random_shape(k=1, smoothness=30.0)
    volumes = [to_trimesh(shape, "smooth", tolerance=t).volume for t in (3e-2, 6e-3, 1e-3, 2e-4)]
    assert volumes == sorted(volumes)
    assert volumes[-1] - volumes[-2] < 0.3 * (volumes[-2] - volumes[-3])


def test_grid_agrees_with_smooth():
    shape = random_shape(k=4, smoothness=100.0)
    smooth, grid = to_trimesh(shape, "smooth"), to_trimesh(shape, "grid", resolution=64)
    assert smooth.is_watertight and grid.is_watertight and grid.is_volume
    assert grid.volume == pytest.approx(smooth.volume, rel=5e-3)
    np.testing.assert_allclose(grid.bounds, smooth.bounds, atol=0.01)
    # Off the level set by the square of the cell at most where it is smooth, by a part of the cell at creases.
    cell = float(np.ptp(smooth.bounds, axis=0).max()) / 64
    values = np.abs(sdf(shape, grid.vertices))
    assert np.median(values) < 0.02 * cell and values.max() < cell
    own = np.take_along_axis(
        shape.convex_sdf(torch.from_numpy(grid.triangles_center.copy())).numpy(), grid.face_attributes["part"][None], 0
    )
    assert np.abs(own).max() < 1.5 * cell and set(grid.face_attributes["part"]) <= set(range(4))


def test_windows_of_the_grid_change_nothing():
    # Each part is evaluated near itself only; marching cubes of the whole SDF give the same surface.
    from skimage.measure import marching_cubes

    shape = random_shape(k=4, smoothness=100.0)
    grid = to_trimesh(shape, "grid", resolution=24)
    boxes = np.concatenate([p.bounds.numpy() for p in shape.polytopes()])
    cell = float(np.ptp(boxes, axis=0).max()) / 24
    low = boxes.min(axis=0) - 1.5 * cell
    axes = [torch.from_numpy(low[i] + cell * np.arange(32)) for i in range(3)]
    values = shape.sdf(torch.cartesian_prod(*axes)).reshape(32, 32, 32).numpy()
    vertices, faces, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
    assert len(faces) == len(grid.faces)
    np.testing.assert_allclose(np.sort(vertices * cell + low, axis=0), np.sort(grid.vertices, axis=0), atol=1e-5)


def test_union_of_smooth_parts():
    mesh = to_trimesh(two_boxes(), "smooth", tolerance=1e-4)
    assert mesh.is_watertight and mesh.euler_number == 2
    assert mesh.volume == pytest.approx(2 - 1 / 8, abs=1e-3)
    assert set(mesh.face_attributes["part"]) == {0, 1}
    assert "smooth" in mesh.metadata["surface"]


@pytest.mark.parametrize("size", [(1, 1, 0.01), (10, 0.1, 0.1), (1, 0.2, 0.04)])
def test_flat_and_long_parts(size):
    box = cvxgeom.box(size=size)
    shape = cvxgeom.ConvexUnion(box.normals, box.offsets, box.translations, torch.tensor([2000.0]), 75.0)
    mesh = to_trimesh(shape, "smooth", tolerance=1e-3)
    assert mesh.is_watertight
    assert 0.75 * math.prod(size) < mesh.volume < math.prod(size)
    assert sdf(shape, mesh.triangles_center).min() > -1e-3


def test_a_part_whose_smooth_convex_is_empty_is_named():
    thin = cvxgeom.box(size=(1, 1, 0.001))  # log(2)/δ is 0.0007, more than half its thickness
    mesh = to_trimesh(cvxgeom.concatenate([thin, cvxgeom.box()]), "smooth")
    assert "larger δ" in mesh.metadata["skipped"][0] and set(mesh.face_attributes["part"]) == {1}
    with pytest.raises(EmptyShapeError, match="larger δ"):
        to_trimesh(thin, "smooth")
    with pytest.raises(EmptyShapeError, match="no node of the grid"):
        to_trimesh(thin, "grid", resolution=32)


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), smoothness=st.sampled_from([5.0, 10.0, 15.0, 20.0, 1e3]))
def test_deepest_point_decides_emptiness_as_scipy_does(seed, smoothness):
    shape = random_shape(k=1, h=6, smoothness=smoothness, seed=seed)
    convex = SmoothConvex(shape.normals[0].numpy(), shape.offsets[0].numpy(), smoothness)
    start = shape.polytopes()[0].interior_point.numpy() - shape.translations[0].numpy()
    size = float(np.ptp(shape.polytopes()[0].bounds.numpy(), axis=0).max())
    point, depth = convex.deepest_point(start, size)
    assert -convex.evaluate(point[None])[0][0] == depth
    best = -minimize(lambda x: convex.evaluate(x[None])[0][0], start, method="Nelder-Mead", options={"xatol": 1e-9}).fun
    assert (depth > 0) == (best > 0) or abs(best) < 1e-6
    assert best <= 0 or depth > 0.8 * best


def test_points_grow_as_one_over_tolerance():
    shape = random_shape(k=1, smoothness=50.0)
    counts = [len(to_trimesh(shape, "smooth", tolerance=t).vertices) for t in (1e-2, 1e-3, 1e-4)]
    assert counts[0] < counts[1] < 20 * counts[0] and counts[1] < counts[2] < 20 * counts[1]


def test_too_small_to_be_told_from_a_point():
    shape = random_shape(k=1).scale(1e-9).translate((1e6, 0.0, 0.0))
    with pytest.raises(EmptyShapeError):
        to_trimesh(shape, "smooth", tolerance=1.0)
