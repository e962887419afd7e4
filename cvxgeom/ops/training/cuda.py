"""Union, sum and guides of a union's indicators in Triton, forward and backward."""

import torch
import triton.language as tl
from torch import Tensor

from .._triton import (
    INFINITY,
    any_of,
    bounds_of,
    boxes_of,
    ceil_div,
    configuration_for,
    indicator_of,
    jit,
    launch,
    load_points,
    one_from,
    order_along_curve,
    points_of_block,
)
from ..indicator.cuda import (
    add_up,
    flatten,
    groups_of_convexes,
    partial_gradients,
    shaped_like,
    sizes,
    starts_of_blocks,
    sum_of_groups,
)
from ..indicator.cuda_kernels import clear, convex_score, exponentials, pull_back

Forward = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


@jit
def training_forward(
    points, order, low, high, normals, offsets, translations, smoothness, sharpness, occupancy, union, added, part,
    labeled, n, blocks, k, h, guides, BLOCK: tl.constexpr,
):  # fmt: skip
    """union, added (Σ C) and part (B, N); labeled (B, K, N), if guides > 0: occupancy · C, along the curve.

    One program per block of points (B · blocks). Indicators too small to change a sum of one count as 0.
    """
    b = (tl.program_id(0) // blocks).to(tl.int64)
    block = tl.program_id(0) % blocks
    at, inside = points_of_block(order, b, block, n, BLOCK)
    x, y, z = load_points(points, at)
    label = tl.load(occupancy + at)
    position = block * BLOCK + tl.arange(0, BLOCK)
    bounds_at = tl.program_id(0).to(tl.int64) * k
    best = tl.full(x.shape, INFINITY, x.dtype)
    best_part, total = tl.zeros(x.shape, tl.int32) + k, tl.zeros(x.shape, x.dtype)
    for j in range(0, k):
        row = b * k + j
        indicator, above = tl.zeros(x.shape, x.dtype), tl.load(high + bounds_at + j)
        if ~(tl.load(low + bounds_at + j) > one_from(x)):
            score = tl.zeros(x.shape, x.dtype) + above
            if ~(above < -one_from(x)):
                delta = tl.load(smoothness + row)
                score = convex_score(x, y, z, normals, offsets, translations, delta, row, h)
                score *= tl.load(sharpness + row)
            indicator = indicator_of(score)
            better = (score < best) | ((score != score) & (best == best))
            best = tl.where(better, score, best)
            best_part = tl.where(better, j, best_part)
            total += indicator
        if guides > 0:
            tl.store(labeled + row * n + position, label * indicator, mask=inside)
    tl.store(union + at, indicator_of(best), mask=inside)
    tl.store(added + at, total, mask=inside)
    tl.store(part + at, tl.where(best_part == k, 0, best_part), mask=inside)


@jit
def training_backward(
    points, order, low, high, normals, offsets, translations, smoothness, sharpness, occupancy, part, grad_union,
    grad_added, grad_labeled, grad_points, sums, n, blocks, groups, total, k, h, needs, guides,
    BLOCK: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """As `convex_backward` of the indicator; grad_labeled (B, K, N + 1), if guides > 0: by occupancy · C."""
    group, block = tl.program_id(0) % groups, tl.program_id(0) // groups
    bounds_at = block.to(tl.int64) * k
    b, block = (block // blocks).to(tl.int64), block % blocks
    at, inside = points_of_block(order, b, block, n, BLOCK)
    x, y, z = load_points(points, at)
    label, decides = tl.load(occupancy + at), tl.load(part + at)
    to_union, to_added = tl.load(grad_union + at), tl.load(grad_added + at)
    no_point = (x - x) + (y - y) + (z - z) != 0
    gx, gy, gz = tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype), tl.zeros(x.shape, x.dtype)
    for j in range(group, k, groups):
        row = b * k + j
        slope = to_added + tl.where(decides == j, to_union, 0.0)
        if guides > 0:
            slope += label * tl.load(grad_labeled + row * (n + 1) + at - b * n)
        slope = tl.where(inside, slope, 0.0)
        below, above = tl.load(low + bounds_at + j), tl.load(high + bounds_at + j)
        to = sums + (row * blocks + block) * (4 * h + 2)
        flat = (below > one_from(x)) | (above < -one_from(x))
        if ~flat & ((below == -INFINITY) | any_of((slope != 0) | no_point)):
            delta, sigma = tl.load(smoothness + row), tl.load(sharpness + row)
            lx, ly, lz, most, sum, moment = exponentials(x, y, z, normals, offsets, translations, delta, row, h)
            indicator = indicator_of(sigma * (most + tl.log(sum) / delta))
            slope = -(slope * (1 - indicator) * indicator)
            px, py, pz = pull_back(
                lx, ly, lz, most, sum, moment, slope, normals, offsets, sharpness, delta, row, h, needs != 1, to
            )
            gx, gy, gz = gx + px, gy + py, gz + pz
        elif needs != 1:
            clear(to, 4 * h + 2, COLUMNS)
    if needs & 1:
        to = grad_points + 3 * (group.to(tl.int64) * total + at)
        tl.store(to, gx, mask=inside)
        tl.store(to + 1, gy, mask=inside)
        tl.store(to + 2, gz, mask=inside)


def forward(*inputs: Tensor, n_guides: int) -> Forward:
    """(union, total, guides, part, guide_index, order); the last three are for `backward`.

    ``inputs``: points, normals, offsets, translations, smoothness, sharpness, occupancy.
    """
    points, *planes = flatten(*inputs[:6])
    batch, n, k, h = sizes(points, planes[0])
    leading = inputs[0].shape[:-2]
    occupancy = inputs[6].contiguous().view(batch, n)
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.block)
    order = order_along_curve(points, config.block)
    low, high = bounds_of(boxes_of(points, order, config.block), *planes)
    union, added = points.new_empty((batch, n)), points.new_empty((batch, n))
    part = torch.empty_like(order)
    labeled = points.new_empty((batch, k, n) if n_guides else (0,))
    arguments = (points, order, low, high, *planes, occupancy, union, added, part, labeled, n, blocks, k, h, n_guides)
    launch(training_forward, batch * blocks, *arguments, BLOCK=config.block, warps=config.warps)
    guides, index = points.new_zeros((batch, k, n_guides)), order.new_full((batch, k, n_guides), -1)
    if n_guides:
        count = min(n_guides, n)
        guides[..., :count], place = labeled.topk(count, dim=-1)
        index[..., :count] = order[:, None].expand(batch, k, n).gather(-1, place)
    found = (union, added, guides, part, index, order)
    return tuple(t.view(*leading, *t.shape[1:]) for t in found)  # type: ignore[return-value]


def backward(needs: int, grads: tuple[Tensor, ...], found: Forward, *inputs: Tensor) -> tuple[Tensor, ...]:
    """Derivatives to the first six inputs; empty tensors for those not asked for in ``needs``."""
    points, *planes = flatten(*inputs[:6])
    batch, n, k, h = sizes(points, planes[0])
    n_guides = grads[2].shape[-1]
    occupancy = inputs[6].contiguous().view(batch, n)
    order, part = found[5].contiguous().view(batch, n), found[3].contiguous()
    config = configuration_for(points.device)
    blocks = ceil_div(n, config.piece)
    groups = groups_of_convexes(batch * blocks, k)
    low, high = bounds_of(boxes_of(points, order, config.piece), *planes)
    grad_labeled = points.new_zeros((batch, k, n + 1) if n_guides else (0,))
    if n_guides:
        index = found[4].view(batch, k, n_guides).long()
        grad_labeled.scatter_(-1, torch.where(index < 0, n, index), grads[2].reshape(batch, k, n_guides))
    grad_points, partial = partial_gradients(needs, groups, blocks, points, planes[0])
    upstream = (part, grads[0].contiguous(), grads[1].contiguous(), grad_labeled)
    arguments = (points, order, low, high, *planes, occupancy, *upstream, grad_points, partial)
    numbers = (n, blocks, groups, batch * n, k, h, needs, n_guides)
    constants = dict(BLOCK=config.piece, COLUMNS=128, warps=config.piece_warps)
    launch(training_backward, batch * blocks * groups, *arguments, *numbers, **constants)
    starts = starts_of_blocks(batch, k, blocks, points)
    return shaped_like(inputs[:6], [sum_of_groups(grad_points), *add_up(needs, starts, partial, planes[0])])
