"""The definition, in plain PyTorch."""

import torch
from torch import Tensor


def depth_evidence(points: Tensor, depth: Tensor, cameras: Tensor) -> tuple[Tensor, Tensor]:
    """Both lengths, for tensors of one type and batch shape; (B, N, 3), (B, V, h, w), (B, V, 3, 4)."""
    height, width = depth.shape[-2:]
    x, y, z = points.unbind(dim=-1)
    hidden = torch.full_like(x, torch.inf)
    surface = torch.full_like(x, torch.inf)
    for view, camera in zip(depth.flatten(-2).unbind(dim=-2), cameras.unbind(dim=-3)):
        # Coordinate by coordinate: products of small matrices would be slower, and round in another order.
        u, v, along = (
            row[..., 0, None] * x + row[..., 1, None] * y + row[..., 2, None] * z + row[..., 3, None]
            for row in camera.unbind(dim=-2)
        )
        column, row = u / along, v / along
        inside = (along > 0) & (column >= 0) & (column < width) & (row >= 0) & (row < height)
        index = (row.floor() * width + column.floor()).masked_fill(~inside, 0).long()
        seen = view.gather(-1, index)
        gap = (along - seen).masked_fill(~inside | seen.isnan(), torch.inf)
        hidden = torch.minimum(hidden, gap)
        surface = torch.minimum(surface, gap.abs())
    return hidden, surface
