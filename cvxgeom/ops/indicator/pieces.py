"""The reference in bounded memory, and its first derivatives where autograd is out of reach."""

import torch
from torch import Tensor

from .._chunks import chunked
from . import reference


def evaluate(union: bool, points: Tensor, *planes: Tensor | None) -> Tensor:
    """`reference` on normals, offsets, translations, smoothness and sharpness (None: signed distance), in pieces."""
    normals, offsets, translations, smoothness, sharpness = planes
    assert normals is not None and offsets is not None and translations is not None and smoothness is not None

    def piece(x: Tensor) -> Tensor:
        value = reference.convex_sdf(x, normals, offsets, translations, smoothness)
        if sharpness is None:
            return reference.union_sdf(value) if union else value
        value = reference.convex_indicator(value, sharpness)
        return reference.union_indicator(value) if union else value

    leading = [points.shape[:-2], normals.shape[:-3], offsets.shape[:-2], translations.shape[:-2]]
    leading += [t.shape[:-1] for t in (smoothness, sharpness) if t is not None]
    batch = torch.broadcast_shapes(*leading)
    return chunked(piece, points, batch.numel() * normals.shape[-3] * normals.shape[-2])


def contains(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor) -> Tensor:
    """`reference.union_contains` in pieces."""
    batch = torch.broadcast_shapes(points.shape[:-2], normals.shape[:-3])
    with torch.no_grad():
        return chunked(
            lambda x: reference.union_contains(x, normals, offsets, translations),
            points,
            batch.numel() * normals.shape[-3] * normals.shape[-2],
        )


def gradients(union: bool, grad: Tensor, points: Tensor, *planes: Tensor | None) -> tuple[Tensor | None, ...]:
    """Derivatives of Σ grad · value to the six inputs, written out: inside an op of torch.library autograd is off.

    All inputs have the same batch axes.
    """
    normals, offsets, translations, smoothness, sharpness = planes
    assert normals is not None and offsets is not None and translations is not None and smoothness is not None
    sdf = reference.convex_sdf(points, normals, offsets, translations, smoothness)
    indicator = None if sharpness is None else reference.convex_indicator(sdf, sharpness)
    if union:
        best = sdf.argmin(dim=-2, keepdim=True) if indicator is None else indicator.argmax(dim=-2, keepdim=True)
        grad = torch.zeros_like(sdf).scatter(-2, best, grad[..., None, :])
    to_sharpness = None
    if sharpness is not None and indicator is not None:
        slope = grad * indicator * (1 - indicator)
        to_sharpness = -(slope * sdf).sum(-1)
        grad = -sharpness[..., None] * slope
    distances = reference.plane_distances(points, normals, offsets, translations)
    share = torch.softmax(smoothness[..., None, None] * distances, dim=-2)
    weight = share * grad[..., None, :]
    local = points[..., None, :, :] - translations[..., :, None, :]
    to_offsets = weight.sum(-1)
    return (
        (weight.transpose(-1, -2) @ normals).sum(-3),
        weight @ local,
        to_offsets,
        -(to_offsets[..., None] * normals).sum(-2),
        (grad * ((share * distances).sum(-2) - sdf)).sum(-1) / smoothness,
        to_sharpness,
    )
