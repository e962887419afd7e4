"""What a predictor is, and what it predicts: the only two things that the benchmark knows about a method."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from torch import Tensor

from ..shape import ConvexUnion
from .voxels import VoxelShape, marching_cubes

Surface = ConvexUnion | trimesh.Trimesh
_COARSE = 4  # fine steps in a coarse one
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted solid, in the object frame of the input.

    Args:
        contains: which of the points (N, 3), float32, are inside: a boolean tensor (N,).
        surface: makes its boundary, on demand; raises ValueError where there is none.
        counts: how many numbers state the result, and of how many convex parts it consists (None: it has no parts);
            on demand, see the functions below.
        contains_exact: the same as ``contains`` for another surface that is reported beside it: of smooth convexes,
            their exact polytopes.
    """

    contains: Callable[[Tensor], Tensor]
    surface: Callable[[], Surface]
    counts: Callable[[], tuple[int, int | None]]
    contains_exact: Callable[[Tensor], Tensor] | None = None


@runtime_checkable
class Predictor(Protocol):
    """Anything that predicts a solid from what was seen of it.

    One that takes only a certain number of views says so by an attribute ``only_views``; under other conditions it is
    left out.
    """

    @property
    def name(self) -> str:
        """How the tables call it."""
        ...

    def predict(self, views: Any) -> Prediction:
        """The solid.

        Args:
            views: `cvxgeom.DepthViews` of one object, or whatever the task's images are.
        """
        ...


def from_exact(shape: ConvexUnion, n_numbers: int) -> Prediction:
    """A prediction that is a union of polytopes.

    Args:
        shape: a single one.
        n_numbers: that state it: a box needs six.
    """
    wide = shape.detach().to(torch.float64)
    return Prediction(
        lambda points: wide.contains(points.double()), lambda: shape, lambda: (n_numbers, shape.n_convexes)
    )


def from_smooth(shape: ConvexUnion) -> Prediction:
    """A prediction that is a union of smooth convexes: inside is where the indicator is at least ½.

    Surface, parts and numbers are those of the exact polytopes, which are what is exported: a part counts if it is a
    bounded solid, and each of its planes that has a face counts four numbers.

    Args:
        shape: a single one, on any device.
    """
    shape = shape.detach().to("cpu", torch.float32)

    @cache  # once for the counts and for all points
    def bounded() -> dict[int, int]:
        return {k: len(part.faces) for k, part in enumerate(shape.polytopes()) if part.is_bounded}

    def contains_exact(points: Tensor) -> Tensor:
        return shape.select(list(bounded())).contains(points)

    def counts() -> tuple[int, int]:
        return 4 * sum(bounded().values()), len(bounded())

    return Prediction(lambda points: shape.indicator(points) >= 0.5, lambda: shape, counts, contains_exact)


def from_voxels(shape: VoxelShape) -> Prediction:
    """A prediction that is a grid: one number a cube, and no parts."""
    return Prediction(shape.contains, shape.mesh, lambda: (shape.occupancy.numel(), None))


def from_field(
    logits: Callable[[Tensor], Tensor], low: Float[Tensor, "3"], high: Float[Tensor, "3"], resolution: int = 128
) -> Prediction:
    """A prediction that can be asked anywhere: its surface comes from a grid, whose nodes are its numbers.

    Args:
        logits: of points (N, 3), greater than 0 inside.
        low: lowest corner of the box in which the surface is looked for.
        high: greatest corner.
        resolution: cells along the longest side of the box.
    """
    cell = float((high - low).max()) / resolution
    coarse = ((high - low) / (_COARSE * cell)).ceil().long().tolist()
    fine = [_COARSE * n + 1 for n in coarse]

    def surface() -> trimesh.Trimesh:
        with torch.no_grad():
            values = _refined(logits, low, cell, coarse)
        if not (values > 0).any():
            raise ValueError("the predicted field must have an inside to have a boundary, got an empty one")
        # A border closes the surface where it leaves the box; it is as far below 0 as the values are above.
        padded = np.pad(values, 1, constant_values=-float(np.abs(values).max()))
        return marching_cubes(padded, low.double().numpy() - cell, cell, level=0.0)

    return Prediction(lambda points: logits(points) > 0, surface, lambda: (fine[0] * fine[1] * fine[2], None))


def _refined(
    logits: Callable[[Tensor], Tensor], low: Float[Tensor, "3"], cell: float, coarse: list[int]
) -> Float[np.ndarray, "x y z"]:
    """A field at the nodes of a grid, asked only near where a coarse grid sees its sign change; blended elsewhere."""

    def asked(nodes: Tensor) -> Tensor:
        return torch.cat([logits(low + cell * chunk).float().cpu() for chunk in nodes.split(_CHUNK)])

    def grid(n: list[int], step: int) -> Tensor:
        return torch.cartesian_prod(*(step * torch.arange(float(k)) for k in n))

    first = asked(grid([n + 1 for n in coarse], _COARSE)).reshape([n + 1 for n in coarse])[None, None]
    pool = torch.nn.functional.max_pool3d
    # Two coarse steps around each node: nothing that the coarse grid hints at is lost.
    mixed = (pool((first > 0).float(), 5, 1, 2) > 0) & (pool((first <= 0).float(), 5, 1, 2) > 0)
    fine = [_COARSE * n + 1 for n in coarse]
    values = torch.nn.functional.interpolate(first, fine, mode="trilinear", align_corners=True).reshape(-1)
    near = torch.nn.functional.interpolate(mixed.float(), fine, mode="trilinear", align_corners=True).reshape(-1) > 0
    values[near] = asked(grid(fine, 1)[near])
    return values.reshape(fine).numpy()
