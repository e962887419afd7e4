"""The counts on kernels; float32 tensors on the CPU, none of them empty, no gradients."""

from typing import Any

import torch
from torch import Tensor

from .. import _native


def cut_excess(along: Tensor, left: Tensor, free: Tensor, weights: Tensor) -> Tensor:
    """(C, 3)."""
    result = along.new_empty((len(left), 3))
    _run("cut_excess", rows=free, weights=weights, along=along, left=left, result=result)
    return result


def weight_below(rows: Tensor, weights: Tensor, limits: Tensor) -> Tensor:
    """(C,)."""
    result = rows.new_empty(len(limits))
    _run("weight_below", rows=rows, weights=weights, along=limits, result=result)
    return result


def points_within(points: Tensor, normals: Tensor, offsets: Tensor) -> Tensor:
    """(N,) bool."""
    result = torch.empty(len(points), dtype=torch.bool)
    _run("points_within", rows=points, weights=offsets, along=normals, result=result)
    return result


def _run(name: str, **tensors: Tensor) -> None:
    tensors = {key: value.detach().contiguous() for key, value in tensors.items() if key != "result"} | {
        "result": tensors["result"]
    }
    call: Any = _native.CutsCall(**{key: value.data_ptr() for key, value in tensors.items()})
    (call.n, call.columns), call.n_along = tensors["rows"].shape, len(tensors["along"])
    call.n_cuts = len(tensors["left"]) if "left" in tensors else 0
    _native.run(name, call)
