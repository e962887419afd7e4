"""Slab clipping in plain PyTorch: which half-space of which convex a ray enters first."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


def first_entry(
    origins: Float[Tensor, "*#batch R 3"],
    directions: Float[Tensor, "*#batch R 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
) -> tuple[Int[Tensor, "*batch R"], Int[Tensor, "*batch R"], Bool[Tensor, "*batch R"], Bool[Tensor, "*batch R"]]:
    """Discrete outcome of each ray, without gradients: (part, half-space, hit, inside).

    A half-space faces the ray (n·u < 0) or faces away (n·u > 0); the ray is inside the convex from the last entry to
    the first exit. ``inside`` says that the origin already satisfies all half-spaces of the part. K must be > 0.
    """
    local = origins[..., None, :, :] - translations[..., :, None, :]
    height = normals @ local.transpose(-1, -2) + offsets[..., None]  # (*batch, K, H, R), positive outside
    speed = (normals @ directions[..., None, :, :].transpose(-1, -2)).expand_as(height)
    crossing = -height / speed
    inf = float("inf")
    enter, half_space = torch.where(speed < 0, crossing, -inf).max(dim=-2)
    leave = torch.where(speed > 0, crossing, inf).amin(dim=-2)
    parallel_outside = ((speed == 0) & (height > 0)).any(dim=-2)
    unknown = torch.isnan(height).any(dim=-2) | torch.isnan(speed).any(dim=-2)
    hit = (enter <= leave) & (leave >= 0) & ~parallel_outside & ~unknown
    distance, part = torch.where(hit, enter.clamp(min=0), inf).min(dim=-2)

    def chosen(values: Tensor) -> Tensor:
        return values.gather(-2, part[..., None, :]).squeeze(-2)

    return part, chosen(half_space), torch.isfinite(distance), chosen(enter) <= 0


def distance_to_plane(
    origins: Float[Tensor, "*batch R 3"],
    directions: Float[Tensor, "*batch R 3"],
    normals: Float[Tensor, "*batch R 3"],
    offsets: Float[Tensor, "*batch R"],
    translations: Float[Tensor, "*batch R 3"],
) -> Float[Tensor, "*batch R"]:
    """Distance along each ray to its own plane n·(x − t) + d = 0; differentiable in everything."""
    height = (normals * (origins - translations)).sum(-1) + offsets
    return -height / (normals * directions).sum(-1)
