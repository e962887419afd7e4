"""The definition in plain PyTorch: all nodes are points like others."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..indicator import pieces


def sample_grid(
    lower: tuple[float, float, float],
    spacing: tuple[float, float, float],
    size: tuple[int, int, int],
    truncation: float,
    *planes: Tensor,
) -> Float[Tensor, "*batch X Y Z"]:
    """min_k Φ_k at the nodes, clamped to ±truncation, of normals, offsets, translations and smoothness."""
    nodes = grid_points(lower, spacing, size, planes[0])
    values = pieces.evaluate(True, nodes, *planes, None)
    return values.clamp(-truncation, truncation).reshape(*values.shape[:-1], *size)


def grid_points(
    lower: tuple[float, float, float], spacing: tuple[float, float, float], size: tuple[int, int, int], like: Tensor
) -> Float[Tensor, "N 3"]:
    """The nodes lower + i · spacing, the last axis fastest, in the type and on the device of another tensor."""
    axes = [
        (start + step * torch.arange(n, dtype=torch.float64, device=like.device)).to(like.dtype)
        for start, step, n in zip(lower, spacing, size)
    ]
    return torch.cartesian_prod(*axes)
