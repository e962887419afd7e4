"""Rays on compiled kernels, as PyTorch sees them: no derivatives, these belong to the plane that is hit."""

import torch
from torch import Tensor

from .. import _native
from ..indicator.fused import is_plain
from . import reference
from .crossing import crossings

_library = torch.library.Library("cvxgeom", "FRAGMENT")
_library.define(
    "raycast(Tensor origins, Tensor directions, Tensor normals, Tensor offsets, Tensor translations)"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor)"
)

Hits = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def raycast(*inputs: Tensor) -> Hits:
    """Distance, outward normal, part, half-space, inside: of detached tensors of one type and batch shape; K, R > 0.

    Where nothing is hit: +∞, 0, -1, 0, False. Directions are unit vectors.
    """
    return _raycast(*inputs) if is_plain(*inputs) else torch.ops.cvxgeom.raycast.default(*inputs)


def _raycast(*inputs: Tensor) -> Hits:
    inputs = tuple(t.contiguous() for t in inputs)
    origins, _, normals = inputs[:3]
    hits = _fake_raycast(*inputs)
    call = _native.RaycastCall(*(t.data_ptr() for t in (*inputs, *hits)))
    call.batch, call.n = origins.shape[:-2].numel(), origins.shape[-2]  # type: ignore[attr-defined]
    call.k, call.h = normals.shape[-3:-1]  # type: ignore[attr-defined]
    call.is_double = origins.dtype == torch.float64  # type: ignore[attr-defined]
    if _native.run("raycast", call):
        return hits
    with torch.no_grad():  # values that the kernel does not bound
        found = reference.first_entry(*inputs)
        distance, facing = crossings(*inputs, found=found)
    part, half_space, hit, inside = found
    return distance, facing, torch.where(hit, part, -1), half_space, inside & hit


def _fake_raycast(origins: Tensor, directions: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor) -> Hits:
    rays = origins.shape[:-1]
    return (
        origins.new_empty(rays),
        origins.new_empty(origins.shape),
        origins.new_empty(rays, dtype=torch.int64),
        origins.new_empty(rays, dtype=torch.int64),
        origins.new_empty(rays, dtype=torch.bool),
    )


_library.impl("raycast", _raycast, "CPU")
torch.library.register_fake("cvxgeom::raycast", _fake_raycast)
