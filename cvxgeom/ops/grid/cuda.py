"""Nodes of a regular grid in Triton: cubes of nodes that lie beyond the truncation are recognized as a whole."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import triton.language as tl
from torch import Tensor

from .._triton import (
    EPSILON_32,
    EPSILON_64,
    INFINITY,
    bounds_of,
    ceil_div,
    configuration_for,
    jit,
    launch,
    nearest_first,
)
from ..indicator.cuda_kernels import lowest_score

EDGE = 8  # nodes along an edge of a cube
TILE = 64  # convexes that are looked at together


@jit
def span(axes, first, n, EDGE: tl.constexpr, EPSILON: tl.constexpr):
    """Center and half extent of a row of EDGE nodes from ``first`` on, of the n along an axis."""
    low, high = tl.load(axes + first), tl.load(axes + tl.minimum(first + EDGE - 1, n - 1))
    center = low / 2 + high / 2
    return center, tl.maximum(high - center, center - low) * (1 + 2 * EPSILON)


@jit
def cube_boxes(axes, boxes, nx, ny, nz, blocks, total, EDGE: tl.constexpr, BLOCK: tl.constexpr):
    """Center and half extents of the cubes of nodes: (6, total) with total = B · blocks, as `bounds_of` wants them."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    block = at % blocks
    tiles_y, tiles_z = tl.cdiv(ny, EDGE), tl.cdiv(nz, EDGE)
    EPSILON: tl.constexpr = EPSILON_64 if boxes.dtype.element_ty == tl.float64 else EPSILON_32
    cx, hx = span(axes, block // (tiles_y * tiles_z) * EDGE, nx, EDGE, EPSILON)
    cy, hy = span(axes + nx, block // tiles_z % tiles_y * EDGE, ny, EDGE, EPSILON)
    cz, hz = span(axes + nx + ny, block % tiles_z * EDGE, nz, EDGE, EPSILON)
    there = at < total
    tl.store(boxes + at, cx, mask=there)
    tl.store(boxes + total + at, cy, mask=there)
    tl.store(boxes + 2 * total + at, cz, mask=there)
    tl.store(boxes + 3 * total + at, hx, mask=there)
    tl.store(boxes + 4 * total + at, hy, mask=there)
    tl.store(boxes + 5 * total + at, hz, mask=there)


@jit
def grid_cubes(
    axes, low, high, normals, offsets, translations, smoothness, value, nx, ny, nz, blocks, k, h,
    EDGE: tl.constexpr, TILE: tl.constexpr,
):  # fmt: skip
    """value (B, nx, ny, nz); axes: coordinates of nodes along x, y and z, then the truncation.

    One program per cube of nodes (B · blocks).
    """
    block, b = tl.program_id(0) % blocks, (tl.program_id(0) // blocks).to(tl.int64)
    tiles_y, tiles_z = tl.cdiv(ny, EDGE), tl.cdiv(nz, EDGE)
    i = tl.arange(0, EDGE * EDGE * EDGE)
    ix = block // (tiles_y * tiles_z) * EDGE + i // (EDGE * EDGE)
    iy = block // tiles_z % tiles_y * EDGE + i // EDGE % EDGE
    iz = block % tiles_z * EDGE + i % EDGE
    inside = (ix < nx) & (iy < ny) & (iz < nz)
    truncation = tl.load(axes + nx + ny + nz)
    bounds_at = tl.program_id(0).to(tl.int64) * k
    ceiling, floor, _nearest = nearest_first(low, high, bounds_at, k, TILE)
    to = value + ((b * nx + ix) * ny + iy) * nz + iz
    if floor > truncation:
        tl.store(to, tl.full(ix.shape, truncation, axes.dtype.element_ty), mask=inside)
    elif (ceiling < -truncation) & (floor > -INFINITY):
        tl.store(to, tl.full(ix.shape, -truncation, axes.dtype.element_ty), mask=inside)
    else:
        x = tl.load(axes + tl.minimum(ix, nx - 1))
        y = tl.load(axes + nx + tl.minimum(iy, ny - 1))
        z = tl.load(axes + nx + ny + tl.minimum(iz, nz - 1))
        best, _part = lowest_score(
            x, y, z, low, high, bounds_at,
            normals, offsets, translations, smoothness, None, truncation, b * k, k, h, TILE,
        )  # fmt: skip
        tl.store(to, tl.where(best < -truncation, -truncation, best), mask=inside)


def sample_grid(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Tensor:
    """The grid of detached planes of one type and batch shape; K and all sizes > 0."""
    leading = planes[0].shape[:-3]
    planes = tuple(t.contiguous().view(leading.numel(), *t.shape[len(leading) :]) for t in planes)
    normals = planes[0]
    batch, k, h, _ = normals.shape
    # In double, as the reference does it, and on the device: a CUDA graph cannot hold a copy from the host.
    double: dict[str, Any] = dict(dtype=torch.float64, device=normals.device)
    lines = [torch.arange(n, **double) * step + start for n, step, start in zip(size, spacing, lower)]
    axes = torch.cat([*lines, torch.full((1,), truncation, **double)]).to(normals.dtype)
    blocks = math.prod(ceil_div(n, EDGE) for n in size)
    boxes = normals.new_empty((6, batch * blocks))
    launch(cube_boxes, ceil_div(batch * blocks, 128), axes, boxes, *size, blocks, batch * blocks, EDGE=EDGE, BLOCK=128)
    low, high = bounds_of(boxes, *planes, None)
    value = normals.new_empty((batch, *size))
    warps = configuration_for(normals.device).cube_warps
    arguments = (axes, low, high, *planes, value, *size, blocks, k, h)
    launch(grid_cubes, batch * blocks, *arguments, EDGE=EDGE, TILE=TILE, warps=warps)
    return value.view(*leading, *size)
