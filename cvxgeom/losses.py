"""The five terms of the CvxNet loss, one function each, and the pass that gives them what they need.

Every term is a mean over convexes or points, and over the batch. Source: CvxNet (Deng et al., CVPR 2020), section 3,
with the formulas and weights of the official code; names are the paper's where it has one.
"""

from dataclasses import dataclass, fields
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from . import ops
from ._checks import describe
from .shape import ConvexUnion

N_GUIDES = 20  # points that pull each convex, as in the official code
OVERLAP_LIMIT = 2.0  # Σ_k C_k that costs nothing, as in the official code


@dataclass(frozen=True)
class LossWeights:
    """The factor of each term; the defaults are those of the official code, constant over the training."""

    approximation: float = 1.0
    decomposition: float = 0.1
    parametrization: float = 0.001
    guidance: float = 0.01
    localization: float = 1.0


class LossTerms(NamedTuple):
    """The terms of a batch, each a scalar, not yet weighted."""

    approximation: Float[Tensor, ""]  #: the union is the solid
    decomposition: Float[Tensor, ""]  #: convexes do not overlap much
    parametrization: Float[Tensor, ""]  #: half-spaces stay close to their convex's origin
    guidance: Float[Tensor, ""]  #: every convex covers some part of the solid
    localization: Float[Tensor, ""]  #: every convex's origin lies in or near the solid

    def total(self, weights: LossWeights = LossWeights()) -> Float[Tensor, ""]:
        """The weighted sum."""
        return torch.stack([getattr(weights, f.name) * getattr(self, f.name) for f in fields(weights)]).sum()


def approximation(
    union: Float[Tensor, "*batch N"],
    occupancy: Float[Tensor, "*batch N"],
    n_uniform: int,
    near_surface_weight: float = 0.1,
) -> Float[Tensor, ""]:
    """Mean squared difference of union and labels over the uniform points, and a tenth of that near the surface.

    Args:
        union: max_k C_k at the points.
        occupancy: label of each point, 1 inside and 0 outside.
        n_uniform: so many points come first that are uniform in the box; the others lie near the surface. Where all are
            of one kind, the other kind's mean is left out.
        near_surface_weight: factor of the points near the surface.

    Returns:
        The term.

    Raises:
        ValueError: ``n_uniform`` is not between 0 and N.

    Source: the "sample" loss of the official code, which always splits at 1024 points, in evaluation too.

    Example:
        >>> round(float(approximation(torch.tensor([0.5, 1.0, 0.0]), torch.ones(3), n_uniform=2)), 4)
        0.225
    """
    uniform, near = _means((union - occupancy).square(), n_uniform)
    return uniform + near_surface_weight * near


def decomposition(total: Float[Tensor, "*batch N"], limit: float = OVERLAP_LIMIT) -> Float[Tensor, ""]:
    """Mean of max(0, Σ_k C_k − limit)² over the points.

    Args:
        total: Σ_k C_k at the query points and, as in the official code, at the translations of the convexes too.
        limit: a sum that costs nothing.

    Returns:
        The term.

    Source: the "overlap" loss of the official code.

    Example:
        >>> float(decomposition(torch.tensor([1.0, 2.0, 5.0])))
        3.0
    """
    return (total - limit).relu().square().mean()


def parametrization(offsets: Float[Tensor, "*batch K H"]) -> Float[Tensor, ""]:
    """Mean of d²: of all origins that describe the same convex it prefers the one in the middle.

    Args:
        offsets: d, a length.

    Returns:
        The term.

    Source: the "center" loss of the official code.

    Example:
        >>> float(parametrization(torch.tensor([[-1.0, -3.0]])))
        5.0
    """
    return offsets.square().mean()


def guidance(
    guides: Float[Tensor, "*batch K G"], occupancy: Float[Tensor, "*batch N"] | Bool[Tensor, "*batch N"]
) -> Float[Tensor, ""]:
    """Mean of (1 − C)² over the guides of each convex: the points inside the solid where it is largest.

    Args:
        guides: the largest occupancy · C_k of each convex, falling, zeros where there are no more points.
        occupancy: label of each point. A shape with fewer points inside than guides counts those that it has; the
            official code counts the missing ones as errors of one, a penalty that nothing can lower.

    Returns:
        The term.

    Source: the "balance" loss of the official code.

    Example:
        >>> float(guidance(torch.tensor([[0.5, 0.0]]), torch.tensor([1.0, 0.0, 0.0])))
        0.25
    """
    n_inside = (occupancy > 0.5).sum(dim=-1)[..., None, None]
    counts = (torch.arange(guides.shape[-1], device=guides.device) < n_inside).expand_as(guides)
    error = (1 - guides).square() * counts
    return (error.sum(dim=-1) / counts.sum(dim=-1).clamp(min=1)).mean()


def localization(
    translations: Float[Tensor, "*batch K 3"],
    points: Float[Tensor, "*batch N 3"],
    occupancy: Float[Tensor, "*batch N"] | Bool[Tensor, "*batch N"],
) -> Float[Tensor, ""]:
    """Mean over convexes of the squared distance from the origin to the nearest point inside the solid.

    Args:
        translations: origins of the convexes.
        points: query points.
        occupancy: label of each point. A shape without a point inside contributes nothing; the official code adds 10⁵.

    Returns:
        The term.

    Source: the "bbx" loss of the official code.

    Example:
        >>> points = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]])
        >>> float(localization(torch.tensor([[0.0, 0, 3.0]]), points, torch.tensor([1.0, 0.0])))
        9.0
    """
    inside = occupancy > 0.5
    with torch.no_grad():
        distance = torch.cdist(translations, points, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = distance.masked_fill(~inside[..., None, :], float("inf")).argmin(dim=-1)
    found = points.gather(-2, nearest[..., None].expand(*nearest.shape, 3))
    squares = (translations - found).square().sum(dim=-1)
    return (squares * inside.any(dim=-1, keepdim=True)).mean()


def loss_terms(
    shape: ConvexUnion,
    points: Float[Tensor, "*batch N 3"],
    occupancy: Float[Tensor, "*batch N"],
    n_uniform: int,
) -> LossTerms:
    """All five terms of a batch of shapes, from one pass over points and convexes.

    Args:
        shape: predicted unions; gradients flow to all of their tensors.
        points: query points, object frame; uniform ones first.
        occupancy: label of each point, 1 inside and 0 outside.
        n_uniform: how many points are uniform in the box; the others lie near the surface.

    Returns:
        The terms, each a scalar.

    Example:
        >>> points = torch.rand(100, 3) - 0.5
        >>> terms = loss_terms(cvxgeom.box(), points, torch.ones(100), n_uniform=100)
        >>> bool(terms.total() < 1)
        True
    """
    labels = occupancy.to(points.dtype)
    queries = torch.cat([points, shape.translations], dim=-2)
    none = labels.new_zeros((*labels.shape[:-1], shape.n_convexes))  # never a guide
    found = ops.training_indicators(
        queries,
        shape.normals,
        shape.offsets,
        shape.translations,
        shape.smoothness,
        torch.as_tensor(shape.sharpness),
        torch.cat([labels, none], dim=-1),
        N_GUIDES,
    )
    n = points.shape[-2]
    return LossTerms(
        approximation(found.union[..., :n], labels, n_uniform),
        decomposition(found.total),
        parametrization(shape.offsets),
        guidance(found.guides, labels),
        localization(shape.translations, points, labels),
    )


def cross_entropy(
    union: Float[Tensor, "*batch N"], occupancy: Float[Tensor, "*batch N"], n_uniform: int, limit: float = 1e-5
) -> Float[Tensor, ""]:
    """Mean −log of the probability of the labels, over the uniform points plus over those near the surface.

    Where the squared error of `approximation` is flat, this one still says which way to go.

    Args:
        union: max_k C_k at the points, taken as the probability of being inside.
        occupancy: label of each point, 1 inside and 0 outside.
        n_uniform: so many points come first that are uniform in the box.
        limit: probabilities are taken to lie in [limit, 1 − limit].

    Returns:
        The term; the mean of a kind without points is left out.

    Raises:
        ValueError: ``n_uniform`` is not between 0 and N.

    Example:
        >>> round(float(cross_entropy(torch.tensor([0.5, 0.5]), torch.tensor([1.0, 0.0]), n_uniform=2)), 4)
        0.6931
    """
    probability = union.clamp(limit, 1 - limit)
    error = -(occupancy * probability.log() + (1 - occupancy) * (1 - probability).log())
    uniform, near = _means(error, n_uniform)
    return uniform + near


def soft_iou(
    union: Float[Tensor, "*batch N"], occupancy: Float[Tensor, "*batch N"], weights: Float[Tensor, "*batch N"]
) -> Float[Tensor, ""]:
    """1 − Σ w p y / Σ w (p + y − p y), mean over the batch: every shape counts the same, however little it fills.

    Args:
        union: p, max_k C_k at the points.
        occupancy: y, label of each point, 1 inside and 0 outside.
        weights: w, the volume that each point stands for, in any unit.

    Returns:
        The term; 1 for a shape without a point inside.

    Example:
        >>> float(soft_iou(torch.tensor([1.0, 1.0]), torch.tensor([1.0, 0.0]), torch.ones(2)))
        0.5
    """
    both = union * occupancy
    either = (weights * (union + occupancy - both)).sum(dim=-1)
    return (1 - (weights * both).sum(dim=-1) / either.clamp(min=torch.finfo(union.dtype).tiny)).mean()


def _means(error: Float[Tensor, "*batch N"], n_uniform: int) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Over the uniform points, and over those near the surface; 0 where there are none."""
    n = error.shape[-1]
    if not 0 <= n_uniform <= n:
        raise ValueError(f"n_uniform must be between 0 and the number of points, {n}, got {describe(n_uniform)}")
    uniform, near = (
        kind.mean() if kind.numel() else kind.sum() for kind in error.split([n_uniform, n - n_uniform], -1)
    )
    return uniform, near
