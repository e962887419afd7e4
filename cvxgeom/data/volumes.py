"""Points that stand for volumes: how much of a solid a prediction covers, and how much else."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

# CvxNet's code looks for surfaces in the cube [−0.65, 0.65]³; so far out a prediction counts against its IoU.
EXTENT = 0.65


@dataclass(frozen=True, eq=False)
class VolumePoints:
    """Points of a cube around a solid: some in a box that holds it, some in the rest, each evenly spread.

    Args:
        points: in the box, object frame.
        occupancy: label of each.
        outside: in the rest of the cube, where nothing of the solid is.
        weight: volume that a point outside stands for, in units of that of a point in the box.
    """

    points: Float[Tensor, "N 3"]
    occupancy: Bool[Tensor, " N"]
    outside: Float[Tensor, "M 3"]
    weight: float

    @property
    def all(self) -> Float[Tensor, "NM 3"]:
        """Those in the box, then those outside."""
        return torch.cat([self.points, self.outside])

    def iou(self, contains: Callable[[Tensor], Tensor]) -> tuple[float, float]:
        """Estimated intersection over union, in the cube and in the box, of the solid and another set.

        Args:
            contains: points (n, 3) → which of them are in the set.

        Example:
            >>> points, none = torch.tensor([[0.1, 0, 0], [0.4, 0, 0]]), torch.zeros(0, 3)
            >>> VolumePoints(points, torch.tensor([True, False]), none, 1.0).iou(lambda p: p[:, 0] > 0)
            (0.5, 0.5)
        """
        return self.covered(contains(self.points), contains(self.outside))

    def covered(self, inside: Bool[Tensor, " N"], stray: Bool[Tensor, " M"]) -> tuple[float, float]:
        """The same, given which points are in the set: of those in the box, and of those outside."""
        both, either = int((inside & self.occupancy).sum()), int((inside | self.occupancy).sum())
        everywhere = either + self.weight * int(stray.sum())
        return both / everywhere if either else 0.0, both / either if either else 0.0


def volume_points(record: Any, n_inside: int | None = None, n_cube: int = 1 << 15, seed: int = 0) -> VolumePoints:
    """Points of a record to estimate volumes with, in the cube [−0.65, 0.65]³.

    Args:
        record: of a data set, with a solid in the cube [−½, ½]³.
        n_inside: how many of its uniform points; None is all.
        n_cube: so many more are drawn in the cube, and those outside of the box of the uniform points are kept.
        seed: of the choice.
    """
    points, occupancy = record.uniform.points, record.uniform.occupancy
    low, high = box_of(record)
    generator = torch.Generator().manual_seed(seed)
    drawn = (2 * torch.rand(n_cube, 3, generator=generator) - 1) * EXTENT
    outside = drawn[~((drawn >= low) & (drawn <= high)).all(dim=-1)]
    if n_inside is not None and n_inside < len(points):
        chosen = torch.randperm(len(points), generator=generator)[:n_inside]
        points, occupancy = points[chosen], occupancy[chosen]
    volume = float((high - low).prod()) / len(points)
    return VolumePoints(points, occupancy, outside, (2 * EXTENT) ** 3 / n_cube / volume)


def box_of(record: Any) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Lowest and highest corner of the box that holds the solid of a record and its uniform points."""
    points = record.uniform.points
    bounds = record.bounds.to(points)
    return torch.minimum(points.amin(dim=0), bounds[0]), torch.maximum(points.amax(dim=0), bounds[1])
