"""How the five tensors of a union change under rigid motion and uniform scale; each returns the changed ones."""

from collections.abc import Sequence

import torch
from torch import Tensor

from .._checks import describe


def translated(tensors: dict[str, Tensor], vector: Tensor | Sequence[float]) -> dict[str, Tensor]:
    """x ↦ x + v moves the local frames and nothing else."""
    t = tensors["translations"]
    v = _like(vector, t)
    if v.shape[-1:] != (3,):
        raise ValueError(f"vector must have shape (..., 3), got {describe(vector)}")
    return {"translations": t + v[..., None, :]}


def rotated(tensors: dict[str, Tensor], rotation: Tensor | Sequence[Sequence[float]]) -> dict[str, Tensor]:
    """x ↦ R x turns normals and local frames."""
    n, t = tensors["normals"], tensors["translations"]
    r = _like(rotation, n)
    if r.shape[-2:] != (3, 3):
        raise ValueError(f"rotation must have shape (..., 3, 3), got {describe(rotation)}")
    wide = r.detach().double()
    error = (wide @ wide.transpose(-1, -2) - torch.eye(3, dtype=torch.float64, device=r.device)).abs().amax()
    if not float(error) < 1e-3 or not bool((torch.linalg.det(wide) > 0).all()):
        raise ValueError(f"rotation must be a proper rotation matrix, got {describe(rotation)}")
    # Renormalized, because the rounding of a float32 matrix would drift over many rotations.
    turned = torch.nn.functional.normalize(n @ r[..., None, :, :].transpose(-1, -2), dim=-1)
    return {"normals": turned, "translations": t @ r.transpose(-1, -2)}


def scaled(tensors: dict[str, Tensor], factor: float | Tensor) -> dict[str, Tensor]:
    """x ↦ s x multiplies lengths and divides δ and σ, whose unit is 1/length."""
    s = _like(factor, tensors["offsets"])
    if s.ndim != 0 or not 0 < float(s.detach()) < float("inf"):
        raise ValueError(f"factor must be a finite number greater than 0, got {describe(factor)}")
    return {
        "offsets": tensors["offsets"] * s,
        "translations": tensors["translations"] * s,
        "smoothness": tensors["smoothness"] / s,
        "sharpness": tensors["sharpness"] / s,
    }


def _like(value: Tensor | Sequence | float, tensor: Tensor) -> Tensor:
    return torch.as_tensor(value).to(dtype=tensor.dtype, device=tensor.device)
