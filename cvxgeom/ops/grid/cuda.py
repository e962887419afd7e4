"""Nodes of a regular grid in Triton: cubes of nodes that lie beyond the truncation are recognized as a whole."""

from collections.abc import Sequence

import torch
import triton.language as tl
from torch import Tensor

from .._triton import EPSILON_32, EPSILON_64, INFINITY, bounds_of, configuration_for, jit, launch, nearest_first
from ..indicator.cuda_kernels import lowest_score

EDGE = 8  # nodes along an edge of a cube
TILE = 64  # convexes that are looked at together


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
    lines = [
        # In double, as the reference does it, and without a copy from the host.
        (torch.arange(n, dtype=torch.float64, device=normals.device) * step + start).to(normals.dtype)
        for n, step, start in zip(size, spacing, lower)
    ]
    boxes = _boxes(lines).repeat(1, batch)
    blocks = boxes.shape[1] // batch
    low, high = bounds_of(boxes, *planes, None)
    axes = torch.cat([*lines, normals.new_full((1,), truncation)])
    value = normals.new_empty((batch, *size))
    warps = configuration_for(normals.device).cube_warps
    arguments = (axes, low, high, *planes, value, *size, blocks, k, h)
    launch(grid_cubes, batch * blocks, *arguments, EDGE=EDGE, TILE=TILE, warps=warps)
    return value.view(*leading, *size)


def _boxes(lines: list[Tensor]) -> Tensor:
    """Center and half extents of the cubes of nodes, as `bounds_of` wants them."""
    epsilon = (EPSILON_64 if lines[0].dtype == torch.float64 else EPSILON_32).value
    centers, halves = [], []
    for line in lines:
        first = line[::EDGE]
        last = line[EDGE - 1 :: EDGE]
        last = last if len(last) == len(first) else torch.cat([last, line[-1:]])
        centers.append(first / 2 + last / 2)
        halves.append(torch.maximum(last - centers[-1], centers[-1] - first) * (1 + 2 * epsilon))
    grids = [*torch.meshgrid(*centers, indexing="ij"), *torch.meshgrid(*halves, indexing="ij")]
    return torch.stack([grid.flatten() for grid in grids])
