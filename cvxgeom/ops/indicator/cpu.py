"""Launches the compiled kernels: contiguous CPU tensors of one type and one batch shape in, fresh tensors out.

Every function returns None where the values are not for the kernels (NaN or huge planes, δ ≤ 0).
"""

import ctypes

import torch
from torch import Tensor

from .. import _native


def forward(union: bool, *inputs: Tensor | None) -> tuple[Tensor, Tensor, Tensor] | None:
    """(value, part, order) of `convex_sdf` or `union_sdf`, or of the indicators if the last input is not None.

    ``part`` (``(0,)`` unless ``union``) is the convex that decides each point; ``order`` (the points along a curve) is
    for `backward`.
    """
    call, keep, batch, n, k = _call(inputs)
    points = inputs[0]
    assert points is not None
    value = points.new_empty((*batch, n) if union else (*batch, k, n))
    part = torch.empty((*batch, n) if union else (0,), dtype=torch.int32)
    order = torch.empty((*batch, n), dtype=torch.int32)
    call.value, call.part, call.order = value.data_ptr(), part.data_ptr(), order.data_ptr()
    done = _native.run("union_forward" if union else "convex_forward", call)
    del keep  # until here: the call holds addresses alone
    return (value, part, order) if done else None


def backward(
    union: bool, needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, *inputs: Tensor | None
) -> tuple[Tensor, ...] | None:
    """Derivatives to the six inputs; empty tensors for those not asked for in ``needs``."""
    call, keep, _, _, _ = _call(inputs)
    grad, value = grad.contiguous(), value.contiguous()
    gradients = empty_gradients(needs, *inputs)
    call.value, call.part, call.order, call.grad = (t.data_ptr() for t in (value, part, order, grad))
    call.grad_points, call.grad_normals, call.grad_offsets = (g.data_ptr() for g in gradients[:3])
    call.grad_translations, call.grad_smoothness, call.grad_sharpness = (g.data_ptr() for g in gradients[3:])
    call.needs = needs
    done = _native.run("union_backward" if union else "convex_backward", call)
    del keep
    return gradients if done else None


def contains(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor) -> Tensor | None:
    """Whether points lie in an exact polytope."""
    call, keep, batch, n, _ = _call((points, normals, offsets, translations, None, None))
    value = torch.empty((*batch, n), dtype=torch.bool)
    order = torch.empty((*batch, n), dtype=torch.int32)
    call.value, call.order = value.data_ptr(), order.data_ptr()
    done = _native.run("contains", call)
    del keep
    return value if done else None


def empty_gradients(needs: int, *inputs: Tensor | None) -> tuple[Tensor, ...]:
    """Zeros like the inputs that ``needs`` names, ``(0,)`` for the others."""
    points = inputs[0]
    assert points is not None
    wanted = (_native.NEEDS_POINTS, *[_native.NEEDS_PLANES] * 3, _native.NEEDS_SMOOTHNESS, _native.NEEDS_SHARPNESS)
    return tuple(points.new_zeros(t.shape if t is not None and needs & bit else (0,)) for t, bit in zip(inputs, wanted))


def _call(inputs: tuple[Tensor | None, ...]) -> tuple[ctypes.Structure, list[Tensor | None], torch.Size, int, int]:
    """The call with its inputs set, tensors that must outlive it, batch axes, N and K."""
    tensors = [None if t is None else t.contiguous() for t in inputs]
    points, normals = tensors[:2]
    assert points is not None and normals is not None
    batch, n = points.shape[:-2], points.shape[-2]
    k, h = normals.shape[-3:-1]
    call = _native.IndicatorCall(*(None if t is None else t.data_ptr() for t in tensors))
    call.batch, call.n, call.k, call.h = batch.numel(), n, k, h  # type: ignore[attr-defined]
    call.is_double = points.dtype == torch.float64  # type: ignore[attr-defined]
    return call, tensors, batch, n, k
