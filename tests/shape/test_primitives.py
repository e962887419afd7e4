"""Primitives: exact volumes and membership, and their errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import cvxgeom


def volume(shape) -> float:
    return sum(float(p.volume) for p in shape.polytopes())


@given(size=st.tuples(*[st.floats(0.01, 100)] * 3), center=st.tuples(*[st.floats(-10, 10)] * 3))
def test_box(size, center):
    shape = cvxgeom.box(size, center)
    assert volume(shape) == pytest.approx(math.prod(size), rel=1e-5)
    low, high = shape.polytopes()[0].bounds.numpy()
    np.testing.assert_allclose((low + high) / 2, center, atol=1e-4)
    np.testing.assert_allclose(high - low, size, rtol=1e-5)


def test_cuboid_contains_what_its_pose_says():
    angle = math.radians(30)
    axes = torch.tensor([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    shape = cvxgeom.cuboid((4.0, 1.0, 1.0), axes, center=(1.0, 0.0, 0.0))
    own = torch.tensor([[1.9, 0, 0], [2.1, 0, 0], [0, 0.4, 0], [0, 0.6, 0], [-1.9, -0.4, 0.4]])
    points = own @ axes.T + torch.tensor([1.0, 0, 0])
    assert shape.contains(points).tolist() == [True, False, True, False, True]


def test_tetrahedron_volume():
    assert volume(cvxgeom.tetrahedron()) == pytest.approx(8 * math.sqrt(3) / 27, rel=1e-6)  # circumradius 1
    corners = [[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]]
    assert volume(cvxgeom.tetrahedron(corners)) == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("n", [4, 6, 7, 20, 32, 200])
def test_sphere_has_the_volume_of_the_ball(n):
    shape = cvxgeom.sphere(radius=2.0, n_halfspaces=n, center=(5, 0, 0))
    assert shape.n_halfspaces == n
    assert volume(shape) == pytest.approx(4 / 3 * math.pi * 8, rel=1e-5)


def test_more_faces_are_a_rounder_sphere():
    reach = [float(cvxgeom.sphere(n_halfspaces=n).polytopes()[0].vertices.norm(dim=-1).max()) for n in (8, 32, 128)]
    assert reach[0] > reach[1] > reach[2] > 0.5


def test_hull_of_a_cloud_holds_the_cloud():
    points = torch.from_numpy(np.random.default_rng(0).normal(size=(200, 3)))
    for cap in (None, 30, 10):
        shape = cvxgeom.hull(points, max_planes=cap)
        assert cap is None or shape.n_halfspaces <= cap
        assert (shape.double().sdf(points) if hasattr(shape, "double") else shape.sdf(points)).max() < 0.05
    exact = cvxgeom.hull(points)
    grown = cvxgeom.ConvexUnion(
        exact.normals, exact.offsets - 1e-9, exact.translations, exact.smoothness, exact.sharpness
    )
    assert grown.contains(points).all()


def test_from_planes_normalizes_and_batches_convexes():
    normals = torch.tensor([[[2.0, 0, 0], [-1, 0, 0]], [[0, 3.0, 0], [0, -1, 0]]])
    shape = cvxgeom.from_planes(normals, torch.tensor([[-2.0, -1], [-3, -1]]))
    assert shape.n_convexes == 2
    assert shape.offsets.tolist() == [[-1, -1], [-1, -1]]
    assert torch.equal(shape.smoothness, torch.full((2,), 500.0))


@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, np.uint8])
def test_numbers_of_numpy_are_numbers(number):
    planes = cvxgeom.box().normals[0], cvxgeom.box().offsets[0]
    for make in (cvxgeom.box, cvxgeom.sphere, lambda size: cvxgeom.from_planes(*planes, size=size)):
        one, other = make(number(2)), make(2)
        assert torch.equal(one.offsets, other.offsets) and torch.equal(one.smoothness, other.smoothness)
    assert cvxgeom.sphere(n_halfspaces=np.int64(8)).n_halfspaces == 8


def test_a_union_of_no_planes_needs_a_size():
    none = torch.zeros(0, 4, 3), torch.zeros(0, 4)
    assert cvxgeom.from_planes(*none, size=1.0).n_convexes == 0
    for k, h in ((0, 4), (1, 0)):
        with pytest.raises(ValueError, match="normals must hold a half-space to estimate size from"):
            cvxgeom.from_planes(torch.zeros(k, h, 3), torch.zeros(k, h))


@pytest.mark.parametrize("value", [True, np.True_, "2", None, torch.tensor(2.0)])
def test_what_is_no_number_is_told(value):
    with pytest.raises(TypeError, match="radius must be a number, got"):
        cvxgeom.sphere(radius=value)


def test_offsets_must_be_a_tensor():
    with pytest.raises(TypeError, match="offsets must be a torch tensor, got list"):
        cvxgeom.from_planes(torch.eye(3), [-1.0, -1.0, -1.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cvxgeom.box(size=0.0), "size must be greater than 0"),
        (lambda: cvxgeom.box(size=(1, 2)), "size must be three finite numbers"),
        (lambda: cvxgeom.box(center=(math.nan, 0, 0)), "center must be three finite numbers"),
        (lambda: cvxgeom.cuboid(1.0, torch.ones(3, 3)), "proper rotation"),
        (lambda: cvxgeom.sphere(radius=-1.0), "radius must be a finite number greater than 0"),
        (lambda: cvxgeom.sphere(n_halfspaces=3), "n_halfspaces must be at least 4"),
        (lambda: cvxgeom.tetrahedron([[0, 0, 0]] * 3), "vertices must have shape"),
        (lambda: cvxgeom.tetrahedron([[0, 0, 0]] * 4), "points"),
        (lambda: cvxgeom.from_planes(torch.zeros(4, 3), torch.zeros(4)), "normals must not be zero"),
        (lambda: cvxgeom.from_planes(torch.ones(4, 3), torch.zeros(3)), "offsets must have shape"),
        (lambda: cvxgeom.from_planes(torch.ones(4, 3), torch.tensor(0.0)), "offsets must have shape"),
        (lambda: cvxgeom.from_planes(torch.ones(1, 1, 4, 3), torch.ones(1, 1, 4)), r"normals must have shape \(H, 3\)"),
        (lambda: cvxgeom.from_planes(torch.eye(3) * math.nan, torch.zeros(3)), "normals must be finite"),
        (lambda: cvxgeom.from_planes(torch.eye(3), torch.full((3,), math.inf)), "offsets must be finite, got 3 of 3"),
        (lambda: cvxgeom.sphere(radius=np.float32(-1)), r"radius must be a finite number greater than 0, got -1\.0"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
