"""What a fit aims at: a source of any kind, in a unit frame."""

import trimesh
from trimesh.voxel import VoxelGrid

from .._checks import describe
from ..data import LabeledPoints, Solid, solidify
from ..depth import DepthViews
from ..shape import ConvexUnion
from .deadline import NEVER, Deadline
from .sources import (
    Completed,
    Field,
    OccupancyGrid,
    PointCloud,
    Target,
    from_cloud,
    from_field,
    from_grid,
    from_labeled,
    from_solid,
    from_views,
)

__all__ = ["Target", "as_target"]

Source = (
    trimesh.Trimesh | Solid | PointCloud | VoxelGrid | OccupancyGrid | Field | LabeledPoints | DepthViews | Completed
)


def as_target(source: Source, seed: int, init: ConvexUnion | None = None, until: Deadline = NEVER) -> Target:
    """Normalize a source.

    Args:
        source: of any kind.
        seed: of all random numbers.
        init: what the fit starts from; it also decides what depth views leave open.
        until: after that, points inside are looked for no longer.

    Raises:
        TypeError: the source is of no known kind.
        ValueError: it encloses no volume.
    """
    if isinstance(source, trimesh.Trimesh):
        source = solidify(source)
    if isinstance(source, Solid):
        return from_solid(source, seed, until)
    if isinstance(source, PointCloud):
        return from_cloud(source, seed)
    if isinstance(source, VoxelGrid):
        source = OccupancyGrid.of_voxels(source)
    if isinstance(source, OccupancyGrid):
        return from_grid(source, seed)
    if isinstance(source, Field):
        return from_field(source, seed)
    if isinstance(source, LabeledPoints):
        return from_labeled(source)
    if isinstance(source, Completed):
        return from_views(source.views, seed, source.supposed)
    if isinstance(source, DepthViews):
        return from_views(source, seed, init)
    raise TypeError(
        "source must be a trimesh.Trimesh, a Solid, a PointCloud, an OccupancyGrid (or trimesh's VoxelGrid), a Field, "
        f"LabeledPoints or DepthViews, got {describe(source)}"
    )
