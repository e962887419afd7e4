"""The solids that furniture is put together from; +y is up, +z the front."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from manifold3d import CrossSection, Manifold, OpType

Range = tuple[float, float]
Place = tuple[float, float, float]

_SEGMENTS = 32
_BALL_SEGMENTS = 12  # of a rounding: eight balls make one block


def united(parts: Iterable[Manifold]) -> Manifold:
    """The union of some solids."""
    return Manifold.batch_boolean(list(parts), OpType.Add)


def centered(length: float) -> Range:
    """The range of a length around zero."""
    return -length / 2, length / 2


def block(x: Range, y: Range, z: Range, rounding: float = 0.0) -> Manifold:
    """A box, its edges rounded by balls of this radius as far as they fit.

    Example:
        >>> round(block((0, 1), (0, 2), (0, 3)).volume(), 6)
        6.0
    """
    ranges = np.sort([x, y, z], axis=1)
    sizes = ranges[:, 1] - ranges[:, 0]
    radius = min(rounding, 0.49 * sizes.min())
    if radius < 1e-3:
        return Manifold.cube(sizes).translate(ranges[:, 0])
    corners = [
        Manifold.sphere(radius, _BALL_SEGMENTS).translate((a, b, c))
        for a, b, c in np.stack(np.meshgrid(*[(low + radius, high - radius) for low, high in ranges]), -1).reshape(
            -1, 3
        )
    ]
    return Manifold.batch_hull(corners)


def rod(
    start: Place, end: Place, radius: float, end_radius: float | None = None, square: bool = False, n_sides: int = 16
) -> Manifold:
    """A round bar between two places, or one whose ends are horizontal squares.

    Example:
        >>> round(rod((0, 0, 0), (0, 2, 0), 0.5, square=True).volume(), 2)
        2.0
    """
    end_radius = radius if end_radius is None else end_radius
    if square:
        ends = [(start, radius), (end, end_radius)]
        return Manifold.batch_hull([Manifold.cube((2 * r, 1e-3, 2 * r), True).translate(place) for place, r in ends])
    along = np.subtract(end, start)
    length = float(np.linalg.norm(along))
    across = np.cross(along, (0.0, 1.0, 0.0) if abs(along[1]) < 0.9 * length else (1.0, 0.0, 0.0))
    across /= np.linalg.norm(across)
    frame = np.stack([across, np.cross(along / length, across), along / length, start], axis=1)
    return Manifold.cylinder(length, radius, end_radius, n_sides).transform(frame)


def lathe(profile: Sequence[tuple[float, float]]) -> Manifold:
    """What a profile of (radius, height) sweeps when it turns around the y axis; its corners run counterclockwise.

    Example:
        >>> cone = lathe([(0, 0), (1, 0), (0, 3)])
        >>> 3.0 < cone.volume() < 3.1416
        True
    """
    return Manifold.revolve(CrossSection([np.array(profile, dtype=np.float64)]), _SEGMENTS).rotate((-90, 0, 0))


def disc(radius: float, y: Range, top_radius: float | None = None) -> Manifold:
    """An upright cylinder, or a cone that is cut off."""
    return rod((0, y[0], 0), (0, y[1], 0), radius, top_radius, n_sides=_SEGMENTS)


def bowed(width: float, height: float, thickness: float, depth: float, along: str) -> Manifold:
    """An upright panel whose rims stand back by a depth: those at the sides (along "x") or at top and bottom ("y").

    Example:
        >>> flat = bowed(2, 1, 0.1, 0.0, "x")
        >>> round(flat.volume(), 6), bowed(2, 1, 0.1, 0.5, "x").bounding_box()[2] < -0.5
        (0.2, True)
    """
    steps = np.linspace(-1, 1, 8)
    parts = []
    for low, high in pairwise(steps):
        corners = [
            (step * width / 2, y * height, -depth * step**2 + z * thickness / 2)
            if along == "x"
            else ((2 * y - 1) * width / 2, (step + 1) / 2 * height, -depth * step**2 + z * thickness / 2)
            for step in (low, high)
            for y in (0, 1)
            for z in (-1, 1)
        ]
        parts.append(Manifold.hull_points(np.array(corners)))
    return united(parts)


def ball(radius: float, stretch: Place = (1.0, 1.0, 1.0)) -> Manifold:
    """A ball around the origin, stretched along the axes."""
    return Manifold.sphere(radius, _SEGMENTS).scale(stretch)


def around(n: int, radius: float, start: float = 0.0) -> list[tuple[float, float]]:
    """Places (x, z) on a circle, evenly spaced."""
    angles = [start + 2 * math.pi * i / n for i in range(n)]
    return [(radius * math.cos(angle), radius * math.sin(angle)) for angle in angles]
