"""Pruning: drop the half-spaces and the parts that do nothing."""

import torch
from torch import Tensor

from ..shape import ConvexUnion, concatenate
from .samples import VolumeSamples

# What may be lost by one plane or one part, as a share of the solid's volume.
PLANE_TOLERANCE = 0.0001
PART_TOLERANCE = 0.0005


def prune(shape: ConvexUnion, samples: VolumeSamples) -> ConvexUnion:
    """The shape without the parts and planes whose absence costs next to nothing.

    Judged by the exact polytopes: a part by the volume that only it covers, rightly minus wrongly; a plane by what its
    convex would newly cover, wrongly minus rightly.

    Args:
        shape: a single union.
        samples: of the solid.
    """
    volume = float(samples.weights[samples.occupied].sum())
    worth = torch.where(samples.occupied, samples.weights, -samples.weights)
    inside = _inside_each(shape, samples.points)
    kept = list(range(shape.n_convexes))
    while len(kept) > 1:
        alone = inside[kept] & (inside[kept].sum(dim=0) == 1)
        value = (alone * worth).sum(dim=1)
        least = int(value.argmin())
        if float(value[least]) > PART_TOLERANCE * volume:
            break
        kept.pop(least)
    shape, inside = shape.select(kept), inside[kept]
    convexes = []
    for k in range(shape.n_convexes):
        others = inside.sum(dim=0) - inside[k].int() > 0
        convexes.append(
            _without_idle_planes(shape.select([k]), samples.points, torch.where(others, 0.0, worth), volume)
        )
    return concatenate(convexes)


def _without_idle_planes(convex: ConvexUnion, points: Tensor, worth: Tensor, volume: float) -> ConvexUnion:
    polytope = convex.polytopes()[0]
    planes = sorted(set(polytope.face_planes)) if polytope.is_bounded else list(range(convex.n_halfspaces))
    low, high = points.amin(dim=0), points.amax(dim=0)
    outside = (
        torch.einsum("hi,ni->hn", convex.normals[0], points - convex.translations[0]) + convex.offsets[0, :, None] > 0
    )
    needed: set[int] = set()
    while len(planes) > 4:
        violated = outside[planes]
        # A point that only one plane keeps out would come in without it.
        cost = -((violated & (violated.sum(dim=0) == 1)) * worth).sum(dim=1)
        cost[[i for i, plane in enumerate(planes) if plane in needed]] = torch.inf
        least = int(cost.argmin())
        if float(cost[least]) > PLANE_TOLERANCE * volume:
            break
        fewer = planes[:least] + planes[least + 1 :]
        # Where there are no samples nothing tells that a convex opens into a spike.
        opened = _take(convex, fewer).polytopes()[0]
        if not opened.is_bounded or bool((opened.bounds[0] < low).any() or (opened.bounds[1] > high).any()):
            needed.add(planes[least])
        else:
            planes = fewer
    return _take(convex, planes)


def _take(convex: ConvexUnion, planes: list[int]) -> ConvexUnion:
    return ConvexUnion(
        convex.normals[:, planes], convex.offsets[:, planes], convex.translations, convex.smoothness, convex.sharpness
    )


def _inside_each(shape: ConvexUnion, points: Tensor) -> Tensor:
    """(K, N) membership in the exact polytope of each convex."""
    return torch.stack([shape.select([k]).contains(points) for k in range(shape.n_convexes)])
