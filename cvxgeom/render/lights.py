"""A sky and a key light, with shadows.

The sky is many distant lights. What a light sees of the object, by an orthographic camera, makes its shadow: a point is
lit where it is no farther from the light than what the light sees there.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from .camera import Camera
from .maps import Caster, View

# How many lights the sky is, and how many pixels wide the shadow maps are.
SKY_LIGHTS, SKY_PIXELS, KEY_PIXELS = 40, 64, 256
# Half the width of the key light's lamp, as the tangent of an angle.
KEY_WIDTH = 0.02
# A point is raised from its surface by so many pixels of the shadow map before it is compared, and so many more may it
# lie below what the light sees: otherwise surfaces would shade themselves.
RAISE, SLACK = 1.5, 0.5


class Light(NamedTuple):
    """A distant light of strength 1."""

    direction: Float[Tensor, "3"]  #: unit vector toward it
    axes: Float[Tensor, "3 3"]  #: columns: which way column, row and depth in the shadow map grow, ...
    start: Float[Tensor, "3"]  #: ... from these values at the origin
    shadow: Float[Tensor, "side side"]  #: depth of the object seen from the light, with a border of +∞

    def reaching(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Fraction that arrives at each point, from 0 in the shadow to 1: the nearest four pixels, blended."""
        side = len(self.shadow)
        column, row, depth = torch.addmm(self.start, points, self.axes).unbind(-1)
        column, row = column.clamp(0, side - 1.001), row.clamp(0, side - 1.001)
        left, top = column.floor(), row.floor()
        corner = (top * side + left).int()
        a, b, c, d = ((self.shadow.view(-1)[corner + step] >= depth).float() for step in (0, 1, side, side + 1))
        right = column - left
        return torch.lerp(torch.lerp(a, b, right), torch.lerp(c, d, right), row - top)


class Lights(NamedTuple):
    """All lights of a scene."""

    sky: list[Light]
    key: list[Light]  #: a lamp of some width, which makes soft shadows
    toward_key: Float[Tensor, "3"]  #: unit vector toward its middle
    extent: float  #: width of all shadow maps, a length

    def openness(self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Fraction of the sky's light that arrives at each point, of what would arrive if nothing were in the way."""
        raised = points + RAISE * self.extent / SKY_PIXELS * normals
        arriving, whole = torch.zeros(2, len(points))
        for light in self.sky:
            cosine = (normals @ light.direction).clamp(min=0)
            facing = (cosine > 0).nonzero().squeeze(-1)
            arriving.index_add_(0, facing, cosine[facing] * light.reaching(raised[facing]))
            whole += cosine
        return arriving / whole

    def key_reaching(self, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Fraction of the key light that arrives at each point, from 0 in the shadow to 1."""
        raised = points + RAISE * self.extent / KEY_PIXELS * normals
        return torch.stack([light.reaching(raised) for light in self.key]).mean(dim=0)


def place_lights(cast: Caster, center: Float[Tensor, "3"], radius: float, key: Float[Tensor, "3"]) -> Lights:
    """Lights around an object, with its shadows.

    Args:
        cast: sees the object.
        center: of a ball that holds the object.
        radius: of this ball.
        key: unit vector toward the key light.
    """
    across = torch.linalg.svd(key[None]).Vh[1:]
    corners = torch.tensor([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]])
    lamp = torch.nn.functional.normalize(key + KEY_WIDTH * corners @ across, dim=-1)
    directions = [*_spread_directions(SKY_LIGHTS), *lamp]
    extent = 2.1 * radius
    cameras = [
        _light_camera(direction, center, extent, SKY_PIXELS if i < SKY_LIGHTS else KEY_PIXELS)
        for i, direction in enumerate(directions)
    ]
    lights = []
    for direction, camera, seen in zip(directions, cameras, cast([View(camera) for camera in cameras])):
        pixels = camera.size[0]
        shadow = torch.full((pixels**2,), float("inf"))
        shadow[seen.pixels] = seen.distance.float()  # which is the depth, since rays are parallel to the axis
        framed = torch.nn.functional.pad(shadow.reshape(pixels, pixels), (1, 1, 1, 1), value=float("inf"))
        # From points to columns and rows of the framed map, whose first pixel center is at (0, 0), and depth.
        matrix = camera.extrinsics[:3].float()
        matrix[:2] *= pixels / extent
        start = matrix[:, 3] + torch.tensor([pixels / 2 + 0.5, pixels / 2 + 0.5, -SLACK * extent / pixels])
        lights.append(Light(direction, matrix[:, :3].T, start, framed))
    return Lights(lights[:SKY_LIGHTS], lights[SKY_LIGHTS:], key, extent)


def _light_camera(direction: Tensor, center: Tensor, extent: float, pixels: int) -> Camera:
    """An orthographic camera that looks at ``center`` from where the light comes."""
    x, y, z = (center + extent * direction).tolist()
    up = (0.0, 1.0, 0.0) if abs(float(direction[1])) < 0.9 else (1.0, 0.0, 0.0)
    target = center.tolist()
    return Camera((x, y, z), (target[0], target[1], target[2]), up, view_height=extent, size=(pixels, pixels))


def _spread_directions(n: int) -> Float[Tensor, "n 3"]:
    """Directions spread evenly over the sphere (spherical Fibonacci lattice)."""
    i = torch.arange(n) + 0.5
    y, angle = 1 - 2 * i / n, i * math.pi * (3 - math.sqrt(5))
    ring = (1 - y * y).sqrt()
    return torch.stack([ring * angle.cos(), y, ring * angle.sin()], dim=-1)
