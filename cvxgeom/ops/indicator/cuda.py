"""Launches the Triton kernels; the same functions as in cpu.py, but these serve all values.

Derivatives are sums of parts in a fixed order, so they are the same bits in every run, as
``torch.use_deterministic_algorithms`` demands; no kernel adds floats atomically.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .. import _native
from .._triton import bounds_of, boxes_of, ceil_div, configuration_for, launch, order_along_curve
from . import cuda_kernels as kernels

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
    points, *planes = flatten(*inputs)
    run = _union_backward if union else _convex_backward
    found = run(needs, grad.contiguous(), value.contiguous(), part, order.contiguous(), points, *planes)
    return shaped_like(inputs, found)


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
) -> list[Tensor]:
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    sharp = planes[-1] is not None
    # Points by the convex that decides them, still along the curve: a sort that costs the less the shorter its keys.
    keys = torch.empty((batch, n), dtype=torch.int16 if k < 32768 else torch.int32, device=points.device)
    arguments = (order, grad, value, part, keys, n, k)
    launch(kernels.union_keys, batch * ceil_div(n, 256), *arguments, INDICATOR=sharp, BLOCK=256)
    keys, sorted_to = keys.sort(dim=-1, stable=True)
    starts = order.new_empty((2, batch, k + 1))  # of the points and of the pieces of each convex
    arguments = (keys, starts[0], starts[1], n, k, n.bit_length())
    launch(kernels.list_convexes, batch, *arguments, PIECE=config.piece, TILE=256)
    pieces = n // config.piece + min(k, n)  # at most: how many there are is known on the device alone
    grad_points = torch.zeros_like(points) if needs & _native.NEEDS_POINTS else points.new_empty(0)
    partial = points.new_empty((batch, pieces, 4 * h + 2) if needs != _native.NEEDS_POINTS else (0,))
    arguments = (points, order, sorted_to, *starts, grad, value, *planes, grad_points, partial)
    constants = dict(BLOCK=config.piece, TILE=TILE, warps=config.piece_warps)
    launch(kernels.union_backward, batch * pieces, *arguments, n, pieces, k, h, needs, **constants)
    return [grad_points, *add_up(needs, starts[1], partial, planes[0])]


def _convex_backward(
    needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, points: Tensor, *planes: Any
) -> list[Tensor]:
    batch, n, k, h = sizes(points, planes[0])
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.piece)
    groups = groups_of_convexes(batch * blocks, k)
    grad_points, partial = partial_gradients(needs, groups, blocks, points, planes[0])
    arguments = (points, order, grad, value, *planes, grad_points, partial, n, blocks, groups, batch * n, k, h, needs)
    constants = dict(BLOCK=config.piece, COLUMNS=128, warps=config.piece_warps)
    launch(kernels.convex_backward, batch * blocks * groups, *arguments, **constants)
    return [sum_of_groups(grad_points), *add_up(needs, starts_of_blocks(batch, k, blocks, points), partial, planes[0])]


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


def sum_of_groups(grad_points: Tensor) -> Tensor:
    """Derivatives by points, of all groups of convexes together."""
    return grad_points.sum(dim=0) if len(grad_points) > 1 else grad_points


def starts_of_blocks(batch: int, k: int, blocks: int, points: Tensor) -> Tensor:
    """Where the blocks of each convex start, int32 (B, K + 1), as `add_up` wants it."""
    starts = torch.arange(0, (k + 1) * blocks, blocks, dtype=torch.int32, device=points.device)
    return starts if batch == 1 else starts.expand(batch, k + 1).contiguous()


def add_up(needs: int, piece_starts: Tensor, partial: Tensor, normals: Tensor) -> list[Tensor]:
    """Derivatives by normals, offsets, translations, smoothness and sharpness from those of each piece."""
    batch, k, h, _ = normals.shape
    shapes = (normals.shape, (batch, k, h), (batch, k, 3), (batch, k), (batch, k))
    bits = (*[_native.NEEDS_PLANES] * 3, _native.NEEDS_SMOOTHNESS, _native.NEEDS_SHARPNESS)
    found = [normals.new_empty(shape if needs & bit else (0,)) for shape, bit in zip(shapes, bits)]
    if needs != _native.NEEDS_POINTS:
        pieces = partial.numel() // (batch * (4 * h + 2))
        arguments = (piece_starts, partial, normals, *found, pieces, k, h, needs)
        launch(kernels.add_pieces, batch * k, *arguments, ROWS=16, COLUMNS=128)
    return found


def shaped_like(inputs: Sequence[Tensor | None], found: list[Tensor]) -> tuple[Tensor, ...]:
    """Derivatives in the shapes of the inputs; empty ones as they are."""
    return tuple(f if t is None or not f.numel() else f.view(t.shape) for t, f in zip(inputs, found, strict=True))
