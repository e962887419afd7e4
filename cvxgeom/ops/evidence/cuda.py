"""Depth evidence in Triton: one pass over the views for each point, nothing kept in between."""

from functools import partial

import triton.language as tl
from torch import Tensor

from .._triton import INFINITY, ceil_div, jit, launch, load_points

BLOCK = 256  # points per program


@jit
def quotient(a, b):
    """a / b, correctly rounded: a point at the edge of a pixel falls into the same one everywhere."""
    return tl.div_rn(a, b) if a.dtype == tl.float32 else a / b


@jit
def coordinate(camera, row: tl.constexpr, x, y, z):
    """One row of a camera matrix times points."""
    at = camera + 4 * row
    return tl.load(at) * x + tl.load(at + 1) * y + tl.load(at + 2) * z + tl.load(at + 3)


@partial(jit, exact=True)
def look_through(points, depth, cameras, hidden, surface, n, views, height, width, BLOCK: tl.constexpr):
    """hidden and surface (B, N) of points (B, N, 3), depth (B, V, h, w) and cameras (B, V, 3, 4)."""
    programs = tl.cdiv(n, BLOCK)
    b = (tl.program_id(0) // programs).to(tl.int64)
    i = tl.program_id(0) % programs * BLOCK + tl.arange(0, BLOCK)
    at = b * n + tl.minimum(i, n - 1)
    x, y, z = load_points(points, at)
    least = tl.full(x.shape, INFINITY, x.dtype)
    nearest = least
    for v in range(0, views):
        camera = cameras + 12 * (b * views + v)
        along = coordinate(camera, 2, x, y, z)
        column = quotient(coordinate(camera, 0, x, y, z), along)
        row = quotient(coordinate(camera, 1, x, y, z), along)
        # Written so that NaN fails.
        inside = (along > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        pixel = tl.where(inside, row, 0.0).to(tl.int32) * width + tl.where(inside, column, 0.0).to(tl.int32)
        gap = along - tl.load(depth + (b * views + v) * height * width + pixel)
        least = tl.where(inside & (gap < least), gap, least)
        nearest = tl.where(inside & (tl.abs(gap) < nearest), tl.abs(gap), nearest)
    tl.store(hidden + at, least, mask=i < n)
    tl.store(surface + at, nearest, mask=i < n)


def depth_evidence(hidden: Tensor, surface: Tensor, points: Tensor, depth: Tensor, cameras: Tensor) -> None:
    """Fill ``hidden`` and ``surface`` (contiguous) for inputs as in cpu.py."""
    leading, n = points.shape[:-2].numel(), points.shape[-2]
    inputs = (points.contiguous(), depth.contiguous(), cameras.contiguous())
    sizes = (n, *depth.shape[-3:])
    launch(look_through, leading * ceil_div(n, BLOCK), *inputs, hidden, surface, *sizes, BLOCK=BLOCK)
