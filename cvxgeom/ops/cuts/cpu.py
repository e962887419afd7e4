"""The counts on kernels; float32 tensors on the CPU, none of them empty, no gradients."""

from typing import Any

import torch
from torch import Tensor

from .. import _native


def cut_excess(along: Tensor, left: Tensor, free: Tensor, weights: Tensor) -> Tensor:
    """(C, 3)."""
    result = along.new_empty((len(left), 3))
    _run("cut_excess", result, rows=free, weights=weights, along=along, left=left)
    return result


def weight_below(rows: Tensor, weights: Tensor, limits: Tensor) -> Tensor:
    """(C,)."""
    result = rows.new_empty(len(limits))
    _run("weight_below", result, rows=rows, weights=weights, along=limits)
    return result


def points_within(points: Tensor, normals: Tensor, offsets: Tensor) -> Tensor:
    """(N,) bool."""
    result = torch.empty(len(points), dtype=torch.bool)
    _run("points_within", result, rows=points, weights=offsets, along=normals)
    return result


def _run(name: str, result: Tensor, **inputs: Tensor) -> None:
    inputs = {key: value.detach().contiguous() for key, value in inputs.items()}
    pointers = {key: value.data_ptr() for key, value in inputs.items()}
    call: Any = _native.CutsCall(**pointers, result=result.data_ptr())
    (call.n, call.columns), call.n_along = inputs["rows"].shape, len(inputs["along"])
    call.n_cuts = len(inputs["left"]) if "left" in inputs else 0
    _native.run(name, call)
