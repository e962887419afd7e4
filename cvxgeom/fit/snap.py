"""Snapping: planes that lie close to the solid's surface move onto it, exactly where it is flat."""

import numpy as np

from ..shape import ConvexUnion
from .blocks import covering
from .deadline import NEVER, Deadline
from .parts import Part, parts_of, union_of
from .samples import VolumeSamples
from .split import InsidePoints

_ALIGNED = 0.97  # least cosine between a plane and the surface that it may follow
_LEAST = 6  # surface points that a plane needs to move, three times as many to turn


def snap(
    shape: ConvexUnion,
    solid: InsidePoints,
    samples: VolumeSamples,
    reach: float,
    until: Deadline = NEVER,
    before: ConvexUnion | None = None,
) -> ConvexUnion:
    """The shape with planes fitted to the surface points beside their faces.

    Gradients find the right faces, but with few and random samples only to about a thousandth of the longest side; of
    thin parts that is much. Least squares through surface points is exact on what is flat, and balanced on what is
    curved. A part stays as it was where the samples say that it was better.

    Args:
        shape: a single union.
        solid: points in it; those on the surface count.
        samples: of the solid.
        reach: how far from a face its surface points may lie, per unit of the longest side.
        until: after that, parts stay as they are.
        before: the shape before it was refined; where the samples do not say that it was worse, a part becomes again
            what it was. Of no use unless it has the same parts, all of them bounded.
    """
    surface = solid.surface
    if not len(surface) and before is None:
        return shape
    points, normals = surface.points.astype(np.float32), surface.normals
    parts, worth = parts_of(shape), samples.worth
    earlier = [] if before is None else parts_of(before)
    if not len(earlier) == len(parts) == shape.n_convexes:  # else nobody knows which is which
        earlier = []
    inside, count = covering(parts, samples.blocks)
    for k, part in enumerate(parts):
        if until.passed:
            break
        count[inside[k]] -= 1
        best = worth[inside[k][count[inside[k]] == 0]].sum()
        for other in (
            *earlier[k : k + 1],
            _moved(part, points, normals, surface.blocks.inside(part, reach), reach) if len(points) else None,
        ):
            if other is not None:
                held = samples.blocks.inside(other)
                if (found := worth[held[count[held] == 0]].sum()) >= best:
                    best, parts[k], inside[k] = found, other, held
        count[inside[k]] += 1
    return union_of(parts) if parts else shape


def _moved(part: Part, points: np.ndarray, normals: np.ndarray, near: np.ndarray, reach: float) -> Part | None:
    height = part.height(points[near])
    plane = height.argmax(axis=1)
    beside = height[np.arange(len(near)), plane] > -reach
    beside &= np.einsum("ni,ni->n", normals[near], part.normals[plane]) > _ALIGNED
    new_normals, new_offsets = part.normals.copy(), part.offsets.copy()
    for h in np.unique(plane[beside]):
        own = points[near[beside & (plane == h)]].astype(np.float64)
        if len(own) < _LEAST:
            continue
        middle = own.mean(axis=0)
        if len(own) >= 3 * _LEAST:
            spread, axes = np.linalg.eigh(np.cov((own - middle).T))
            normal = axes[:, 0] * np.sign(axes[:, 0] @ part.normals[h])
            # A narrow strip of points says where the face is, not how it turns about the strip.
            if spread[1] > (2 * reach) ** 2 / 12 and normal @ part.normals[h] > _ALIGNED:
                new_normals[h] = normal
        new_offsets[h] = -float(middle @ new_normals[h])
    return Part.of_planes(new_normals, new_offsets, near=part.vertices)
