"""Recursive splitting: cut the inside of a solid into pieces that are nearly convex.

A piece is a set of inside points. Its convex is bounded by a fixed set of directions (a discrete-orientation polytope),
which makes the convex of any subset a maximum over rows of one matrix, so that many cuts can be tried at once. What a
cut is judged by is the *excess*: the volume that the convexes of the two halves hold and the solid does not, measured
by the free ones among labeled samples.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from ..ops import cut_excess, points_within, weight_below
from ..shape.polytope import hull_planes
from .blocks import PointBlocks, spatial_order
from .deadline import NEVER, Deadline
from .parts import Part
from .samples import VolumeSamples

# A piece whose excess is below this share of the solid's volume is convex enough.
PIECE_TOLERANCE = 0.002
_SAMPLES = 1200  # points per piece on which cuts are tried
_PROBES = 4000  # free samples per piece on which cuts are tried
_ROUNDS = 2  # of cutting and joining: what joining saves is spent on further cuts
_EVEN = 0.3  # a cut is even if each side has at least 20 % of the points
_EVEN_BONUS = 0.03  # share of the excess that an even cut is worth beyond what it gains at once
_CONVEX_BONUS = 0.3  # the same for cutting off a convex half, times its share of the points
_CONVEX_EXCESS = 0.05  # a half is convex if its excess is below this share of its volume
_SURFACE_CUTS = 28  # most frequent planes of the surface that are tried as cuts

_HULL_NORMALS = 200  # of the exact hull that are candidates for planes, beside the common directions
_OCCUPIED_WORTH = 0.05  # of keeping an occupied point out, relative to a free one
_NOTHING = 1e-6  # of all that there is to keep out: what gains no more is rounding


@dataclass(frozen=True, eq=False)
class InsidePoints:
    """Points in the solid, surface included.

    Args:
        points: (n, 3).
        normals: (n, 3) outward unit normals of those on the surface, 0 for the others.
    """

    points: np.ndarray
    normals: np.ndarray

    @classmethod
    def of(cls, surface: np.ndarray, normals: np.ndarray, within: np.ndarray) -> "InsidePoints":
        """Points of the surface with their normals, and others."""
        return cls(np.concatenate([surface, within]), np.concatenate([normals, np.zeros_like(within)]))

    def __getitem__(self, index: np.ndarray) -> "InsidePoints":
        return InsidePoints(self.points[index], self.normals[index])

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def surface(self) -> "InsidePoints":
        """Those on the surface."""
        return self[self.on_surface]

    @cached_property
    def blocks(self) -> PointBlocks:
        """The points, to be asked which of them lie in small convexes."""
        return PointBlocks(self.points.astype(np.float32))

    @property
    def on_surface(self) -> np.ndarray:
        """(n,) whether a point lies on the surface."""
        return np.asarray(self.normals.any(axis=1))


@dataclass(eq=False)
class _Piece:
    index: np.ndarray  # of its points
    reach: np.ndarray  # (D,) how far the points reach in each direction
    free: np.ndarray  # indices of the free samples in its convex
    excess: float  # volume that they stand for
    searched: bool = False  # whether the best cut is known
    halves: tuple["_Piece", "_Piece"] | None = None  # by that cut, if there is one
    gain: float = 0.0


class Splitter:
    """Splits inside points by the cuts that lose the most excess, until what is left is convex enough.

    Args:
        inside: points in the solid.
        samples: labeled points in a box around the solid.
        rng: source of all random numbers.
    """

    def __init__(self, inside: InsidePoints, samples: VolumeSamples, rng: np.random.Generator):
        self.inside, self.rng = inside, rng
        self.volume = samples.volume
        self.extent = float(np.ptp(inside.points, axis=0).max())
        self.directions = _directions(inside.surface.normals)
        self.along = (inside.points @ self.directions.T).astype(np.float32)
        self.points, self.occupied = samples.points.numpy(), samples.occupied.numpy()
        self.weights, self.blocks = samples.weights.numpy(), samples.blocks
        free = np.flatnonzero(~self.occupied)
        free = free[spatial_order(self.points[free])]  # `weight_below` skips blocks of neighbors
        self.free_points, self.free_weights = self.points[free], self.weights[free]
        self.directions_32 = self.directions.astype(np.float32)
        self.free_along = self.free_points @ self.directions_32.T
        self.root = self._piece(np.arange(len(inside)), np.arange(len(free)))

    def split(self, max_pieces: int, until: Deadline = NEVER) -> list[InsidePoints]:
        """At most ``max_pieces`` sets of points, each nearly convex, not worth another cut, or as it is by then."""
        pieces = [self.root]
        for _ in range(_ROUNDS):
            pieces = self._merged(self._cut(pieces, max_pieces, until), until)
        return [self.inside[piece.index] for piece in pieces]

    def part(self, piece: InsidePoints, max_planes: int) -> Part | None:
        """The convex around a piece; None for fewer than four points, or all in a plane: nothing to stand on."""
        try:
            normals, offsets = self.planes(piece, max_planes)
        except ValueError:
            return None
        return Part.of_planes(normals, offsets, near=piece.points)

    def planes(self, piece: InsidePoints, max_planes: int) -> tuple[np.ndarray, np.ndarray]:
        """Few half-spaces n·x + d ≤ 0 around a piece that keep out what is not solid.

        Chosen one after the other, each as the one that keeps out most of the free points that are still in. Occupied
        points count a little, so that pieces do not grow into each other without need.

        Args:
            piece: points to enclose.
            max_planes: cap, at least 6; with 6, it is the box of the piece.

        Returns:
            Normals (H, 3) and offsets (H,).

        Raises:
            ValueError: the points enclose no volume.
        """
        if len(piece) < 4:
            raise ValueError(f"piece must have at least 4 points to enclose a volume, got {len(piece)}")
        if max_planes == 6:
            return self.directions[:6], -(piece.points @ self.directions[:6].T).max(axis=0)
        hull_normals, _ = hull_planes(piece.points, None)
        normals = np.concatenate([self.directions, hull_normals[:: max(1, len(hull_normals) // _HULL_NORMALS)]])
        reach = (piece.points @ normals.T).max(axis=0)
        low, high = -reach[3:6], reach[:3]
        margin = 0.1 * (high - low) + 0.02 * self.extent
        near = np.sort(self.blocks.near(low - margin, high + margin))
        worth = self.weights[near] * np.where(self.occupied[near], np.float32(_OCCUPIED_WORTH), np.float32(1))
        kept_out = self.points[near] @ normals.T.astype(np.float32) > reach.astype(np.float32)
        gains = (worth @ kept_out).astype(np.float64)
        nothing = _NOTHING * float(worth.sum())
        still_in = np.ones(len(near), dtype=bool)
        chosen: list[int] = []
        while len(chosen) < max_planes - 6:
            best = int((gains >= gains.max() - nothing).argmax())  # of equals the first, not any
            if gains[best] <= nothing:
                break
            chosen.append(best)
            out = np.flatnonzero(still_in & kept_out[:, best])
            still_in[out] = False
            gains -= worth[out] @ kept_out[out]
        # The box makes it bounded; where it does nothing, pruning takes it away again.
        chosen += [axis for axis in range(6) if axis not in chosen]
        return normals[chosen], -reach[chosen]

    def _cut(self, pieces: list[_Piece], max_pieces: int, until: Deadline) -> list[_Piece]:
        """Cut one piece after the other, where it gains most, until the number is reached or nothing gains."""
        pieces = list(pieces)
        while len(pieces) < max_pieces:
            for piece in pieces:
                if until.passed:
                    return pieces
                if not piece.searched and piece.excess > PIECE_TOLERANCE * self.volume:
                    self._search(piece)
            best = max(pieces, key=lambda piece: piece.gain)
            if best.halves is None or best.gain <= 0.02 * PIECE_TOLERANCE * self.volume:
                break
            pieces.remove(best)
            pieces.extend(best.halves)
        return pieces

    def _piece(self, index: np.ndarray, among: np.ndarray) -> _Piece:
        """The piece of some points, whose free samples are among the given ones."""
        reach = self.along[index].max(axis=0)
        inside = points_within(*map(torch.from_numpy, (self.free_points[among], self.directions_32, -reach)))
        free = among[inside.numpy()]
        return _Piece(index, reach, free, float(self.free_weights[free].sum()))

    def _search(self, piece: _Piece) -> None:
        """Find the cut with the least excess of the halves."""
        normals, levels = self._cuts(piece.index)
        index = piece.index[self.rng.permutation(len(piece.index))[:_SAMPLES]]
        left = self._is_left(index, normals, levels)  # (n, C)
        reach = self.along[index]
        probes = piece.free[self.rng.permutation(len(piece.free))[:_PROBES]]
        weights = self.free_weights[probes]
        weights = weights * np.float32(piece.excess / max(float(weights.sum()), 1e-30))
        held = cut_excess(*map(torch.from_numpy, (reach, left.T.copy(), self.free_along[probes], weights))).numpy()
        # A hollow gains nothing from its first cuts, only from the last. The way there is to slice off what is convex,
        # or failing that to cut in the middle.
        even = np.abs(left.mean(axis=0) - 0.5) < _EVEN
        allowed = _CONVEX_EXCESS * self.volume * len(piece.index) / len(self.inside)
        share = left.mean(axis=0)
        convex = share * (held[:, 0] < allowed * share) + (1 - share) * (held[:, 1] < allowed * (1 - share))
        promise = (_CONVEX_BONUS * convex + _EVEN_BONUS * even) * piece.excess
        best = int(np.where((share > 0) & (share < 1), promise - held[:, 2], -np.inf).argmax())
        piece.searched = True
        side = self._is_left(piece.index, normals[best], levels[best])
        if side.all() or not side.any():  # no plane parts them
            return
        halves = self._piece(piece.index[side], piece.free), self._piece(piece.index[~side], piece.free)
        gain = piece.excess - halves[0].excess - halves[1].excess
        piece.halves, piece.gain = halves, max(gain, float(promise[best]))

    def _is_left(self, index: np.ndarray, normals: np.ndarray, levels: np.ndarray | float) -> np.ndarray:
        """Which points lie below planes n·x = level; those on the surface belong to the side of their material."""
        points = self.inside[index]
        return (points.points - 1e-4 * self.extent * points.normals) @ normals.T < levels

    def _cuts(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Candidate planes n·x = level: the surface's own planes, and slices across the axes and principal axes."""
        points = self.inside[index]
        normals, levels = [], []
        surface = points.surface
        if len(surface):
            n, x = surface.normals, surface.points
            nearest = (n @ self.directions.T).argmax(axis=1)
            level = (x * self.directions[nearest]).sum(axis=1)
            bins = np.round(level / (0.01 * self.extent)).astype(np.int64)
            key = nearest * 100_003 + bins
            order = np.lexsort((level, key))
            start = np.flatnonzero(np.concatenate([[True], np.diff(key[order]) != 0]))
            count = np.diff(start, append=len(order))
            for i in np.argsort(-count, kind="stable")[:_SURFACE_CUTS]:
                middle = order[[start[i] + (count[i] - 1) // 2, start[i] + count[i] // 2]]
                normals.append(self.directions[nearest[middle[0]]])
                levels.append(float(level[middle].mean()))
        centered = points.points - points.points.mean(axis=0)
        axes = np.concatenate([np.eye(3), np.linalg.svd(centered[:5000], full_matrices=False)[2]])
        for axis in axes:
            along = points.points @ axis
            low, high = along.min(), along.max()
            for fraction in (0.15, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85):
                normals.append(axis)
                levels.append(low + fraction * (high - low))
        return np.array(normals), np.array(levels)

    def _merged(self, pieces: list[_Piece], until: Deadline) -> list[_Piece]:
        """Join neighbors as long as their common convex gains hardly any excess."""
        allowed = PIECE_TOLERANCE * self.volume
        live, fresh = dict(enumerate(pieces)), list(range(len(pieces)))
        costs: dict[tuple[int, int], float] = {}
        while len(live) > 1 and not until.passed:
            if pairs := self._touching(live, fresh):
                common = np.stack([np.maximum(live[a].reach, live[b].reach) for a, b in pairs])
                held = weight_below(*map(torch.from_numpy, (self.free_along, self.free_weights, common))).tolist()
                for (a, b), one in zip(pairs, held, strict=True):
                    costs[a, b] = one - live[a].excess - live[b].excess
            if not costs:
                break
            pair = min(costs, key=lambda pair: (costs[pair], pair))
            if costs[pair] >= allowed:
                break
            one, other = live.pop(pair[0]), live.pop(pair[1])
            costs = {left: cost for left, cost in costs.items() if not set(left) & set(pair)}
            fresh = [max(fresh[-1], *pair) + 1]
            live[fresh[0]] = self._piece(np.concatenate([one.index, other.index]), np.arange(len(self.free_points)))
        return list(live.values())

    def _touching(self, pieces: dict[int, _Piece], fresh: list[int]) -> list[tuple[int, int]]:
        """Pairs i < j of numbers of pieces, one of them fresh at least, whose boxes meet, up to a small gap."""
        numbers = np.array(list(pieces))
        reach = np.stack([piece.reach[:6] for piece in pieces.values()])
        high, low = reach[:, :3] + 0.02 * self.extent, -reach[:, 3:]
        new = np.isin(numbers, fresh)
        above = (high[new, None] > low[None]).all(axis=-1) & (high[None] > low[new, None]).all(axis=-1)
        a, b = above.nonzero()
        pairs = np.stack([numbers[new][a], numbers[b]], axis=1)
        return sorted({(int(i), int(j)) for i, j in np.sort(pairs, axis=1) if i != j})


def _directions(normals: np.ndarray) -> np.ndarray:
    """Unit directions that bound the pieces: ±axes first, edges and corners of a cube, the surface's own normals."""
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    grid = np.array([[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)], dtype=float)
    cube = grid[np.abs(grid).sum(axis=1) > 1]
    cube /= np.linalg.norm(cube, axis=1, keepdims=True)
    directions = np.concatenate([axes, cube])
    surface = normals[:: max(1, len(normals) // 5000)]
    surface = np.concatenate([surface, -surface])
    for _ in range(24):
        if not len(surface):
            break
        # The most frequent normal that no direction is near yet: bins of a few degrees on a cube map.
        bins = (np.round(surface * 8).astype(np.int64) + 8) @ (289, 17, 1)
        members = bins == np.bincount(bins).argmax()
        center = surface[members].mean(axis=0)
        center /= np.linalg.norm(center)
        if (directions @ center).max() < np.cos(np.radians(4)):
            directions = np.concatenate([directions, center[None]])
        surface = surface[(surface @ center < np.cos(np.radians(8))) & ~members]
    return directions
