"""Any numbers become a valid union: what networks and fits move freely, and nothing has to be checked afterwards."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from .convex_union import ConvexUnion

# Softer corners would eat up thin convexes.
SMOOTHNESS_PER_SHARPNESS = 10.0


def free_union(
    directions: Float[Tensor, "*batch K H 3"],
    offsets: Float[Tensor, "*batch K H"],
    translations: Float[Tensor, "*batch K 3"],
    smoothness: Float[Tensor, "*batch K"],
    sharpness: Float[Tensor, "*#batch #K"] | float,
) -> ConvexUnion:
    """The union of free parameters; gradients flow to all of them.

    Args:
        directions: outward, of any length but 0.
        offsets: any; a convex is sure to hold its origin where they are negative, see `kept_positive`.
        translations: any.
        smoothness: positive, see `softness`.
        sharpness: positive.

    Example:
        >>> directions = torch.tensor([[[2.0, 0, 0], [-0.5, 0, 0]]])
        >>> free_union(directions, -torch.ones(1, 2), torch.zeros(1, 3), *softness(torch.ones(1), 12.0)).normals
        tensor([[[ 1.,  0.,  0.],
                 [-1.,  0.,  0.]]])
    """
    return ConvexUnion(normalize(directions, dim=-1), offsets, translations, smoothness, sharpness)


def softness(
    inradius: Float[Tensor, "*batch K"],
    hardness: float,
    roundness: Float[Tensor, "*batch K"] | float = 1.0,
    least_sharpness: float = 0.0,
) -> tuple[Float[Tensor, "*batch K"], Float[Tensor, "*batch K"]]:
    """Smoothness and sharpness of convexes that are as soft as they are thick.

    Were a convex softer than it is thick, the points around it would outweigh those inside, and it would never be seen.

    Args:
        inradius: radius of a ball inside of each convex, a length; without gradients, or convexes grow to be harder.
        hardness: sharpness in units of 1 / inradius.
        roundness: factor of the smoothness.
        least_sharpness: no convex is softer.

    Returns:
        Smoothness and sharpness.

    Example:
        >>> [float(value) for value in softness(torch.full((1,), 0.25), 12.0)]
        [480.0, 48.0]
    """
    sharpness = (hardness / inradius).clamp(min=least_sharpness)
    return sharpness * SMOOTHNESS_PER_SHARPNESS * roundness, sharpness


def kept_positive(distances: Float[Tensor, "*any"], least: float) -> Float[Tensor, "*any"]:
    """The same where they are greater than a bound, and bent below it, so that they get small but stay positive.

    So no plane moves beyond the origin of its convex: the convex gets thin, but stays.

    Args:
        distances: any numbers.
        least: the bound, greater than 0.

    Example:
        >>> kept_positive(torch.tensor([0.5, 0.1, -0.1]), 0.1)
        tensor([0.5000, 0.1000, 0.0135])
    """
    bent = least * (distances / least - 1).clamp(max=0).exp()
    return torch.where(distances > least, distances, bent)
