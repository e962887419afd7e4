"""Lamps that stand, hang, or have an arm."""

import numpy as np
from manifold3d import Manifold

from .draw import Draw
from .solids import ball, block, disc, lathe, rod, united


def lamp(draw: Draw) -> Manifold:
    """A shade that hangs from its cord, or on a pole or an arm above a foot."""
    height = draw.size(0.25, 1.7)
    kind = draw.one_of("hanging", "arm", "pole", "pole")
    if kind == "hanging":
        return _hanging(draw, height)
    radius = draw.between(0.1, 0.2)
    rim, hub = radius * draw.between(0.9, 1), radius * draw.between(0.1, 0.8)
    foot = [(0, 0), (radius, 0), (rim, draw.between(0.01, 0.03)), (hub, draw.between(0.03, 0.08)), (0, 0.08)]
    parts = [lathe(foot), *(_arm(draw) if kind == "arm" else _pole(draw, height))]
    return united(parts)


def _hanging(draw: Draw, height: float) -> Manifold:
    upper, lower, tall = draw.between(0.03, 0.1), draw.between(0.1, 0.3), draw.between(0.08, 0.3)
    wall = draw.between(0.006, 0.02)
    shade = [(lower - wall, 0), (lower, 0), (upper + wall, tall), (0, tall), (0, tall - wall), (upper, tall - wall)]
    top = tall + 0.5 * height
    rose = disc(draw.between(0.03, 0.07), (top - 0.02, top))
    return united([lathe(shade), disc(0.01, (tall - wall, top)), rose])


def _arm(draw: Draw) -> list[Manifold]:
    parts = []
    place = np.array((0.0, 0.03, 0.0))
    for _ in range(draw.count(1, 2)):
        step = (draw.between(-0.15, 0.15), draw.between(0.15, 0.3), draw.between(-0.2, 0.2))
        after = place + np.array(step)
        parts.append(rod(tuple(place), tuple(after), 0.012))
        place = after
    open_shade = [(0, 0), (0.09, -0.1), (0.1, -0.1), (0.03, 0.02), (0, 0.02)]
    shade = lathe(open_shade if draw.chance(0.5) else [(0, -0.1), (0.08, -0.1), (0.04, 0.02), (0, 0.02)])
    tilted = shade.rotate((draw.between(-50, 50), 0, draw.between(-30, 30)))
    return [*parts, tilted.translate(tuple(place))]


def _pole(draw: Draw, height: float) -> list[Manifold]:
    radius = draw.between(0.01, 0.05) if draw.chance(0.5) else draw.between(0.01, 0.025)
    parts = [disc(radius, (0, height))]
    if draw.chance(0.3):
        belly = ball(draw.between(0.05, 0.12), (1, draw.between(0.7, 1.5), 1))
        parts.append(belly.translate((0, height * draw.between(0.2, 0.6), 0)))
    upper, lower, tall = draw.between(0.05, 0.16), draw.between(0.12, 0.28), draw.between(0.12, 0.35)
    wall, low = draw.between(0.006, 0.015), height - tall * draw.between(0.4, 0.7)
    if draw.chance(0.25):
        return [*parts, lathe([(0, 0), (lower, 0), (upper, tall), (0, tall)]).translate((0, low, 0))]
    shade = lathe([(lower - wall, 0), (lower, 0), (upper + wall, tall), (upper, tall)]).translate((0, low, 0))
    top = low + tall
    reach = upper + wall / 2
    spider = block((-reach, reach), (top - 0.01, top), (-0.006, 0.006))
    return [*parts, shade, spider, disc(0.01, (height - 0.02, top))]
