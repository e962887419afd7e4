"""Where rays meet the planes that they are known to hit: differentiable, in plain PyTorch."""

import torch
from torch import Tensor

from . import reference


def crossings(
    origins: Tensor,
    directions: Tensor,
    normals: Tensor,
    offsets: Tensor,
    translations: Tensor,
    found: tuple[Tensor, Tensor, Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """Distance and outward normal of hits ``found`` = (part, half-space, hit, inside), all with the same batch axes.

    Distance +∞ and normal 0 where nothing is hit, 0 and −direction from inside.
    """
    part, half_space, hit, inside = found
    h = normals.shape[-2]
    index = part.clamp(min=0) * h + half_space

    def own(values: Tensor, at: Tensor) -> Tensor:
        return values.gather(-2, at[..., None].expand(*at.shape, values.shape[-1]))

    # Only the plane that was hit has a gradient: gather it per ray and intersect again.
    own_normals = own(normals.flatten(-3, -2), index)
    own_offsets = offsets.flatten(-2).gather(-1, index)
    own_origin = own(translations, part.clamp(min=0))
    entered = hit & ~inside
    # A ray without a proper entry gets a harmless plane, so that no NaN reaches the gradient of the others.
    safe_normals = torch.where(entered[..., None], own_normals, -directions.detach().nan_to_num())
    distance = reference.distance_to_plane(origins, directions, safe_normals, own_offsets, own_origin)
    distance = torch.where(entered, distance, torch.where(hit, 0.0, float("inf")).to(distance.dtype))
    facing = torch.where(entered[..., None], own_normals, -directions)
    return distance, torch.where(hit[..., None], facing, torch.zeros_like(facing))
