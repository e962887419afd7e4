"""Depth maps without their noise: planes fitted to the neighborhood of each pixel, on its own side of every edge."""

import torch
from jaxtyping import Float
from torch import Tensor

_RADIUS = 3  # pixels
_ROUNDS = 3  # of fitting planes, each to the neighbors that the one before went through
_TOLERANCE = 2.5  # deviations of the noise from a plane, at which a neighbor does not belong to it
_FLATTEN = 0.3  # against slopes that too few neighbors support


def smoothed(inverse: Float[Tensor, "V h w"], focal: Float[Tensor, " V"], noise: float) -> Float[Tensor, "V h w"]:
    """Inverse depth with less noise; a plane has an inverse depth that is linear in the image, so planes are kept.

    Args:
        inverse: 1 / depth; 0 in the background, NaN where nothing was measured.
        focal: of each view, pixels.
        noise: standard deviation of depth.
    """
    window = torch.arange(-_RADIUS, _RADIUS + 1)
    dy, dx = (axis.flatten().to(inverse) for axis in torch.meshgrid(window, window, indexing="ij"))
    near = torch.exp(-(dx**2 + dy**2) / (2 * (_RADIUS / 1.5) ** 2))
    width = inverse.shape[-1] + 2 * _RADIUS
    steps = ((dy + _RADIUS) * width + dx + _RADIUS).long()
    result = inverse.clone()
    for view, pixels in enumerate(inverse):
        rows, columns = ((pixels > 0) & pixels.isfinite()).nonzero(as_tuple=True)
        padded = torch.nn.functional.pad(pixels.nan_to_num(0), (_RADIUS,) * 4).flatten()
        around = padded[(rows * width + columns)[:, None] + steps]
        own = pixels[rows, columns][:, None]
        deviation = noise * own**2
        # At first no slope is known; one of 45 degrees is taken for possible.
        tolerance = 1.5 * _TOLERANCE * deviation + own / focal[view] * (dx**2 + dy**2).sqrt()
        level, residual = own[:, 0], around - own
        for _ in range(_ROUNDS):
            weights = near * (1 - (residual / tolerance) ** 2).clamp(min=0) ** 2 * (around > 0)
            level, across, down = _plane(weights, dx, dy, around, own[:, 0])
            residual = around - (level[:, None] + across[:, None] * dx + down[:, None] * dy)
            tolerance = _TOLERANCE * deviation
        result[view, rows, columns] = level
    return result


def _plane(
    weights: Float[Tensor, "M W"],
    dx: Float[Tensor, " W"],
    dy: Float[Tensor, " W"],
    values: Float[Tensor, "M W"],
    fallback: Float[Tensor, " M"],
) -> tuple[Float[Tensor, " M"], Float[Tensor, " M"], Float[Tensor, " M"]]:
    """Value in the middle and slopes of the weighted least-squares plane; the fallback where there is hardly one."""
    total = weights.sum(dim=1)
    weighted = weights * values
    x, y, z = ((weights @ dx) / total, (weights @ dy) / total, weighted.sum(dim=1) / total)
    xx = weights @ dx**2 - total * x * x + _FLATTEN
    yy = weights @ dy**2 - total * y * y + _FLATTEN
    xy = weights @ (dx * dy) - total * x * y
    xz, yz = weighted @ dx - total * x * z, weighted @ dy - total * y * z
    determinant = xx * yy - xy * xy
    across, down = (yy * xz - xy * yz) / determinant, (xx * yz - xy * xz) / determinant
    level = z - across * x - down * y
    good = (total > 1.5) & level.isfinite() & (level > 0)
    zero = torch.zeros_like(level)
    return torch.where(good, level, fallback), torch.where(good, across, zero), torch.where(good, down, zero)
