"""Inside and outside of meshes that are not closed: a flood from outside that sees past the size of its cells."""

from functools import cached_property

import numpy as np
import trimesh
from scipy import ndimage
from scipy.spatial import KDTree
from skimage import measure

from .cells import TriangleCells

_OUTSIDE, _SURFACE, _INSIDE, _OPEN = 0, 1, 2, 3  # _OPEN only while flooding
_STEPS = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])
_CHUNK = 100_000  # candidate triangles looked at at once: the temporaries then stay in the processor's cache
_HALF = 1.0  # half the thickness that a single sheet is given, in fine cells


class FloodedVolume:
    """What a flood from outside does not reach, for triangle soups with open edges, gaps and inner walls.

    The flood runs on two grids. On the coarse one it cannot pass gaps narrower than a cell, so that cracks do not
    drain a cabinet. On a grid twice as fine, the coarse cells that triangles touch are shared out between outside and
    inside, each cell to the side that reaches it first. Within a fine cell that triangles touch, a point is outside if
    it sees the center of an outside neighbor cell, so the solid's faces are the triangles themselves, not steps of the
    grid. Hollows that are closed off count as filled.

    A sheet with the outside on both of its sides has no volume: it is given the thickness of one coarse cell. So are
    walls thinner than an eighth of a coarse cell.

    Args:
        mesh: any triangles.
        resolution: number of coarse cells along the longest side of the bounding box.

    Example:
        >>> box = trimesh.creation.box()
        >>> box.update_faces(np.arange(12) != 3)  # a hole in one side, too wide to be sealed
        >>> FloodedVolume(box, 32).contains(np.array([[0.0, 0, 0], [0.5, 0.2, 0.2]])).tolist()
        [False, True]
    """

    def __init__(self, mesh: trimesh.Trimesh, resolution: int) -> None:
        corners = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces]
        low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
        self.cell = float((high - low).max()) / (2 * resolution)
        # two free cells or more around; the half keeps the faces of the bounding box off the walls of cells
        self.origin = low - 2.5 * self.cell
        self.shape = tuple((2 * np.ceil((high - low) / (2 * self.cell) + 2.5).astype(int)).tolist())
        self._strides = np.array([self.shape[1] * self.shape[2], self.shape[2], 1])
        self._steps = _STEPS @ self._strides
        self._cells = TriangleCells((corners - self.origin) / self.cell, self.shape)
        self._kind = self._flood()

        # surface cells from here on, by rank
        flat = self._cells.flat
        self._place = np.stack(np.unravel_index(flat, self.shape), axis=1)
        ranks = np.full(self._kind.size, -1, dtype=np.int32)
        ranks[flat] = np.arange(len(flat))
        self._neighbors = ranks[flat[:, None] + self._steps]
        beside = self._kind[flat[:, None] + self._steps]
        self._exits = beside == _OUTSIDE
        self._open_walled_cells()
        self._beside_inside = (beside == _INSIDE).any(axis=1)
        self._sheets, self._sheet_normals = self._find_sheets()

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Whether points (N, 3), in the mesh's frame, are inside: (N,) bool."""
        x = (points - self.origin) / self.cell
        near = np.flatnonzero(((x >= 0) & (x < self.shape)).all(axis=1))  # no NaN either
        inside = np.zeros(len(x), dtype=bool)
        inside[near] = self._enclosed(x[near])
        if len(self._sheets):
            near = near[~inside[near]]
            inside[near] = self._sheet_depth(x[near]) > 0
        return inside

    @cached_property
    def bounds(self) -> np.ndarray:
        """Bounding box (2, 3) in the mesh's frame; sheets reach out of that of the mesh."""
        along = np.abs(self._sheet_normals).clip(max=1)
        reach = _HALF * (along + np.sqrt(1 - along**2))
        corners = self._cells.corners.reshape(-1, 3)
        low = np.concatenate([corners, self._sheets - reach]).min(axis=0)
        high = np.concatenate([corners, self._sheets + reach]).max(axis=0)
        return np.stack([low, high]) * self.cell + self.origin

    @cached_property
    def volume(self) -> float:
        """Volume, with one random point in every cell that is neither inside nor outside as a whole."""
        cells = np.flatnonzero((self._kind == _SURFACE) | (self._halo & (self._kind == _OUTSIDE)))
        offsets = np.random.default_rng(0).random((len(cells), 3))
        points = (np.stack(np.unravel_index(cells, self.shape), axis=1) + offsets) * self.cell + self.origin
        n_cells = np.count_nonzero(self._kind == _INSIDE) + np.count_nonzero(self.contains(points))
        return float(n_cells * self.cell**3)

    @cached_property
    def cover(self) -> tuple[np.ndarray, float]:
        """Cubes that together hold the whole solid: lowest corners (M, 3) and side, in the mesh's frame."""
        coarse = ((self._kind > _OUTSIDE) | self._halo).reshape(self.shape)
        coarse = coarse[::2] | coarse[1::2]
        coarse = coarse[:, ::2] | coarse[:, 1::2]
        coarse = coarse[:, :, ::2] | coarse[:, :, 1::2]
        side = 2 * self.cell
        return np.argwhere(coarse) * side + self.origin, side

    @cached_property
    def mesh(self) -> trimesh.Trimesh:
        """A watertight mesh of the solid by marching cubes on the fine grid, in the mesh's frame."""
        field = np.array([-1, 0, 1], dtype=np.float32)[self._kind]
        field[self._cells.flat] = self._center_depth()
        if len(self._sheets):
            halo = np.flatnonzero(self._halo)
            depth = self._sheet_depth(np.stack(np.unravel_index(halo, self.shape), axis=1) + 0.5)
            field[halo] = np.maximum(field[halo], np.where(np.abs(depth) < 0.02, -0.02, depth))
        vertices, faces, _, _ = measure.marching_cubes(field.reshape(self.shape), 0.0, gradient_direction="ascent")
        return trimesh.Trimesh((vertices + 0.5) * self.cell + self.origin, faces, process=False)

    def _flood(self) -> np.ndarray:
        """Kind of every fine cell, flat."""
        place = np.unravel_index(self._cells.flat, self.shape)
        touched = np.zeros([n // 2 for n in self.shape], dtype=bool)
        touched[tuple(axis // 2 for axis in place)] = True
        labels = np.empty(touched.shape, dtype=np.int32)
        ndimage.label(~touched, output=labels)
        coarse = np.where(touched, _OPEN, np.where(labels == labels[0, 0, 0], _OUTSIDE, _INSIDE)).astype(np.int8)
        kind = coarse.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2).ravel()
        kind[self._cells.flat] = _SURFACE

        corner = np.argwhere(np.ones((2, 2, 2))) @ self._strides
        cells = ((np.argwhere(touched) * 2) @ self._strides)[:, None] + corner
        cells = cells[kind[cells] == _OPEN]
        beside = kind[cells[:, None] + self._steps]
        fronts = {}
        fronts[_INSIDE] = cells[(beside == _INSIDE).any(axis=1)]
        fronts[_OUTSIDE] = cells[(beside == _OUTSIDE).any(axis=1)]
        while any(len(front) for front in fronts.values()):
            for side, front in fronts.items():
                kind[front] = side
            for side, front in fronts.items():
                ahead = (front[:, None] + self._steps).ravel()
                fronts[side] = np.unique(ahead[kind[ahead] == _OPEN])
        kind[cells[kind[cells] == _OPEN]] = _INSIDE  # pockets between triangles that neither side reaches
        return kind

    def _open_walled_cells(self) -> None:
        """Let a cell walled in by other surface cells look to those neighbors whose center sees the outside itself."""
        walled = ~self._exits.any(axis=1)
        around = self._neighbors[walled]
        seeing = np.zeros(len(walled) + 1, dtype=bool)  # the last one stands for no neighbor
        seeing[around] = True
        asked = np.flatnonzero(seeing[:-1] & ~walled)
        seeing[:] = False
        seeing[asked] = self._sees_outside(self._place[asked] + 0.5, asked)
        self._exits[walled] = seeing[around]

    def _enclosed(self, x: np.ndarray) -> np.ndarray:
        """Whether points of the grid, in fine cells from the origin, are not reached by the flood."""
        flat = np.floor(x).astype(np.int64) @ self._strides
        kind = self._kind[flat]
        inside = kind != _OUTSIDE
        surface = np.flatnonzero(kind == _SURFACE)
        inside[surface] = ~self._sees_outside(x[surface], self._cells.rank(flat[surface]))
        return inside

    def _sees_outside(self, x: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """Whether points in surface cells see the center of an outside cell, or of one that sees the outside."""
        seen = np.zeros(len(x), dtype=bool)
        load = self._cells.counts[rank] * self._exits[rank].sum(axis=1)
        stops = np.searchsorted(np.cumsum(load), np.arange(_CHUNK, load.sum(), _CHUNK))
        for part in np.split(np.arange(len(x)), stops):
            point, step = np.nonzero(self._exits[rank[part]])
            point = part[point]
            passed = np.stack([rank[point], self._neighbors[rank[point], step]], axis=1)
            target = self._place[rank[point]] + _STEPS[step] + 0.5
            seen[point[~self._cells.blocked(x[point], target, passed)]] = True
        return seen

    def _nearest(self, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For some surface cells, a point of a triangle close to the cell's center, and that triangle."""
        points, triangles = np.empty((len(ranks), 3)), np.empty(len(ranks), dtype=np.int64)
        for part in np.array_split(np.arange(len(ranks)), 1 + self._cells.counts[ranks].sum() // _CHUNK):
            center = self._place[ranks[part]] + 0.5
            owner, triangle = self._cells.listed(ranks[part])
            weights = self._cells.weights(center[owner], triangle)
            weights = np.column_stack([1 - weights.sum(axis=1), weights]).clip(0)
            weights /= weights.sum(axis=1, keepdims=True)
            nearest = np.einsum("pi,pij->pj", weights, self._cells.corners[triangle])
            order = np.lexsort((((nearest - center[owner]) ** 2).sum(axis=1), owner))
            first = order[np.searchsorted(owner, np.arange(len(part)))]
            points[part], triangles[part] = nearest[first], triangle[first]
        return points, triangles

    def _find_sheets(self) -> tuple[np.ndarray, np.ndarray]:
        """Points (M, 3) of the surface, about one in each cell, with the outside on both sides, and normals there."""
        ranks = np.flatnonzero(self._exits.any(axis=1) & ~self._beside_inside)
        points, triangles = self._nearest(ranks)
        normals = self._cells.normals[triangles]
        # off the triangle's edges: there, both sides of one face of a solid may be outside
        inward = self._cells.corners[triangles].mean(axis=1) - points
        points += inward * np.minimum(0.1 / np.maximum(np.linalg.norm(inward, axis=1), 0.1), 1)[:, None]
        thin = np.abs(points - self._place[ranks] - 0.5).max(axis=1) < 1
        for side in (0.25, -0.25):
            at = np.flatnonzero(thin)
            thin[at] = ~self._enclosed(points[at] + side * normals[at])
        return points[thin], normals[thin]

    @cached_property
    def _sheet_tree(self) -> KDTree:
        return KDTree(self._sheets)

    def _center_depth(self) -> np.ndarray:
        """About how deep the centers of surface cells lie inside the solid, in fine cells; never 0."""
        ranks, center = np.arange(len(self._place)), self._place + 0.5
        nearest, triangles = self._nearest(ranks)
        outside = self._sees_outside(center, ranks)
        distance = np.linalg.norm(center - nearest, axis=1).clip(0.02, 1.0)
        depth = np.where(outside, -distance, distance)
        # a wall that passes between the centers would be lost: where the solid ends within a cell, it gets a center
        wall = np.flatnonzero(outside & ~self._beside_inside)
        wall = wall[np.abs(center - nearest)[wall].max(axis=1) < 0.5]
        normals = self._cells.normals[triangles[wall]]
        inward = normals * np.sign(((nearest - center)[wall] * normals).sum(axis=1, keepdims=True))
        thin = self._enclosed(nearest[wall] + 0.1 * inward) & ~self._enclosed(nearest[wall] + inward)
        depth[wall[thin]] = 0.05
        return depth

    def _sheet_depth(self, x: np.ndarray) -> np.ndarray:
        """How deep points, in fine cells from the origin, lie in a thickened sheet (negative: outside of it)."""
        nearest = np.asarray(self._sheet_tree.query(x, distance_upper_bound=2 * _HALF)[1])
        near = np.flatnonzero(nearest < len(self._sheets))
        offset = x[near] - self._sheets[nearest[near]]
        height = np.abs((offset * self._sheet_normals[nearest[near]]).sum(axis=1))
        aside = np.sqrt(np.maximum((offset**2).sum(axis=1) - height**2, 0))
        depth = np.full(len(x), -_HALF)
        depth[near] = _HALF - np.maximum(height, aside)
        return depth

    @cached_property
    def _halo(self) -> np.ndarray:
        """Which of the fine cells, flat, a thickened sheet may reach."""
        near = np.zeros(self._kind.size, dtype=bool)
        flat = np.floor(self._sheets).astype(np.int64) @ self._strides
        for offset in np.argwhere(np.ones((5, 5, 5))) - 2:
            near[flat + offset @ self._strides] = True
        return near
