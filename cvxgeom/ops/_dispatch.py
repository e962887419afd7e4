"""Which implementation of an op runs, and why."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from .._checks import check_choice
from . import _native

BACKENDS = ("auto", "reference", "cpu")


class _Requested(threading.local):  # not a ContextVar: torch.compile cannot look into one
    name = "auto"


_requested = _Requested()
_logged: set[str] = set()


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Choose by hand which implementation of the ops runs inside a ``with`` block, on this thread.

    Args:
        name: ``"auto"`` (the fastest one that can serve the tensors), ``"reference"`` (plain PyTorch, any device,
            differentiable as often as you like: the definition of what is right) or ``"cpu"`` (compiled kernels; a call
            that they cannot serve raises RuntimeError with the reason).

    Raises:
        ValueError: there is no backend of this name.

    Example:
        >>> import cvxgeom
        >>> with cvxgeom.ops.backend("reference"):
        ...     values = cvxgeom.box().sdf(torch.zeros(1, 3))
    """
    check_choice("name", name, BACKENDS)
    before = _requested.name
    _requested.name = name
    try:
        yield
    finally:
        _requested.name = before


def available_backends() -> dict[str, str]:
    """Each backend with a sentence that says whether it runs here, and why.

    Returns:
        Name of the backend -> sentence.

    Example:
        >>> sorted(available_backends())
        ['cpu', 'reference']
    """
    return {
        "reference": "plain PyTorch on any device; it runs everywhere and serves every call.",
        "cpu": _native.SENTENCE if _native.LIBRARY is not None else f"does not run: {_native.SENTENCE}",
    }


def use_cpu_kernels(tensor: Tensor) -> bool:
    """Whether compiled CPU kernels serve a call on tensors like this one (float32 or float64, checked before).

    Raises:
        RuntimeError: they were asked for by name and cannot.
    """
    if tensor.device.type == "cpu" and _native.LIBRARY is not None and not _transformed():
        return _requested.name != "reference"
    return _refuse(tensor)


def _refuse(tensor: Tensor) -> bool:
    requested = _requested.name
    if requested == "reference":
        return False
    if tensor.device.type != "cpu":
        reason = f"the tensors are on {tensor.device}, and the compiled kernels are for the CPU"
    elif _native.LIBRARY is None:
        reason = _native.SENTENCE
    else:
        reason = "torch.func transforms and forward-mode derivatives go through plain PyTorch"
    if requested == "cpu":
        raise RuntimeError(f'backend("cpu") cannot serve this call: {reason}')
    if reason not in _logged:
        _logged.add(reason)
        logging.getLogger("cvxgeom").info("ops run on plain PyTorch: %s", reason)
    return False


def _transformed() -> bool:
    if torch.compiler.is_compiling():
        return False
    transform = torch._C._functorch.peek_interpreter_stack()  # pyright: ignore[reportAttributeAccessIssue]
    return transform is not None or torch.autograd.forward_ad._current_level >= 0
