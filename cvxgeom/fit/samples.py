"""Labeled points that measure volume: each carries the volume that it stands for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .blocks import PointBlocks

_CELLS = 64  # coarse ones along the longest side
_FINER = 3  # fine cells along the side of a coarse one
_MARGIN = 0.05  # of the longest side, so that a convex that sticks out of the box is seen
_SHARES = (0.6, 0.15)  # of the points, for the cells at the surface and those around them


@dataclass(frozen=True, eq=False)
class VolumeSamples:
    """Points with labels and weights; sums of weights estimate volumes without bias.

    Args:
        points: (N, 3) float32.
        occupied: (N,) bool, ground truth.
        weights: (N,) float32, volume that each point stands for.
    """

    points: Tensor
    occupied: Tensor
    weights: Tensor

    def __getitem__(self, index: Tensor) -> "VolumeSamples":
        return VolumeSamples(self.points[index], self.occupied[index], self.weights[index])

    def __len__(self) -> int:
        return len(self.points)

    @cached_property
    def worth(self) -> np.ndarray:
        """(N,) share of the solid's volume that covering a sample wins: negative where it is free."""
        worth = torch.where(self.occupied, self.weights, -self.weights)
        return (worth / self.weights[self.occupied].sum()).numpy()

    @property
    def volume(self) -> float:
        """Volume of the solid, as they tell it."""
        return float(self.weights[self.occupied].sum())

    @cached_property
    def blocks(self) -> PointBlocks:
        """The points, to be asked which of them lie in small convexes."""
        return PointBlocks(self.points.numpy())

    def first(self, n: int) -> "VolumeSamples":
        """The first n, or all; they stand for the same volume if these are in no order."""
        if n >= len(self):
            return self
        return replace(self[torch.arange(n)], weights=self.weights[:n] * (len(self) / n))

    def with_share(self, others: "VolumeSamples", share: float) -> "VolumeSamples":
        """These and others, which are weighted to make up a share of all that is occupied."""
        mine, theirs = (samples.volume for samples in (self, others))
        return self.joined(replace(others, weights=others.weights * (share / (1 - share) * mine / theirs)))

    def joined(self, others: "VolumeSamples") -> "VolumeSamples":
        """These and others; each counts as much as its weights, so sums are those of both volumes."""
        return VolumeSamples(
            torch.cat([self.points, others.points]),
            torch.cat([self.occupied, others.occupied]),
            torch.cat([self.weights, others.weights]),
        )

    def iou(self, covered: Tensor) -> float:
        """Estimated intersection over union of the solid with a set, given which points the set covers."""
        both = float(self.weights[self.occupied & covered].sum())
        either = float(self.weights[self.occupied | covered].sum())
        return both / either if either > 0 else 0.0


@dataclass(frozen=True, eq=False)
class SampleCells:
    """A box around a solid in cells of three kinds, from which samples are drawn.

    Fine cells where the label is in question, which is at the surface and decides where half-spaces end up; fine cells
    around those; and coarse ones for all the rest, which tell what a convex takes in that it should not.

    Args:
        low: (3,) corner of the box.
        size: (3,) of the box.
        coarse: (3,) numbers of coarse cells.
        near: indices of the fine cells that the surface passes, and of their neighbors.
        around: indices of the other fine cells in coarse ones that it passes, and in their neighbors.
        far: indices of the other coarse cells.
    """

    low: np.ndarray
    size: np.ndarray
    coarse: np.ndarray
    near: np.ndarray
    around: np.ndarray
    far: np.ndarray

    @classmethod
    def of(cls, bounds: np.ndarray, surface: np.ndarray) -> "SampleCells":
        """The cells of a solid.

        Args:
            bounds: (2, 3).
            surface: (m, 3) points on its surface, enough to touch every coarse cell that it passes.
        """
        longest = float((bounds[1] - bounds[0]).max())
        low = bounds[0] - _MARGIN * longest
        size = bounds[1] - bounds[0] + 2 * _MARGIN * longest
        coarse = np.maximum(1, np.ceil(size / longest * _CELLS).astype(int))
        fine = _FINER * coarse
        at = np.clip(((surface - low) / (size / fine)).astype(int), 0, fine - 1)
        near = np.zeros(fine, dtype=bool)
        for step in product((-1, 0, 1), repeat=3):
            near[tuple(np.clip(at + step, 0, fine - 1).T)] = True
        around = np.zeros(coarse, dtype=bool)
        around[tuple((at // _FINER).T)] = True
        around = np.asarray(ndimage.binary_dilation(around, structure=np.ones((3, 3, 3), dtype=bool)), dtype=bool)
        fine_around = around
        for axis in range(3):
            fine_around = fine_around.repeat(_FINER, axis=axis)
        kinds = (near, fine_around & ~near, ~around)
        return cls(low, size, coarse, *(np.flatnonzero(kind) for kind in kinds))

    def draw(self, contains: Callable[[np.ndarray], np.ndarray], n: int, rng: np.random.Generator) -> VolumeSamples:
        """Samples of the box.

        Args:
            contains: tells inside from outside.
            n: number of points.
            rng: source of randomness.
        """
        fine = _FINER * self.coarse
        counts = [int(share * n) for share in _SHARES]
        counts.append(n - sum(counts))
        drawn, weights = [], []
        for cells, shape, count in zip((self.near, self.around, self.far), (fine, fine, self.coarse), counts):
            if len(cells) == 0 or count == 0:
                continue
            # Every cell gets its share before any gets one more: evenly spread points estimate better.
            picked = cells[rng.permutation(np.resize(rng.permutation(len(cells)), count))]
            cell = self.size / shape
            drawn.append(self.low + (np.stack(np.unravel_index(picked, shape), axis=1) + rng.random((count, 3))) * cell)
            weights.append(np.full(count, len(cells) * float(np.prod(cell)) / count))
        points = np.concatenate(drawn)
        order = rng.permutation(len(points))
        points = points[order].astype(np.float32)
        return VolumeSamples(
            torch.from_numpy(points),
            torch.from_numpy(np.asarray(contains(points.astype(np.float64)))),
            torch.from_numpy(np.concatenate(weights)[order].astype(np.float32)),
        )
