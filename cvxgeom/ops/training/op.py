"""Public function: checks, common precision."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..._checks import describe, is_whole
from .._dispatch import launcher_for
from ..indicator.op import check_union_tensors, common_batch, common_type, is_ready, result_type
from . import fused, reference


class TrainingIndicators(NamedTuple):
    """What the losses of a union want to know about points."""

    union: Float[Tensor, "*batch N"]  #: max_k C_k(x), for the fit to labels
    total: Float[Tensor, "*batch N"]  #: Σ_k C_k(x), for the overlap of convexes
    guides: Float[Tensor, "*batch K G"]  #: the G largest occupancy(x) · C_k(x) over the points, falling


def training_indicators(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
    sharpness: Float[Tensor, "*#batch K"] | Float[Tensor, ""],
    occupancy: Float[Tensor, "*#batch N"] | Bool[Tensor, "*#batch N"],
    n_guides: int = 20,
) -> TrainingIndicators:
    """Union, sum and guides of the smooth indicators C_k(x) = sigmoid(−σ_k Φ_k(x)) in one pass, without a K × N table.

    A training step of CvxNet needs these three: the union is compared with the labels, the sum says where convexes
    overlap, and each convex is drawn to the points inside the solid where it is largest. Twice differentiable with
    respect to all but ``occupancy``; gradients reach only the convex that decides the union at a point, the sums with a
    gradient, and the guides. An indicator too small to change a sum of one in this precision counts as 0. Precision and
    errors as for `convex_indicator`.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper corners.
        sharpness: σ > 0, in 1/length, per convex or one for all.
        occupancy: the label of each point, 1 inside and 0 outside; a point with label 0 is never a guide.
        n_guides: how many guides per convex; zeros fill up where there are fewer points inside.

    Returns:
        The union, the sum and the guides.

    Raises:
        TypeError: an argument is not a floating-point tensor, or ``n_guides`` not an integer.
        ValueError: shapes or devices do not fit, or ``n_guides`` is negative.

    Source: CvxNet (Deng et al., CVPR 2020), section 3; 20 guides as in the official code.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])  # the slab |x| <= 1
        >>> planes = (normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.tensor([1e4]), torch.tensor(75.0))
        >>> points = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [9.0, 0, 0]])
        >>> found = training_indicators(points, *planes, occupancy=torch.tensor([True, True, False]), n_guides=3)
        >>> found.total, found.guides
        (tensor([1.0000, 0.5000, 0.0000]), tensor([[1.0000, 0.5000, 0.0000]]))
    """
    inputs = (points, normals, offsets, translations, smoothness, sharpness)
    if is_ready(*inputs) and _are_labels(occupancy, points) and type(n_guides) is int and n_guides >= 0:
        if launcher := launcher_for(points):
            return TrainingIndicators(*fused.evaluate(launcher, n_guides, *inputs, occupancy.detach().to(points.dtype)))
    tensors = dict(points=points, normals=normals, offsets=offsets, translations=translations)
    tensors.update(smoothness=smoothness, sharpness=sharpness)
    check_union_tensors(**tensors)
    if not is_whole(n_guides):
        raise TypeError(f"n_guides must be an integer, got {describe(n_guides)}")
    if n_guides < 0:
        raise ValueError(f"n_guides must not be negative, got {n_guides}")
    if not isinstance(occupancy, Tensor) or not (occupancy.dtype is torch.bool or occupancy.dtype.is_floating_point):
        raise TypeError(f"occupancy must be a floating-point or boolean tensor, got {describe(occupancy)}")
    if occupancy.ndim < 1 or occupancy.shape[-1] != points.shape[-2]:
        raise ValueError(f"occupancy must hold a label per point, (..., {points.shape[-2]}), got {describe(occupancy)}")
    if occupancy.device != points.device:
        raise ValueError(f"occupancy must be on the device of points, {points.device}, got {occupancy.device}")

    dtype = result_type(*tensors.values())
    *planes, sharp = common_type(*tensors.values())
    sharp = sharp.expand(planes[-1].shape) if sharp.ndim == 0 else sharp
    labels = occupancy.detach().to(planes[0].dtype)
    try:
        inputs = common_batch(*planes, sharp)
        batch = torch.broadcast_shapes(inputs[0].shape[:-2], labels.shape[:-1])
    except RuntimeError:
        found = f"{tuple(labels.shape[:-1])} and {tuple(points.shape[:-2])}"
        raise ValueError(f"the leading (batch) axes of occupancy and points must broadcast, got {found}") from None
    cores = (2, 3, 2, 2, 1, 1)
    inputs = [t.expand(*batch, *t.shape[t.ndim - core :]) for t, core in zip(inputs, cores)]
    labels = labels.expand(*batch, labels.shape[-1])
    launcher = launcher_for(inputs[0]) if inputs[0].numel() and inputs[1].numel() else None
    if launcher is not None:
        values = fused.evaluate(launcher, n_guides, *inputs, labels)
    else:
        values = reference.training_indicators(*inputs, occupancy=labels, n_guides=n_guides)
    return TrainingIndicators(*(v.to(dtype) for v in values))


def _are_labels(occupancy: Any, points: Tensor) -> bool:
    """Whether there is a label for each of the points, which need not be expanded."""
    return (
        isinstance(occupancy, Tensor)
        and (occupancy.dtype is torch.bool or occupancy.dtype.is_floating_point)
        and occupancy.shape == points.shape[:-1]
        and occupancy.device == points.device
    )
