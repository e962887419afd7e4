"""Thin lines along outlines, borders of parts, and creases."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from .maps import Sighting, View

# Creases sharper than this many degrees are drawn, and steps in depth that are larger than this.
CREASE, STEP = 35.0, 0.012
# How much light a line leaves.
BORDER_LIGHT, CREASE_LIGHT = 0.1, 0.6
_BACKGROUND, _UNKNOWN = -1, -2


def outlines(
    view: View, seen: Sighting, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]
) -> Float[Tensor, "height width"]:
    """Fraction of light that the lines leave at each pixel: the pixels on both sides of an edge are darkened.

    Args:
        view: camera, and the pixels that were looked at; there are no lines at the others.
        seen: what was seen there.
        points: where, in units of the object's size.
        normals: unit normals there.
    """
    width, height = view.camera.size
    number = torch.full((height, width), _BACKGROUND)
    if view.pixels is not None:
        number[~view.pixels] = _UNKNOWN
    number.view(-1)[seen.pixels] = torch.arange(len(seen.pixels))
    light = torch.ones(height, width)
    for axis in (0, 1):
        count = number.shape[axis] - 1
        one, two = (number.narrow(axis, start, count) for start in (0, 1))
        rim = torch.minimum(one, two) == _BACKGROUND
        left = torch.where(rim & (one != two), BORDER_LIGHT, 1.0)
        both = ((one >= 0) & (two >= 0)).nonzero(as_tuple=True)
        i, j = one[both], two[both]
        gap = points[j] - points[i]
        # A step: neither point lies on the tangent plane of the other.
        step = torch.minimum((gap * normals[i]).sum(-1).abs(), (gap * normals[j]).sum(-1).abs()) > STEP
        border = step | (seen.part[i] != seen.part[j])
        crease = (normals[i] * normals[j]).sum(-1) < math.cos(math.radians(CREASE))
        left[both] = torch.where(border, BORDER_LIGHT, torch.where(crease, CREASE_LIGHT, 1.0))
        for start in (0, 1):
            side = light.narrow(axis, start, count)
            torch.minimum(side, left, out=side)
    return light
