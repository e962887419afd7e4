"""Tables and desks."""

from manifold3d import Manifold

from .draw import Draw
from .parts import SIDES, four_legs, fronts, pedestal, top
from .solids import block, centered, united


def table(draw: Draw) -> Manifold:
    """A top on legs, on one foot, on two boards or on two feet with a beam."""
    width, depth = draw.between(0.5, 2.0), draw.between(0.45, 1.0)
    height = draw.between(0.3, 0.5) if draw.chance(0.35) else draw.between(0.6, 0.8)
    y = (height - draw.between(0.015, 0.07), height)
    under = sum(y) / 2
    kind = draw.one_of("foot", "foot", "boards", "beam", *["legs"] * 6)
    if kind == "foot":
        width = depth = draw.between(0.4, 1.2)
        return united([top(draw, width, depth, y)[0], *pedestal(draw, under, width * draw.between(0.25, 0.45))])
    if kind == "boards":
        return united([top(draw, width, depth, y)[0], *_boards(draw, width, depth, under)])
    if kind == "beam":
        return united([block(centered(width), y, centered(depth)), *_beam(draw, width, depth, y[0], under)])
    board, share = top(draw, width, depth, y)
    share *= draw.between(0.85, 1)
    legs = united(four_legs(draw, share * width, share * depth, under))
    parts = [board, legs]
    if draw.chance(0.5):
        x, z = centered(0.9 * share * width), centered(0.9 * share * depth)
        hollow = block((x[0] + 0.02, x[1] - 0.02), (0, height), (z[0] + 0.02, z[1] - 0.02))
        parts.append(block(x, (y[0] - draw.between(0.05, 0.14), under), z) - hollow)
    if draw.chance(0.25):
        shelf = height * draw.between(0.15, 0.5)
        _, _, _, right, _, front = legs.bounding_box()  # at the floor, where splayed legs are widest
        parts.append(block(centered(1.9 * right), (shelf, shelf + 0.02), centered(1.9 * front)))
    if draw.chance(0.25):
        side, wide = draw.one_of(*SIDES), width * draw.between(0.2, 0.35)
        x = sorted((side * 0.48 * width, side * (0.48 * width - wide)))
        bottom = draw.one_of(0.0, 0.05, 0.45 * height)
        parts.append(block((x[0], x[1]), (bottom, under), centered(0.92 * depth)))
        parts += fronts(draw, (x[0], x[1]), (bottom, y[0]), 0.46 * depth)
    return united(parts)


def _boards(draw: Draw, width: float, depth: float, under: float) -> list[Manifold]:
    thickness, x = draw.between(0.02, 0.06), width * draw.between(0.3, 0.47)
    parts = [block((i * x - thickness / 2, i * x + thickness / 2), (0, under), centered(0.8 * depth)) for i in SIDES]
    if draw.chance(0.6):
        low = under * draw.between(0.2, 0.8)
        parts.append(block((-x, x), (low, min(under, low + draw.between(0.02, 0.2))), (-0.015, 0.015)))
    return parts


def _beam(draw: Draw, width: float, depth: float, bottom: float, under: float) -> list[Manifold]:
    x, thick, deep = 0.4 * width, draw.between(0.05, 0.12), draw.between(0.05, 0.15)
    parts = []
    for i in SIDES:
        parts.append(block((i * x - thick / 2, i * x + thick / 2), (0, under), centered(deep)))
        parts.append(block((i * x - 0.04, i * x + 0.04), (0, 0.05), centered(0.9 * depth)))
        parts.append(block((i * x - 0.03, i * x + 0.03), (bottom - 0.04, under), centered(0.9 * depth)))
    low = 0.5 * under
    return [*parts, block((-x, x), (low, low + draw.between(0.03, 0.3) * under), (-0.015, 0.015))]
