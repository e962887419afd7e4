"""Public function: checks, bounded memory, and the gradient through the plane that was hit."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .._chunks import chunk_numbers
from .._dispatch import launcher_for
from ..indicator.op import check_union_tensors, common_type, is_ready, result_type
from . import cpu, reference
from .crossing import crossings


class RayHits(NamedTuple):
    """Where rays first meet a union of convexes."""

    distance: Float[Tensor, "*batch R"]  #: length along the ray; +∞ where nothing is hit, 0 from inside
    normals: Float[Tensor, "*batch R 3"]  #: outward unit normal of the half-space hit; 0 where nothing is hit
    part: Int[Tensor, "*batch R"]  #: index of the convex; -1 where nothing is hit
    hit: Bool[Tensor, "*batch R"]  #: whether anything is hit


def raycast(
    origins: Float[Tensor, "*#batch R 3"],
    directions: Float[Tensor, "*#batch R 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
) -> RayHits:
    """First hit of rays with the *exact* polytopes (not the smooth convexes) of a union, by slab clipping.

    A ray that starts inside a convex hits it at distance 0, with normal −direction. Unbounded convexes are hit like
    any other; empty ones never. Directions need not be unit vectors; distance is a length all the same. NaN in a ray
    hits nothing. Leading axes broadcast; memory is bounded. Distance is differentiable with respect to rays and planes
    (the part that is hit is a constant), normals with respect to normals.

    Args:
        origins: where the rays start, object frame.
        directions: where they go; any length but zero.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.

    Returns:
        Distance, outward normal, part id and hit mask per ray.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes or devices do not fit.

    Source: Kay and Kajiya, "Ray tracing complex scenes", SIGGRAPH 1986.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])  # the slab |x| <= 1
        >>> ray = torch.tensor([[5.0, 0, 0]]), torch.tensor([[-2.0, 0, 0]])
        >>> raycast(*ray, normals, -torch.ones(1, 2), torch.zeros(1, 3)).distance
        tensor([4.])
    """
    if is_ready(origins, normals, offsets, translations) and _is_like(directions, origins):
        if launcher := launcher_for(origins):
            directions = torch.nn.functional.normalize(directions, dim=-1, eps=0.0)
            return _first_hits(launcher, origins, directions, normals, offsets, translations)
    tensors = dict(origins=origins, directions=directions, normals=normals, offsets=offsets, translations=translations)
    check_union_tensors(**tensors)
    if origins.shape[-2] != directions.shape[-2]:
        raise ValueError(
            f"origins and directions must hold as many rays, got {origins.shape[-2]} and {directions.shape[-2]}"
        )
    dtype = result_type(*tensors.values())
    origins, directions, *planes = common_type(*tensors.values())
    normals, offsets, translations = planes

    batch = torch.broadcast_shapes(
        origins.shape[:-2], directions.shape[:-2], normals.shape[:-3], offsets.shape[:-2], translations.shape[:-2]
    )
    n_rays, (k, h) = origins.shape[-2], normals.shape[-3:-1]
    origins = origins.expand(*batch, n_rays, 3)
    directions = torch.nn.functional.normalize(directions.expand(*batch, n_rays, 3), dim=-1, eps=0.0)
    if k == 0:
        nothing = origins.new_full((*batch, n_rays), float("inf"), dtype=dtype)
        none = torch.full((*batch, n_rays), -1, device=origins.device)
        return RayHits(nothing, torch.zeros_like(origins, dtype=dtype), none, none >= 0)

    normals, offsets = normals.expand(*batch, k, h, 3), offsets.expand(*batch, k, h)
    translations = translations.expand(*batch, k, 3)
    scene = (origins, directions, normals, offsets, translations)
    launcher = launcher_for(origins) if origins.numel() else None
    if launcher is not None:
        distance, facing, part, hit = _first_hits(launcher, *scene)
        return RayHits(distance.to(dtype), facing.to(dtype), part, hit)

    with torch.no_grad():
        step = max(1, chunk_numbers(origins.device) // max(1, batch.numel() * k * h))
        pieces = zip(origins.split(step, dim=-2), directions.split(step, dim=-2))
        entries = [reference.first_entry(o, u, normals, offsets, translations) for o, u in pieces]
        part, half_space, hit, inside = (torch.cat(values, dim=-1) for values in zip(*entries))
    distance, facing = crossings(*scene, (part, half_space, hit, inside))
    return RayHits(distance.to(dtype), facing.to(dtype), torch.where(hit, part, -1), hit)


def _first_hits(
    launcher: str, origins: Tensor, directions: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor
) -> RayHits:
    """The hits of rays (unit directions) and planes of one type and batch shape, by kernels."""
    scene = (origins, directions, normals, offsets, translations)
    distance, facing, part, half_space, inside = cpu.raycast(launcher, *(t.detach() for t in scene))
    hit = part >= 0
    if torch.is_grad_enabled() and any(t.requires_grad for t in scene):
        distance, facing = crossings(*scene, (part, half_space, hit, inside))
    return RayHits(distance, facing, part, hit)


def _is_like(directions: Any, origins: Tensor) -> bool:
    """Whether both are tensors of one shape, type and device."""
    if not isinstance(directions, Tensor):
        return False
    return (directions.shape, directions.dtype, directions.device) == (origins.shape, origins.dtype, origins.device)
