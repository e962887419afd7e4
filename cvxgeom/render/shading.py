"""From what a camera sees to a picture: soft light, a white ground that shows shadows, thin outlines, no jags.

Lengths are in units of the object's size here, see `panels`.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from .camera import Camera, rays
from .lights import Lights, place_lights
from .maps import Caster, Sighting, View
from .outlines import outlines

# Pixels near a line are sampled so many times along each side.
FINE = 2
SKY_COLOR, BOUNCE_COLOR, KEY_COLOR = (0.64, 0.66, 0.70), (0.40, 0.38, 0.36), (0.68, 0.65, 0.60)
# The key light comes from so far up, left, and behind the camera.
KEY_PLACE = (0.8, 0.45, 0.45)
# The sky's light on the ground is sampled so many times along each side of a square of this many radii; how much darker
# the ground is without any sky, and without the key light.
GROUND_SAMPLES, GROUND_EXTENT, GROUND_SKY, GROUND_KEY = 64, 1.8, 0.55, 0.13
GAMMA = 2.2


def shaded(
    cast: Caster, camera: Camera, vertices: Float[Tensor, "V 3"], colors: Float[Tensor, "K 3"], up: Float[Tensor, "3"]
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture of what ``cast`` sees.

    Args:
        cast: sees the object.
        camera: where from.
        vertices: corners of the object: they bound the shadows and lay the ground.
        colors: of each part, sRGB in [0, 1].
        up: unit vector away from the ground.

    Returns:
        sRGB.
    """
    center = (vertices.amin(dim=0) + vertices.amax(dim=0)) / 2
    radius = float((vertices - center).norm(dim=1).max())
    right, _, forward = camera.extrinsics[:3, :3].float()
    key = torch.nn.functional.normalize(KEY_PLACE[0] * up - KEY_PLACE[1] * right - KEY_PLACE[2] * forward, dim=0)
    lights = place_lights(cast, center, radius, key)

    # Every pixel is looked at once, and those near a line again with more samples.
    seen = cast([View(camera)])[0]
    points, normals = _surface(camera, seen)
    near_line = (outlines(View(camera), seen, points, normals) < 1)[None].float()
    busy = torch.nn.functional.max_pool2d(near_line, 3, stride=1, padding=1)[0] > 0
    calm = (~busy.reshape(-1)[seen.pixels]).nonzero().squeeze(-1)
    width, height = camera.size
    fine = View(
        replace(camera, size=(FINE * width, FINE * height)),
        busy.repeat_interleave(FINE, dim=0).repeat_interleave(FINE, dim=1),
    )
    again = cast([fine])[0]
    fine_points, fine_normals = _surface(fine.camera, again)
    line = outlines(fine, again, fine_points, fine_normals)

    light = _light(lights, torch.cat([points[calm], fine_points]), torch.cat([normals[calm], fine_normals]), up)
    color = (colors**GAMMA)[torch.cat([seen.part[calm], again.part])] * light
    calm_color, fine_color = color.clamp(max=1).split([len(calm), len(again.pixels)])

    # How much of each pixel shows the ground, less the lines on it.
    uncovered = line.reshape(-1).index_fill(0, again.pixels, 0.0).reshape(height, FINE, width, FINE).mean(dim=(1, 3))
    uncovered.view(-1)[seen.pixels[calm]] = 0.0
    floor = center + (float((vertices @ up).min()) - center @ up) * up
    image = (_ground(camera, lights, floor, radius, up) * uncovered).reshape(-1, 1).repeat(1, 3)
    image[seen.pixels[calm]] = calm_color
    row, column = again.pixels // (FINE * width) // FINE, again.pixels % (FINE * width) // FINE
    image.index_add_(0, row * width + column, fine_color * line.reshape(-1)[again.pixels, None] / FINE**2)
    return (image.clamp(0, 1) ** (1 / GAMMA) * 255).round().byte().reshape(height, width, 3).numpy()


def _surface(camera: Camera, seen: Sighting) -> tuple[Float[Tensor, "n 3"], Float[Tensor, "n 3"]]:
    """Points and normals that a camera sees."""
    origins, directions = rays(camera, seen.pixels)
    return origins + seen.distance.float()[:, None] * directions, seen.normals.float()


def _light(
    lights: Lights, points: Float[Tensor, "n 3"], normals: Float[Tensor, "n 3"], up: Float[Tensor, "3"]
) -> Float[Tensor, "n 3"]:
    """Light that arrives at a surface."""
    upward = 0.5 + 0.5 * (normals @ up)[:, None]
    ambient = torch.lerp(torch.tensor(BOUNCE_COLOR), torch.tensor(SKY_COLOR), upward)
    direct = (normals @ lights.toward_key).clamp(min=0) * lights.key_reaching(points, normals)
    return ambient * lights.openness(points, normals)[:, None] + torch.tensor(KEY_COLOR) * direct[:, None]


def _ground(
    camera: Camera, lights: Lights, floor: Float[Tensor, "3"], radius: float, up: Float[Tensor, "3"]
) -> Float[Tensor, "height width"]:
    """How bright the ground through ``floor`` is behind each pixel; 1 where there is none."""
    width, height = camera.size
    origins, directions = rays(camera)
    distance = ((floor - origins) @ up) / (directions @ up)
    below = ((directions @ up < 0) & (distance > 0) & (distance < 20 * radius)).nonzero().squeeze(-1)
    points = origins[below] + distance[below, None] * directions[below]
    # Light from the sky varies slowly: it is found on a grid and blended.
    east = torch.nn.functional.normalize(torch.linalg.cross(up, lights.toward_key), dim=0)
    plane = GROUND_EXTENT * radius * torch.stack([east, torch.linalg.cross(up, east)])
    ticks = torch.linspace(-1, 1, GROUND_SAMPLES)
    grid = floor + torch.cartesian_prod(ticks, ticks) @ plane.flip(0)
    sky = lights.openness(grid, up.expand_as(grid)).reshape(1, 1, GROUND_SAMPLES, GROUND_SAMPLES)
    sky = torch.nn.functional.avg_pool2d(sky, 5, stride=1, padding=2, count_include_pad=False)
    where = (points - floor) @ plane.T / (GROUND_EXTENT * radius) ** 2
    sky = torch.nn.functional.grid_sample(sky, where[None, None], padding_mode="border", align_corners=True).reshape(-1)
    # It fades toward the border, so that the grid has no visible end.
    shadow = GROUND_SKY * (1 - sky) * (1 - where.norm(dim=1)).clamp(0, 1)
    shadow += GROUND_KEY * (1 - lights.key_reaching(points, up.expand_as(points)))
    return torch.ones(height * width).index_put((below,), 1 - shadow).reshape(height, width)
