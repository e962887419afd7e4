"""Which implementation of an op runs, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .._checks import check_choice

BACKENDS = ("auto", "reference")

_requested: ContextVar[str] = ContextVar("cvxgeom_backend", default="auto")


@contextmanager
def backend(name: str) -> Iterator[None]:
    """Choose by hand which implementation of the ops runs inside a ``with`` block.

    Args:
        name: ``"auto"`` (the fastest one that can serve the tensors) or ``"reference"`` (plain PyTorch, any device,
            twice differentiable: the definition of what is right).

    Raises:
        ValueError: there is no backend of this name.

    Example:
        >>> import cvxgeom
        >>> with cvxgeom.ops.backend("reference"):
        ...     values = cvxgeom.box().sdf(torch.zeros(1, 3))
    """
    check_choice("name", name, BACKENDS)
    token = _requested.set(name)
    try:
        yield
    finally:
        _requested.reset(token)


def available_backends() -> dict[str, str]:
    """Each backend with a sentence that says whether it runs here, and why.

    Returns:
        Name of the backend -> sentence.

    Example:
        >>> sorted(available_backends())
        ['reference']
    """
    return {"reference": "plain PyTorch on any device; it runs everywhere and serves every call."}
