"""Grids on kernels, as PyTorch sees them: not differentiable."""

import importlib
from collections.abc import Sequence

import torch
from torch import Tensor

from .. import _native
from ..indicator.fused import is_plain
from . import reference

_library = torch.library.Library("cvxgeom", "FRAGMENT")
_library.define(
    "sample_grid(float[] lower, float[] spacing, SymInt[] size, float truncation, "
    "Tensor normals, Tensor offsets, Tensor translations, Tensor smoothness) -> Tensor"
)


def sample_grid(
    launcher: str,
    lower: Sequence[float],
    spacing: Sequence[float],
    size: Sequence[int],
    truncation: float,
    *planes: Tensor,
) -> Tensor:
    """The grid of detached planes of one type and batch shape; K and all sizes > 0. Launcher: "cpu" or "cuda"."""
    if not is_plain(*planes):
        return torch.ops.cvxgeom.sample_grid.default(lower, spacing, size, truncation, *planes)
    return (_on_cpu if launcher == "cpu" else _on_cuda)(lower, spacing, size, truncation, *planes)


def _on_cuda(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Tensor:
    return importlib.import_module(f"{__package__}.cuda").sample_grid(lower, spacing, size, truncation, *planes)


def _on_cpu(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Tensor:
    planes = tuple(t.contiguous() for t in planes)
    value = _fake_sample_grid(lower, spacing, size, truncation, *planes)
    call = _native.GridCall(*(t.data_ptr() for t in (*planes, value)))
    call.batch = planes[0].shape[:-3].numel()
    call.k, call.h = planes[0].shape[-3:-1]
    call.size[:], call.lower[:], call.spacing[:] = size, lower, spacing
    call.truncation = truncation
    call.is_double = planes[0].dtype == torch.float64
    if _native.run("sample_grid", call):
        return value
    with torch.no_grad():  # values that the kernel does not bound
        return reference.sample_grid(lower, spacing, size, truncation, *planes)


def _fake_sample_grid(
    lower: Sequence[float], spacing: Sequence[float], size: Sequence[int], truncation: float, *planes: Tensor
) -> Tensor:
    return planes[0].new_empty((*planes[0].shape[:-3], *size))


_library.impl("sample_grid", _on_cpu, "CPU")
_library.impl("sample_grid", _on_cuda, "CUDA")
torch.library.register_fake("cvxgeom::sample_grid", _fake_sample_grid)
