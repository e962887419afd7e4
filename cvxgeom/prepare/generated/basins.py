"""What is in a bathroom: tubs, basins, toilets."""

from manifold3d import Manifold

from .draw import Draw
from .parts import fronts
from .solids import ball, block, centered, disc, rod, united


def sanitary(draw: Draw) -> Manifold:
    """A tub or a basin in a block, a bowl on a foot, a toilet, or a cabinet with a basin."""
    return draw.one_of(_tub, _bowl, _toilet, _vanity)(draw)


def _tub(draw: Draw) -> Manifold:
    width, depth, height = draw.size(0.45, 1.9), draw.between(0.4, 0.8), draw.between(0.15, 0.65)
    wall, rear = draw.between(0.03, 0.08), draw.between(1, 2.5)
    body = block(centered(width), (0, height), centered(depth), draw.between(0, 0.06))
    inside = (draw.between(0.2, 0.5) * height, height + 0.3)
    hollow = block(
        (wall - width / 2, width / 2 - wall),
        inside,
        (rear * wall - depth / 2, depth / 2 - wall),
        draw.between(0.02, 0.15),
    )
    return united([body - hollow, *_tap(draw, height, 0.05 - depth / 2)])


def _bowl(draw: Draw) -> Manifold:
    radius, height = draw.between(0.2, 0.32), draw.between(0.6, 0.85)
    deep, long = draw.between(0.5, 0.8), draw.between(0.7, 1.2)
    outside, inside = ball(radius, (1, deep, long)), ball(0.88 * radius, (1, deep, long)).translate((0, 0.02, 0))
    bowl = (outside - inside) - block((-1, 1), (0, 1), (-1, 1))
    foot = rod(
        (0, 0, -0.3 * radius),
        (0, height - 0.3 * radius, -0.2 * radius),
        draw.between(0.07, 0.12),
        draw.between(0.05, 0.1),
    )
    # The foot must not come through into the bowl.
    foot -= inside.translate((0, height, 0))
    return united([bowl.translate((0, height, 0)), foot, *_tap(draw, height, 0.03 - long * radius)])


def _toilet(draw: Draw) -> Manifold:
    height = draw.between(0.36, 0.44)
    foot = disc(0.12, (0, 0.8 * height), 0.17).scale((0.9, 1, 1.4))
    seat = disc(0.2, (0.7 * height, height)).scale((0.9, 1, 1.25))
    bowl = Manifold.batch_hull([foot, seat])
    if draw.chance(0.5):
        bowl -= ball(0.15, (0.8, 1, 1.2)).translate((0, height + 0.02, 0.03))
    tank = block((-0.2, 0.2), (height - 0.05, height + draw.between(0.25, 0.4)), (-0.42, -0.22), 0.02)
    parts = [bowl, tank]
    if draw.chance(0.4):
        parts.append(block((-0.19, 0.19), (height - 0.02, height + 0.4), (-0.23, -0.19), 0.02))
    return united(parts)


def _vanity(draw: Draw) -> Manifold:
    width, depth, height = draw.between(0.5, 1.2), draw.between(0.4, 0.6), draw.between(0.7, 0.9)
    bottom = draw.one_of(0.0, 0.1, 0.3)
    hollow = block((-0.35 * width, 0.35 * width), (height - 0.12, height + 0.3), (-0.3 * depth, 0.35 * depth), 0.06)
    parts = [block(centered(width), (bottom, height), centered(depth)) - hollow]
    parts += fronts(draw, centered(width), (bottom, height), depth / 2)
    if draw.chance(0.4):
        mirror = height + draw.between(0.2, 0.4)
        parts.append(block(centered(width), (mirror, height + 1), (-depth / 2, 0.03 - depth / 2)))
        parts.append(block(centered(0.8 * width), (height - 0.1, mirror + 0.1), (-depth / 2, 0.015 - depth / 2)))
    return united([*parts, *_tap(draw, height, 0.05 - depth / 2)])


def _tap(draw: Draw, height: float, z: float) -> list[Manifold]:
    if draw.chance(0.5):
        return []
    top = height + 0.15
    return [rod((0, height - 0.03, z), (0, top, z), 0.015), rod((0, top - 0.01, z), (0, top - 0.03, z + 0.14), 0.012)]
