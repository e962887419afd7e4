"""Beds."""

from manifold3d import Manifold

from .draw import Draw
from .parts import SIDES, at_corners
from .solids import block, centered, rod, united


def bed(draw: Draw) -> Manifold:
    """A mattress in a frame; mostly with a head, often with a foot and pillows, at times with a second bed above."""
    width, length, height = draw.between(0.8, 1.9), draw.between(1.8, 2.2), draw.between(0.2, 0.4)
    bottom = draw.between(0.05, 0.25) if draw.chance(0.7) else 0.0
    bottom = min(bottom, height - 0.05)
    soft = draw.between(0.1, 0.25)
    frame = block(centered(width), (bottom, height), centered(length), draw.between(0, 0.03))
    mattress = block(
        centered(width - 0.04), (height - 0.03, height + soft), centered(length - 0.06), draw.between(0.02, 0.09)
    )
    parts = [frame, mattress]
    if draw.chance(0.85):
        parts += _board(draw, width, height, draw.between(0.6, 1.3), -length / 2)
    if draw.chance(0.5):
        parts += _board(draw, width, height, draw.between(0.35, 0.8), length / 2)
    if draw.chance(0.7):
        for x in (-width / 4, width / 4) if width > 1.2 else (0.0,):
            pillow = block((-0.3, 0.3), (0, 0.14), (-0.2, 0.2), 0.068)
            parts.append(pillow.translate((x, height + soft - 0.02, 0.3 - length / 2)))
    radius, square = draw.between(0.02, 0.05), draw.chance(0.5)
    parts += at_corners(width / 2 - 0.05, length / 2 - 0.05, height, radius, square=square)
    if draw.chance(0.1):
        rise = draw.between(1.1, 1.5)
        parts += [part.translate((0, rise, 0)) for part in (frame, mattress)]
        parts += at_corners(width / 2, length / 2, rise + 0.6, 0.04, square=True)
    return united(parts)


def _board(draw: Draw, width: float, height: float, top: float, z: float) -> list[Manifold]:
    """The head or the foot: a board, or bars between posts."""
    kind = draw.one_of("board", "bars", "panel")
    if kind == "board":
        thickness = draw.between(0.02, 0.08)
        return [block(centered(width + 0.04), (0, top), (z - thickness, z + thickness), draw.between(0, 0.03))]
    radius, square, thin, n = draw.between(0.015, 0.035), draw.chance(0.5), draw.between(0.4, 0.8), draw.count(3, 12)
    x, rail = width / 2, top - radius
    parts = [rod((i * x, 0, z), (i * x, top, z), radius, square=square) for i in SIDES]
    parts.append(rod((-x, rail, z), (x, rail, z), radius))
    if kind == "panel":
        return [*parts, block((-x, x), (0.6 * top, 0.85 * top), (z - 0.7 * radius, z + 0.7 * radius))]
    places = [(i + 1) * width / (n + 1) - x for i in range(n)]
    return parts + [rod((a, 0.6 * height, z), (a, rail, z), thin * radius) for a in places]
