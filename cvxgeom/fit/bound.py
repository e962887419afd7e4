"""One-sided shapes: within the solid, or around all of it, as far as samples tell."""

import numpy as np

from ..shape import ConvexUnion
from .blocks import covering
from .parts import Part, parts_of, union_of
from .samples import VolumeSamples

_GAP = 1e-5  # by which a plane clears a sample, per unit of the longest side
_MOST_WEIGHED = 2000  # samples that tell what a cut of a part loses


def inner(shape: ConvexUnion, samples: VolumeSamples) -> ConvexUnion:
    """The shape with planes moved inward until it holds none of the free samples.

    The sample that is hardest to be rid of comes first, and goes by the plane with which least of the solid is lost:
    on that way others go as well, and of many cuts that each lose little no more are made than are needed.

    Args:
        shape: a single union.
        samples: of the solid.
    """
    parts = parts_of(shape)
    occupied, free = samples[samples.occupied], samples[~samples.occupied]
    points, weights = occupied.points.numpy(), occupied.weights.numpy()
    inside, count = covering(parts, occupied.blocks)
    found = []
    for part, index in zip(parts, inside, strict=True):
        wrong = part.height(free.points.numpy()[free.blocks.inside(part)])
        if len(wrong):
            alone = index[count[index] == 1]  # what other parts hold is not lost
            alone = alone[:: max(1, len(alone) // _MOST_WEIGHED)]
            offsets = part.offsets - _moves(wrong, part.height(points[alone]), weights[alone])
            count[index] -= 1
            part = Part.of_planes(part.normals, offsets, near=part.vertices)
            if part is not None:
                count[occupied.blocks.inside(part)] += 1
        if part is not None:
            found.append(part)
    return union_of(found) if found else shape


def _moves(wrong: np.ndarray, held: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(H,) by how much planes have to move, all ≤ 0, so that no wrong point is below all of them.

    Args:
        wrong: (F, H) heights of points over the planes, all ≤ 0.
        held: (M, H) the same of points that had better stay.
        weights: (M,) what they are worth.
    """
    moves = np.zeros(wrong.shape[1])
    planes = np.arange(len(moves))
    order = held.argsort(axis=0)
    # By a cut through a wrong point all that lies higher is lost; its rank stays, whatever was lost before.
    rank = np.stack([np.searchsorted(held[order[:, h], h], wrong[:, h]) for h in planes], axis=1)
    weights = weights.astype(np.float64)
    while len(wrong):
        above = np.cumsum(weights[order[::-1]], axis=0)[::-1]
        lost = np.concatenate([above, np.zeros((1, len(planes)))])[rank, planes]
        least = lost.min(axis=1)
        # Of those that are as hard, the deepest; of planes that lose as little, the nearest.
        hardest = int(np.where(least == least.max(), wrong.max(axis=1), np.inf).argmin())
        plane = int(np.where(lost[hardest] <= least[hardest], wrong[hardest], -np.inf).argmax())
        level = wrong[hardest, plane]
        moves[plane] = level - _GAP
        weights[held[:, plane] >= level] = 0
        left = wrong[:, plane] < level
        wrong, rank = wrong[left], rank[left]
    return moves


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
        missing &= ~part.holds(occupied, -_GAP / 2)  # on a face, rounding decides
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
