"""Launches the compiled kernels: CPU tensors of one type and one batch shape in, fresh tensors out.

Both functions return None where the values are not for the kernels (NaN or huge values, δ ≤ 0, negative labels).
"""

import ctypes

import torch
from torch import Tensor

from .. import _native
from ..indicator.cpu import empty_gradients

Forward = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]


def forward(*inputs: Tensor, n_guides: int) -> Forward | None:
    """(union, total, guides, part, guide_index, order); the last three are for `backward`.

    ``inputs``: points, normals, offsets, translations, smoothness, sharpness, occupancy.
    """
    call, keep = _call(inputs, n_guides)
    found = empty_outputs(*inputs, n_guides=n_guides)
    names = ("union_value", "total", "guides", "part", "guide_index", "order")
    for name, tensor in zip(names, found):
        setattr(call, name, tensor.data_ptr())
    done = _native.run("training_forward", call)
    del keep  # until here: the call holds addresses alone
    return found if done else None


def backward(
    needs: int, grads: tuple[Tensor, Tensor, Tensor], found: Forward, *inputs: Tensor
) -> tuple[Tensor, ...] | None:
    """Derivatives to the first six inputs; empty tensors for those not asked for in ``needs``."""
    call, keep = _call(inputs, grads[2].shape[-1])
    gradients = empty_gradients(needs, *inputs[:6])
    grads = tuple(g.contiguous() for g in grads)  # type: ignore[assignment]
    call.part, call.guide_index, call.order = (t.data_ptr() for t in found[3:])
    call.grad_union, call.grad_total, call.grad_guides = (t.data_ptr() for t in grads)
    call.grad_points, call.grad_normals, call.grad_offsets = (g.data_ptr() for g in gradients[:3])
    call.grad_translations, call.grad_smoothness, call.grad_sharpness = (g.data_ptr() for g in gradients[3:])
    call.needs = needs
    done = _native.run("training_backward", call)
    del keep
    return gradients if done else None


def empty_outputs(points: Tensor, normals: Tensor, *_: Tensor, n_guides: int) -> Forward:
    """Memory for the results of `forward`."""
    batch, n, k = points.shape[:-2], points.shape[-2], normals.shape[-3]
    return (
        points.new_empty((*batch, n)),
        points.new_empty((*batch, n)),
        points.new_empty((*batch, k, n_guides)),
        points.new_empty((*batch, n), dtype=torch.int32),
        points.new_empty((*batch, k, n_guides), dtype=torch.int32),
        points.new_empty((*batch, n), dtype=torch.int32),
    )


def _call(inputs: tuple[Tensor, ...], n_guides: int) -> tuple[ctypes.Structure, list[Tensor]]:
    """The call with its inputs set, and tensors that must outlive it."""
    tensors = [t.contiguous() for t in inputs]
    points, normals = tensors[:2]
    call = _native.TrainingCall(*(t.data_ptr() for t in tensors))
    call.batch, call.n = points.shape[:-2].numel(), points.shape[-2]  # type: ignore[attr-defined]
    call.k, call.h = normals.shape[-3:-1]  # type: ignore[attr-defined]
    call.n_guides = n_guides  # type: ignore[attr-defined]
    call.is_double = points.dtype == torch.float64  # type: ignore[attr-defined]
    return call, tensors
