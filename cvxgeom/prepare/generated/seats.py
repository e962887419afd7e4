"""Chairs and stools, armchairs and sofas."""

from typing import NamedTuple

from manifold3d import Manifold

from .draw import Draw
from .parts import SIDES, at_corners, four_legs, pedestal, slats
from .solids import Range, block, bowed, centered, disc, rod, united


def chair(draw: Draw) -> Manifold:
    """A seat on legs or a foot; nearly always with a back, at times with arms; a stool or a bench else."""
    width, depth = draw.between(0.38, 0.55), draw.between(0.38, 0.55)
    height = draw.between(0.6, 0.8) if draw.chance(0.12) else draw.between(0.38, 0.5)
    thickness = draw.between(0.02, 0.09)
    kind = draw.one_of("round", "soft", "soft", "soft", "tapered", "tapered", "tapered")
    parts = [_seat(draw, kind, width, depth, (height - thickness, height))]
    under = height - thickness / 2
    share = 0.7 if kind == "round" else 1.0  # legs stand under the seat, not beside it, and a back on it
    if draw.chance(0.15):
        parts += pedestal(draw, under, draw.between(0.2, 0.3))
    else:
        parts += four_legs(draw, share * width, share * depth, under)
    if draw.chance(0.12):
        return united(parts)
    if draw.chance(0.06):
        return united([*parts, block(centered(2.2 * width), (height - thickness, height), centered(depth), 0.01)])
    board = draw.between(0.015, 0.05)
    lean = draw.between(0, 18)
    back = _back(draw, share * width, board, -thickness).rotate((-lean, 0, 0))
    parts.append(back.translate((0, height, (board - share * depth) / 2)))
    if kind != "round" and draw.chance(0.3):
        parts += _arms(draw, width, depth, height, thickness)
    return united(parts)


def _seat(draw: Draw, kind: str, width: float, depth: float, y: Range) -> Manifold:
    if kind == "round":
        return disc(0.5, y).scale((width, 1, depth))
    if kind == "soft":
        return block(centered(width), y, centered(depth), draw.between(0.005, 0.04))
    front, rear = (depth / 2 - 0.01, depth / 2), (-depth / 2, -depth / 2 + 0.01)
    narrow = width * draw.between(0.85, 1)
    return Manifold.batch_hull([block(centered(width), y, front), block(centered(narrow), y, rear)])


def _back(draw: Draw, width: float, board: float, bottom: float) -> Manifold:
    """A back that stands on y = 0 and reaches down to ``bottom``."""
    height = draw.between(0.3, 0.6)
    kind = draw.one_of("bent", "panel", "ladder", "slats", "cushion", "wavy")
    if kind == "cushion":
        return block(centered(width), (bottom, height), (-board, board), draw.between(0.01, 0.05))
    if kind == "wavy":
        return bowed(width, height - bottom, board, draw.between(-0.05, 0.05), "y").translate((0, bottom, 0))
    if kind == "bent":
        return bowed(width * draw.between(0.8, 1), height - bottom, board, draw.between(0, 0.06), "x").translate(
            (0, bottom, 0)
        )
    radius, square = draw.between(0.014, 0.025), draw.chance(0.5)
    x = width / 2 - radius
    parts = [rod((i * x, bottom, 0), (i * x, height, 0), radius, square=square) for i in SIDES]
    if kind == "panel":
        y = (height * draw.between(0.3, 0.6), height)
        parts.append(block(centered(width), y, centered(board), draw.between(0, 0.02)))
    elif kind == "ladder":
        n = draw.count(2, 5)
        rung = height / n * draw.between(0.25, 0.7)
        parts += [
            block((-x, x), ((i + 1) * height / n - rung, (i + 1) * height / n), centered(board / 1.5)) for i in range(n)
        ]
    else:
        parts.append(block(centered(width), (height - draw.between(0.04, 0.1), height), centered(board)))
        parts.append(block((-x, x), (0.15 * height, 0.15 * height + 0.03), centered(board / 1.5)))
        parts += slats(draw, draw.count(3, 8), width, (0.15 * height, height - 0.02), board / 2)
    return united(parts)


def _arms(draw: Draw, width: float, depth: float, height: float, thickness: float) -> list[Manifold]:
    radius, square = draw.between(0.012, 0.03), draw.chance(0.5)
    x = width / 2 + (0.6 * radius if draw.chance(0.3) else -radius)
    y, front = height + draw.between(0.15, 0.25), 0.4 * depth
    parts = [rod((i * x, y, -depth / 2 - 0.02), (i * x, y, front), radius) for i in SIDES]
    return parts + [rod((i * x, height - thickness, front), (i * x, y, front), radius, square=square) for i in SIDES]


class _Body(NamedTuple):
    parts: list[Manifold]
    bottom: float  # of what stands on the feet
    seat: float  # its height
    top: float  # of the back


def armchair(draw: Draw) -> Manifold:
    """One upholstered seat."""
    return united(_upholstered(draw, draw.between(0.65, 0.95), draw.between(0.65, 0.95), 1).parts)


def sofa(draw: Draw) -> Manifold:
    """Two to four upholstered seats, at times around a corner."""
    n = draw.count(2, 4)
    width, depth = n * draw.between(0.5, 0.75) + 0.3, draw.between(0.75, 1.0)
    body = _upholstered(draw, width, depth, n)
    parts = body.parts
    if draw.chance(0.25):
        side, z = draw.one_of(*SIDES), (-depth / 2, depth / 2 + draw.between(0.6, 1.0))
        outer, inner = side * width / 2, side * (width / 2 - draw.between(0.7, 0.9))
        parts.append(block((outer, inner), (body.bottom, body.seat), z, 0.04))
        if draw.chance(0.5):
            parts.append(block((outer, outer - 0.2 * side), (body.bottom, body.top), z, 0.04))
    return united(parts)


def _upholstered(draw: Draw, width: float, depth: float, n_seats: int) -> _Body:
    bottom = draw.between(0.02, 0.15) if draw.chance(0.6) else 0.0
    seat, soft, rounding = draw.between(0.32, 0.45), draw.between(0.08, 0.18), draw.between(0, 0.08)
    arm = draw.between(0.08, 0.22) if draw.chance(0.85) else 0.0
    rear, rise = draw.between(0.1, 0.25), draw.between(0.25, 0.5)
    parts = [block(centered(width), (bottom, seat - 0.9 * soft), centered(depth), 0.3 * rounding)]
    back = block(centered(width), (0.6 * (bottom - seat), rise), centered(rear), rounding)
    parts.append(back.rotate((-draw.between(0, 12), 0, 0)).translate((0, seat, (rear - depth) / 2)))
    if arm:
        top, front, rolled = seat + draw.between(0.08, 0.28), depth / 2 - draw.between(0, 0.06), draw.chance(0.3)
        for side in SIDES:
            x = (side * width / 2, side * (width / 2 - arm))
            parts.append(block(x, (bottom, top), (-depth / 2, front), rounding))
            if rolled:
                middle = sum(x) / 2
                parts.append(rod((middle, top, -depth / 2), (middle, top, front), 0.55 * arm))
    parts += _cushions(draw, width / 2 - arm, depth, (seat - soft, seat), rear, n_seats)
    if bottom:
        radius, square, thin = draw.between(0.015, 0.035), draw.chance(0.5), draw.between(0.5, 1)
        parts += at_corners(width / 2 - 0.06, depth / 2 - 0.06, bottom + 0.02, thin * radius, radius, square)
    return _Body(parts, bottom, seat, seat + rise)


def _cushions(draw: Draw, half: float, depth: float, y: Range, rear: float, n_seats: int) -> list[Manifold]:
    """What one sits on, and what one leans on."""
    parts = []
    wide = 2 * half / n_seats
    front, rounding = depth / 2 + draw.between(-0.02, 0.02), draw.between(0.01, 0.06)
    behind, tall, lean = draw.chance(0.6), draw.between(0.2, 0.4), draw.between(5, 20)
    for i in range(n_seats):
        left = -half + i * wide
        parts.append(block((left + 0.003, left + wide - 0.003), y, (0.7 * rear - depth / 2, front), rounding))
        if behind:
            cushion = block(centered(wide - 0.01), (0, tall), (-0.07, 0.07), 0.06).rotate((-lean, 0, 0))
            parts.append(cushion.translate((left + wide / 2, y[1] - 0.01, rear - depth / 2 + 0.05)))
    if draw.chance(0.2):
        pillow = block((-0.2, 0.2), (0, 0.35), (-0.06, 0.06), 0.055).rotate((-25, draw.between(-30, 30), 0))
        x = draw.between(-1, 1) * max(half - 0.25, 0)
        parts.append(pillow.translate((x, y[1], rear - depth / 2 + 0.14)))
    return parts
