"""Soft silhouettes: what makes an outline move under gradients."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .. import ops
from ..shape import ConvexUnion
from .camera import Camera, rays
from .maps import part_planes, rays_in_windows

# Beyond this exponent of the sigmoid a part leaves no trace in a pixel: the indicator is below 3e-4 there.
FAINT = 8.0
# An unbounded part is searched this many times as far as it is away.
FAR = 1000.0
# As often as the interval can be halved before it is a rounding.
BISECTIONS = {torch.float32: 26, torch.float64: 55}
# After so many steps rays are left out that cannot become bright.
SIEVE = 6


def soft_silhouette(shape: ConvexUnion, camera: Camera) -> Float[Tensor, "*batch height width"]:
    """How far a pixel's ray enters the *smooth* union: about 1 inside, about 0 outside, ½ at the outline.

    The largest indicator along the ray: max over t ≥ 0 and k of sigmoid(−σ_k Φ_k(o + t u)). Φ_k is convex along the
    ray, so that bisection finds its least value, which stays the same to first order when its place moves: the gradient
    is exact, with respect to all five tensors of the shape. Differentiable once. Empty and degenerate parts do not
    show, and values below 3e-4 are 0. All shapes of a batch are seen by the same camera.

    Args:
        shape: a single shape or a batch; half precision is computed in float32.
        camera: where from.

    Returns:
        Values in [0, 1], row 0 at the top, on the device of the shape.

    Example:
        >>> camera = Camera(position=(0, 0, 3), view_height=1.0, size=(5, 5))
        >>> soft_silhouette(cvxgeom.sphere(radius=0.3, n_halfspaces=200), camera)[2].round(decimals=2).tolist()
        [0.0, 1.0, 1.0, 1.0, 0.0]
    """
    if shape.batch_size:
        return torch.stack([soft_silhouette(shape[i], camera) for i in range(shape.batch_size[0])])
    wide = shape.to(torch.promote_types(shape.dtype, torch.float32))
    sharpness = torch.as_tensor(wide.sharpness)
    width, height = camera.size
    score = torch.full((height * width,), -float("inf"), dtype=wide.dtype, device=wide.device)
    part = torch.full((height * width,), -1, device=wide.device)
    places = score.new_zeros(height * width, 3)
    with torch.no_grad():
        polytopes = wide.detach().polytopes()
        # Twice, because at a wedge the level sets of Φ are farther away than their value says.
        margins = (2 * FAINT / sharpness).tolist()
        pixel = torch.arange(height * width).reshape(height, width)
        for k, pixels in enumerate(rays_in_windows(camera, pixel, polytopes, margins)):
            if len(pixels) == 0:
                continue
            origins, directions = rays(camera, pixels, dtype=wide.dtype, device=wide.device)
            center = polytopes[k].interior_point.to(origins)
            if polytopes[k].is_bounded:
                radius = (polytopes[k].vertices - polytopes[k].interior_point).norm(dim=1).max()
                reach = 2 * (margins[k] + float(radius))
            else:
                reach = FAR * float((origins - center).norm(dim=1).max())
            kept, points = _deepest(wide.select([k]), origins, directions, center, reach)
            value = -sharpness[k] * ops.convex_sdf(points, *part_planes(wide, k), wide.smoothness[k : k + 1])[0]
            pixels = pixels.to(wide.device)[kept]
            better = (value > score[pixels]).nonzero().squeeze(-1)
            target = pixels[better]
            score[target], part[target], places[target] = value[better], k, points[better]
    # Only now, at the place and for the part that decide a pixel, with gradients.
    for k in part[part >= 0].unique().tolist():
        pixels = (part == k).nonzero().squeeze(-1)
        value = ops.convex_sdf(places[pixels], *part_planes(wide, k), wide.smoothness[k : k + 1])[0]
        score = score.index_put((pixels,), -sharpness[k] * value)
    return torch.sigmoid(score).reshape(height, width).to(shape.dtype)


def _deepest(
    part: ConvexUnion, origins: Float[Tensor, "R 3"], directions: Float[Tensor, "R 3"], center: Tensor, reach: float
) -> tuple[Int[Tensor, " n"], Float[Tensor, "n 3"]]:
    """Where a smooth convex has its least value along each ray, within ``reach`` of ``center``.

    Returns:
        Numbers of the rays that it does not leave out as too faint, and the point on each.
    """
    smoothness, faint = part.smoothness[0], FAINT / torch.as_tensor(part.sharpness)[0]
    kept = torch.arange(len(origins), device=origins.device)
    nearest = ((center - origins) * directions).sum(-1)
    near, far = (nearest - reach).clamp(min=0), (nearest + reach).clamp(min=0)
    height = (origins - part.translations[0]) @ part.normals[0].T + part.offsets[0]
    speed = directions @ part.normals[0].T
    for step in range(BISECTIONS[part.dtype]):
        middle = (near + far) / 2
        exponent = smoothness * (height + middle[:, None] * speed)
        if step == SIEVE:
            # Φ changes by no more than the length of the way.
            least = exponent.logsumexp(dim=-1) / smoothness - (far - near) / 2
            bright = (least < faint).nonzero().squeeze(-1)
            kept, near, far, height, speed = (t[bright] for t in (kept, near, far, height, speed))
            middle, exponent = middle[bright], exponent[bright]
        rising = (exponent.softmax(dim=-1) * speed).sum(-1) > 0
        near, far = torch.where(rising, near, middle), torch.where(rising, middle, far)
    return kept, origins[kept] + ((near + far) / 2)[:, None] * directions[kept]
