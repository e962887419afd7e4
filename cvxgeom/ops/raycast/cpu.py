"""Rays on kernels, as PyTorch sees them: no derivatives, these belong to the plane that is hit."""

import importlib

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


def raycast(launcher: str, *inputs: Tensor) -> Hits:
    """Distance, outward normal, part, half-space, inside: of detached tensors of one type and batch shape; K, R > 0.

    Where nothing is hit: +∞, 0, -1, 0, False. Directions are unit vectors. ``launcher`` is "cpu" or "cuda".
    """
    if not is_plain(*inputs):
        return torch.ops.cvxgeom.raycast.default(*inputs)
    return _on_cpu(*inputs) if launcher == "cpu" else _on_cuda(*inputs)


def _on_cuda(*inputs: Tensor) -> Hits:
    hits = _fake_raycast(*inputs)
    importlib.import_module(f"{__package__}.cuda").raycast(hits, *inputs)
    return hits


def _on_cpu(*inputs: Tensor) -> Hits:
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


_library.impl("raycast", _on_cpu, "CPU")
_library.impl("raycast", _on_cuda, "CUDA")
torch.library.register_fake("cvxgeom::raycast", _fake_raycast)
