"""Points in blocks of neighbors: those in a convex are found without asking most of the others."""

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .parts import Part

_BLOCK = 64  # points; a vector of a kernel and its tail cost as much as a few
_LEVELS = 10  # of the curve: cells of a thousandth of the longest side
_ROUNDING = 1e-6


class PointBlocks:
    """Points that are asked many times which of them lie in a small convex.

    Args:
        points: (N, 3) float32, finite.
    """

    def __init__(self, points: np.ndarray) -> None:
        order = spatial_order(points)
        n_blocks = -(-len(points) // _BLOCK)
        # What fills the last block is in no convex.
        padded = np.full((n_blocks * _BLOCK, 3), np.nan, dtype=np.float32)
        padded[: len(points)] = points[order]
        self._points = padded.reshape(n_blocks, _BLOCK, 3)
        self._order = np.resize(order, n_blocks * _BLOCK).reshape(n_blocks, _BLOCK) if len(points) else order
        self.n_points = len(points)
        self._low, self._high = np.fmin.reduce(self._points, axis=1), np.fmax.reduce(self._points, axis=1)

    def inside(self, part: "Part", margin: float = 0.0) -> np.ndarray:
        """Indices of the points that a part `holds`, in no order."""
        low, high = part.bounds
        near = self._meeting(low - margin, high + margin)
        return self._order[near].ravel()[part.holds(self._points[near].reshape(-1, 3), margin)]

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(B, 3) middles of the blocks, (B,) radii of balls around them, (B, 64, 3) points and (B, 64) their indices.

        What fills the last block is no number.
        """
        radii = np.linalg.norm(self._high - self._low, axis=1) / 2 + _ROUNDING
        return (self._low + self._high) / 2, radii, self._points, self._order

    def near(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Indices of the points in a box, its sides left out."""
        blocks = self._meeting(low, high)
        points = self._points[blocks]
        return self._order[blocks][((points > low) & (points < high)).all(axis=2)]

    def _meeting(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        meets = (self._low <= high + _ROUNDING) & (self._high >= low - _ROUNDING)
        return (meets[:, 0] & meets[:, 1] & meets[:, 2]).nonzero()[0]


def spatial_order(points: np.ndarray) -> np.ndarray:
    """A permutation in which neighbors in the list are neighbors in space: along a Morton curve.

    Args:
        points: (N, 3), finite.
    """
    if not len(points):
        return np.empty(0, dtype=np.int64)
    low = points.min(axis=0)
    longest = max(float((points.max(axis=0) - low).max()), 1e-30)
    cells = ((points - low) * ((1 << _LEVELS) / longest)).astype(np.int64).clip(0, (1 << _LEVELS) - 1)
    keys = np.zeros(len(points), dtype=np.int64)
    for axis in range(3):
        bits = cells[:, axis]
        for shift, mask in ((16, 0x030000FF), (8, 0x0300F00F), (4, 0x030C30C3), (2, 0x09249249)):
            bits = (bits | bits << shift) & mask
        keys |= bits << axis
    return np.argsort(keys, kind="stable")


def covering(parts: "list[Part]", points: PointBlocks) -> tuple[list[np.ndarray], np.ndarray]:
    """Indices of the points in each part, and the number of parts that hold each point."""
    inside = [points.inside(part) for part in parts]
    count = np.zeros(points.n_points, dtype=np.int32)
    for index in inside:
        count[index] += 1
    return inside, count
