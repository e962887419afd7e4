"""The training op on kernels, as PyTorch sees it: derivatives, tracing, double backward.

As in indicator/fused.py: an autograd.Function in eager mode, ops of torch.library everywhere else, and a launcher is
the name of a module beside this one. All functions want tensors of one type and one batch shape, and K, N > 0.
"""

import importlib
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .. import _native
from ..indicator.fused import is_plain
from . import cpu, reference

_library = torch.library.Library("cvxgeom", "FRAGMENT")
_INPUTS = (
    "Tensor points, Tensor normals, Tensor offsets, Tensor translations, Tensor smoothness, Tensor sharpness, "
    "Tensor occupancy"
)
_FOUND = "Tensor union_value, Tensor total, Tensor guides, Tensor part, Tensor guide_index, Tensor order"
_library.define(f"training(int n_guides, {_INPUTS}) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)")
_library.define(
    f"training_backward(int needs, Tensor grad_union, Tensor grad_total, Tensor grad_guides, {_FOUND}, {_INPUTS})"
    " -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)"
)


def evaluate(launcher: str, n_guides: int, *inputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(union, total, guides) of points, normals, offsets, translations, smoothness, sharpness, occupancy."""
    if not is_plain(*inputs):
        return torch.ops.cvxgeom.training.default(n_guides, *inputs)[:3]
    if torch.is_grad_enabled() and any(t.requires_grad for t in inputs):
        return _Training.apply(launcher, n_guides, *inputs)[:3]  # type: ignore[index, return-value]
    return _forward(launcher, n_guides, *inputs)[:3]


def _kernels(launcher: str) -> Any:
    # Only a GPU needs the other one, and with it triton.
    return cpu if launcher == "cpu" else importlib.import_module(f"{__package__}.{launcher}")


def _forward(launcher: str, n_guides: int, *inputs: Tensor) -> cpu.Forward:
    done = _kernels(launcher).forward(*inputs, n_guides=n_guides)
    if done is not None:
        return done
    *_, part, index, order = cpu.empty_outputs(*inputs, n_guides=n_guides)
    with torch.no_grad():
        values = reference.training_indicators(*inputs[:6], occupancy=inputs[6], n_guides=n_guides)
    # -1 tells the backward kernel that the reference was here.
    return (*values, part.fill_(-1), index.fill_(-1), order.fill_(-1))


def _backward(launcher: str, needs: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    grads, found, inputs = tensors[:3], tensors[3:9], tensors[9:]
    done = _kernels(launcher).backward(needs, grads, found, *inputs)
    if done is not None:
        return done
    with torch.no_grad():
        slopes = reference.gradients(*grads, *inputs[:6], occupancy=inputs[6])
    empty = cpu.empty_gradients(needs, *inputs[:6])
    return tuple(f.contiguous() if f is not None and e.numel() else e for f, e in zip(slopes, empty))


def _setup_context(ctx: Any, inputs: tuple[Any, ...], output: cpu.Forward) -> None:
    ctx.save_for_backward(*inputs[1:], *output)
    ctx.launcher, ctx.n_guides = inputs[1].device.type, inputs[0]
    ctx.set_materialize_grads(False)


def _derivatives(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
    inputs, found = ctx.saved_tensors[:7], ctx.saved_tensors[7:]
    wanted = ctx.needs_input_grad[-7:-1]
    if all(g is None for g in grads[:3]):
        return (None,) * 8
    upstream = tuple(torch.zeros_like(f) if g is None else g for g, f in zip(grads, found[:3]))
    if torch.is_grad_enabled() and not torch.compiler.is_compiling():
        return None, *_differentiable(ctx.n_guides, wanted, upstream, inputs), None
    needs = _native.needs_of(wanted)
    plain = is_plain(*upstream, *inputs)
    run = partial(_backward, ctx.launcher) if plain else torch.ops.cvxgeom.training_backward.default
    slopes = run(needs, *upstream, *found, *inputs)
    return None, *(f if want else None for f, want in zip(slopes, wanted)), None


def _differentiable(
    n_guides: int, wanted: tuple[bool, ...], grads: tuple[Tensor, ...], inputs: tuple[Tensor, ...]
) -> list[Tensor | None]:
    """Derivatives that can be differentiated again: by the reference (create_graph=True)."""
    with torch.enable_grad():
        values = reference.training_indicators(*inputs[:6], occupancy=inputs[6], n_guides=n_guides)
        sources = [t for t, want in zip(inputs, wanted) if want]
        found = iter(torch.autograd.grad(values, sources, grads, create_graph=True, allow_unused=True))
    return [next(found) if want else None for want in wanted]


class _Training(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, launcher: str, n_guides: int, *inputs: Tensor) -> cpu.Forward:  # type: ignore[override]
        output = _forward(launcher, n_guides, *inputs)
        _setup_context(ctx, (n_guides, *inputs), output)
        ctx.launcher = launcher  # backward runs when the `backend` block has ended
        ctx.mark_non_differentiable(*output[3:])
        return output

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        return None, *_derivatives(ctx, *grads)


for _launcher in ("cpu", "cuda"):
    _library.impl("training", partial(_forward, _launcher), _launcher.upper())
    _library.impl("training_backward", partial(_backward, _launcher), _launcher.upper())


@torch.library.register_fake("cvxgeom::training")
def _fake_forward(n_guides: int, *inputs: Tensor) -> cpu.Forward:
    return cpu.empty_outputs(*inputs, n_guides=n_guides)


@torch.library.register_fake("cvxgeom::training_backward")
def _fake_backward(needs: int, *tensors: Tensor) -> tuple[Tensor, ...]:
    return cpu.empty_gradients(needs, *tensors[9:15])


torch.library.register_autograd("cvxgeom::training", _derivatives, setup_context=_setup_context, lib=_library)
