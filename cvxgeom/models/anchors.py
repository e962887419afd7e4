"""Where convexes start: points spread over the seen surface, and what the views say around them."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from .unit import UnitViews

PIXELS = 30_000  # looked at
_CANDIDATES = 2048
_INWARD = 0.006  # from the surface along the line of sight: an anchor lies inside even thin parts
RADII = (0.008, 0.02, 0.04, 0.07, 0.11, 0.17, 0.25, 0.4)


class Anchors(NamedTuple):
    """Points just behind the seen surface, unit frame."""

    positions: Float[Tensor, "B K 3"]
    directions: Float[Tensor, "B K 3"]  #: unit vectors along the lines of sight


def surface_anchors(unit: UnitViews, n: int) -> Anchors:
    """Spread n anchors over the seen surface, each as far as can be from those before it.

    Thin parts get theirs because the surface counts and not the volume. Deterministic; where fewer than n points are
    seen, anchors repeat.
    """
    views = unit.views
    points = views.points(views.stride(PIXELS))
    sight = (points - views.centers()[..., None, None, :]).flatten(1, -2)
    points = points.flatten(1, -2)
    chosen, seen = spread(points, _CANDIDATES)
    index = chosen[..., None].expand(-1, -1, 3)
    candidates = points.gather(1, index).nan_to_num()
    sight = normalize(sight.gather(1, index).nan_to_num(), dim=-1)
    farthest = farthest_points(candidates, seen, n)[..., None].expand(-1, -1, 3)
    directions = sight.gather(1, farthest)
    return Anchors(candidates.gather(1, farthest) + _INWARD * directions, directions)


def spread(points: Float[Tensor, "B M 3"], n: int) -> tuple[Int[Tensor, "B n"], Bool[Tensor, "B n"]]:
    """Indices of at most n points, spread over those that are not NaN, and which of them are not; these come first."""
    missing = points[..., 0].isnan()
    # Multiples of the golden ratio are spread evenly over [0, 1), whichever pixels are seen.
    key = (torch.arange(points.shape[1], device=points.device) * ((math.sqrt(5) - 1) / 2)).frac().to(points)
    chosen = key.expand(missing.shape).masked_fill(missing, -1.0).topk(min(n, points.shape[1]), dim=1)
    return chosen.indices, chosen.values >= 0


def farthest_points(points: Float[Tensor, "B M 3"], valid: Bool[Tensor, "B M"], n: int) -> Int[Tensor, "B n"]:
    """Indices of n points, each the farthest from all before it; the first is the farthest from the mean.

    Example:
        >>> points = torch.tensor([[[0.0, 0, 0], [1.0, 0, 0], [5.0, 0, 0], [9.0, 0, 0]]])
        >>> farthest_points(points, torch.ones(1, 4, dtype=torch.bool), 3).tolist()
        [[3, 0, 2]]
    """
    batch = torch.arange(len(points), device=points.device)
    mean = (points * valid[..., None]).sum(dim=1) / valid.sum(dim=1, keepdim=True)
    nearest = points.new_full(valid.shape, torch.inf).masked_fill(~valid, -1.0)
    following = (points - mean[:, None]).square().sum(dim=-1).masked_fill(~valid, -1.0).argmax(dim=1)
    found = []
    for _ in range(n):
        found.append(following)
        nearest = torch.minimum(nearest, (points - points[batch, following][:, None]).square().sum(dim=-1))
        following = nearest.argmax(dim=1)
    return torch.stack(found, dim=1)


def surroundings(
    unit: UnitViews, points: Float[Tensor, "B K 3"], directions: Float[Tensor, "D 3"]
) -> Float[Tensor, "B K F"]:
    """How far places around each point are hidden, at every radius of `RADII` in every direction, and at the point.

    Each length is in units of its radius and limited to [-1, 1], so that all scales speak equally.
    """
    n = points.shape[1]
    radii = torch.tensor(RADII, dtype=points.dtype, device=points.device)
    around = (points[:, :, None, None] + directions[:, None] * radii[:, None]).flatten(1, -2)
    hidden = unit.evidence(torch.cat([around, points], dim=1)).hidden
    rays = hidden[:, :-n].unflatten(1, (n, len(directions), len(radii))) / radii
    middle = hidden[:, -n:, None] / RADII[1]
    return torch.cat([rays.flatten(2), middle], dim=-1).clamp(-1, 1)
