"""Launches the Triton kernels; the same functions as in cpu.py, but these serve all values.

Derivatives are sums of parts in a fixed order, so they are the same bits in every run, as
``torch.use_deterministic_algorithms`` demands; no kernel adds floats atomically.
"""

from typing import Any

import torch
from torch import Tensor

from .. import _native
from .._triton import bounds_of, boxes_of, ceil_div, configuration_for, launch, order_along_curve
from . import cuda_kernels as kernels
from .cpu import empty_gradients

TILE = 64  # convexes that are looked at together
PROGRAMS = 1024  # enough to fill a GPU


def forward(union: bool, *inputs: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(value, part, order) of `convex_sdf` or `union_sdf`, or of the indicators if the last input is not None."""
    points, *planes = flatten(*inputs)
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.block)
    leading = inputs[0].shape[:-2]  # type: ignore[union-attr]
    value = points.new_empty((batch, n) if union else (batch, k, n))
    part = torch.empty((batch, n) if union else (0,), dtype=torch.int32, device=points.device)
    # Each convex by itself: every pair is evaluated, and in their own order values are written side by side.
    culled = union or planes[-1] is not None
    order = order_along_curve(points, config.block if culled else n)
    low, high = bounds_of(boxes_of(points, order, config.block), *planes) if culled else (value, value)
    if union:
        arguments = (points, order, low, high, *planes, value, part, n, blocks, k, h)
        launch(kernels.union_forward, batch * blocks, *arguments, BLOCK=config.block, TILE=TILE, warps=config.warps)
        return value.view(*leading, n), part.view(*leading, n), order.view(*leading, n)
    arguments = (points, order, low, high, *planes, value, n, blocks, k, h)
    launch(kernels.convex_forward, batch * blocks * k, *arguments, BLOCK=config.block, warps=config.warps)
    return value.view(*leading, k, n), part, order.view(*leading, n)


def backward(
    union: bool, needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, *inputs: Tensor | None
) -> tuple[Tensor, ...]:
    """Derivatives to the six inputs; empty tensors for those not asked for in ``needs``."""
    gradients = empty_gradients(needs, *inputs)
    points, *planes = flatten(*inputs)
    run = _union_backward if union else _convex_backward
    grad_points, sums = run(needs, grad.contiguous(), value.contiguous(), part, order.contiguous(), points, *planes)
    return split_sums(needs, gradients, grad_points, sums, planes[0])


def contains(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor) -> Tensor:
    """Whether points lie in an exact polytope."""
    leading = points.shape[:-2]
    points, *planes, _, _ = flatten(points, normals, offsets, translations, None, None)
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.block)
    order = order_along_curve(points, config.block)
    low, high = bounds_of(boxes_of(points, order, config.block), *planes, None, None)
    value = torch.empty((batch, n), dtype=torch.int8, device=points.device)
    arguments = (points, order, low, high, *planes, value, n, blocks, k, h)
    launch(kernels.contains, batch * blocks, *arguments, BLOCK=config.block, warps=config.warps)
    return value.view(torch.bool).view(*leading, n)


def flatten(*inputs: Tensor | None) -> list[Any]:
    """Contiguous, with one batch axis: points, normals, offsets, translations, smoothness, sharpness (or None)."""
    cores = (2, 3, 2, 2, 1, 1)
    return [
        None if t is None else t.detach().contiguous().view(t.shape[: t.ndim - core].numel(), *t.shape[t.ndim - core :])
        for t, core in zip(inputs, cores)
    ]


def sizes(points: Tensor, normals: Tensor) -> tuple[int, int, int, int]:
    """B, N, K, H."""
    return points.shape[0], points.shape[1], normals.shape[1], normals.shape[2]


def _union_backward(
    needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, points: Tensor, *planes: Any
) -> tuple[Tensor, Tensor]:
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    sharp = planes[-1] is not None
    # Points by the convex that decides them, still along the curve: a sort that costs the less the shorter its keys.
    keys = torch.empty((batch, n), dtype=torch.int16 if k < 32768 else torch.int32, device=points.device)
    arguments = (order, grad, value, part, keys, n, k)
    launch(kernels.union_keys, batch * ceil_div(n, 256), *arguments, INDICATOR=sharp, BLOCK=256)
    keys, permutation = keys.sort(dim=-1, stable=True)
    listed = order.view(batch, n).gather(-1, permutation)
    convexes = torch.arange(k + 1, dtype=keys.dtype, device=points.device).expand(batch, k + 1).contiguous()
    list_starts = torch.searchsorted(keys, convexes, out_int32=True)
    counts = (list_starts.diff(dim=-1) + config.piece - 1) // config.piece
    piece_starts = torch.nn.functional.pad(counts.cumsum(dim=-1, dtype=torch.int32), (1, 0))
    pieces = n // config.piece + min(k, n)  # at most: how many there are is known on the device alone
    grad_points = torch.zeros_like(points) if needs & _native.NEEDS_POINTS else points
    partial = points.new_empty((batch, pieces, 4 * h + 2) if needs != _native.NEEDS_POINTS else (0,))
    arguments = (points, listed, list_starts, piece_starts, grad, value, *planes, grad_points, partial)
    constants = dict(BLOCK=config.piece, TILE=TILE, warps=config.piece_warps)
    launch(kernels.union_backward, batch * pieces, *arguments, n, pieces, k, h, needs, **constants)
    return grad_points, add_up(needs, piece_starts, partial, planes[0])


def _convex_backward(
    needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, points: Tensor, *planes: Any
) -> tuple[Tensor, Tensor]:
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.piece)
    groups = groups_of_convexes(batch * blocks, k)
    grad_points, partial = partial_gradients(needs, groups, blocks, points, planes[0])
    arguments = (points, order, grad, value, *planes, grad_points, partial, n, blocks, groups, batch * n, k, h, needs)
    constants = dict(BLOCK=config.piece, COLUMNS=128, warps=config.piece_warps)
    launch(kernels.convex_backward, batch * blocks * groups, *arguments, **constants)
    total = grad_points.sum(dim=0) if needs & _native.NEEDS_POINTS else grad_points
    return total, add_up(needs, starts_of_blocks(batch, k, blocks, points.device), partial, planes[0])


def groups_of_convexes(programs: int, k: int) -> int:
    """Into how many groups the convexes are split so that there are enough programs."""
    return max(1, min(k, PROGRAMS // programs))


def partial_gradients(needs: int, groups: int, blocks: int, points: Tensor, normals: Tensor) -> tuple[Tensor, Tensor]:
    """Memory for derivatives by points (groups, B, N, 3) and of each convex from each block (B, K, blocks, 4H + 2)."""
    batch, _, k, h = sizes(points, normals)
    width = (batch, k, blocks, 4 * h + 2)
    return (
        points.new_empty((groups, *points.shape) if needs & _native.NEEDS_POINTS else (0,)),
        points.new_empty(width if needs != _native.NEEDS_POINTS else (0,)),
    )


def starts_of_blocks(batch: int, k: int, blocks: int, device: torch.device) -> Tensor:
    """Where the blocks of each convex start, int32 (B, K + 1), as `add_up` wants it."""
    return (torch.arange(k + 1, dtype=torch.int32, device=device) * blocks).expand(batch, k + 1).contiguous()


def add_up(needs: int, piece_starts: Tensor, partial: Tensor, normals: Tensor) -> Tensor:
    """Sums of each convex, (B, K, 4H + 2), over its pieces."""
    batch, k, h, _ = normals.shape
    if needs == _native.NEEDS_POINTS:
        return partial
    sums = normals.new_empty((batch, k, 4 * h + 2))
    pieces = partial.numel() // (batch * (4 * h + 2))
    programs = batch * k * ceil_div(4 * h + 2, 32)
    launch(kernels.add_pieces, programs, piece_starts, partial, sums, pieces, k, h, ROWS=16, COLUMNS=32)
    return sums


def split_sums(
    needs: int, gradients: tuple[Tensor, ...], grad_points: Tensor, sums: Tensor, normals: Tensor
) -> tuple[Tensor, ...]:
    """The derivatives to the six inputs, in the shape of ``gradients``; these where they are empty."""
    if needs == _native.NEEDS_POINTS:
        return grad_points.view_as(gradients[0]), *gradients[1:]
    h = normals.shape[2]
    of_planes = sums[..., : 4 * h].unflatten(-1, (h, 4))
    of_offsets = of_planes[..., 3]
    found = (
        grad_points,
        of_planes[..., :3],
        of_offsets,
        -(of_offsets[..., None] * normals).sum(dim=-2),
        sums[..., 4 * h],
        sums[..., 4 * h + 1],
    )
    return tuple(f.reshape(g.shape).contiguous() if g.numel() else g for f, g in zip(found, gradients))
