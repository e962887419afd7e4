"""Triangles sorted into the cells of a grid, and sight lines between neighboring cells."""

import numpy as np

from .raster import cells_in_space, expand


class TriangleCells:
    """For every cell of a grid that triangles touch, which ones they are.

    Args:
        triangles: (F, 3, 3) corners in units of one cell, inside the grid; those without area are left out.
        shape: number of cells along each axis.

    Attributes:
        flat: (S,) flat (C-order) indices of the touched cells, ascending; a cell's place in it is its *rank*.
        corners: (F', 3, 3) the triangles that have an area, ``normals`` (F', 3) their unit normals.

    Example:
        >>> cells = TriangleCells(np.array([[[0.5, 0.2, 0.2], [0.5, 0.8, 0.2], [0.5, 0.2, 0.8]]]), (2, 1, 1))
        >>> cells.flat.tolist()
        [0]
        >>> start, end = np.array([[0.2, 0.3, 0.3], [0.2, 0.7, 0.7]]), np.array([[1.5, 0.3, 0.3], [1.5, 0.7, 0.7]])
        >>> cells.blocked(start, end, np.array([[0], [0]])).tolist()
        [True, False]
    """

    def __init__(self, triangles: np.ndarray, shape: tuple[int, int, int]) -> None:
        one, two = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
        normal = np.cross(one, two)
        square = (normal**2).sum(axis=1)
        real = square > 1e-18
        self.corners, one, two, normal = triangles[real], one[real], two[real], normal[real]
        square = square[real, None]
        self.normals = normal / np.sqrt(square)

        # barycentric weights of the second and third corner, as affine functions of the point
        self._slopes = np.stack([np.cross(two, normal), np.cross(normal, one)], axis=1) / square[:, :, None]
        self._shifts = -np.einsum("fij,fj->fi", self._slopes, self.corners[:, 0])
        self._levels = -(self.normals * self.corners[:, 0]).sum(axis=1)

        owner, cell = cells_in_space(self.corners, shape)
        order = np.argsort(cell, kind="stable")
        self.triangles, cell = owner[order], cell[order]
        starts = np.flatnonzero(np.diff(cell, prepend=-1))
        self.flat = cell[starts]
        self.starts, self.counts = starts, np.diff(starts, append=len(cell))

    def rank(self, flat: np.ndarray) -> np.ndarray:
        """Rank of each flat cell index, -1 for cells that no triangle touches."""
        rank = np.minimum(np.searchsorted(self.flat, flat), len(self.flat) - 1)
        return np.where(self.flat[rank] == flat, rank, -1)

    def listed(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All triangles of each of the cells: position in ``ranks`` and triangle index."""
        owner, step = expand(self.counts[ranks])
        return owner, self.triangles[self.starts[ranks][owner] + step]

    def weights(self, points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
        """Barycentric weights (P, 2) of the second and third corner, at points projected to the triangles' planes."""
        return np.einsum("pij,pj->pi", self._slopes[triangles], points) + self._shifts[triangles]

    def blocked(self, start: np.ndarray, end: np.ndarray, ranks: np.ndarray) -> np.ndarray:
        """Which segments meet a triangle.

        Args:
            start, end: (N, 3) in units of one cell.
            ranks: (N, M) ranks of the cells that the segment may pass, -1 for none.
        """
        segment, column = np.nonzero(ranks >= 0)
        owner, triangle = self.listed(ranks[segment, column])
        segment = segment[owner]
        normals, levels = self.normals[triangle], self._levels[triangle]
        from_start = np.einsum("pi,pi->p", normals, start[segment]) + levels
        from_end = np.einsum("pi,pi->p", normals, end[segment]) + levels
        across = np.flatnonzero((from_start > 0) != (from_end > 0))
        segment, triangle = segment[across], triangle[across]
        share = (from_start[across] / (from_start[across] - from_end[across]))[:, None]
        weights = self.weights(start[segment] + share * (end - start)[segment], triangle)
        # a sight line through an edge between two triangles must not slip through
        hit = (weights >= -1e-6).all(axis=1) & (weights.sum(axis=1) <= 1 + 1e-6)
        return np.bincount(segment[hit], minlength=len(start)) > 0
