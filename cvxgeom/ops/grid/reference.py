"""The definition in plain PyTorch: all nodes are points like others."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from ..indicator import pieces


def sample_grid(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Float[Tensor, "*batch X Y Z"]:
    """min_k Φ_k at the nodes, clamped to ±truncation, of normals, offsets, translations and smoothness."""
    values = pieces.evaluate(True, grid_points(lower, spacing, size, planes[0]), *planes, None)
    return values.clamp(-truncation, truncation).reshape(*values.shape[:-1], *size)


def grid_points(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], like: Tensor
) -> Float[Tensor, "N 3"]:
    """The nodes lower + i · spacing, the last axis fastest, in the type and on the device of another tensor."""
    axes = [
        (start + step * torch.arange(n, dtype=torch.float64, device=like.device)).to(like.dtype)
        for start, step, n in zip(lower, spacing, size)
    ]
    return torch.cartesian_prod(*axes)
