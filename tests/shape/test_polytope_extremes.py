"""Needles, slabs, tiny faces, near-duplicate planes, far origins, thousands of planes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvxgeom._types import PolytopeStatus

from .test_polytope import CUBE, assert_valid, prism, random_planes, random_rotation, seeds, solve, unit


def stretched(
    normals: np.ndarray, offsets: np.ndarray, matrix: np.ndarray, shift: np.ndarray | float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Planes of the image of a convex under x ↦ A x + b."""
    normals = normals @ np.linalg.inv(matrix)
    length = np.linalg.norm(normals, axis=1)
    normals, offsets = normals / length[:, None], offsets / length
    return normals, offsets - normals @ (np.zeros(3) + shift)


@pytest.mark.parametrize("thin", [(1, 1, 1e-2), (1, 1, 1e-4), (1, 1, 1e-6), (1, 1e-6, 1e-6), (1, 1e-3, 1e-6)])
@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("seed", range(3))
def test_needles_and_slabs_keep_their_faces_and_volume(thin: tuple, scale: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    normals, offsets = random_planes(rng, 30)
    round_body = solve(normals, offsets)
    matrix = random_rotation(rng) @ np.diag(thin) @ random_rotation(rng)
    normals, offsets = stretched(normals, offsets, matrix)
    body = solve(normals, scale * offsets)
    assert_valid(body, normals, scale * offsets, tolerance=1e-8)
    assert set(body.face_planes) == set(round_body.face_planes)
    assert len(body.vertices) == len(round_body.vertices)
    volume = float(round_body.volume) * np.prod(thin) * scale**3
    assert float(body.volume) == pytest.approx(volume, rel=1e-12 + 1e-15 / min(thin))


@pytest.mark.parametrize("distance", [1e2, 1e5])
def test_far_from_the_origin_of_its_frame(distance: float) -> None:
    rng = np.random.default_rng(0)
    normals, offsets = random_planes(rng)
    near = solve(normals, offsets)
    shift = distance * unit(rng.normal(size=3))
    moved = solve(normals, offsets - normals @ shift)
    assert_valid(moved, normals, offsets - normals @ shift)
    assert float(moved.volume) == pytest.approx(float(near.volume), rel=1e-13 * distance)
    np.testing.assert_allclose(
        moved.inertia.numpy(), near.inertia.numpy(), rtol=1e-11 * distance, atol=1e-16 * distance
    )
    by_translation = solve(normals, offsets, shift)  # loses nothing at all
    assert by_translation.faces == near.faces
    np.testing.assert_allclose((by_translation.vertices - near.vertices).numpy() - shift, 0, atol=1e-15 * distance)


@pytest.mark.parametrize("depth", [1e-2, 1e-5, 1e-7, 1e-8])
def test_tiny_faces_are_kept_while_they_can_be_told(depth: float) -> None:
    corners = unit(np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)]))
    normals = np.concatenate([CUBE, corners])
    body = solve(normals, np.append(-np.ones(6), np.full(8, -np.sqrt(3) + depth)))
    assert len(body.faces) == 14 and len(body.vertices) == 24
    edge = np.sqrt(3) * depth
    assert 8 - float(body.volume) == pytest.approx(8 * edge**3 / 6, abs=1e-14)


@pytest.mark.parametrize("depth", [1e-10, 1e-13, 0.0, -1e-13])
def test_faces_too_tiny_to_tell_disappear(depth: float) -> None:
    corners = unit(np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)]))
    normals, offsets = np.concatenate([CUBE, corners]), np.append(-np.ones(6), np.full(8, -np.sqrt(3) + depth))
    body = solve(normals, offsets)
    assert len(body.faces) == 6 and len(body.vertices) == 8
    assert_valid(body, normals, offsets)


@pytest.mark.parametrize("noise", [1e-16, 1e-13, 1e-11, 1e-9, 1e-6])
def test_planes_that_almost_coincide(noise: float) -> None:
    rng = np.random.default_rng(1)
    for _ in range(10):
        normals, offsets = random_planes(rng, 20)
        body = solve(normals, offsets)
        again = unit(np.tile(normals, (4, 1)) + noise * rng.normal(size=(80, 3)))
        double = np.concatenate([normals, again]), np.concatenate([offsets, np.tile(offsets, 4)])
        crowded = solve(*double)
        assert_valid(crowded, *double, tolerance=1e-8)
        assert float(crowded.volume) == pytest.approx(float(body.volume), rel=max(1e-10, 300 * noise))


@pytest.mark.parametrize("n", [1000, 2000])
def test_thousands_of_planes_around_a_ball(n: int) -> None:
    normals = unit(np.random.default_rng(0).normal(size=(n, 3)))
    body = solve(normals, -np.ones(n))
    assert len(body.faces) == n and len(body.vertices) == 2 * n - 4
    assert_valid(body, normals, -np.ones(n))
    # A circumscribed body: volume = area x radius / 3, a little above the ball.
    assert float(body.volume) == pytest.approx(float(body.surface_area) / 3, rel=1e-12)
    assert 1 < float(body.volume) / (4 / 3 * np.pi) < 1 + 20 / n


def test_a_prism_of_a_thousand_sides_with_a_tip() -> None:
    sides = prism(1000)[0][:1000]
    normals = np.concatenate([unit(sides + np.array([0, 0, 1e-3])), [[0, 0, -1.0]]])
    offsets = np.append(-normals[:-1, 2] * 1e3, 0)
    body = solve(normals, offsets)
    assert len(body.vertices) == 1001 and len(body.faces) == 1001
    assert float(body.volume) == pytest.approx(1000 * np.tan(np.pi / 1000) * 1e3 / 3, rel=1e-9)


def test_single_precision_planes() -> None:
    # Rounding splits the tip of a pyramid and tilts parallel faces; it must stay a closed solid.
    rng = np.random.default_rng(3)
    for n in (4, 9, 30):
        normals = np.concatenate([prism(n)[0][:n] + np.array([0, 0, 1.0]), [[0, 0, -1.0]]])
        normals, offsets = stretched(normals, np.append(-np.ones(n), 0.0), random_rotation(rng), rng.normal(size=3))
        rounded = normals.astype(np.float32).astype(float), offsets.astype(np.float32).astype(float)
        body = solve(*rounded)
        assert_valid(body, *rounded)
        assert float(body.volume) == pytest.approx(n * np.tan(np.pi / n) / 3, rel=1e-5)


@settings(max_examples=60)
@given(seeds, st.integers(0, 2), st.floats(0, 7), st.floats(-16, -4), st.sampled_from([1e-9, 1.0, 1e9]))
def test_anything_goes(seed: int, kind: int, thin: float, noise: float, scale: float) -> None:
    # Whatever comes, the answer is a status, and a bounded polytope is a closed solid.
    rng = np.random.default_rng(seed)
    normals, offsets = (random_planes(rng, 15), (CUBE, -np.ones(6)), prism(rng.integers(3, 20)))[kind]
    vertices = solve(normals, offsets).vertices.numpy()
    touching = unit(rng.normal(size=(4, 3)))
    again = rng.integers(0, len(normals), 6)
    normals = np.concatenate([normals, touching, unit(normals[again] + 10**noise * rng.normal(size=(6, 3)))])
    offsets = np.concatenate([offsets, -(vertices @ touching.T).max(axis=0), offsets[again]])
    matrix = random_rotation(rng) @ np.diag([1, 10**-thin, 10 ** -(thin * rng.integers(0, 2))]) @ random_rotation(rng)
    normals, offsets = stretched(normals, offsets, matrix, rng.choice([0, 10.0]) * rng.normal(size=3))
    body = solve(normals, scale * offsets)
    assert body.status is PolytopeStatus.BOUNDED
    vertices = body.vertices.numpy()
    width = np.ptp(vertices @ normals.T, axis=0)
    rounding = 1e-14 * (np.abs(vertices).max() + scale * np.abs(offsets))
    assert (vertices @ normals.T + scale * offsets <= 1e-7 * width + rounding).all()
    edges = [edge for face in body.faces for edge in zip(face, face[1:] + face[:1])]
    assert len(set(edges)) == len(edges) and {(b, a) for a, b in edges} == set(edges)
    assert len(vertices) - len(edges) // 2 + len(body.faces) == 2
