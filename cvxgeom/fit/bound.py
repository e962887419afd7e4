"""One-sided shapes: within the solid, or around all of it, as far as samples tell."""

import numpy as np

from ..shape import ConvexUnion
from .parts import Part, parts_of, union_of

_GAP = 1e-5  # by which a plane clears a sample, per unit of the longest side


def inner(shape: ConvexUnion, free: np.ndarray) -> ConvexUnion:
    """The shape with planes moved inward until it holds none of the free points; each is cut off where that is nearest.

    Args:
        shape: a single union.
        free: (N, 3) float32 points outside of the solid.
    """
    found = []
    for part in parts_of(shape):
        height = part.height(free[part.inside(free)])
        offsets = part.offsets.copy()
        # The shallowest first: a plane that cuts off one point often cuts off others.
        while len(height):
            point, plane = np.unravel_index(height.argmax(), height.shape)
            cut = _GAP - float(height[point, plane])
            offsets[plane] += cut
            height[:, plane] += cut
            height = height[(height <= 0).all(axis=1)]
        if (part := Part.of_planes(part.normals, offsets, near=part.vertices)) is not None:
            found.append(part)
    return union_of(found) if found else shape


def outer(shape: ConvexUnion, occupied: np.ndarray) -> ConvexUnion:
    """The shape with planes moved outward until it holds all of the occupied points, each in the part nearest to it.

    Args:
        shape: a single union.
        occupied: (N, 3) float32 points of the solid.
    """
    parts = parts_of(shape)
    if not parts:
        return shape
    missing = np.ones(len(occupied), dtype=bool)
    for part in parts:
        missing &= ~part.holds(occupied)
    points = occupied[missing]
    heights = [part.height(points) for part in parts]
    nearest = np.stack([height.max(axis=1) for height in heights]).argmin(axis=0)
    found = []
    for k, (part, height) in enumerate(zip(parts, heights, strict=True)):
        own = height[nearest == k]
        push = np.maximum(own.max(axis=0) + _GAP, 0) if len(own) else np.zeros(len(part))
        if (part := Part.of_planes(part.normals, part.offsets - push, near=part.vertices)) is not None:
            found.append(part)
    return union_of(found)
