"""Which implementation of an op runs, and why."""

import importlib.util
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from .._checks import check_choice
from . import _native

BACKENDS = ("auto", "reference", "cpu", "cuda")

# Asked without importing it: that takes seconds, and only tensors on a GPU need it.
_HAS_TRITON = importlib.util.find_spec("triton") is not None
_NO_TRITON = 'triton is not installed: pip install "cvxgeom[gpu]"'
_PROOF = "tested on an H100, an H200 and in Triton's interpreter, compiled ahead of time for sm_80, sm_90 and sm_100"


class _Requested(threading.local):  # not a ContextVar: torch.compile cannot look into one
    name = "auto"


_requested = _Requested()
_ON_CPU = torch.empty(0, device="cpu")
_logged: set[str] = set()


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Choose by hand which implementation of the ops runs inside a ``with`` block, on this thread.

    Args:
        name: ``"auto"`` (the fastest one that can serve the tensors), ``"reference"`` (plain PyTorch, any device,
            differentiable as often as you like: the definition of what is right), ``"cpu"`` (compiled kernels) or
            ``"cuda"`` (Triton kernels; with ``TRITON_INTERPRET=1`` in the environment they run on CPU tensors, slowly,
            in Triton's interpreter). A call that cannot be served as asked raises RuntimeError with the reason.

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
        ['cpu', 'cuda', 'reference']
    """
    return {
        "reference": "plain PyTorch on any device; it runs everywhere and serves every call.",
        "cpu": _native.SENTENCE if _native.LIBRARY is not None else f"does not run: {_native.SENTENCE}",
        "cuda": _cuda_sentence(),
    }


def launcher_for(tensor: Tensor) -> str | None:
    """Which kernels serve a call on tensors like this one (float32 or float64, checked before).

    Returns:
        ``"cpu"``, ``"cuda"``, or None for the reference.

    Raises:
        RuntimeError: kernels were asked for by name and cannot.
    """
    requested = _requested.name
    served = tensor.device.type == "cpu" and _native.LIBRARY is not None and not _transformed()
    if served and (requested == "auto" or requested == "cpu"):
        return "cpu"
    if requested == "reference":
        return None
    wanted = requested if requested != "auto" else "cuda" if tensor.device.type == "cuda" else "cpu"
    reason = _obstacle(wanted, tensor.device)
    if reason is None:
        return wanted
    if requested != "auto":
        raise RuntimeError(f'backend("{requested}") cannot serve this call: {reason}')
    if reason not in _logged:
        _logged.add(reason)
        logging.getLogger("cvxgeom").info("ops run on plain PyTorch: %s", reason)
    return None


def serves_arrays() -> bool:
    """Whether compiled kernels serve a call on NumPy arrays, which lie on no GPU.

    Raises:
        RuntimeError: they were asked for by name and cannot.
    """
    if _requested.name == "cuda":
        return _native.LIBRARY is not None
    return launcher_for(_ON_CPU) == "cpu"


def may_improvise() -> bool:
    """Whether a call without kernels is free to take a shorter way to the reference's values, data-dependent or not."""
    return _requested.name == "auto" and not _transformed() and not torch.compiler.is_compiling()


def _obstacle(wanted: str, device: torch.device) -> str | None:
    """Why these kernels cannot serve tensors on this device; None if they can."""
    if wanted == "cpu" and device.type != "cpu":
        return f"the tensors are on {device}, and the compiled kernels are for the CPU"
    if wanted == "cpu" and _native.LIBRARY is None:
        return _native.SENTENCE
    if wanted == "cuda" and not _HAS_TRITON:
        return _NO_TRITON
    if wanted == "cuda" and device.type != "cuda" and not (device.type == "cpu" and _interpreted()):
        return f"the tensors are on {device}, and the Triton kernels are for CUDA"
    return "torch.func transforms and forward-mode derivatives go through plain PyTorch" if _transformed() else None


def _cuda_sentence() -> str:
    if not _HAS_TRITON:
        return f"does not run: {_NO_TRITON}"
    if _interpreted():
        return f"Triton kernels in Triton's interpreter (TRITON_INTERPRET), on CPU tensors, for tests; {_PROOF}"
    if not torch.cuda.is_available():
        return f"does not run: no CUDA device is visible (Triton kernels; {_PROOF})"
    return f"Triton kernels for float32 and float64; {_PROOF}"


def _interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET", "").lower() in ("1", "true", "yes", "on", "y")


def _transformed() -> bool:
    if torch.compiler.is_compiling():
        return False
    transform = torch._C._functorch.peek_interpreter_stack()  # pyright: ignore[reportAttributeAccessIssue]
    return transform is not None or torch.autograd.forward_ad._current_level >= 0
