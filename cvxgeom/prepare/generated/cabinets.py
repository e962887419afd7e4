"""Cupboards, shelves and chests; appliances; doors and windows."""

import numpy as np
from manifold3d import Manifold

from .draw import Draw
from .parts import four_legs, fronts
from .solids import Range, block, centered, disc, rod, united


def storage(draw: Draw) -> Manifold:
    """Open shelves, or a closed body with doors or drawers, which counts as solid: nobody sees into it."""
    width, depth, height = draw.size(0.35, 2.0), draw.between(0.3, 0.65), draw.size(0.4, 2.2)
    board = draw.between(0.012, 0.04)
    base = draw.between(0.03, 0.15) if draw.chance(0.5) else 0.0
    if draw.chance(0.4):
        return _shelves(draw, width, depth, (base, height), board)
    parts = [block(centered(width), (base, height), centered(depth))]
    if draw.chance(0.4):
        over = draw.between(0.005, 0.04)
        parts.append(block(centered(width + 2 * over), (height, height + board), (-depth / 2, depth / 2 + over)))
    if base and draw.chance(0.6):
        parts += four_legs(draw, width, depth, base + 0.01)
    elif base:
        parts.append(block(centered(width - 0.06), (0, base + 0.01), (0.02 - depth / 2, depth / 2 - 0.05)))
    n = draw.count(1, 3)
    for i in range(n):
        parts += fronts(draw, (width * (i / n - 0.5), width * ((i + 1) / n - 0.5)), (base, height), depth / 2)
    if draw.chance(0.15):
        upper = (height - 0.01, height + draw.between(0.3, 0.8))
        parts.append(block(centered(width), upper, (-depth / 2, draw.between(0.02, 0.3) - depth / 2)))
    return united(parts)


def _shelves(draw: Draw, width: float, depth: float, y: Range, board: float) -> Manifold:
    n_columns, n_rows = draw.count(1, 4), draw.count(1, 6)
    xs = np.linspace(-width / 2, width / 2 - board, n_columns + 1)
    ys = np.linspace(y[0], y[1] - board, n_rows + 1)
    z = centered(depth)
    parts = [block((x, x + board), (0, y[1]), z) for x in xs]
    parts += [block(centered(width), (low, low + board), z) for low in ys]
    if draw.chance(0.6):
        parts.append(block(centered(width), (0, y[1]), (z[0], z[0] + 0.01)))
    for column in range(n_columns):
        for row in range(n_rows):
            if draw.chance(0.15):
                x = (float(xs[column]), float(xs[column + 1]) + board)
                parts.append(block(x, (float(ys[row]), float(ys[row + 1])), (z[0], z[1] - draw.between(0, 0.02))))
    return united(parts)


def appliance(draw: Draw) -> Manifold:
    """A box or a drum with handles, knobs, an opening in front or above, a head, or a hood with its chimney."""
    width, depth, height = draw.size(0.2, 0.9), draw.size(0.2, 0.7), draw.size(0.2, 1.8)
    x, z = centered(width), centered(depth)
    kind = draw.one_of("drum", "hood", *["box"] * 6)
    if kind == "hood":
        wide = block(x, (0, 0.05), z)
        chimney = (-0.15 * width, 0.15 * width)
        narrow = block(chimney, (0.4 * height, 0.42 * height), (z[0], -0.1 * depth))
        return united([Manifold.batch_hull([wide, narrow]), block(chimney, (0, height), (z[0], -0.1 * depth))])
    rounding = draw.between(0, 0.12) if draw.chance(0.5) else 0.0
    body = disc(width / 2, (0, height)) if kind == "drum" else block(x, (0, height), z, rounding)
    parts, front, face = [body], depth / 2, x
    if kind == "drum":
        front, face = 0.48 * width, centered(0.4 * width)
    if draw.chance(0.6):
        parts += fronts(draw, face, (0, height), front)
    if kind == "box" and draw.chance(0.3):
        knobs = [((i + 0.7) * width / 6 - width / 2, 0.9 * height) for i in range(draw.count(2, 5))]
        parts += [rod((a, b, front - 0.08), (a, b, front + 0.03), 0.02) for a, b in knobs]
    if draw.chance(0.2):
        parts.append(block((-0.2 * width, 0.2 * width), (0.9 * height, 1.6 * height), (z[0], 0)))
    whole = united(parts)
    if draw.chance(0.2):
        whole -= block((-0.4 * width, 0.4 * width), (0.2 * height, 0.75 * height), (draw.between(-0.1, 0.2) * depth, 2))
    if draw.chance(0.2):
        whole -= block((-0.35 * width, 0.35 * width), (0.6 * height, 2 * height), (-0.1 * depth, 0.1 * depth))
    return whole


def door_or_window(draw: Draw) -> Manifold:
    """A leaf, or a frame with panes; at times with a round arch or a handle."""
    width, height, thickness = draw.between(0.5, 2.4), draw.between(0.6, 2.2), draw.between(0.04, 0.12)
    frame = draw.between(0.04, 0.1)
    x, y, z = centered(width), (0, height), centered(thickness)
    if draw.chance(0.3):
        parts = [block(x, y, z)]
    else:
        opening = block((x[0] + frame, x[1] - frame), (frame, height - frame), (-1, 1))
        parts = [block(x, y, z) - opening, block(x, y, centered(draw.between(0.008, 0.03)))]
        n = draw.count(1, 3)
        for middle in (width * (i / n - 0.5) for i in range(1, n)):
            parts.append(block((middle - frame / 2, middle + frame / 2), y, centered(0.8 * thickness)))
        if draw.chance(0.4):
            bar = height * draw.between(0.3, 0.7)
            parts.append(block(x, (bar - frame / 3, bar + frame / 3), centered(0.7 * thickness)))
    if draw.chance(0.4):
        place = ((width - frame) / 2, height / 2, thickness / 2 + 0.015)
        parts.append(Manifold.cube((0.02, 0.12, 0.05), True).translate(place))
    if draw.chance(0.15):
        round_top = disc(width / 2, z).rotate((90, 0, 0)).translate((0, height, 0))
        parts.append(round_top ^ block(x, (height - 0.01, height + width), (-1, 1)))
    return united(parts)
