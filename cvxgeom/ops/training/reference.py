"""The definition in plain PyTorch, from the indicators of all convexes at all points."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..indicator import pieces


def training_indicators(
    points: Tensor, *planes: Tensor, occupancy: Tensor, n_guides: int
) -> tuple[Tensor, Tensor, Tensor]:
    """(union, total, guides) of points, normals, offsets, translations, smoothness and sharpness."""
    indicator = pieces.evaluate(False, points, *planes)
    batch = indicator.shape[:-2]
    return combine(indicator, occupancy.expand(*batch, occupancy.shape[-1]), n_guides)


def combine(
    indicator: Float[Tensor, "*batch K N"], occupancy: Float[Tensor, "*batch N"], n_guides: int
) -> tuple[Float[Tensor, "*batch N"], Float[Tensor, "*batch N"], Float[Tensor, "*batch K G"]]:
    """max_k C_k, Σ_k C_k and each convex's largest occupancy · C_k, falling, zeros where points run out."""
    if indicator.shape[-2] == 0:
        nothing = indicator.new_zeros((*indicator.shape[:-2], indicator.shape[-1]))
        return nothing, nothing.clone(), indicator.new_zeros((*indicator.shape[:-1], n_guides))
    guides, _ = top(indicator, occupancy, n_guides)
    missing = n_guides - guides.shape[-1]
    return indicator.max(dim=-2).values, indicator.sum(dim=-2), torch.nn.functional.pad(guides, (0, missing))


def top(indicator: Tensor, occupancy: Tensor, n_guides: int) -> tuple[Tensor, Tensor]:
    """The largest occupancy · C_k and their points, as many as there are points for."""
    return (occupancy[..., None, :] * indicator).topk(min(n_guides, indicator.shape[-1]), dim=-1)


def gradients(
    grad_union: Tensor, grad_total: Tensor, grad_guides: Tensor, *inputs: Tensor, occupancy: Tensor
) -> tuple[Tensor | None, ...]:
    """Derivatives to points and planes, written out: inside an op of torch.library autograd is off.

    All inputs have the same batch axes.
    """
    indicator = pieces.evaluate(False, *inputs)
    grad = grad_total[..., None, :].expand_as(indicator).clone()
    grad.scatter_add_(-2, indicator.argmax(dim=-2, keepdim=True), grad_union[..., None, :])
    _, index = top(indicator, occupancy, grad_guides.shape[-1])
    labels = occupancy[..., None, :].expand_as(indicator).gather(-1, index)
    grad.scatter_add_(-1, index, grad_guides[..., : index.shape[-1]] * labels)
    return pieces.gradients(False, grad, *inputs)
