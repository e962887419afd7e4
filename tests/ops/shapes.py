"""Random half-spaces for the tests of the ops."""

import torch
from torch import Tensor


def random_planes(
    *batch: int, k: int = 3, h: int = 8, dtype: torch.dtype = torch.float64, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """normals, offsets, translations, smoothness, sharpness of convexes about as large as 0.3 in the unit cube."""
    g = torch.Generator().manual_seed(seed)
    normals = torch.nn.functional.normalize(torch.randn(*batch, k, h, 3, generator=g, dtype=torch.float64), dim=-1)
    offsets = -0.05 - 0.25 * torch.rand(*batch, k, h, generator=g, dtype=torch.float64)
    translations = torch.rand(*batch, k, 3, generator=g, dtype=torch.float64) - 0.5
    smoothness = 20 + 80 * torch.rand(*batch, k, generator=g, dtype=torch.float64)
    sharpness = 10 + 40 * torch.rand(*batch, k, generator=g, dtype=torch.float64)
    return tuple(t.to(dtype) for t in (normals, offsets, translations, smoothness, sharpness))


def random_points(*batch: int, n: int = 7, dtype: torch.dtype = torch.float64, seed: int = 1) -> Tensor:
    """Points in the cube [−0.75, 0.75]³."""
    g = torch.Generator().manual_seed(seed)
    return (1.5 * torch.rand(*batch, n, 3, generator=g, dtype=torch.float64) - 0.75).to(dtype)
