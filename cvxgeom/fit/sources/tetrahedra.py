"""Space between points, cut into tetrahedra: what surrounds a point cloud is decided for each of them.

Tetrahedra are as small as the points are dense, so that parts thinner than the points are apart still have inside ones.
"""

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import cg
from scipy.spatial import Delaunay

_ASIDE = 1e-4  # of the spacing, by which points move: Delaunay is slow for points on a common plane or sphere
_OPPOSITE = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
_PRECISION, _ROUNDS = 1e-4, 400  # of conjugate gradients


class Tetrahedra:
    """The Delaunay tetrahedra of points.

    Args:
        points: (n, 3), not all in a plane.
        spacing: (n,) about how far from each point its neighbors are.
        rng: source of randomness.

    Attributes:
        corners: (m, 4) points of each.
        volumes: (m,).
        faces: (f, 3) points of each triangle between two of them, or between one and the space around all.
        beside: (f, 2) the tetrahedra on its two sides; the second is -1 if that is the space around.
        areas: (f,) of the triangles.
        radius: (f,) of the circles through their corners, in spacings there.
    """

    def __init__(self, points: np.ndarray, spacing: np.ndarray, rng: np.random.Generator) -> None:
        moved = points + _ASIDE * spacing[:, None] * rng.uniform(-1, 1, points.shape)
        self._delaunay = Delaunay(moved)
        self.points, self.corners = points, np.asarray(self._delaunay.simplices)
        places = moved[self.corners]
        self.centers = places.mean(axis=1)
        self.volumes = np.abs(np.linalg.det(places[:, 1:] - places[:, :1])) / 6
        neighbors = np.asarray(self._delaunay.neighbors)
        owner, side = np.nonzero(neighbors < np.arange(len(neighbors))[:, None])  # each face once; -1 is around all
        self.beside = np.stack([owner, neighbors[owner, side]], axis=1)
        self.faces = self.corners[owner[:, None], _OPPOSITE[side]]
        a, b, c = np.moveaxis(moved[self.faces], 1, 0)
        sides = np.linalg.norm([b - a, c - b, a - c], axis=2)
        self.areas = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
        between = spacing[self.faces].mean(axis=1)
        self.radius = sides.prod(axis=0) / (4 * self.areas + 1e-30) / between

    def sides(self, normals: np.ndarray) -> np.ndarray:
        """(m, 4) how far on the outer side of the tangent plane of each corner the center lies: sines, from -1 to 1."""
        away = self.centers[:, None] - self.points[self.corners]
        length = np.linalg.norm(away, axis=2) + 1e-30
        return np.einsum("mci,mci->mc", normals[self.corners], away) / length

    def at_corners(self, values: np.ndarray) -> np.ndarray:
        """(n,) sums over the tetrahedra around each point of values (m, 4)."""
        return np.bincount(self.corners.ravel(), values.ravel(), len(self.points))

    def settle(self, openness: np.ndarray, votes: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """(m,) values that are near the votes and change little between open neighbors; they are 1 in the space around.

        Args:
            openness: (f,) of each face.
            votes: (m,) values wanted.
            weights: (m,) how much each is wanted.
        """
        n, (a, b) = len(self.corners), self.beside.T
        inner, edge = b >= 0, b < 0
        rows, columns, between = a[inner], b[inner], openness[inner]
        graph = coo_matrix(
            (np.tile(between, 2), (np.concatenate([rows, columns]), np.concatenate([columns, rows]))), shape=(n, n)
        ).tocsr()
        around = np.bincount(a[edge], openness[edge], n)
        diagonal = np.asarray(graph.sum(axis=1)).ravel() + weights + around
        values, _ = cg(
            diags(diagonal) - graph,
            weights * votes + around,
            rtol=_PRECISION,
            maxiter=_ROUNDS,
            M=diags(1 / diagonal),
        )
        return values

    def locate(self, points: np.ndarray) -> np.ndarray:
        """(N,) which tetrahedron holds each of (N, 3) points, or -1."""
        # The search walks from the last answer to the next, so neighbors are asked for one after the other.
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        cell = ((points - low) / ((high - low).max() / 32)).clip(-1, 33).astype(np.int64)
        order = np.lexsort(cell.T)
        found = np.empty(len(points), dtype=np.int64)
        found[order] = self._delaunay.find_simplex(points[order])
        return found
