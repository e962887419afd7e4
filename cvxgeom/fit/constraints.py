"""What a shape can be made to satisfy at the end of a fit, exactly: parts that do not overlap, a mirror plane, a least
thickness.
"""

from collections.abc import Iterator

import numpy as np
import torch

from ..shape import ConvexUnion
from .blocks import covering
from .parts import Part, parts_of, union_of
from .samples import VolumeSamples

_GAP = 1e-5  # between two parts that touch, per unit of the longest side: more than single precision rounds
_UPRIGHT = 0.02  # component along the mirror's normal of a plane that stands upright on the mirror
_LOPSIDED = 0.25  # a part belongs to one side of the mirror if it reaches less than this share as far to the other
_FEWEST_PLANES = 6  # of a convex around others
_FARTHER = 0.02  # of its size, that a part may reach farther when a plane is left out or mirrored


def separated(
    shape: ConvexUnion, samples: VolumeSamples, part_worth: float, max_parts: int, max_halfspaces: int
) -> ConvexUnion:
    """The shape with parts that do not overlap: of each two that do, one is cut by the plane of a face of the other.

    Of all such cuts the one that loses the least is made, and what is cut off beyond the other part becomes a part of
    its own if it is worth that; a part that has no half-space to spare is not cut unless the other has none either:
    then the smaller one goes.

    Args:
        shape: a single union.
        samples: of the solid; they tell what a cut loses.
        part_worth: share of the solid's volume that a new part must win.
        max_parts: cap.
        max_halfspaces: cap per convex.
    """
    parts: list[Part | None] = list(parts_of(shape))
    points, worth, blocks = samples.points.numpy(), samples.worth, samples.blocks
    inside, count = covering(parts_of(shape), blocks)
    for i, j in _pairs(parts):
        a, b = parts[i], parts[j]
        if a is None or b is None or not _overlap(a, b):
            continue
        cuts = []
        for k, mine, other in ((i, a, b), (j, b, a)):
            own = inside[k][count[inside[k]] == 1]
            if len(mine) < max_halfspaces:
                cuts.append((*_best_cut(mine, other, points[own], worth[own]), other, own, k))
        beyond = None
        if cuts:
            _, cut, rest, other, own, k = min(cuts, key=lambda cut: cut[0])
            parts[k] = cut
            if rest is not None and sum(part is not None for part in parts) < max_parts:
                beyond, won = _beyond(rest, other, points[own], worth[own])
                if beyond is not None and (len(beyond) > max_halfspaces or won <= part_worth):
                    beyond = None
        else:
            k = min((i, j), key=lambda k: len(inside[k]))
            parts[k] = None
        count[inside[k]] -= 1
        inside[k] = inside[k][:0] if (left := parts[k]) is None else blocks.inside(left)
        count[inside[k]] += 1
        if beyond is not None:
            parts.append(beyond)
            inside.append(blocks.inside(beyond))
            count[inside[-1]] += 1
    kept = [part for part in parts if part is not None]
    return union_of(kept) if kept else shape


def _pairs(parts: list[Part | None]) -> Iterator[tuple[int, int]]:
    """Each two numbers i > j of a list that may grow meanwhile."""
    i = 0
    while i < len(parts):
        for j in range(i):
            yield i, j
        i += 1


def _overlap(a: Part, b: Part) -> bool:
    (low, high), (other_low, other_high) = a.bounds, b.bounds
    if (low >= other_high).any() or (other_low >= high).any():
        return False
    both = Part(np.concatenate([a.normals, b.normals]), np.concatenate([a.offsets, b.offsets]), a.vertices)
    return union_of([both]).polytopes()[0].inradius > _GAP / 4


def _beyond(rest: Part, other: Part, points: np.ndarray, worth: np.ndarray) -> tuple[Part | None, float]:
    """What of the cut-off rest of a part lies beyond another, at best, and what it wins; as for `_best_cut`."""
    held = rest.inside(points)
    points, worth = points[held], worth[held]
    _, beyond, _ = _best_cut(rest, other, points, worth)
    return beyond, 0.0 if beyond is None else float(worth[beyond.inside(points)].sum())


def _best_cut(part: Part, other: Part, points: np.ndarray, worth: np.ndarray) -> tuple[float, Part | None, Part | None]:
    """What is lost by cutting a part by a face of another, at best, what is left of it, and what is cut off.

    Args:
        part: to cut.
        other: it must not overlap.
        points: those that no other part holds.
        worth: what they are worth.
    """
    lost = worth @ (other.height(points) <= 0)
    h = int(lost.argmin())
    sides = []
    for sign, gap in ((-1, _GAP), (1, 0.0)):
        normals = np.concatenate([part.normals, sign * other.normals[None, h]])
        offsets = np.concatenate([part.offsets, sign * other.offsets[None, h] + gap])
        sides.append(Part.of_planes(normals, offsets, near=part.vertices))
    return float(lost[h]), sides[0], sides[1]


def mirrored(shape: ConvexUnion, axis: int, samples: VolumeSamples, max_parts: int, max_halfspaces: int) -> ConvexUnion:
    """The shape made its own mirror image in the plane through 0 across an axis: one side of it, and that side's image.

    The side that describes the solid better decides. Parts that stand across the plane become their own images.

    Args:
        shape: a single union.
        axis: 0, 1 or 2.
        samples: of the solid.
        max_parts: cap.
        max_halfspaces: cap per convex.
    """
    if not (parts := parts_of(shape)):
        return shape
    sides = [_with_image(parts, axis, sign, max_parts, max_halfspaces) for sign in (1.0, -1.0)]
    unions = [union_of(side) for side in sides if side] or [union_of([_around_both(parts, axis, max_halfspaces)])]
    return max(unions, key=lambda union: samples.iou(union.contains(samples.points)))


def _around_both(parts: list[Part], axis: int, max_halfspaces: int) -> Part:
    """One convex around all parts and their images: its own image, for which there is always room."""
    corners = np.concatenate([corner for part in parts for corner in (part.vertices, _image(part, axis).vertices)])
    if max_halfspaces >= 2 * _FEWEST_PLANES:
        half = Part.around(corners, max_halfspaces // 2)
        image = _image(half, axis)
        planes = np.concatenate([half.normals, image.normals]), np.concatenate([half.offsets, image.offsets])
        if (both := Part.of_planes(*planes, near=corners)) is not None:
            return both
    sides = np.concatenate([np.eye(3), -np.eye(3)])
    box = Part.of_planes(sides, -(corners @ sides.T).max(axis=0), near=corners)
    assert box is not None
    return box


def _with_image(parts: list[Part], axis: int, sign: float, max_parts: int, max_halfspaces: int) -> list[Part]:
    """One side of the parts (where sign · coordinate > 0), and its image; the largest of them up to the cap."""
    found: list[list[Part]] = []
    for part in parts:
        low, high = sorted(sign * bound[axis] for bound in part.bounds)
        if high <= max(_GAP, -_LOPSIDED * low):
            continue  # the other side's
        if -low > _LOPSIDED * high:
            own = _own_image(part, axis, sign)
            # Slanted ends meet their images far away.
            if own is not None and len(own) <= max_halfspaces and _reaches_no_farther(own, [part, _image(part, axis)]):
                found.append([own])
                continue
        half = part if low >= 0 else _half(part, axis, sign, max_halfspaces)
        if half is not None:
            found.append([half, _image(half, axis)])
    found.sort(key=lambda group: -float(np.prod(np.ptp(group[0].vertices, axis=0))))
    kept: list[Part] = []
    for group in found:
        if len(kept) + len(group) <= max_parts:
            kept += group
    return kept


def _image(part: Part, axis: int) -> Part:
    flip = np.where(np.arange(3) == axis, -1.0, 1.0)
    return Part(part.normals * flip, part.offsets, part.vertices * flip)


def _half(part: Part, axis: int, sign: float, max_halfspaces: int) -> Part | None:
    """The part on one side of the mirror."""
    normals = np.vstack([part.normals, -sign * np.eye(3)[axis]])
    offsets = np.append(part.offsets, 0.0)
    half = Part.of_planes(normals, offsets, near=part.vertices)
    if half is None or len(half) <= max_halfspaces:
        return half
    keep = np.ones(len(normals), dtype=bool)
    keep[(sign * part.normals[:, axis]).argmin()] = False  # the mirror does what the plane did that faced it
    fewer = Part.of_planes(normals[keep], offsets[keep], near=part.vertices)
    if fewer is not None and _reaches_no_farther(fewer, [half]):
        return fewer
    return Part.around(half.vertices, max_halfspaces)


def _reaches_no_farther(part: Part, than: list[Part]) -> bool:
    """Whether a part stays in the box of others, up to a little of its size."""
    low, high = (np.stack([other.bounds[side] for other in than]) for side in (0, 1))
    margin = _FARTHER * (high.max(axis=0) - low.min(axis=0)).max()
    return bool(
        (part.bounds[0] > low.min(axis=0) - margin).all() and (part.bounds[1] < high.max(axis=0) + margin).all()
    )


def _own_image(part: Part, axis: int, sign: float) -> Part | None:
    """The part with its planes of one side on both; None if they do not bound it."""
    along = sign * part.normals[:, axis]
    upright, facing = np.abs(along) <= _UPRIGHT, along > _UPRIGHT
    standing = part.normals[upright].copy()
    standing[:, axis] = 0
    standing /= np.linalg.norm(standing, axis=1, keepdims=True)
    # Turned upright, a plane still goes through the vertex that it went through.
    levels = -(part.vertices @ standing.T).max(axis=0)
    flip = np.where(np.arange(3) == axis, -1.0, 1.0)
    normals = np.concatenate([standing, part.normals[facing], part.normals[facing] * flip])
    offsets = np.concatenate([levels, part.offsets[facing], part.offsets[facing]])
    return Part.of_planes(normals, offsets, near=part.vertices)


def thickened(shape: ConvexUnion, thickness: float) -> ConvexUnion:
    """The shape with every part so thick that a ball of this diameter fits into it.

    Each part grows about its largest ball or its centroid, and only where its planes are too close to that.

    Args:
        shape: a single union.
        thickness: diameter of the ball.
    """
    polytopes = [p for p in shape.polytopes() if p.is_bounded]
    found = []
    for part, polytope in zip(parts_of(shape), polytopes, strict=True):
        # A board has many largest balls, and the one found may lie at its rim.
        middles = torch.stack([polytope.centroid, polytope.interior_point]).double().numpy()
        pushed = np.minimum(part.offsets, -middles @ part.normals.T - (thickness + _GAP) / 2)
        offsets = pushed[pushed.sum(axis=1).argmax()]
        thick = Part.of_planes(part.normals, offsets, near=part.vertices)
        found.append(part if thick is None else thick)
    return union_of(found) if found else shape
