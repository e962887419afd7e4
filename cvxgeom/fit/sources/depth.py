"""Depth views as a source: a solid that is known as far as cameras saw it."""

from dataclasses import dataclass

import numpy as np
import torch

from ..._checks import describe
from ...data import Normalization
from ...depth import DepthViews
from ...shape import ConvexUnion
from ..split import InsidePoints
from .seen import SeenSpace
from .target import N_SURFACE, Target, drawn_inside, in_unit

_CELLS = 160  # along the longest side; each has one point of the surface at most, so that all views together are even
_BEYOND = 0.3  # what is seen, in its longest sides, a supposed solid may reach
_DRAWN, _ROUNDS = 1 << 15, 40  # points from the box, and how often, for those inside


@dataclass(frozen=True, eq=False)
class Completed:
    """Depth views of an object, and a supposed shape that decides where they do not, such as a network's prediction.

    A fit to it starts from what both together say. ``fit(views, init=shape)`` starts from the shape's own parts.

    Args:
        views: of one object.
        supposed: a single shape in the frame of the views.

    Raises:
        TypeError: a field is of another kind.
        ValueError: it is of several objects.

    Example:
        >>> views = cvxgeom.read_depth(f"{cvxgeom.__path__[0]}/assets/chair_depth.png")
        >>> supposed = cvxgeom.box(float(views.frame()[1]))
        >>> config = cvxgeom.FitConfig.preset("fast", max_parts=8)
        >>> cvxgeom.fit(cvxgeom.fit.Completed(views, supposed), config).shape.n_convexes <= 8
        True
    """

    views: DepthViews
    supposed: ConvexUnion

    def __post_init__(self) -> None:
        for name, kind in (("views", DepthViews), ("supposed", ConvexUnion)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                raise TypeError(f"{name} must be a {kind.__name__}, got {describe(value)}")
            if value.batch_size:
                raise ValueError(f"{name} must be of one object, got batch axes {tuple(value.batch_size)}")


def from_views(views: DepthViews, seed: int, supposed: ConvexUnion | None = None) -> Target:
    """Of the depth maps of one object, and what is supposed where they do not tell.

    Args:
        views: of one object.
        seed: of all random numbers.
        supposed: a single shape in the frame of the views; without one, everything in the box of what is seen is solid
            that no camera looked through.

    Raises:
        ValueError: the views are of several objects, or show no surface that goes on over several pixels.
    """
    if views.batch_size:
        raise ValueError(f"source must be views of one object, got batch axes {tuple(views.batch_size)}")
    center, longest = views.frame(n_pixels=views.depth.numel())
    if not float(longest) > 0:
        raise ValueError("source must show more than a single point")
    normalization = Normalization(center.double().cpu().numpy(), 1 / float(longest))
    seen = SeenSpace(_in_unit(views, normalization))
    points, normals = (t.double().numpy() for t in seen.surface())
    if not len(points):
        raise ValueError("source must show a surface that goes on over several pixels, got separate pixels alone")
    bounds = seen.bounds.double().numpy()
    unit = None
    if supposed is not None:
        unit = in_unit(supposed.detach().to("cpu"), normalization)
        bounds = _common_bounds(bounds, unit)
    rng = np.random.default_rng(seed)
    chosen = _spread(points, rng)

    def label(queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        places = torch.from_numpy(queries).float()
        occupied, certainty = (t.numpy() for t in seen.label(places, None if unit is None else unit.sdf(places)))
        return occupied, certainty

    def contains(queries: np.ndarray) -> np.ndarray:
        return label(queries)[0]

    within = drawn_inside(lambda: bounds[0] + (bounds[1] - bounds[0]) * rng.random((_DRAWN, 3)), contains, _ROUNDS)
    inside = InsidePoints.of(points[chosen], normals[chosen], within)
    return Target(contains, bounds, None, inside, normalization, None, lambda queries: label(queries)[1])


def _in_unit(views: DepthViews, normalization: Normalization) -> DepthViews:
    """The same views with the unit frame as object frame, and depth in its unit."""
    pose = views.extrinsics.detach().cpu().double()
    center = torch.from_numpy(normalization.center.copy())
    pose[:, :3, 3] = normalization.scale * (pose[:, :3, 3] + pose[:, :3, :3] @ center)
    depth = views.depth.detach().cpu().double() * normalization.scale
    return DepthViews(depth.float(), views.intrinsics.detach().cpu().float(), pose.float())


def _common_bounds(bounds: np.ndarray, shape: ConvexUnion) -> np.ndarray:
    """Box of what is seen and of a supposed solid, which counts as far as it stays near."""
    boxes = [part.bounds.double().numpy() for part in shape.polytopes() if part.is_bounded]
    low, high = (
        np.stack(boxes).clip(bounds[0] - _BEYOND, bounds[1] + _BEYOND).swapaxes(0, 1) if boxes else bounds[:, None]
    )
    return np.stack([np.minimum(low.min(axis=0), bounds[0]), np.maximum(high.max(axis=0), bounds[1])])


def _spread(points: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which points to keep: a random one of each cell, as many as a target has."""
    order = rng.permutation(len(points))
    cells = np.floor(points[order] * _CELLS).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return order[first[rng.permutation(len(first))[:N_SURFACE]]]
