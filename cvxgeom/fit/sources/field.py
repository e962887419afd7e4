"""Functions of space as a source: signed distances and occupancies."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ..._checks import check_choice, describe, is_whole
from .boundary import marching_cubes, target_of
from .target import Target

_BATCH = 1 << 18  # points that a function gets at once
_HALVINGS = 12  # of the edge of a cell, at the surface
_LEVEL = 0.5


@dataclass(frozen=True, eq=False)
class Field:
    """A solid that a function of space describes.

    Args:
        function: (N, 3) points → (N,) values; ``N`` is up to 2¹⁸. It is not differentiated.
        bounds: (2, 3) lowest and highest corner of a box that the solid lies in. The function is asked for nothing
            outside of it.
        kind: ``"sdf"``: signed distance, negative inside (only the sign counts); ``"occupancy"``: the probability to be
            inside, more than ½ is, or a truth value.
        dtype: of the points that the function is given: a torch dtype for tensors (on the CPU), one of numpy for
            arrays.
        resolution: cells along the longest side of the box, 8 to 256, with which the surface is looked for. Parts
            thinner than one of them may be missed; where the surface is found, it is located to a 4000th of a cell.

    Raises:
        TypeError: ``function`` cannot be called, or ``resolution`` is not a whole number.
        ValueError: ``bounds`` is not a box with a volume, or an argument is out of range.

    Example:
        >>> from cvxgeom.fit import Field
        >>> ball = Field(lambda points: points.norm(dim=1) - 0.8, [[-1, -1, -1], [1, 1, 1]], resolution=32)
        >>> result = cvxgeom.fit(ball, cvxgeom.FitConfig(n_samples=2000, n_steps=20))
        >>> result.scores["iou"] > 0.9
        True
    """

    function: Callable[[Any], Any]
    bounds: Any
    kind: Literal["sdf", "occupancy"] = "sdf"
    dtype: Any = torch.float32
    resolution: int = 128

    def __post_init__(self) -> None:
        if not callable(self.function):
            raise TypeError(f"function must be a function of points, got {describe(self.function)}")
        bounds = np.asarray(self.bounds, dtype=np.float64)
        if bounds.shape != (2, 3) or not np.isfinite(bounds).all() or not (bounds[0] < bounds[1]).all():
            raise ValueError(f"bounds must be the lowest and highest corner of a box, got {describe(self.bounds)}")
        object.__setattr__(self, "bounds", bounds)
        check_choice("kind", self.kind, ("sdf", "occupancy"))
        if not isinstance(self.dtype, torch.dtype):
            object.__setattr__(self, "dtype", np.dtype(self.dtype))
        if not is_whole(self.resolution):
            raise TypeError(f"resolution must be a whole number, got {describe(self.resolution)}")
        if not 8 <= self.resolution <= 256:
            raise ValueError(f"resolution must be from 8 to 256 cells, got {self.resolution}")

    def levels(self, points: np.ndarray) -> np.ndarray:
        """(N,) positive inside, else negative or 0, of points (N, 3).

        Raises:
            TypeError: the function returns neither an array nor a tensor.
            ValueError: it returns another shape, or NaN.
        """
        found = [self._asked(points[first : first + _BATCH]) for first in range(0, len(points), _BATCH)]
        return np.concatenate([np.empty(0, dtype=np.float32), *found])

    def _asked(self, points: np.ndarray) -> np.ndarray:
        if isinstance(self.dtype, torch.dtype):
            with torch.no_grad():
                values = self.function(torch.from_numpy(points).to(self.dtype))
        else:
            values = self.function(points.astype(self.dtype))
        if not hasattr(values, "shape") or not hasattr(values, "dtype"):
            raise TypeError(f"function must return an array or a tensor, got {describe(values)}")
        if tuple(values.shape) != (len(points),):
            raise ValueError(f"function must return ({len(points)},) values for as many points, got {describe(values)}")
        values = values.detach().cpu().double().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
        values = values.astype(np.float64)
        if np.isnan(values).any():
            raise ValueError(f"function must return numbers, got {int(np.isnan(values).sum())} NaN")
        levels = -values if self.kind == "sdf" else values - _LEVEL
        return levels.clip(-1e30, 1e30).astype(np.float32)


def from_field(source: Field, seed: int) -> Target:
    """Of a function of space.

    Raises:
        TypeError, ValueError: the function returns what it should not; or nothing in the box is inside, or all of it.
    """
    low, high = source.bounds
    cell = float((high - low).max()) / source.resolution
    shape = np.ceil((high - low) / cell - 1e-6).astype(int).clip(min=1)
    spacing = (high - low) / shape
    origin = low + spacing / 2
    nodes = origin + np.stack(np.unravel_index(np.arange(shape.prod()), tuple(shape)), axis=1) * spacing
    levels = source.levels(nodes)
    occupied = levels > 0
    if occupied.all() or not occupied.any():
        amount, advice = ("all", "wider bounds") if occupied.all() else ("none", "tighter bounds or a finer resolution")
        sign = ", where it is negative" if source.kind == "sdf" else ", where it is above ½"
        raise ValueError(
            f"source must be inside{sign} somewhere in its bounds but not everywhere, "
            f"got {amount} of {len(nodes)} points inside; give {advice}"
        )

    def contains(points: np.ndarray) -> np.ndarray:
        within = np.flatnonzero(((points >= low) & (points <= high)).all(axis=1))
        found = np.zeros(len(points), dtype=bool)
        found[within] = source.levels(points[within]) > 0
        return found

    # At the node outside of the box nothing is asked, so the box itself ends what reaches out of it.
    mesh, free, held = marching_cubes(levels.reshape(tuple(shape)), origin, spacing)
    for _ in range(_HALVINGS):
        middle = (free + held) / 2
        inside = contains(middle)[:, None]
        free, held = np.where(inside, free, middle), np.where(inside, middle, held)
    mesh.vertices = (free + held) / 2
    return target_of(contains, mesh, nodes[occupied], spacing, seed)
