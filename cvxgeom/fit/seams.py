"""Seams: of two parts that lie face to face one grows into the other, so that their union has no crack there."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..shape import ConvexUnion
from .deadline import NEVER, Deadline
from .parts import Part, parts_of, union_of
from .sources import Contains

_WIDEST = 0.003  # crack, per unit of the longest side: as far as planes move onto the surface at last
_OVERLAP, _CLOSED = 2e-5, 1e-5  # of parts whose seam was closed, and least of those that need not be
_ON_PLANE = 1e-6  # as single precision rounds
_LEAST = 1e-6  # area of a crack, the longest side being 1: else parts meet in an edge
_FACING = 0.9  # least cosine between the normals of a face and of the far side of what it meets
_OPPOSITE = 0.99  # least cosine between the normal of a face and the reverse of that of a face that it meets
_MOST_BARE = 1e-4  # of the solid's volume, that a part may take up of the air to close a seam
_PROBES = 64  # points that tell whether the solid is there


@dataclass(frozen=True)
class _Move:
    """A plane that may move out and so close the seam of two parts.

    Args:
        part: number of the part that it belongs to.
        plane: number of the plane.
        gap: greatest width of the crack.
        area: of the plane's face.
        between: (P, 3) points in the crack.
        won: (P, 3) points of what the part wins.
    """

    part: int
    plane: int
    gap: float
    area: float
    between: np.ndarray
    won: np.ndarray

    @property
    def distance(self) -> float:
        """By how much the plane has to move."""
        return self.gap + _OVERLAP


def seamless(
    shape: ConvexUnion, contains: Contains, volume: float, until: Deadline = NEVER, seconds: float = 0.0
) -> ConvexUnion:
    """The shape without cracks between parts where the solid has none.

    Cuts, hulls and gradients leave the planes of two parts that belong together up to some ten-thousandths of the
    longest side apart. That is no volume, but it is surface, and a union in pieces. Of the two planes at a seam the one
    moves that wins least of what is free; none does where the solid has a gap, or where too much of the free would be
    won.

    Args:
        shape: a single union.
        contains: membership in the solid.
        volume: of the solid.
        until: if it cannot be done by then, the shape stays as it is.
        seconds: that it takes to ask for a point's membership.
    """
    if until.passed:
        return shape
    parts, rng = parts_of(shape), np.random.default_rng(0)
    seams: list[list[_Move]] = []
    for i, j in _near(parts):
        if until.passed:
            return shape
        if moves := [*_moves(i, parts[i], parts[j], rng), *_moves(j, parts[j], parts[i], rng)]:
            seams.append(moves)
    every = [move for moves in seams for move in moves]
    if not every or until.left < 2 * _PROBES * len(every) * seconds:
        return shape
    solid = contains(np.concatenate([points for move in every for points in (move.between, move.won)]))
    between, won = solid.reshape(-1, 2, _PROBES).transpose(1, 0, 2)
    won = won | _in_others(every, parts)
    facts = iter(zip((1 - won.mean(axis=1)).tolist(), between.mean(axis=1).tolist(), strict=True))
    pushes = [np.zeros(len(part)) for part in parts]
    for moves in seams:
        ways = [(bare * move.area * move.distance, filled, move) for move, (bare, filled) in zip(moves, facts)]
        cost, filled, move = min(ways, key=lambda way: way[0])
        if cost <= _MOST_BARE * volume and (filled >= 0.5 or move.gap <= _ON_PLANE):
            push = pushes[move.part]
            push[move.plane] = max(push[move.plane], move.distance)
    if not any(push.any() for push in pushes):
        return shape
    grown = [Part.of_planes(p.normals, p.offsets - push, near=p.vertices) for p, push in zip(parts, pushes)]
    return union_of([part if more is None else more for part, more in zip(parts, grown, strict=True)])


def _near(parts: list[Part]) -> Iterator[tuple[int, int]]:
    """Numbers of each two parts whose boxes are at most a crack apart."""
    for j, (low, high) in enumerate(part.bounds for part in parts):
        for i in range(j):
            lower, higher = parts[i].bounds
            if (lower <= high + _WIDEST).all() and (low <= higher + _WIDEST).all():
                yield i, j


def _moves(k: int, part: Part, other: Part, rng: np.random.Generator) -> Iterator[_Move]:
    """Planes of a part that face another across a crack; none if the two overlap all along, or are farther apart."""
    away = part.height(other.vertices).min(axis=0)
    apart = max(away.max(), other.height(part.vertices).min(axis=0).max())
    if not -_WIDEST < apart <= _WIDEST:
        return
    for plane in (away > -_WIDEST).nonzero()[0]:
        normal, gap = part.normals[plane], float(away[plane])
        cosines = other.normals @ normal
        face = _face(part, plane)
        patch = face  # of the face, before which the other part is
        for h in (cosines < _FACING).nonzero()[0]:
            patch = _clipped(patch, other.normals[h], other.offsets[h] + _WIDEST * cosines[h])
        h = int(cosines.argmin())
        if cosines[h] < -_OPPOSITE:  # what lies deeper than that is closed
            patch = _clipped(patch, -other.normals[h], _CLOSED * cosines[h] - other.offsets[h])
            gap = float(((patch @ other.normals[h] + other.offsets[h]) / -cosines[h]).max(initial=-_CLOSED))
        if gap <= -_CLOSED or len(patch) < 3 or _fan_areas(patch).sum() <= _LEAST:
            continue
        gap = max(gap, 0.0)
        between, won = _drawn(patch, rng) + gap / 2 * normal, _drawn(face, rng) + (gap + _OVERLAP) / 2 * normal
        yield _Move(k, int(plane), gap, float(_fan_areas(face).sum()), between, won)


def _face(part: Part, plane: int) -> np.ndarray:
    """(V, 3) corners of a face, in order around it."""
    normal = part.normals[plane]
    corners = part.vertices[part.vertices @ normal + part.offsets[plane] > -_ON_PLANE]
    if len(corners) < 3:
        return corners[:0]
    spokes = corners - corners.mean(axis=0)
    right = spokes[np.linalg.norm(spokes, axis=1).argmax()]
    return corners[np.argsort(np.arctan2(spokes @ np.cross(normal, right), spokes @ right))]


def _clipped(polygon: np.ndarray, normal: np.ndarray, offset: float) -> np.ndarray:
    """What of a convex polygon lies below a plane."""
    height = polygon @ normal + offset
    below = height <= 0
    if below.all() or not below.any():
        return polygon if below.all() else polygon[:0]
    found = []
    for here, there, a, b in zip(polygon, np.roll(polygon, -1, axis=0), height, np.roll(height, -1)):
        if a <= 0:
            found.append(here)
        if (a <= 0) != (b <= 0):
            found.append(here + a / (a - b) * (there - here))
    return np.stack(found)


def _fan_areas(polygon: np.ndarray) -> np.ndarray:
    """(V - 2,) areas of the triangles of a convex polygon."""
    return np.linalg.norm(np.cross(polygon[1:-1] - polygon[0], polygon[2:] - polygon[0]), axis=1) / 2


def _drawn(polygon: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(P, 3) uniform points of a convex polygon; one that is a line has one point."""
    areas = _fan_areas(polygon)
    if not areas.sum() > 0:
        return np.repeat(polygon.mean(axis=0)[None], _PROBES, axis=0)
    first = rng.choice(len(areas), _PROBES, p=areas / areas.sum())
    weights = rng.dirichlet(np.ones(3), _PROBES)
    return np.einsum("pc,pci->pi", weights, polygon[np.stack([np.zeros_like(first), first + 1, first + 2], axis=1)])


def _in_others(moves: list[_Move], parts: list[Part]) -> np.ndarray:
    """(M, P) whether what a part would win is in another part."""
    points = np.concatenate([move.won for move in moves]).astype(np.float32)
    owners = np.repeat([move.part for move in moves], _PROBES)
    found = np.zeros(len(points), dtype=bool)
    for k, part in enumerate(parts):
        found |= part.holds(points) & (owners != k)
    return found.reshape(len(moves), _PROBES)
