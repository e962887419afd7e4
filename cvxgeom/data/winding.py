"""Winding numbers of closed triangle meshes: exact, along one upright line per point."""

from collections.abc import Iterator

import numpy as np

from ..ops.winding import serves_arrays, winding_number
from .raster import cells_in_plane, expand

_CHUNK = 20_000  # candidate pairs handled at once: the temporaries then stay in the processor's cache
_FACES = 100_000  # faces prepared at once: of millions, the temporaries would take gigabytes


class WindingNumber:
    """How often a closed surface wraps around a point, for many points.

    A line is drawn from the point along the shortest side of the bounding box, and the signed triangles it meets are
    summed. Whether it meets a triangle is decided edge by edge, with the same arithmetic for both triangles of an edge
    and a half-open rule on ties, so that a line through an edge or a corner is counted as it should be and no second
    line is needed. A point on the surface may fall on either side. Where there is a compiled library, its
    kernel counts, to the same result (`cvxgeom.ops.backend` chooses).

    Args:
        vertices: (V, 3) float64, any frame and unit.
        faces: (F, 3) triangles; every edge must be run through as often one way as the other.

    Example:
        >>> import trimesh
        >>> box = trimesh.creation.box()
        >>> WindingNumber(box.vertices, box.faces)(np.array([[0.0, 0, 0], [0.6, 0, 0]])).tolist()
        [1, 0]
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray) -> None:
        n, used = len(faces), vertices[np.unique(faces)]
        self.low, high = used.min(axis=0), used.max(axis=0)
        self.high = high - self.low
        self.depth = int(np.argmin(self.high))
        self.plane = [(self.depth + 1) % 3, (self.depth + 2) % 3]
        side = int(np.clip(2 * np.sqrt(n), 4, 512))
        self.cell = max(float(self.high[self.plane].max()) / side, np.finfo(float).tiny)
        self.shape = tuple(np.maximum(np.ceil(self.high[self.plane] / self.cell), 1).astype(int).tolist())

        self.left, self.right = np.empty((n, 3, 2)), np.empty((n, 3, 2))
        self.sign = np.empty((n, 3), dtype=np.int8)
        self.near, self.far, self.slopes, self.anchor = np.empty(n), np.empty(n), np.empty((n, 2)), np.empty((n, 3))
        owners, cells = [], []
        for start in range(0, n, _FACES):
            part = slice(start, start + _FACES)
            owner, cell = self._prepare(part, vertices[faces[part]] - self.low)
            owners.append((owner + start).astype(np.int32))
            cells.append(cell.astype(np.int32))
        flat = np.concatenate(cells)
        self.triangles = np.concatenate(owners)[np.argsort(flat, kind="stable")]
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=np.prod(self.shape)))])

    def _prepare(self, part: slice, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Fill in what concerns some triangles; pairs of one of them (by number among these) and a flat cell."""
        flat = corners[:, :, self.plane]
        self.near[part], self.far[part] = corners[:, :, self.depth].min(axis=1), corners[:, :, self.depth].max(axis=1)

        # each edge from its left to its right end, whichever way its triangle runs through it
        end = np.roll(flat, -1, axis=1)
        turned = (end[:, :, 0] < flat[:, :, 0])[:, :, None]
        self.left[part], self.right[part] = np.where(turned, end, flat), np.where(turned, flat, end)
        self.sign[part] = np.where(turned[:, :, 0], 1, -1)

        # depth of the plane at (0, 0) and its slopes; an upright plane is met at its far side
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slopes = -normal[:, self.plane] / normal[:, [self.depth]]
        self.slopes[part] = np.where(np.isfinite(slopes).all(axis=1, keepdims=True), slopes, 0.0)
        self.anchor[part] = corners[:, 0]

        owner, cells = cells_in_plane(flat / self.cell, self.shape)
        return owner, cells[:, 0] * self.shape[1] + cells[:, 1]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Winding numbers (N,) int64 of points (N, 3)."""
        if serves_arrays():
            return self._on_kernel(points)
        points = points - self.low
        result = np.zeros(len(points), dtype=np.int64)
        near = np.flatnonzero(((points >= 0) & (points <= self.high)).all(axis=1))
        for part, owner, triangles in self._candidates(points[near][:, self.plane]):
            point, turns, depth = self._meet(points[near[part]][:, self.plane], owner, triangles)
            beyond = depth > points[near[part[point]], self.depth]
            result[near[part]] += np.bincount(point[beyond], turns[beyond], len(part)).astype(np.int64)
        return result

    def _on_kernel(self, points: np.ndarray) -> np.ndarray:
        return winding_number(
            *(points, self.low, self.high, self.depth, self.cell, self.shape),
            **{name: getattr(self, name) for name in ("left", "right", "sign", "near", "far", "slopes", "anchor")},
            **{"starts": self.starts, "triangles": self.triangles},
        )

    def measure(self, n_lines: int) -> tuple[float, int, int]:
        """Volume where the winding number is not 0, and the lowest and highest number met.

        Measured along about ``n_lines`` lines, spread evenly: each at a random place (of a fixed seed) in its own
        square.
        """
        extent = self.high[self.plane]
        counts = np.maximum(np.round(extent / np.sqrt(extent.prod() / n_lines)), 1).astype(np.int64)
        squares = np.stack(np.unravel_index(np.arange(counts.prod()), tuple(counts)), axis=1)
        flat = (squares + np.random.default_rng(0).random(squares.shape)) * extent / counts
        total, lowest, highest = 0.0, 0, 0
        for part, owner, triangles in self._candidates(flat):
            line, turns, depth = self._meet(flat[part], owner, triangles)
            order = np.lexsort((depth, line))
            number = -np.cumsum(turns[order])  # every line ends outside, so the sum can run on through all lines
            length = np.where(np.diff(line[order], append=-1) == 0, np.diff(depth[order], append=0.0), 0.0)
            total += float(length[number != 0].sum())
            met = number[length > 1e-9 * self.high[self.depth]]
            lowest, highest = min(lowest, met.min(initial=0)), max(highest, met.max(initial=0))
        return total * float(extent.prod() / counts.prod()), int(lowest), int(highest)

    def _candidates(self, flat: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Chunks of lines, given where they cross the plane: their indices, and pairs (line in the chunk, triangle)."""
        cells = np.clip((flat / self.cell).astype(np.int64), 0, np.array(self.shape) - 1)
        cells = cells[:, 0] * self.shape[1] + cells[:, 1]
        counts = self.starts[cells + 1] - self.starts[cells]
        stops = np.searchsorted(np.cumsum(counts), np.arange(_CHUNK, counts.sum(), _CHUNK))
        for part in np.split(np.arange(len(flat)), stops):
            owner, step = expand(counts[part])
            yield part, owner, self.triangles[self.starts[cells[part]][owner] + step]

    def _meet(self, flat: np.ndarray, owner: np.ndarray, triangles: np.ndarray) -> tuple[np.ndarray, ...]:
        """Of candidate pairs (point, triangle), those whose line meets: point, signed turns and depth there."""
        x, y = flat[owner, 0, None], flat[owner, 1, None]
        left, right = self.left[triangles], self.right[triangles]
        spans = (left[:, :, 0] <= x) & (x < right[:, :, 0])
        below = (right[:, :, 0] - left[:, :, 0]) * (y - left[:, :, 1]) < (right[:, :, 1] - left[:, :, 1]) * (
            x - left[:, :, 0]
        )
        turns = np.where(spans & below, self.sign[triangles], 0).sum(axis=1)
        met = turns != 0
        owner, triangles, turns = owner[met], triangles[met], turns[met]
        offset = flat[owner] - self.anchor[triangles][:, self.plane]
        depth = self.anchor[triangles, self.depth] + (offset * self.slopes[triangles]).sum(axis=1)
        return owner, turns, np.clip(depth, self.near[triangles], self.far[triangles])
