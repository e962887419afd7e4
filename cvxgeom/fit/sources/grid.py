"""Occupancy grids as a source."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from trimesh.voxel import VoxelGrid

from ..._checks import describe
from .boundary import marching_cubes, target_of
from .target import Target, as_array

_LEVEL = 0.5


@dataclass(frozen=True, eq=False)
class OccupancyGrid:
    """What is solid, told on a regular grid: each value holds for the cell around its place. Beyond, it is free.

    Args:
        values: (X, Y, Z), array or tensor: bool (or 0 and 1), whether the cell is solid; or floating-point numbers from
            0 to 1, the probability that its center is. Between centers probabilities are interpolated, and what is more
            probable than ½ is solid.
        origin: (3,) *center* of the cell ``values[0, 0, 0]``.
        spacing: side of a cell, or (3,) one along each axis.

    Raises:
        TypeError: ``values`` are neither truth values nor floating-point numbers.
        ValueError: ``values`` is not (X, Y, Z), or empty, not finite, or out of the range 0 to 1; ``origin`` is not
            three finite numbers, or ``spacing`` not positive and finite.

    Example:
        >>> from cvxgeom.fit import OccupancyGrid
        >>> grid = OccupancyGrid(np.ones((4, 2, 2), dtype=bool))
        >>> result = cvxgeom.fit(grid, cvxgeom.FitConfig(n_samples=2000))
        >>> result.shape.polytopes()[0].bounds.round(decimals=1).tolist()  # four cells along x, from -½ to 3½
        [[-0.5, -0.5, -0.5], [3.5, 1.5, 1.5]]
    """

    values: Any
    origin: Any = (0.0, 0.0, 0.0)
    spacing: Any = 1.0

    def __post_init__(self) -> None:
        values = np.array(as_array(self.values))  # a copy: what becomes of the given one changes nothing here
        if values.ndim != 3 or not values.size:
            raise ValueError(f"values must have shape (X, Y, Z), none of them 0, got {describe(self.values)}")
        if values.dtype.kind in "iu" and ((values == 0) | (values == 1)).all():
            values = values.astype(bool)
        if values.dtype.kind not in "bf":
            raise TypeError(f"values must be bool, 0 and 1, or floating-point numbers, got {describe(self.values)}")
        if values.dtype.kind == "f":
            bad = int((~((values >= 0) & (values <= 1))).sum())
            if bad:
                raise ValueError(f"values must be from 0 to 1, got {bad} of {values.size} that are not, or NaN")
        origin, spacing = (np.asarray(given, dtype=np.float64) for given in (self.origin, self.spacing))
        if origin.shape != (3,) or not np.isfinite(origin).all():
            raise ValueError(f"origin must be three finite numbers, got {describe(self.origin)}")
        if spacing.shape not in ((), (3,)) or not ((spacing > 0) & np.isfinite(spacing)).all():
            raise ValueError(
                f"spacing must be one or three finite numbers greater than 0, got {describe(self.spacing)}"
            )
        for name, array in (("values", values), ("origin", origin), ("spacing", np.broadcast_to(spacing, 3))):
            object.__setattr__(self, name, array)

    @classmethod
    def of_voxels(cls, voxels: VoxelGrid) -> "OccupancyGrid":
        """The grid of trimesh's voxels, whose axes must be those of space.

        Args:
            voxels: filled (``VoxelGrid.fill``) where what is meant is a solid, not its surface.

        Raises:
            ValueError: the voxels are turned, mirrored or sheared.

        Example:
            >>> import trimesh
            >>> voxels = trimesh.creation.box((1, 1, 2)).voxelized(0.25).fill()
            >>> OccupancyGrid.of_voxels(voxels).spacing.tolist()
            [0.25, 0.25, 0.25]
        """
        transform = np.asarray(voxels.transform, dtype=np.float64)
        sides = np.diag(transform)[:3]
        if (sides <= 0).any() or np.abs(transform[:3, :3] - np.diag(sides)).max() > 1e-9 * sides.max():
            raise ValueError(f"voxels must be along the axes, not turned, got the transform {transform.tolist()}")
        return cls(np.array(voxels.matrix), transform[:3, 3], sides)


def from_grid(grid: OccupancyGrid, seed: int) -> Target:
    """Of an occupancy grid.

    Raises:
        ValueError: nothing is occupied.
    """
    origin, spacing = grid.origin, grid.spacing
    levels = grid.values.astype(np.float32) - _LEVEL
    occupied = levels > 0
    if not occupied.any():
        raise ValueError(f"source must be occupied somewhere (more than ½), got a grid of {levels.size} free cells")

    def contains(points: np.ndarray) -> np.ndarray:
        places = ((points - origin) / spacing).T
        if grid.values.dtype == bool:
            return ndimage.map_coordinates(occupied.astype(np.uint8), places, order=0, mode="grid-constant") > 0
        return ndimage.map_coordinates(levels, places, order=1, mode="grid-constant", cval=-_LEVEL) > 0

    mesh, *_ = marching_cubes(levels, origin, spacing)
    return target_of(contains, mesh, origin + np.argwhere(occupied) * spacing, spacing, seed)
