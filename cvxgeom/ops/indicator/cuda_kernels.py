"""The Triton kernels of the indicator ops; launched by cuda.py, tested in Triton's interpreter."""

import triton.language as tl

from .._triton import (
    INFINITY,
    any_of,
    distance_to,
    indicator_of,
    jit,
    largest_distance,
    load_plane,
    load_points,
    nearest_first,
    one_from,
    points_of_block,
    sum_of_exponentials,
    to_local,
    zero_from,
)

# -- forward ----------------------------------------------------------------------------------------------------------


@jit
def convex_score(x, y, z, normals, offsets, translations, delta, row, h):
    """Φ of one convex at points."""
    x, y, z = to_local(x, y, z, translations, row)
    most = largest_distance(normals, offsets, row * h, h, x, y, z)
    return most + tl.log(sum_of_exponentials(normals, offsets, row * h, h, x, y, z, most, delta)) / delta


@jit
def lowest_score(
    x, y, z, low, high, at, normals, offsets, translations, smoothness, sharpness, limit, first, k, h,
    TILE: tl.constexpr,
):  # fmt: skip
    """min over convexes of σΦ at the points of a block, and the first convex that has it; NaN where one has NaN.

    low and high are the block's bounds, from ``at`` on; scores from ``limit`` on are not wanted; ``first`` is the row
    of convex 0. An indicator (sharpness is given) that is exactly 0 or 1 whichever convex is to be thanked for it is
    not looked at further.
    """
    ceiling, _, nearest = nearest_first(low, high, at, k, TILE)
    best = tl.full(x.shape, limit, x.dtype)
    part = tl.zeros(x.shape, tl.int32) + k
    worst = tl.max(best, axis=0)
    for turn in range(0, k + 1):  # the nearest, so that it rules the others out, then all in their order
        j = tl.where(turn == 0, nearest, turn - 1)
        bound = tl.load(low + at + j)
        must = bound == -INFINITY
        visit = (turn == 0) | (j != nearest)
        visit &= must | (~(bound > ceiling) & ~(bound > worst))
        if sharpness is not None:
            visit &= must | ((bound <= zero_from(x)) & ~(worst < -one_from(x)))
        if visit:
            row = first + j
            lx, ly, lz = to_local(x, y, z, translations, row)
            most = largest_distance(normals, offsets, row * h, h, lx, ly, lz)
            lower = most  # Φ is at least the maximum
            if sharpness is not None:
                lower = most * tl.load(sharpness + row)
            if must | any_of(~(lower > best)):
                delta = tl.load(smoothness + row)
                total = sum_of_exponentials(normals, offsets, row * h, h, lx, ly, lz, most, delta)
                score = most + tl.log(total) / delta
                if sharpness is not None:
                    score *= tl.load(sharpness + row)
                better = (score < best) | ((score == best) & (j < part))
                better |= (score != score) & ((best == best) | (j < part))
                best = tl.where(better, score, best)
                part = tl.where(better, j, part)
                worst = tl.max(best, axis=0)
    return best, tl.where(part == k, 0, part)


@jit
def union_forward(
    points, order, low, high, normals, offsets, translations, smoothness, sharpness, value, part, n, blocks, k, h,
    BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """value (B, N) and part (B, N) of the union. One program per block of points (B · blocks)."""
    b = (tl.program_id(0) // blocks).to(tl.int64)
    at, inside = points_of_block(order, b, tl.program_id(0) % blocks, n, BLOCK)
    x, y, z = load_points(points, at)
    bounds_at = tl.program_id(0).to(tl.int64) * k
    best, best_part = lowest_score(
        x,
        y,
        z,
        low,
        high,
        bounds_at,
        normals,
        offsets,
        translations,
        smoothness,
        sharpness,
        INFINITY,
        b * k,
        k,
        h,
        TILE,
    )
    tl.store(value + at, best if sharpness is None else indicator_of(best), mask=inside)
    tl.store(part + at, best_part, mask=inside)


@jit
def convex_forward(
    points, order, low, high, normals, offsets, translations, smoothness, sharpness, value, n, blocks, k, h,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """value (B, K, N) of each convex. One program per block of points and convex (B · blocks · K)."""
    block = tl.program_id(0) // k
    b, j = (block // blocks).to(tl.int64), tl.program_id(0) % k
    row = b * k + j
    at, inside = points_of_block(order, b, block % blocks, n, BLOCK)
    to = value + row * n + at - b * n
    x, y, z = load_points(points, at)
    delta = tl.load(smoothness + row)
    if sharpness is None:
        tl.store(to, convex_score(x, y, z, normals, offsets, translations, delta, row, h), mask=inside)
    else:
        below = tl.load(low + block.to(tl.int64) * k + j)
        above = tl.load(high + block.to(tl.int64) * k + j)
        if below > zero_from(x):
            tl.store(to, tl.zeros(x.shape, x.dtype), mask=inside)
        elif above < -one_from(x):
            tl.store(to, tl.full(x.shape, 1, x.dtype), mask=inside)
        else:
            score = convex_score(x, y, z, normals, offsets, translations, delta, row, h)
            tl.store(to, indicator_of(score * tl.load(sharpness + row)), mask=inside)


@jit
def contains(
    points, order, low, high, normals, offsets, translations, value, n, blocks, k, h, BLOCK: tl.constexpr
):  # fmt: skip
    """value int8 (B, N): whether all L ≤ 0 for one convex. One program per block of points (B · blocks)."""
    b = (tl.program_id(0) // blocks).to(tl.int64)
    at, inside = points_of_block(order, b, tl.program_id(0) % blocks, n, BLOCK)
    x, y, z = load_points(points, at)
    bounds_at = tl.program_id(0).to(tl.int64) * k
    found = tl.zeros(x.shape, tl.int1)
    missing = any_of(~found)
    for j in range(0, k):
        if missing & ~(tl.load(low + bounds_at + j) > 0):
            row = b * k + j
            within = tl.full(x.shape, 1, tl.int1)
            if ~(tl.load(high + bounds_at + j) < 0):
                lx, ly, lz = to_local(x, y, z, translations, row)
                for i in tl.range(0, h, loop_unroll_factor=2 if x.dtype == tl.float64 else 4):
                    within &= distance_to(normals, offsets, row * h + i, lx, ly, lz) <= 0
            found |= within
            missing = any_of(~found)
    tl.store(value + at, found.to(tl.int8), mask=inside)


# -- backward ---------------------------------------------------------------------------------------------------------


@jit
def exponentials(x, y, z, normals, offsets, translations, delta, row, h):
    """Points in the convex's frame, max L, Σ e and Σ e log e of e_h = exp(δ (L_h − max L))."""
    x, y, z = to_local(x, y, z, translations, row)
    most = largest_distance(normals, offsets, row * h, h, x, y, z)
    total, moment = tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype)
    for j in tl.range(0, h, loop_unroll_factor=2 if x.dtype == tl.float64 else 4):
        exponent = delta * (distance_to(normals, offsets, row * h + j, x, y, z) - most)
        share = tl.exp(exponent)
        total += share
        moment += tl.where(share > 0, share * exponent, 0.0)  # not 0 · ∞
    return x, y, z, most, total, moment


@jit
def pull_back(
    x, y, z, most, total, moment, slope, normals, offsets, sharpness, delta, row, h, to_planes, sums
):  # fmt: skip
    """Derivatives by the points of Σ_i slope_i σΦ(x_i), from `exponentials`; the others are written to ``sums``.

    sums (4h + 2,), if ``to_planes``: Σ_i by normal and offset of each half-space, then by δ and by σ.
    """
    weight = slope
    if sharpness is not None:
        weight = slope * tl.load(sharpness + row)
    if to_planes:
        log_total = tl.log(total)
        tl.store(sums + 4 * h, tl.sum(weight * (moment / total - log_total), axis=0) / (delta * delta))
        tl.store(sums + 4 * h + 1, tl.sum(slope * (most + log_total / delta), axis=0))
    scaled = weight / total
    gx, gy, gz = tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype)
    for j in tl.range(0, h):
        nx, ny, nz, d = load_plane(normals, offsets, row * h + j)
        distance = tl.fma(nx, x, tl.fma(ny, y, tl.fma(nz, z, d)))
        share = tl.exp(delta * (distance - most)) * scaled
        gx, gy, gz = tl.fma(share, nx, gx), tl.fma(share, ny, gy), tl.fma(share, nz, gz)
        if to_planes:
            tl.store(sums + 4 * j, tl.sum(share * x, axis=0))
            tl.store(sums + 4 * j + 1, tl.sum(share * y, axis=0))
            tl.store(sums + 4 * j + 2, tl.sum(share * z, axis=0))
            tl.store(sums + 4 * j + 3, tl.sum(share, axis=0))
    return gx, gy, gz


@jit
def slope_of(grad, value, at, inside, INDICATOR: tl.constexpr):
    """∂loss/∂σΦ from ∂loss/∂value, 0 for padding; and whether it matters: it is not 0, or the value is NaN."""
    slope, v = tl.load(grad + at), tl.load(value + at)
    if INDICATOR:
        slope = -(slope * (1 - v) * v)
    return tl.where(inside, slope, 0.0), inside & ((slope != 0) | (v != v))


@jit
def union_keys(order, grad, value, part, keys, n, k, INDICATOR: tl.constexpr, BLOCK: tl.constexpr):
    """The convex that has the gradient of each point along the curve, K where the gradient is 0. keys (B, N)."""
    tiles = tl.cdiv(n, BLOCK)
    b = (tl.program_id(0) // tiles).to(tl.int64)
    at, inside = points_of_block(order, b, tl.program_id(0) % tiles, n, BLOCK)
    _, matters = slope_of(grad, value, at, inside, INDICATOR)
    key = tl.where(matters, tl.load(part + at), k)
    i = tl.program_id(0) % tiles * BLOCK + tl.arange(0, BLOCK)
    tl.store(keys + b * n + i, key.to(keys.dtype.element_ty), mask=inside)


@jit
def first_not_below(keys, wanted, n, steps):
    """How many of n rising keys are below each wanted number; ``steps``: the bits of n."""
    low, high = tl.zeros(wanted.shape, tl.int32), tl.zeros(wanted.shape, tl.int32) + n
    for _ in range(0, steps):
        middle = (low + high) // 2
        below = (low < high) & (tl.load(keys + tl.minimum(middle, n - 1)).to(tl.int32) < wanted)
        low, high = tl.where(below, middle + 1, low), tl.where(below, high, middle)
    return low


@jit
def list_convexes(keys, list_starts, piece_starts, n, k, steps, PIECE: tl.constexpr, TILE: tl.constexpr):
    """Where the points and the pieces, of PIECE points at most, of each convex start: both (B, K + 1).

    keys (B, N): numbers of convexes, rising; steps: the bits of n. One program per shape.
    """
    b = tl.program_id(0).to(tl.int64)
    keys, list_starts, piece_starts = keys + b * n, list_starts + b * (k + 1), piece_starts + b * (k + 1)
    before = tl.zeros((), tl.int32)
    tl.store(piece_starts, before)
    tl.store(list_starts, before)
    for start in range(0, k, TILE):
        j = start + tl.arange(0, TILE)
        begins = first_not_below(keys, j, n, steps)
        ends = first_not_below(keys, j + 1, n, steps)
        counts = tl.where(j < k, (ends - begins + PIECE - 1) // PIECE, 0)
        tl.store(list_starts + j + 1, ends, mask=j < k)
        tl.store(piece_starts + j + 1, before + tl.cumsum(counts, axis=0), mask=j < k)
        before += tl.sum(counts, axis=0)


@jit
def union_backward(
    points, order, sorted_to, list_starts, piece_starts, grad, value, normals, offsets, translations, smoothness,
    sharpness, grad_points, sums, n, pieces, k, h, needs, BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """Derivatives of the union from each piece: BLOCK points at most, all decided by one convex.

    order (B, N): points along the curve; sorted_to (B, N): places in it, by convex; list_starts, piece_starts (B,
    K + 1): where the points and the pieces of each convex start; sums (B, pieces, 4h + 2). One program per piece that
    there could be (B · pieces).
    """
    b, piece = (tl.program_id(0) // pieces).to(tl.int64), tl.program_id(0) % pieces
    j = tl.zeros((), tl.int32)  # the convex: so many end before this piece
    for start in range(0, k, TILE):
        column = start + tl.arange(0, TILE)
        ends = tl.load(piece_starts + b * (k + 1) + 1 + column, mask=column < k, other=2147483647)
        j += tl.sum((ends <= piece).to(tl.int32), axis=0)
    if j < k:
        starts = list_starts + b * (k + 1) + j
        i = tl.load(starts) + (piece - tl.load(piece_starts + b * (k + 1) + j)) * BLOCK + tl.arange(0, BLOCK)
        end = tl.load(starts + 1)
        at = b * n + tl.load(order + b * n + tl.load(sorted_to + b * n + tl.minimum(i, end - 1)))
        x, y, z = load_points(points, at)
        row = b * k + j
        delta = tl.load(smoothness + row)
        slope, _ = slope_of(grad, value, at, i < end, sharpness is not None)
        x, y, z, most, total, moment = exponentials(x, y, z, normals, offsets, translations, delta, row, h)
        to = sums + tl.program_id(0).to(tl.int64) * (4 * h + 2)
        gx, gy, gz = pull_back(
            x, y, z, most, total, moment, slope, normals, offsets, sharpness, delta, row, h, needs != 1, to
        )
        if needs & 1:
            tl.store(grad_points + 3 * at, gx, mask=i < end)
            tl.store(grad_points + 3 * at + 1, gy, mask=i < end)
            tl.store(grad_points + 3 * at + 2, gz, mask=i < end)


@jit
def convex_backward(
    points, order, grad, value, normals, offsets, translations, smoothness, sharpness, grad_points, sums,
    n, blocks, groups, total, k, h, needs, BLOCK: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Derivatives of each convex from each block of points.

    grad_points (groups, B, N, 3), still to be added up; total = B · N; sums (B, K, blocks, 4h + 2). One program per
    block and group of convexes (B · blocks · groups).
    """
    group, block = tl.program_id(0) % groups, tl.program_id(0) // groups
    b, block = (block // blocks).to(tl.int64), block % blocks
    at, inside = points_of_block(order, b, block, n, BLOCK)
    x, y, z = load_points(points, at)
    gx, gy, gz = tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype)
    for j in range(group, k, groups):
        row = b * k + j
        slope, matters = slope_of(grad + (row - b) * n, value + (row - b) * n, at, inside, sharpness is not None)
        to = sums + (row * blocks + block) * (4 * h + 2)
        if any_of(matters):
            delta = tl.load(smoothness + row)
            lx, ly, lz, most, sum, moment = exponentials(x, y, z, normals, offsets, translations, delta, row, h)
            px, py, pz = pull_back(
                lx, ly, lz, most, sum, moment, slope, normals, offsets, sharpness, delta, row, h, needs != 1, to
            )
            gx, gy, gz = gx + px, gy + py, gz + pz
        elif needs != 1:  # a saturated indicator has no slope
            clear(to, 4 * h + 2, COLUMNS)
    if needs & 1:
        to = grad_points + 3 * (group.to(tl.int64) * total + at)
        tl.store(to, gx, mask=inside)
        tl.store(to + 1, gy, mask=inside)
        tl.store(to + 2, gz, mask=inside)


@jit
def clear(to, count, COLUMNS: tl.constexpr):
    """Write zeros."""
    for start in range(0, count, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        tl.store(to + column, tl.zeros((COLUMNS,), to.dtype.element_ty), mask=column < count)


@jit
def add_pieces(
    piece_starts, sums, normals, to_normals, to_offsets, to_translations, to_smoothness, to_sharpness,
    pieces, k, h, needs, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Derivatives of each convex: sums (B, pieces, 4h + 2) over its pieces in a fixed order, in double.

    Only those that ``needs`` names are written. One program per convex (B · K).
    """
    width = 4 * h + 2
    row = tl.program_id(0).to(tl.int64)
    b = row // k
    begin, end = tl.load(piece_starts + row + b), tl.load(piece_starts + row + b + 1)
    real: tl.constexpr = to_normals.dtype.element_ty
    tx, ty, tz = tl.zeros((), tl.float64), tl.zeros((), tl.float64), tl.zeros((), tl.float64)
    for start in range(0, width, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        added = tl.zeros((ROWS, COLUMNS), tl.float64)
        for first in range(begin, end, ROWS):
            piece = first + tl.arange(0, ROWS)
            at = (b * pieces + piece)[:, None] * width + column[None, :]
            there = (piece < end)[:, None] & (column < width)[None, :]
            added += tl.load(sums + at, mask=there, other=0.0).to(tl.float64)
        total = tl.sum(added, axis=0)
        plane, what = row * h + column // 4, column % 4
        if needs & 2:
            of_planes = column < 4 * h
            tl.store(to_normals + 3 * plane + what, total.to(real), mask=of_planes & (what < 3))
            by_offset = of_planes & (what == 3)
            tl.store(to_offsets + plane, total.to(real), mask=by_offset)
            # The plane's distance falls where the translation goes along its normal.
            tx -= tl.sum(tl.load(normals + 3 * plane, mask=by_offset, other=0.0) * total, axis=0)
            ty -= tl.sum(tl.load(normals + 3 * plane + 1, mask=by_offset, other=0.0) * total, axis=0)
            tz -= tl.sum(tl.load(normals + 3 * plane + 2, mask=by_offset, other=0.0) * total, axis=0)
        if needs & 4:
            tl.store(to_smoothness + row + 0 * column, total.to(real), mask=column == 4 * h)
        if needs & 8:
            tl.store(to_sharpness + row + 0 * column, total.to(real), mask=column == 4 * h + 1)
    if needs & 2:
        tl.store(to_translations + 3 * row, tx.to(real))
        tl.store(to_translations + 3 * row + 1, ty.to(real))
        tl.store(to_translations + 3 * row + 2, tz.to(real))
