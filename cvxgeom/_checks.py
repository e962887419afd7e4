"""Checks of arguments: each raises an error that names the argument, the demand and what came."""

from dataclasses import asdict
from numbers import Integral, Real
from typing import Any, TypeGuard

import numpy as np
import torch
from torch import Tensor


def describe(value: Any) -> str:
    """A short description of a value for an error message: type, and shape and dtype of a tensor."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype}"
    if isinstance(value, np.generic):  # one number, whose repr would say the type twice
        return f"{type(value).__name__} {value}"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {value.dtype}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"


def check_tensor(name: str, value: Any, last: tuple[int | None, ...] = ()) -> None:
    """Demand a floating-point tensor whose last axes have the sizes ``last`` (None: any size).

    Raises:
        TypeError: ``value`` is not a floating-point tensor.
        ValueError: its last axes differ from ``last``.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a torch tensor, got {describe(value)}")
    if not value.dtype.is_floating_point:
        raise TypeError(f"{name} must be a floating-point tensor, got {describe(value)}")
    tail = tuple(value.shape[value.ndim - len(last) :])
    if value.ndim < len(last) or any(want is not None and want != got for want, got in zip(last, tail, strict=True)):
        wanted = ", ".join("*" if n is None else str(n) for n in last)
        raise ValueError(f"{name} must have shape (..., {wanted}), got {describe(value)}")


def check_same_device(**tensors: Tensor) -> None:
    """Demand that all tensors live on one device.

    Raises:
        ValueError: two tensors are on different devices.
    """
    if len({tensor.device for tensor in tensors.values()}) > 1:
        places = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise ValueError(f"all tensors must be on the same device, got {places}")


def check_finite(name: str, value: Tensor) -> None:
    """Demand that no entry is NaN or infinite.

    Raises:
        ValueError: some entry is NaN or infinite; the message says how many.
    """
    bad = int((~torch.isfinite(value)).sum())
    if bad:
        raise ValueError(f"{name} must be finite, got {bad} of {value.numel()} entries NaN or infinite")


def is_whole(value: Any) -> TypeGuard[int]:
    """Whether a value is a whole number, Python's or NumPy's; true and false are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_real(value: Any) -> TypeGuard[float]:
    """Whether a value is a real number, Python's or NumPy's; true and false are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def store_plain(config: Any) -> None:
    """Make NumPy's numbers in the fields of a frozen dataclass, and in tuples there, Python's, which JSON can hold."""
    for name, value in asdict(config).items():
        object.__setattr__(config, name, tuple(map(_plain, value)) if isinstance(value, tuple) else _plain(value))


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def check_positive(name: str, value: float | int) -> None:
    """Demand a finite number greater than zero; NumPy's numbers serve as Python's do.

    Raises:
        TypeError: ``value`` is not a number.
        ValueError: ``value`` is not finite or not positive.
    """
    if not is_real(value):
        raise TypeError(f"{name} must be a number, got {describe(value)}")
    if not 0 < value < float("inf"):
        raise ValueError(f"{name} must be a finite number greater than 0, got {value}")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Demand one of the listed words.

    Raises:
        ValueError: ``value`` is not among ``choices``.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
