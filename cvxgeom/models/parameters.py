"""The paper's parameters of a union: any numbers that a network says become a valid union, and back."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from .._checks import describe
from ..shape import ConvexUnion
from ..shape.free import free_union

SHARPNESS = 75.0  # σ, one for all convexes
LARGEST_OFFSET = 0.5  # no half-space is farther from its convex's origin
SMOOTHNESS = (50.0, 300.0)  # δ lies between these
_SATURATED = 0.97  # of the range of a squashed number: beyond it hardly any gradient is left


def n_parameters(n_convexes: int, n_halfspaces: int) -> int:
    """P = K (4 + 3 H): smoothness, translation, and two angles and an offset for each half-space.

    Example:
        >>> n_parameters(50, 25), n_parameters(50, 50)
        (3950, 7700)
    """
    return n_convexes * (4 + 3 * n_halfspaces)


def union_of(raw: Float[Tensor, "*batch P"], n_convexes: int, n_halfspaces: int) -> ConvexUnion:
    """The union that any numbers stand for, in a frame where the object is about 1 long.

    Normals are unit vectors, every origin lies within all half-spaces of its convex, translations are free.

    Args:
        raw: K numbers for smoothness, K × 3 for translations, K × H × (angle, angle, offset).
        n_convexes: K.
        n_halfspaces: H.

    Raises:
        ValueError: P does not fit K and H.

    Source: CvxNet, section 3, with the constants of the official code; the sign of offsets is ours.

    Example:
        >>> shape = union_of(torch.zeros(7), n_convexes=1, n_halfspaces=1)
        >>> shape.normals[0, 0].tolist(), float(shape.offsets[0, 0]), float(shape.smoothness[0])
        ([0.0, 0.0, 1.0], -0.25, 175.0)
    """
    k, h = n_convexes, n_halfspaces
    if raw.shape[-1] != n_parameters(k, h):
        raise ValueError(f"raw must have {n_parameters(k, h)} numbers for K = {k}, H = {h}, got {describe(raw)}")
    smoothness, translations, planes = raw.split([k, 3 * k, 3 * k * h], dim=-1)
    theta, phi, offsets = planes.unflatten(-1, (k, h, 3)).unbind(dim=-1)
    theta, phi = math.pi * theta.tanh(), math.pi * phi.tanh()
    least, greatest = SMOOTHNESS
    return free_union(
        torch.stack([phi.sin() * theta.cos(), phi.sin() * theta.sin(), phi.cos()], dim=-1),
        -LARGEST_OFFSET * offsets.sigmoid(),
        translations.unflatten(-1, (k, 3)),
        least + (greatest - least) * smoothness.sigmoid(),
        SHARPNESS,
    )


def raw_of(shape: ConvexUnion) -> Float[Tensor, "*batch P"]:
    """Numbers that `union_of` makes the union of, as nearly as its ranges allow (its sharpness is not among them).

    Args:
        shape: offsets between -0.5 and 0, smoothness between 50 and 300; what is beyond is brought to the border.

    Example:
        >>> shape = union_of(torch.randn(2 * (4 + 3 * 6)), n_convexes=2, n_halfspaces=6)
        >>> torch.allclose(union_of(raw_of(shape), 2, 6).offsets, shape.offsets, atol=1e-4)
        True
    """
    x, y, z = shape.normals.unbind(dim=-1)
    theta, phi = torch.atan2(y, x), z.clamp(-1, 1).acos()
    # (θ, φ) and (θ ± π, -φ) are the same normal: of the two, the one where the squashed θ is far from its limit.
    backward = theta.abs() > math.pi / 2
    theta = torch.where(backward, theta - math.pi * theta.sign(), theta)
    phi = torch.where(backward, -phi, phi)
    angles = (torch.stack([theta, phi], dim=-1) / math.pi).clamp(-_SATURATED, _SATURATED).atanh()
    planes = torch.cat([angles, _unsquashed(-shape.offsets / LARGEST_OFFSET)[..., None]], dim=-1)
    least, greatest = SMOOTHNESS
    smoothness = _unsquashed((shape.smoothness - least) / (greatest - least))
    return torch.cat([smoothness, shape.translations.flatten(-2), planes.flatten(-3)], dim=-1)


def _unsquashed(share: Tensor) -> Tensor:
    return share.clamp(1e-4, 1 - 1e-4).logit()
