"""The indicator ops on kernels, as PyTorch sees them: derivatives, tracing, double backward.

In eager mode an autograd.Function calls the launcher directly, since the dispatcher would cost more than a small kernel
runs. Everything that is not eager on plain tensors (torch.compile, fake tensors, dispatch modes) meets the same
functions as ops of torch.library, which launch by the tensors' device. All functions want tensors of one type and one
batch shape, and K, N > 0. A launcher is the name of a module beside this one: "cpu" or "cuda".
"""

import importlib
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .. import _native
from . import cpu, pieces

_library = torch.library.Library("cvxgeom", "FRAGMENT")
_INPUTS = "Tensor points, Tensor normals, Tensor offsets, Tensor translations, Tensor smoothness, Tensor? sharpness"
_library.define(f"indicator(bool union, {_INPUTS}) -> (Tensor, Tensor, Tensor)")
_library.define(
    f"indicator_backward(bool union, int needs, Tensor grad, Tensor value, Tensor part, Tensor order, {_INPUTS})"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)
_library.define("contains(Tensor points, Tensor normals, Tensor offsets, Tensor translations) -> Tensor")


def evaluate(launcher: str, union: bool, *inputs: Tensor | None) -> Tensor:
    """As `pieces.evaluate`: per convex, or their union; differentiable twice."""
    if not is_plain(*inputs):
        return torch.ops.cvxgeom.indicator.default(union, *inputs)[0]
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in inputs):
        return _Indicator.apply(launcher, union, *inputs)[0]  # type: ignore[index]
    return _forward(launcher, union, *inputs)[0]


def contains(launcher: str, *inputs: Tensor) -> Tensor:
    """Whether points lie in an exact polytope; not differentiable."""
    return _contains(launcher, *inputs) if is_plain(*inputs) else torch.ops.cvxgeom.contains.default(*inputs)


def is_plain(*tensors: Tensor | None) -> bool:
    """Whether tensors have memory of their own that a kernel may read right now."""
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return False
    return all(t is None or type(t) is Tensor or type(t) is torch.nn.Parameter for t in tensors)


def _kernels(launcher: str) -> Any:
    # Only a GPU needs the other one, and with it triton.
    return cpu if launcher == "cpu" else importlib.import_module(f"{__package__}.{launcher}")


def _forward(launcher: str, union: bool, *inputs: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    done = _kernels(launcher).forward(union, *inputs)
    if done is not None:
        return done
    points = inputs[0]
    assert points is not None
    with torch.no_grad():
        value = pieces.evaluate(union, points, *inputs[1:])
    # -1 tells the backward kernel that the reference was here.
    order = torch.full(points.shape[:-1], -1, dtype=torch.int32)
    return value, order.clone() if union else order.new_empty(0), order


def _backward(
    launcher: str,
    union: bool,
    needs: int,
    grad: Tensor,
    value: Tensor,
    part: Tensor,
    order: Tensor,
    *inputs: Tensor | None,
) -> tuple[Tensor, ...]:
    done = _kernels(launcher).backward(union, needs, grad, value, part, order, *inputs)
    if done is not None:
        return done
    with torch.no_grad():
        found = pieces.gradients(union, grad, *inputs)  # type: ignore[arg-type]
    return tuple(
        f.contiguous() if f is not None and empty.numel() else empty
        for f, empty in zip(found, cpu.empty_gradients(needs, *inputs))
    )


def _contains(launcher: str, *inputs: Tensor) -> Tensor:
    done = _kernels(launcher).contains(*inputs)
    return pieces.contains(*inputs) if done is None else done


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    union, *tensors = inputs
    ctx.launcher, ctx.union = tensors[0].device.type, union
    ctx.save_for_backward(*tensors, *output)
    ctx.set_materialize_grads(False)


def _derivatives(ctx: Any, grad: Tensor | None, *_: object) -> tuple[Tensor | None, ...]:
    *inputs, value, part, order = ctx.saved_tensors
    wanted = ctx.needs_input_grad[-6:]
    if grad is None:
        return (None,) * 7
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return None, *_differentiable(ctx.union, wanted, grad, inputs)
    needs = _native.needs_of(wanted)
    plain = is_plain(grad, *inputs)
    run = partial(_backward, ctx.launcher) if plain else torch.ops.cvxgeom.indicator_backward.default
    found = run(ctx.union, needs, grad, value, part, order, *inputs)
    return None, *(f if want else None for f, want in zip(found, wanted))


def _differentiable(
    union: bool, wanted: tuple[bool, ...], grad: Tensor, inputs: list[Tensor | None]
) -> list[Tensor | None]:
    """Derivatives that can be differentiated again: by the reference (create_graph=True)."""
    with torch.enable_grad():
        value = pieces.evaluate(union, *inputs)  # type: ignore[arg-type]
        sources = [t for t, want in zip(inputs, wanted) if want and t is not None]
        found = iter(torch.autograd.grad(value, sources, grad, create_graph=True, allow_unused=True))
    return [next(found) if want and t is not None else None for t, want in zip(inputs, wanted)]


class _Indicator(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, launcher: str, union: bool, *inputs: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        output = _forward(launcher, union, *inputs)
        _setup_context(ctx, (union, *inputs), output)
        ctx.launcher = launcher  # backward runs when the `backend` block has ended
        ctx.mark_non_differentiable(*output[1:])
        return output

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None, *_derivatives(ctx, *grads)


for _launcher in ("cpu", "cuda"):
    _library.impl("indicator", partial(_forward, _launcher), _launcher.upper())
    _library.impl("indicator_backward", partial(_backward, _launcher), _launcher.upper())
    _library.impl("contains", partial(_contains, _launcher), _launcher.upper())


@torch.library.register_fake("cvxgeom::indicator")
def _fake_forward(union: bool, *inputs: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    points, normals = inputs[:2]
    assert points is not None and normals is not None
    batch, n = points.shape[:-2], points.shape[-2]
    order = points.new_empty((*batch, n), dtype=torch.int32)
    if union:
        return points.new_empty((*batch, n)), torch.empty_like(order), order
    return points.new_empty((*batch, normals.shape[-3], n)), order.new_empty((0,)), order


@torch.library.register_fake("cvxgeom::indicator_backward")
def _fake_backward(
    union: bool, needs: int, grad: Tensor, value: Tensor, part: Tensor, order: Tensor, *inputs: Tensor | None
) -> tuple[Tensor, ...]:
    return cpu.empty_gradients(needs, *inputs)


@torch.library.register_fake("cvxgeom::contains")
def _fake_contains(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor) -> Tensor:
    return points.new_empty(points.shape[:-1], dtype=torch.bool)


torch.library.register_autograd("cvxgeom::indicator", _derivatives, setup_context=_setup_context, lib=_library)
