"""Predictors without anything learned: box, hull and space carving of what the depth views saw."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from .._checks import describe, is_whole
from ..color import ColorViews
from ..depth import DepthViews
from ..shape import box, hull
from .inputs import silhouettes
from .prediction import Prediction, from_exact, from_voxels
from .voxels import VoxelShape

# Thinner than this, of the longest side, is thickened: a flat wall seen from its front has a box, too.
_THINNEST = 1e-3
_CHUNK = 1 << 18


@dataclass(frozen=True)
class BoundingBox:
    """The axis-parallel box of the seen points."""

    name: str = "bounding box"

    def predict(self, views: DepthViews) -> Prediction:
        """The box: six numbers."""
        low, high = seen_box(views)
        size = (high - low).clamp(min=_THINNEST * float((high - low).max()))
        return from_exact(box(tuple(size.tolist()), tuple(((low + high) / 2).tolist())), n_numbers=6)


@dataclass(frozen=True)
class SeenHull:
    """The convex hull of the seen points.

    Args:
        name: how the tables call it.
        max_planes: planes at most; the result encloses the hull tightly.
    """

    name: str = "hull of the seen points"
    max_planes: int = 100

    def predict(self, views: DepthViews) -> Prediction:
        """The hull: four numbers a plane."""
        shape = hull(seen_points(views).double().numpy(), self.max_planes)
        return from_exact(shape, n_numbers=4 * shape.n_halfspaces)


@dataclass(frozen=True)
class SpaceCarving:
    """Everything that no camera looked through, on a grid over the box of the seen points.

    Args:
        name: how the tables call it.
        resolution: cubes along the longest side of the box.
        slack: how far a camera must look through the middle of a cube to empty it, of the longest side. Noise pierces
            the surface of a shape unless this is larger.

    Raises:
        ValueError: a number is out of range.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(2, 2, 2), size=(64, 64))
        >>> maps = cvxgeom.render.render_maps(cvxgeom.box(), camera)
        >>> views = DepthViews(maps.depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> SpaceCarving(resolution=32).predict(views).contains(torch.tensor([[0, 0, 0.4], [0, 0, 0.6]]))
        tensor([ True, False])
    """

    name: str = "space carving"
    resolution: int = 128
    slack: float = 0.0

    def __post_init__(self) -> None:
        if not is_whole(self.resolution) or self.resolution < 2:
            raise ValueError(f"resolution must be an integer of at least 2, got {describe(self.resolution)}")
        if not 0 <= self.slack < float("inf"):
            raise ValueError(f"slack must be a finite number of at least 0, got {self.slack!r}")

    def predict(self, views: DepthViews) -> Prediction:
        """The grid: one number a cube."""
        low, high = seen_box(views)
        longest = float((high - low).max())
        return from_voxels(carve(views, low, high, self.resolution, self.slack * longest))


@dataclass(frozen=True)
class VisualHull:
    """Everything in the data set's unit cube that is in front of no background: silhouettes of pictures, carved.

    Args:
        name: how the tables call it.
        resolution: cubes along each side.
    """

    name: str = "visual hull"
    resolution: int = 128

    def predict(self, views: ColorViews) -> Prediction:
        """The grid: one number a cube."""
        return from_voxels(carve(silhouettes(views), torch.full((3,), -0.5), torch.full((3,), 0.5), self.resolution))


def carve(
    views: DepthViews,
    low: Float[Tensor, "3"],
    high: Float[Tensor, "3"],
    resolution: int,
    slack: float = 0.0,
) -> VoxelShape:
    """Cubes of a box whose middles no camera looked through.

    Args:
        views: of one object.
        low: lowest corner of the box.
        high: greatest corner.
        resolution: cubes along its longest side.
        slack: how far a camera must look through a point to empty it, a length.
    """
    cell = float((high - low).max()) / resolution
    n = [max(1, int(k)) for k in ((high - low) / cell).ceil()]
    corner = (low + high) / 2 - cell / 2 * torch.tensor(n, dtype=low.dtype)
    axes = [corner[i] + cell * (torch.arange(n[i], dtype=low.dtype) + 0.5) for i in range(3)]
    middles = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    solid = torch.cat([behind_surface(views, chunk, slack) for chunk in middles.split(_CHUNK)])
    return VoxelShape(solid.reshape(n), corner, corner.new_full((3,), cell))


def behind_surface(views: DepthViews, points: Float[Tensor, "N 3"], slack: float) -> Bool[Tensor, " N"]:
    """Which points no camera looked through by more than a slack, a length."""
    solid = torch.ones(len(points), dtype=torch.bool)
    alive = torch.arange(len(points))
    for view in range(views.n_views):
        # One view after the other: most points are empty after a few, and need not be asked again.
        solid[alive] = views.select([view]).evidence(points[alive]).hidden >= -slack
        alive = alive[solid[alive]]
    return solid


def seen_points(views: DepthViews) -> Float[Tensor, "N 3"]:
    """All points that a view measured, object frame.

    Raises:
        ValueError: there is none, or the views are those of several objects.
    """
    if views.batch_size:
        raise ValueError(f"views must be those of one object, got batch axes {tuple(views.batch_size)}")
    points = views.points()[views.seen]
    if not len(points):
        raise ValueError("depth must show the object in at least one pixel, got background and gaps alone")
    return points


def seen_box(views: DepthViews) -> tuple[Float[Tensor, "3"], Float[Tensor, "3"]]:
    """Lowest and greatest corner of the box of all seen points; errors as for `seen_points`."""
    points = seen_points(views)
    return points.amin(dim=0), points.amax(dim=0)
