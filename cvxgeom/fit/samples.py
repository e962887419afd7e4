"""Labeled points that measure volume: each carries the volume that it stands for."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from .blocks import PointBlocks

_CELLS = 64  # cells along the longest side
_MARGIN = 0.05  # of the longest side, so that a convex that sticks out of the box is seen
_NEAR_SHARE = 0.75  # of the points go to cells near the surface


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

    @cached_property
    def blocks(self) -> PointBlocks:
        """The points, to be asked which of them lie in small convexes."""
        return PointBlocks(self.points.numpy())

    def with_share(self, others: "VolumeSamples", share: float) -> "VolumeSamples":
        """These and others, which are weighted to make up a share of all that is occupied."""
        mine, theirs = (float(samples.weights[samples.occupied].sum()) for samples in (self, others))
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


def stratified(
    contains: Callable[[np.ndarray], np.ndarray],
    bounds: np.ndarray,
    surface: np.ndarray,
    n: int,
    rng: np.random.Generator,
) -> VolumeSamples:
    """Samples of a box around a solid, denser where the label is in question: in the cells near its surface.

    Args:
        contains: tells inside from outside.
        bounds: (2, 3) of the solid.
        surface: (m, 3) points on its surface, enough to touch every cell that it passes.
        n: number of points.
        rng: source of randomness.
    """
    longest = float((bounds[1] - bounds[0]).max())
    low = bounds[0] - _MARGIN * longest
    size = bounds[1] - bounds[0] + 2 * _MARGIN * longest
    shape = np.maximum(1, np.ceil(size / longest * _CELLS).astype(int))
    cell = size / shape
    near = np.zeros(shape, dtype=bool)
    near[tuple(np.clip(((surface - low) / cell).astype(int), 0, shape - 1).T)] = True
    near = np.asarray(ndimage.binary_dilation(near, structure=np.ones((3, 3, 3), dtype=bool)), dtype=bool)
    n_near = int(n * _NEAR_SHARE)
    drawn, weights = [], []
    for mask, count in ((near, n_near), (~near, n - n_near)):
        cells = np.argwhere(mask)
        if len(cells) == 0 or count == 0:
            continue
        # Every cell gets its share before any gets one more: evenly spread points estimate better.
        picked = rng.permutation(np.resize(rng.permutation(len(cells)), count))
        drawn.append(low + (cells[picked] + rng.random((count, 3))) * cell)
        weights.append(np.full(count, len(cells) * float(np.prod(cell)) / count))
    points = np.concatenate(drawn)
    order = rng.permutation(len(points))
    points = points[order].astype(np.float32)
    return VolumeSamples(
        torch.from_numpy(points),
        torch.from_numpy(np.asarray(contains(points.astype(np.float64)))),
        torch.from_numpy(np.concatenate(weights)[order].astype(np.float32)),
    )
