"""Winding numbers against closed forms, awkward lines, and the sum of solid angles."""

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from cvxgeom.data.winding import WindingNumber
from cvxgeom.ops import _native, backend


def winding_of(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    return WindingNumber(np.asarray(mesh.vertices), np.asarray(mesh.faces))(points)


def on_numpy(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    with backend("reference"), pytest.MonkeyPatch.context() as patch:
        patch.setattr("cvxgeom.data.winding.winding_number", None)  # it would be no comparison
        return winding_of(mesh, points)


def solid_angle_winding(mesh: trimesh.Trimesh, points: np.ndarray) -> np.ndarray:
    """The other route: van Oosterom and Strackee (1983), one solid angle per point and triangle."""
    a, b, c = np.moveaxis(np.asarray(mesh.triangles)[None] - points[:, None, None], 2, 0)
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    numerator = np.einsum("pti,pti->pt", a, np.cross(b, c))
    dots = ((a * b).sum(-1) * lc, (b * c).sum(-1) * la, (c * a).sum(-1) * lb)
    return np.arctan2(numerator, la * lb * lc + sum(dots)).sum(axis=1) / (2 * np.pi)


@given(st.integers(0, 1000), st.integers(4, 30))
@settings(max_examples=40)
def test_agreement_with_solid_angles_on_tangled_surfaces(seed: int, n_vertices: int) -> None:
    rng = np.random.default_rng(seed)
    # a ball whose corners are thrown about: closed, full of self-intersections, with all signs of winding
    ball = trimesh.creation.icosphere(subdivisions=1)
    moved = np.arange(len(ball.vertices)) < n_vertices
    vertices = np.where(moved[:, None], rng.uniform(-1, 1, ball.vertices.shape), ball.vertices)
    tangle = trimesh.Trimesh(vertices, ball.faces, process=False)
    points = rng.uniform(-1, 1, (200, 3))
    expected = solid_angle_winding(tangle, points)
    np.testing.assert_allclose(winding_of(tangle, points), np.round(expected))
    np.testing.assert_array_equal(on_numpy(tangle, points), winding_of(tangle, points))


def test_a_torus_by_its_equation() -> None:
    torus = trimesh.creation.torus(1.0, 0.3, major_sections=200, minor_sections=100)
    points = np.random.default_rng(0).uniform(-1.4, 1.4, (20_000, 3))
    distance = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 1, points[:, 2]) - 0.3
    clear = np.abs(distance) > 1e-3  # of the facets
    assert (winding_of(torus, points)[clear] == (distance < 0)[clear]).all()


@pytest.mark.parametrize("axis", range(3))
def test_lines_through_corners_and_edges(axis: int) -> None:
    # all coordinates are multiples of 1/8, so every line meets edges and corners of the grid-like faces
    box = trimesh.creation.box().subdivide().subdivide()
    box.vertices[:, axis] *= 0.75  # makes this axis the direction of the lines
    grid = np.stack(np.meshgrid(*[np.linspace(-0.5, 0.5, 9)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    grid[:, axis] *= 0.9
    half = np.where(np.arange(3) == axis, 0.375, 0.5)
    inner, outer = (np.abs(grid) < half).all(axis=1), (np.abs(grid) > half).any(axis=1)
    winding = winding_of(box, grid)
    assert (winding[inner] == 1).all()
    assert (winding[outer] == 0).all()
    assert np.isin(winding, [0, 1]).all()
    np.testing.assert_array_equal(on_numpy(box, grid), winding)  # also on the surface, where either is right


def test_lines_through_the_corners_of_a_ball() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    rng = np.random.default_rng(0)
    points = np.repeat(ball.vertices, 4, axis=0)
    points = points * rng.uniform(-1, 1, (len(points), 1)) * [0, 0, 1] + points * [1, 1, 0]
    inside = np.linalg.norm(points, axis=1) < 0.98
    assert (winding_of(ball, points)[inside] == 1).all()


def test_nested_overlapping_and_inverted_components_add_up() -> None:
    box = trimesh.creation.box()
    inner = trimesh.creation.box((0.5, 0.5, 0.5))
    cavity = inner.copy()
    cavity.invert()
    center = np.zeros((1, 3))
    assert winding_of(trimesh.util.concatenate([box, inner]), center) == 2
    assert winding_of(trimesh.util.concatenate([box, cavity]), center) == 0
    assert winding_of(cavity, center) == -1


@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_frame_and_unit_do_not_matter(shift: float, scale: float) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    points = np.random.default_rng(0).uniform(-1, 1, (2000, 3))
    expected = winding_of(ball, points)
    ball.vertices = (ball.vertices + shift) * scale
    moved = winding_of(ball, (points + shift) * scale)
    assert (moved != expected).mean() < 0.001


def test_measured_lines() -> None:
    box = trimesh.creation.box((1.0, 2.0, 3.0))
    other = box.copy().apply_translation([0.5, 0, 0])
    both = trimesh.util.concatenate([box, other])
    volume, lowest, highest = WindingNumber(np.asarray(both.vertices), np.asarray(both.faces)).measure(4096)
    assert (lowest, highest) == (0, 2)
    assert volume == pytest.approx(9.0, rel=1e-9)
    volume, lowest, highest = WindingNumber(np.asarray(box.vertices), np.asarray(box.faces)).measure(4096)
    assert (volume, lowest, highest) == (pytest.approx(6.0), 0, 1)


def test_no_points_and_odd_points() -> None:
    box = trimesh.creation.box()
    assert winding_of(box, np.zeros((0, 3))).shape == (0,)
    odd = np.array([[np.nan, 0, 0], [np.inf, 0, 0], [1e300, 0, 0], [0, 0, 0]])
    assert winding_of(box, odd).tolist() == on_numpy(box, odd).tolist() == [0, 0, 0, 1]
    assert winding_of(box, np.asfortranarray(np.eye(3, dtype=np.float32) * 0.4)).tolist() == [1, 1, 1]


def test_kernels_that_were_asked_for_by_name_and_are_not_there_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    box, center = trimesh.creation.box(), np.zeros((1, 3))
    monkeypatch.setattr(_native, "LIBRARY", None)
    with backend("cpu"), pytest.raises(RuntimeError, match=r'backend\("cpu"\) cannot serve this call'):
        winding_of(box, center)
    with backend("cuda"):  # arrays lie on no GPU, so nothing is amiss
        assert winding_of(box, center) == 1
