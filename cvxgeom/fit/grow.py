"""Growth: parts extend through others as far as the solid goes, so that some of those become needless."""

import numpy as np

from ..shape import ConvexUnion
from .blocks import PointBlocks, covering
from .deadline import NEVER, Deadline
from .parts import Part, parts_of, union_of
from .samples import VolumeSamples

# How far a plane moves at least, and in all at most, per unit of the longest side: those on the surface stay there.
_LEAST, _FARTHEST = 0.01, 0.3
_LOSS = 2e-5  # of the solid's volume, that a plane may lose on its way


def grown(shape: ConvexUnion, samples: VolumeSamples, until: Deadline = NEVER) -> ConvexUnion:
    """The shape with parts that reach through others, each plane as far out as it wins nothing of what is free.

    Where parts were cut from each other, each ends at the cut, though the solid goes on. Gradients do not move it from
    there, because what is beyond is covered already. Once parts overlap, what is between two may be in both, and
    `simplify` drops it. The largest part grows first, and may reach through those that have grown after it.

    Args:
        shape: a single union.
        samples: of the solid.
        until: after that, parts stay as they are.
    """
    if until.passed:
        return shape
    parts = parts_of(shape)
    blocks, worth = samples.blocks, samples.worth
    points = samples.points.numpy()
    inside, count = covering(parts, blocks)
    for k in sorted(range(len(parts)), key=lambda k: -worth[inside[k]].sum()):
        if until.passed:
            break
        count[inside[k]] -= 1
        near = _near(parts[k], blocks)
        more = _grown(parts[k], points[near], worth[near], count[near] > 0)
        if more is not None:
            parts[k], inside[k] = more, blocks.inside(more)
        count[inside[k]] += 1
    return union_of(parts) if parts else shape


def _near(part: Part, blocks: PointBlocks) -> np.ndarray:
    low, high = part.bounds
    return blocks.near(low - _FARTHEST, high + _FARTHEST)


def _grown(part: Part, points: np.ndarray, worth: np.ndarray, covered: np.ndarray) -> Part | None:
    """The part with planes moved out, always the one that reaches most of the solid; None if none may move.

    Args:
        part: to grow.
        points: (N, 3) samples around it.
        worth: (N,) of them.
        covered: (N,) whether another part holds them.
    """
    heights = part.height(points)
    won = np.where(covered, np.float32(0), worth)
    pushes = np.zeros(len(part))
    for _ in range(2 * len(part)):
        # A plane moves over the samples that it alone keeps out, from the nearest to the farthest.
        out = heights > 0
        alone = (out.sum(axis=1) == 1).nonzero()[0]
        plane = out[alone].argmax(axis=1)
        order = np.lexsort((heights[alone, plane], plane))
        first = np.searchsorted(plane[order], np.arange(len(part) + 1))
        alone = alone[order]
        ways = []
        for h in (pushes < _FARTHEST).nonzero()[0]:
            own = alone[first[h] : first[h + 1]]
            distance, reached = _way(heights[own, h], worth[own], won[own])
            if distance >= _LEAST:
                ways.append((reached, int(h), min(distance, _FARTHEST)))
        if not ways:
            break
        _, h, distance = max(ways)
        heights[:, h] -= distance
        pushes[h] += distance
    return Part.of_planes(part.normals, part.offsets - pushes, near=part.vertices) if pushes.any() else None


def _way(heights: np.ndarray, worth: np.ndarray, won: np.ndarray) -> tuple[float, float]:
    """How far a plane may move, up to the last occupied sample, and the share of the solid that it reaches by that.

    Args:
        heights: (N,) of samples over the plane, the lowest first.
        worth: (N,) of them.
        won: (N,) the same, or 0 where another part holds them.
    """
    total = np.append(0, won.cumsum())
    n = (total >= total.max() - _LOSS).nonzero()[0][-1]
    occupied = (worth[:n] > 0).nonzero()[0]
    return (float(heights[occupied[-1]]), float(worth[occupied].sum())) if len(occupied) else (0.0, 0.0)
