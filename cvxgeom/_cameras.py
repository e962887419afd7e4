"""What views of every kind have in common: the checks of their cameras, and cameras of an object that is moved."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ._checks import check_tensor, describe


def check_cameras(kind: str, images: Tensor, lead: Sequence[int], intrinsics: Any, extrinsics: Any) -> None:
    """Raise unless there is a finite camera for each view, of the number type of the images.

    Args:
        kind: name of the images.
        images: of which the cameras are.
        lead: batch and view axes of the images.
        intrinsics: (*lead, 3, 3).
        extrinsics: (*lead, 4, 4).

    Raises:
        TypeError: a camera is not a floating-point tensor.
        ValueError: shape or dtype do not fit the images, or an entry is not finite.
    """
    for name, value, last in (("intrinsics", intrinsics, (3, 3)), ("extrinsics", extrinsics, (4, 4))):
        check_tensor(name, value, last)
        if tuple(value.shape) != (*lead, *last):
            raise ValueError(f"{name} must have shape {(*lead, *last)} as {kind} demands, got {describe(value)}")
        if value.dtype != images.dtype:
            raise ValueError(f"{name} must have the dtype of {kind}, {images.dtype}, got {describe(value)}")
        if not bool(value.isfinite().all()):
            raise ValueError(f"{name} must be finite, got NaN or infinity in it")


def moved_extrinsics(extrinsics: Tensor, matrix: Tensor) -> Tensor:
    """Extrinsics (*batch, V, 4, 4) of the same cameras before an object moved by x ↦ A x, A (*batch, 4, 4)."""
    return product(extrinsics, torch.linalg.inv(matrix.to(extrinsics))[..., None, :, :])


def product(a: Tensor, b: Tensor) -> Tensor:
    """a @ b of small matrices; not as a matrix product, which autocast would compute in half precision."""
    return (a[..., None] * b[..., None, :, :]).sum(dim=-2)
