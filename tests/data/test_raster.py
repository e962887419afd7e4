"""Cells under triangles, against a brute-force search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom.data.cells import TriangleCells
from cvxgeom.data.raster import cells_in_plane, cells_in_space, expand


def points_of(triangle: np.ndarray, n: int = 60) -> np.ndarray:
    """Points all over a triangle, its corners and edges included."""
    u, v = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
    u, v = u[u + v <= 1], v[u + v <= 1]
    return triangle[0] + u[:, None] * (triangle[1] - triangle[0]) + v[:, None] * (triangle[2] - triangle[0])


def test_expand_without_items() -> None:
    owner, step = expand(np.array([0, 0]))
    assert len(owner) == len(step) == 0


@given(st.integers(0, 10_000), st.sampled_from([0.5, 3.0, 10.0]))
def test_no_cell_of_the_plane_is_missed(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    triangle = rng.uniform(0, 10, 2) + rng.uniform(-size, size, (3, 2))
    triangle = triangle.clip(0.001, 9.999)
    _, cells = cells_in_plane(triangle[None], (10, 10))
    found = set(map(tuple, cells.tolist()))
    assert len(found) == len(cells)
    needed = set(map(tuple, np.floor(points_of(triangle)).astype(int).tolist()))
    assert needed <= found
    # and hardly any for nothing: the cells of a slightly blown-up triangle
    center = triangle.mean(axis=0)
    reach = max(np.linalg.norm(triangle - center, axis=1).max(), 1e-9)
    for i, j in found:
        nearest = np.clip(center, [i, j], [i + 1, j + 1])
        assert np.linalg.norm(nearest - center) <= reach + 1e-6


@given(st.integers(0, 10_000), st.sampled_from([0.5, 3.0, 8.0]))
def test_no_cell_of_space_is_missed(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    triangle = (rng.uniform(0, 8, 3) + rng.uniform(-size, size, (3, 3))).clip(0.01, 7.99)
    if seed % 3 == 0:
        triangle[:, seed % 2] = 2.5  # as upright as can be
    owner, flat = cells_in_space(triangle[None], (8, 8, 8))
    assert (owner == 0).all()
    needed = np.unique(np.ravel_multi_index(tuple(np.floor(points_of(triangle)).astype(int).T), (8, 8, 8)))
    assert np.isin(needed, flat).all()
    # every cell found is within a cell of the plane
    normal = np.cross(triangle[1] - triangle[0], triangle[2] - triangle[0])
    if np.linalg.norm(normal) > 1e-3:
        centers = np.stack(np.unravel_index(flat, (8, 8, 8)), axis=1) + 0.5
        assert (np.abs((centers - triangle[0]) @ normal) / np.linalg.norm(normal) < 2.0).all()


def test_triangles_beyond_the_grid_count_for_its_border() -> None:
    _, cells = cells_in_plane(np.array([[[5.0, 5.0], [6.0, 5.0], [5.0, 6.0]]]), (2, 2))
    assert cells.tolist() == [[1, 1]]


def test_segments_between_neighboring_cells() -> None:
    # a wall at x = 0.9 over the lower half of the cell
    wall = np.array([[[0.9, 0, 0], [0.9, 0.5, 0], [0.9, 0, 1]], [[0.9, 0.5, 0], [0.9, 0.5, 1], [0.9, 0, 1]]])
    cells = TriangleCells(np.concatenate([wall, np.zeros((1, 3, 3))]), (2, 1, 1))
    assert cells.flat.tolist() == [0]
    assert len(cells.corners) == 2
    assert cells.rank(np.array([0, 1])).tolist() == [0, -1]
    start = np.array([[0.5, 0.25, 0.5], [0.5, 0.75, 0.5], [0.5, 0.25, 0.25], [1.0, 0.25, 0.5]])
    end = start + np.array([1.0, 0, 0])
    assert cells.blocked(start, end, np.zeros((4, 1), dtype=int)).tolist() == [True, False, True, False]
    assert not cells.blocked(start, end, np.full((4, 2), -1)).any()


@pytest.mark.parametrize("shape", [(1, 1, 1), (3, 1, 2)])
def test_flat_grids(shape: tuple[int, int, int]) -> None:
    triangle = np.array([[[0.1, 0.1, 0.1], [0.9, 0.1, 0.1], [0.1, 0.9, 0.9]]])
    assert cells_in_space(triangle, shape)[1].tolist() == [0]
