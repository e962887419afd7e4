"""Parts that more than one kind of furniture has."""

from manifold3d import Manifold

from .draw import Draw
from .solids import Range, around, block, centered, disc, lathe, rod

SIDES = (-1, 1)


def at_corners(
    x: float, z: float, height: float, radius: float, top_radius: float | None = None, square: bool = False
) -> list[Manifold]:
    """Four upright bars from the floor, at (±x, ±z)."""
    return [rod((i * x, 0, k * z), (i * x, height, k * z), radius, top_radius, square) for i in SIDES for k in SIDES]


def four_legs(draw: Draw, width: float, depth: float, height: float) -> list[Manifold]:
    """Straight or splayed legs under the corners of a rectangle, at times with rails between them."""
    square, top = draw.chance(0.5), draw.between(0.012, 0.04)
    bottom = top * draw.between(0.5, 1.1)
    splay = draw.between(0, 0.12) if draw.chance(0.4) else 0.0
    inset = top + draw.between(0, 0.06)
    x, z = width / 2 - inset, depth / 2 - inset
    out = splay * height
    parts = [
        rod((i * (x + out), 0, k * (z + out)), (i * x, height, k * z), bottom, top, square)
        for i in SIDES
        for k in SIDES
    ]
    if draw.chance(0.3):
        y, radius = height * draw.between(0.15, 0.6), 0.6 * top
        x, z = x + splay * (height - y), z + splay * (height - y)
        parts += [rod((i * x, y, -z), (i * x, y, z), radius) for i in SIDES]
        kind = draw.one_of("cross", "frame", "sides")
        if kind == "cross":
            parts.append(rod((-x, y, 0), (x, y, 0), radius))
        elif kind == "frame":
            parts += [rod((-x, y, k * z), (x, y, k * z), radius) for k in SIDES]
    return parts


def pedestal(draw: Draw, height: float, radius: float) -> list[Manifold]:
    """A column on a plate or on a star of feet."""
    parts = [disc(draw.between(0.02, 0.06), (0, height))]
    if draw.chance(0.5):
        rim, rise = 0.015, draw.between(0.005, 0.04)
        parts.append(
            lathe([(0, 0), (radius, 0), (radius, rim), (radius * draw.between(0.2, 0.9), rim + rise), (0, 0.06)])
        )
    else:
        rise = draw.between(0.05, 0.12)
        places = around(draw.count(3, 5), radius, draw.between(0, 6))
        parts += [rod((x, 0.02, z), (0, rise, 0), 0.015, 0.025) for x, z in places]
    return parts


def top(draw: Draw, width: float, depth: float, y: Range) -> tuple[Manifold, float]:
    """A rectangular top, sharp or rounded, or an oval one; and the share of its sides that legs fit under."""
    kind = draw.one_of("oval", "rounded", "sharp", "sharp", "sharp", "sharp")
    if kind == "oval":
        return disc(0.5, y).scale((width, 1, depth)), 0.7
    return block(centered(width), y, centered(depth), draw.between(0.005, 0.03) if kind == "rounded" else 0.0), 1.0


def slats(draw: Draw, n: int, width: float, y: Range, thickness: float) -> list[Manifold]:
    """Upright slats, evenly spaced over a width around the origin."""
    wide = draw.between(0.15, 0.45) * width / n
    places = [-width / 2 + (i + 1) * width / (n + 1) for i in range(n)]
    return [block((x - wide / 2, x + wide / 2), y, centered(thickness)) for x in places]


def fronts(draw: Draw, x: Range, y: Range, z: float) -> list[Manifold]:
    """Drawers or doors one above the other, in front of a plane: their faces, and their handles."""
    if draw.chance(0.3):
        return []
    n, upright, raised = draw.count(1, 4), draw.chance(0.3), draw.chance(0.4)
    width, height = x[1] - x[0], (y[1] - y[0]) / n
    face, length = draw.between(0.005, 0.02), draw.between(0.05, 0.3) * width
    parts = []
    for i in range(n):
        low = y[0] + i * height
        if raised:
            parts.append(block((x[0] + 0.01, x[1] - 0.01), (low + 0.01, low + height - 0.01), (z - 0.01, z + face)))
        size = (0.015, min(0.3, 0.3 * height), 0.04) if upright else (max(length, 0.02), 0.015, 0.04)
        place = (x[1] - 0.05 if upright else (x[0] + x[1]) / 2, low + height / 2, z + 0.015)
        parts.append(Manifold.cube(size, True).translate(place))
    return parts
