"""The grid near a surface in plain PyTorch, for where there are no kernels: most nodes are never evaluated."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..indicator import pieces
from .reference import grid_points

CUBE = 8  # nodes along a side


def sample_near_surface(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Tensor:
    """As `reference.sample_grid` of one shape, to rounding, with a finite truncation; K > 0.

    Values at the middles of cubes of nodes tell which cubes lie beyond the truncation: no node differs from the middle
    by more than a Lipschitz constant allows.
    """
    normals = planes[0]
    cubes = [-(-n // CUBE) for n in size]
    middle = [start + step * (CUBE - 1) / 2 for start, step in zip(lower, spacing)]
    coarse = pieces.evaluate(True, grid_points(middle, [CUBE * s for s in spacing], cubes, normals), *planes, None)
    slope = torch.linalg.vector_norm(normals, dim=-1).max()
    reach = slope * math.hypot(*spacing) * (CUBE - 1) / 2 * (1 + 1e-3)  # and more than rounding
    values = coarse.clamp(-truncation, truncation).reshape(*normals.shape[:-3], *cubes)
    for axis in (-3, -2, -1):
        values = values.repeat_interleave(CUBE, dim=axis).narrow(axis, 0, size[axis])
    # Written so that NaN is looked at.
    near = ~(coarse.abs() - reach > truncation).reshape(cubes)
    for axis in range(3):
        near = near.repeat_interleave(CUBE, dim=axis).narrow(axis, 0, size[axis])
    nodes = grid_points(lower, spacing, size, normals)[near.flatten()]
    exact = pieces.evaluate(True, nodes, *planes, None).clamp(-truncation, truncation)
    values = values.contiguous()
    values.view(-1)[near.flatten()] = exact.flatten()
    return values
