"""First hits of rays by slab clipping in Triton: bundles of neighboring rays rule convexes out together."""

import torch
import triton.language as tl
from torch import Tensor

from .._triton import (
    EPSILON_32,
    EPSILON_64,
    INFINITY,
    boxes_of,
    ceil_div,
    configuration_for,
    is_usual,
    jit,
    launch,
    load_box,
    load_plane,
    load_points,
    nearest_first,
    order_along_curve,
    points_of_block,
    to_local,
)

TILE = 64  # convexes that are looked at together


@jit
def ray_bounds(boxes, turns, normals, offsets, translations, low, blocks, total, k, h, LANES: tl.constexpr):
    """Where no ray of a bundle enters a convex earlier: ∞ where none enters it, −∞ where nothing can be said.

    boxes and turns (6, total): of the origins and of the directions; low (total, K). By interval arithmetic: no ray
    enters before the latest of its sure entries, nor stays beyond the earliest of its sure exits.
    """
    tiles = tl.cdiv(blocks, LANES)
    row = (tl.program_id(0) // tiles).to(tl.int64)
    i = tl.program_id(0) % tiles * LANES + tl.arange(0, LANES)
    at = row // k * blocks + i
    cx, cy, cz, ex, ey, ez = load_box(boxes, at, total, i < blocks)
    ux, uy, uz, fx, fy, fz = load_box(turns, at, total, i < blocks)
    cx, cy, cz = to_local(cx, cy, cz, translations, row)
    size = tl.abs(cx) + tl.abs(cy) + tl.abs(cz) + ex + ey + ez
    usual = is_usual(size) & is_usual(fx + fy + fz)
    sound = tl.full((), 1, tl.int1)
    EPSILON: tl.constexpr = EPSILON_64 if boxes.dtype.element_ty == tl.float64 else EPSILON_32
    enter, leave = tl.full((LANES,), -INFINITY, cx.dtype), tl.full((LANES,), INFINITY, cx.dtype)
    beside = tl.zeros((LANES,), tl.int1)
    for j in tl.range(0, h):
        nx, ny, nz, d = load_plane(normals, offsets, row * h + j)
        sound &= is_usual(nx) & is_usual(ny) & is_usual(nz) & is_usual(d)
        largest = tl.maximum(tl.abs(nx), tl.maximum(tl.abs(ny), tl.abs(nz)))
        height = tl.fma(nx, cx, tl.fma(ny, cy, tl.fma(nz, cz, d)))
        around = tl.fma(tl.abs(nx), ex, tl.fma(tl.abs(ny), ey, tl.abs(nz) * ez))
        around += 16 * EPSILON * (largest * size + tl.abs(d))
        speed = tl.fma(nx, ux, tl.fma(ny, uy, nz * uz))
        spread = tl.fma(tl.abs(nx), fx, tl.fma(tl.abs(ny), fy, tl.abs(nz) * fz)) + 48 * EPSILON * largest
        lowest, slowest, fastest = height - around, speed - spread, speed + spread
        # The plane faces every ray: entry at height / −speed, earliest for the lowest height.
        first = lowest / tl.where(lowest > 0, -slowest, -fastest)
        enter = tl.where(fastest < 0, tl.maximum(enter, first), enter)
        # Every ray leaves through the plane, at −height / speed, latest for the lowest height.
        last = -lowest / tl.where(lowest > 0, fastest, slowest)
        leave = tl.where(slowest > 0, tl.minimum(leave, last), leave)
        beside |= (lowest > 0) & (slowest >= 0)
    enter -= 16 * EPSILON * tl.where(enter > -INFINITY, tl.abs(enter), 0.0)
    leave += 16 * EPSILON * tl.where(leave < INFINITY, tl.abs(leave), 0.0)
    enter = tl.where(~beside & (enter <= leave) & (leave >= 0), enter, INFINITY)
    enter = tl.where(usual, enter, -INFINITY)
    tl.store(low + at * k + row % k, tl.where(sound, enter, -INFINITY), mask=i < blocks)


@jit
def first_hits(
    origins, directions, order, low, normals, offsets, translations, distance, facing, part, half_space, within,
    n, blocks, k, h, BLOCK: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """distance, facing, part, half_space and within (int8: the origin is inside) of rays, all (B, N, ...).

    One program per bundle (B · blocks).
    """
    b = (tl.program_id(0) // blocks).to(tl.int64)
    at, valid = points_of_block(order, b, tl.program_id(0) % blocks, n, BLOCK)
    ox, oy, oz = load_points(origins, at)
    ux, uy, uz = load_points(directions, at)
    # NaN unless all are finite.
    nothing = (ox - ox) + (oy - oy) + (oz - oz) + (ux - ux) + (uy - uy) + (uz - uz)
    nearest = tl.full(ox.shape, INFINITY, ox.dtype)
    nearest_enter = nearest
    best, best_through = tl.zeros(ox.shape, tl.int32) + k, tl.zeros(ox.shape, tl.int32)
    bounds_at = tl.program_id(0).to(tl.int64) * k
    _, _, front = nearest_first(low, low, bounds_at, k, TILE)
    farthest = tl.max(nearest, axis=0)
    for turn in range(0, k + 1):  # the nearest, so that it hides the others, then all in their order
        j = tl.where(turn == 0, front, turn - 1)
        bound = tl.load(low + bounds_at + j)
        if ((turn == 0) | (j != front)) & (bound < INFINITY) & (bound <= farthest):
            row = b * k + j
            x, y, z = to_local(ox, oy, oz, translations, row)
            enter, leave = tl.full(x.shape, -INFINITY, x.dtype), tl.full(x.shape, INFINITY, x.dtype)
            through = tl.zeros(x.shape, tl.int32)
            missed = nothing != 0
            for i in tl.range(0, h, loop_unroll_factor=2):
                nx, ny, nz, d = load_plane(normals, offsets, row * h + i)
                height = tl.fma(nx, x, tl.fma(ny, y, tl.fma(nz, z, d)))
                speed = tl.fma(nx, ux, tl.fma(ny, uy, nz * uz))
                crossing = -height / speed
                later = (speed < 0) & (crossing > enter)
                enter = tl.where(later, crossing, enter)
                through = tl.where(later, i, through)
                leave = tl.where((speed > 0) & (crossing < leave), crossing, leave)
                missed |= ((speed == 0) & (height > 0)) | (height != height) | (speed != speed)
            found = tl.maximum(enter, 0.0)
            better = ~missed & (enter <= leave) & (leave >= 0) & (found < INFINITY)
            better &= (found < nearest) | ((found == nearest) & (j < best))
            nearest = tl.where(better, found, nearest)
            nearest_enter = tl.where(better, enter, nearest_enter)
            best = tl.where(better, j, best)
            best_through = tl.where(better, through, best_through)
            farthest = tl.max(nearest, axis=0)
    hit = nearest < INFINITY
    inside = hit & (nearest_enter <= 0)
    plane = (b * k + tl.where(hit, best, 0)) * h + best_through
    nx, ny, nz = load_points(normals, plane)
    tl.store(distance + at, nearest, mask=valid)
    tl.store(part + at, tl.where(hit, best, -1).to(tl.int64), mask=valid)
    tl.store(half_space + at, best_through.to(tl.int64), mask=valid)
    tl.store(within + at, inside.to(tl.int8), mask=valid)
    tl.store(facing + 3 * at, tl.where(hit, tl.where(inside, -ux, nx), 0.0), mask=valid)
    tl.store(facing + 3 * at + 1, tl.where(hit, tl.where(inside, -uy, ny), 0.0), mask=valid)
    tl.store(facing + 3 * at + 2, tl.where(hit, tl.where(inside, -uz, nz), 0.0), mask=valid)


def raycast(hits: tuple[Tensor, ...], *inputs: Tensor) -> None:
    """Fill ``hits`` (distance, facing, part, half-space, inside; contiguous) for rays and planes as in cpu.py."""
    cores = (2, 2, 3, 2, 2)
    batch = hits[0].shape[:-1].numel()
    tensors = [t.contiguous().view(batch, *t.shape[t.ndim - core :]) for t, core in zip(inputs, cores)]
    origins, directions, *planes = tensors
    normals, _, translations = planes
    n, (k, h) = origins.shape[1], normals.shape[1:3]
    config = configuration_for(origins.device)
    blocks = ceil_div(n, config.block)
    order = order_along_curve(_passing_points(origins, directions, translations), config.block)
    boxes, turns = boxes_of(origins, order, config.block), boxes_of(directions, order, config.block)
    low = origins.new_empty((batch * blocks, k))
    programs = batch * k * ceil_div(blocks, 128)
    launch(ray_bounds, programs, boxes, turns, *planes, low, blocks, batch * blocks, k, h, LANES=128)
    *numbers, inside = hits
    arguments = (origins, directions, order, low, *planes, *numbers, inside.view(torch.int8), n, blocks, k, h)
    launch(first_hits, batch * blocks, *arguments, BLOCK=config.block, TILE=TILE, warps=config.warps)


def _passing_points(origins: Tensor, directions: Tensor, translations: Tensor) -> Tensor:
    """Where rays pass the middle of the shape: rays are neighbors if these points are."""
    middle = translations.mean(dim=-2, keepdim=True)
    along = ((middle - origins) * directions).sum(dim=-1, keepdim=True).clamp(min=0)
    return origins + along * directions
