"""Planes of convex hulls: exact ones, and a few that enclose tightly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from cvxgeom.shape.polytope import hull_planes

from .test_polytope import assert_valid, prism, random_rotation, seeds, solve, unit

CORNERS = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])


def volume(normals: np.ndarray, offsets: np.ndarray) -> float:
    body = solve(normals, offsets)
    assert body.is_bounded, body.message
    return float(body.volume)


@settings(max_examples=30)
@given(seeds, st.integers(4, 60), st.floats(0, 6), st.sampled_from([1e-9, 1.0, 1e9]), st.floats(0, 100))
def test_there_and_back(seed: int, n: int, thin: float, scale: float, distance: float) -> None:
    rng = np.random.default_rng(seed)
    round_points = rng.normal(size=(n, 3))
    matrix = random_rotation(rng) @ np.diag([1, 1, 10**-thin]) @ random_rotation(rng)
    shift = distance * unit(rng.normal(size=3))
    points = scale * (round_points @ matrix.T + shift)
    normals, offsets = hull_planes(points)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, rtol=1e-14)
    assert (points @ normals.T + offsets).max() <= 1e-15 * scale * (distance + 10)
    hull = ConvexHull(round_points)
    assert len(normals) == len(hull.simplices)
    expected = hull.volume * abs(np.linalg.det(matrix)) * scale**3
    assert volume(normals, offsets) == pytest.approx(expected, rel=1e-8 + 1e-14 * distance * 10**thin)
    body = solve(normals, offsets)
    if thin < 3:
        gap = np.abs(body.vertices.numpy()[:, None] - points[hull.vertices]).max(axis=2)
        assert gap.min(axis=1).max() < 1e-8 * scale and gap.min(axis=0).max() < 1e-8 * scale
        if distance * 10**thin < 1e3:  # beyond, rounding of the offsets may leave two corners where one is meant
            assert len(gap) == len(hull.vertices)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("distance", [0.0, 30.0])
def test_coplanar_facets_become_one_plane(dtype: type, distance: float) -> None:
    rng = np.random.default_rng(0)
    inner, on_edges = rng.uniform(-1, 1, (200, 3)), CORNERS * rng.uniform(-1, 1, (8, 1))
    on_faces = rng.uniform(-1, 1, (60, 3))
    on_faces[np.arange(60), rng.integers(0, 3, 60)] = rng.choice([-1, 1], 60)
    for _ in range(5):
        turn, shift = random_rotation(rng), distance * unit(rng.normal(size=3))
        points = (np.concatenate([CORNERS, CORNERS, inner, on_edges, on_faces]) @ turn.T + shift).astype(dtype)
        normals, offsets = hull_planes(points)
        assert len(normals) == 6
        assert volume(normals, offsets) == pytest.approx(8, rel=1e-5 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("n", [3, 8, 64])
def test_prism(n: int) -> None:
    vertices = solve(*prism(n)).vertices.numpy()
    normals, offsets = hull_planes(vertices)
    assert len(normals) == n + 2
    np.testing.assert_allclose(offsets, -1, rtol=1e-12)
    assert volume(normals, offsets) == pytest.approx(2 * n * np.tan(np.pi / n), rel=1e-12)
    assert_valid(solve(normals, offsets), normals, offsets)


def test_the_smallest_hull_and_a_slab() -> None:
    assert len(hull_planes([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])[0]) == 4
    normals, offsets = hull_planes(CORNERS * [1, 1, 1e-8])
    assert len(normals) == 6 and sorted(offsets.round(12).tolist())[:4] == [-1] * 4


def test_many_points() -> None:
    points = unit(np.random.default_rng(0).normal(size=(3000, 3)))
    normals, offsets = hull_planes(points)
    assert 2 * 3000 - 10 < len(normals) <= 2 * 3000 - 4  # points that almost coincide leave triangles too tiny to tell
    assert (points @ normals.T + offsets).max() < 1e-15


SHAPES = {
    "ball": (unit(np.random.default_rng(0).normal(size=(500, 3))), {4: 4.0, 6: 2.0, 12: 1.36, 25: 1.15}),
    "cloud": (np.random.default_rng(0).normal(size=(200, 3)), {6: 1.6, 12: 1.12, 25: 1.02}),
    "cylinder": (solve(*prism(64)).vertices.numpy(), {6: 1.3, 8: 1.12, 25: 1.02}),
    "cube with cut corners": (
        np.concatenate([np.roll(CORNERS * [1, 1, 0.9], i, axis=1) for i in range(3)]),
        {6: 1.02, 14: 1.0},
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_few_planes_enclose_tightly(name: str) -> None:
    # The bounds are what was measured, plus a little; 6 planes cannot enclose a ball in less than 1.91 (the cube).
    points, bounds = SHAPES[name]
    whole = ConvexHull(points).volume
    for n_planes, bound in bounds.items():
        normals, offsets = hull_planes(points, n_planes)
        assert len(normals) <= n_planes
        heights = points @ normals.T + offsets
        np.testing.assert_allclose(heights.max(axis=0), 0, atol=1e-14)
        assert 1 - 1e-12 <= volume(normals, offsets) / whole <= bound + 1e-9


@settings(max_examples=20)
@given(seeds, st.integers(4, 30), st.integers(4, 12), st.floats(0, 5))
def test_few_planes_are_always_bounded_and_contain_the_points(seed: int, n: int, n_planes: int, thin: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.integers(-2, 3, size=(n, 3)) + rng.choice([0, 0.1]) * rng.normal(size=(n, 3))
    points = np.concatenate([points, np.eye(3), -np.eye(3)])
    whole = ConvexHull(points).volume * 10**-thin
    points = points @ np.diag([1, 10**-thin, 1]) @ random_rotation(rng)
    normals, offsets = hull_planes(points, n_planes)
    assert len(normals) <= n_planes
    assert (points @ normals.T + offsets).max() < 1e-14
    assert 1 - 1e-6 <= volume(normals, offsets) / whole < 20


def test_a_leak_between_the_rays_is_stopped() -> None:
    # Four faces of a cube leave it open, by less than the rays see once it is turned and rounded.
    for seed in range(3):
        points = (CORNERS @ random_rotation(np.random.default_rng(seed)) + 5).astype(np.float32)
        for n_planes in (4, 5):
            assert volume(*hull_planes(points, n_planes)) < 100


def test_the_choice_is_deterministic() -> None:
    points = np.random.default_rng(0).normal(size=(100, 3))
    one, other = hull_planes(points, 8), hull_planes(points, 8)
    np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.parametrize(
    ("points", "max_planes", "error", "message"),
    [
        (np.zeros((5, 2)), None, ValueError, r"points must have shape \(N, 3\)"),
        (np.zeros(3), None, ValueError, r"points must have shape \(N, 3\)"),
        (CORNERS[:3], None, ValueError, "points must be at least 4 to enclose a volume, got 3"),
        (np.full((5, 3), np.nan), None, ValueError, "points must be finite, got 15"),
        (CORNERS * [1, 1, 0], None, ValueError, "points must not all lie in one plane"),
        (CORNERS * [1, 1, 1e-10], None, ValueError, "points must not all lie in one plane"),
        (CORNERS * [1, 0, 0] @ random_rotation(np.random.default_rng(0)), None, ValueError, "lie in one plane"),
        (np.ones((9, 3)), None, ValueError, "points must not all lie in one plane"),
        (CORNERS, 3, ValueError, "max_planes must be at least 4 to enclose a volume, got 3"),
        (CORNERS, 6.0, TypeError, "max_planes must be an integer or None, got float 6.0"),
        (CORNERS, True, TypeError, "max_planes must be an integer or None"),
    ],
)
def test_wrong_arguments(points: np.ndarray, max_planes: int | None, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        hull_planes(points, max_planes)
