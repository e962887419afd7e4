"""The definitions, in plain PyTorch."""

import torch
from torch import Tensor


def cut_excess(along: Tensor, left: Tensor, free: Tensor, weights: Tensor) -> Tensor:
    """(C, 3) weight of the free rows below the left half, below the right half, and below either."""
    found = []
    for side in left:
        below = [
            (free <= half.amax(dim=0)).all(dim=1) if len(half) else torch.zeros(len(free), dtype=torch.bool)
            for half in (along[side], along[~side])
        ]
        found.append(torch.stack([weights[which].sum() for which in (*below, below[0] | below[1])]))
    return torch.stack(found) if found else weights.new_empty((0, 3))


def weight_below(rows: Tensor, weights: Tensor, limits: Tensor) -> Tensor:
    """(C,) weight of the rows that no limit cuts off."""
    sums = [weights[(rows <= limit).all(dim=1)].sum() for limit in limits]
    return torch.stack(sums) if sums else weights.new_empty(0)


def points_within(points: Tensor, normals: Tensor, offsets: Tensor) -> Tensor:
    """(N,) whether a point satisfies all half-spaces."""
    return (points @ normals.T + offsets <= 0).all(dim=1)
