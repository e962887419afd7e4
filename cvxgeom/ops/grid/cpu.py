"""Launches the compiled kernel, and makes it known to torch.compile."""

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
    lower: tuple[float, ...], spacing: tuple[float, ...], size: tuple[int, ...], truncation: float, *planes: Tensor
) -> Tensor:
    """The grid of detached planes of one type and batch shape; K and all sizes > 0."""
    if is_plain(*planes):
        return _sample_grid(lower, spacing, size, truncation, *planes)
    return torch.ops.cvxgeom.sample_grid.default(lower, spacing, size, truncation, *planes)


def _sample_grid(
    lower: tuple[float, ...], spacing: tuple[float, ...], size: tuple[int, ...], truncation: float, *planes: Tensor
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
        return reference.sample_grid(lower, spacing, size, truncation, *planes)  # type: ignore[arg-type]


def _fake_sample_grid(
    lower: tuple[float, ...], spacing: tuple[float, ...], size: tuple[int, ...], truncation: float, *planes: Tensor
) -> Tensor:
    return planes[0].new_empty((*planes[0].shape[:-3], *size))


_library.impl("sample_grid", _sample_grid, "CPU")
torch.library.register_fake("cvxgeom::sample_grid", _fake_sample_grid)
