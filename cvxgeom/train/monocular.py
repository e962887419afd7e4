"""Learning to read depth from pictures: what is made small, and how good a network is at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import grid_sample, normalize

from ..color import ColorViews
from ..depth import DepthViews
from .batches import Batch

_STEPS = (1, 2, 4, 8)  # pixels between two whose difference is compared
_STEEPEST = 8.0  # slope of a surface; what is steeper is taken for the gap between two surfaces
_CLOSE = 0.05  # error of a pixel that is right, in units of half the image's height


class DepthTerms(NamedTuple):
    """How far predicted depth is from the truth; means over the pixels of an image, then over images."""

    depth: Float[Tensor, ""]  #: absolute error
    slope: Float[Tensor, ""]  #: absolute error of differences between pixels 1, 2, 4 and 8 apart
    normal: Float[Tensor, ""]  #: 1 − cosine between normals


def depth_terms(found: DepthViews, truth: DepthViews) -> DepthTerms:
    """Terms of predicted depth against the true depth of the same cameras, over the pixels that both know.

    Lengths are in units of half the image's height at the distance of the object frame's origin, as in
    `cvxgeom.models.MonocularDepth`, so the terms do not depend on the user's unit. An image without a pixel that both
    know does not count.

    Args:
        found: prediction; gradients flow to its depth.
        truth: of the same cameras.

    Raises:
        ValueError: the images differ in number or size.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth[None]
        >>> cameras = camera.intrinsics[None].float(), camera.extrinsics[None].float()
        >>> terms = depth_terms(DepthViews(depth + 0.1, *cameras), DepthViews(depth, *cameras))
        >>> [round(float(term), 3) for term in terms]
        [0.124, 0.0, 0.0]
    """
    if found.depth.shape != truth.depth.shape:
        sizes = f"{tuple(truth.depth.shape)} of truth, got {tuple(found.depth.shape)}"
        raise ValueError(f"found must have images in the number and size {sizes}")
    known = found.seen & truth.seen
    mine, right = relative(found, known), relative(truth, known)
    error = mine - right
    slopes = [
        _mean((end - start).abs(), both)
        for step in _STEPS
        for (start, end), both in zip(_pairs(error, step), (a & b for a, b in _pairs(known, step)))
        if both.numel()
    ]
    corners = known[..., :-1, :-1] & known[..., :-1, 1:] & known[..., 1:, :-1]
    pixel = 2 / known.shape[-2]
    jumps = [(end - start).abs() > _STEEPEST * pixel for start, end in _pairs(right, 1)]
    corners = corners & ~jumps[0][..., :-1] & ~jumps[1][..., :-1, :]
    cosine = (_normals(truth, mine) * _normals(truth, right)).sum(dim=-1)
    slope = torch.stack(slopes).mean() if slopes else error.new_zeros(())
    return DepthTerms(_mean(error.abs(), known), slope, _mean(1 - cosine, corners))


def relative(views: DepthViews, known: Bool[Tensor, "*batch V h w"]) -> Float[Tensor, "*batch V h w"]:
    """Depth from the object frame's origin on, in units of half the image's height there; 0 where it is not known.

    Args:
        views: of which.
        known: which pixels count.
    """
    distance, half = _scale(views)
    return (torch.where(known, views.depth, distance) - distance) / half


@dataclass(frozen=True)
class DepthObjective:
    """Our loss for a `cvxgeom.models.MonocularDepth`, from pictures whose true depth is known.

    Args:
        depth: weight of the absolute error.
        slope: weight of the errors of differences.
        normal: weight of the errors of normals.
        jitter: how much brightness, tint and contrast of a picture are changed: largest change of a factor's logarithm.
        shrink: how much narrower and lower a picture becomes at most, each by its own random factor: largest absolute
            value of its logarithm.
    """

    depth: float = 1.0
    slope: float = 1.0
    normal: float = 0.2
    jitter: float = 0.3
    shrink: float = 0.3

    def __call__(self, model: Any, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss, and its terms, not weighted, of the part of a color model that estimates depth.

        Raises:
            ValueError: the batch has no pictures.
        """
        loss, terms, _ = self.of(model.monocular, batch)
        return loss, terms

    def of(self, network: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor], DepthViews]:
        """The same of such a network itself, and the depth that it found.

        Raises:
            ValueError: the batch has no pictures.
        """
        if batch.colors is None:
            raise ValueError('inputs must be "color" to learn depth from pictures, got "depth"')
        colors, truth = batch.colors, batch.views
        if self.shrink:
            colors, truth = shrunk(colors, truth, self.shrink)
        found = network(jittered(colors, self.jitter) if self.jitter else colors)
        with torch.autocast(batch.points.device.type, enabled=False):
            terms = depth_terms(found, truth)._asdict()
            loss = torch.stack([getattr(self, name) * value for name, value in terms.items()]).sum()
        return loss, terms, found


def jittered(views: ColorViews, most: float) -> ColorViews:
    """The same pictures in other light: each with a random brightness, tint and contrast.

    Args:
        views: of a batch.
        most: largest absolute value of the logarithm of a factor or exponent.
    """
    like = views.rgb[..., :1, :1]
    change = most * (2 * torch.rand_like(like[..., :1, :, :]) - 1) + 0.3 * most * (2 * torch.rand_like(like) - 1)
    contrast = (most * (2 * torch.rand_like(like[..., :1, :, :]) - 1)).exp()
    rgb = (views.rgb.pow(contrast) * change.exp()).clamp(0, 1)
    return ColorViews(rgb, views.mask, views.intrinsics, views.extrinsics)


def shrunk(colors: ColorViews, truth: DepthViews, most: float) -> tuple[ColorViews, DepthViews]:
    """The same depths behind narrower and lower pictures: what the cameras would see of narrower and lower objects.

    The cameras' frames shrink with what they see, so every pixel's ray still meets the object where it did.

    Args:
        colors: of a batch.
        truth: depth of the same pixels.
        most: largest absolute value of the logarithm of a factor.
    """
    h, w = colors.rgb.shape[-2:]
    like = colors.intrinsics
    factors = (-most * torch.rand(*like.shape[:-2], 2, dtype=like.dtype, device=like.device)).exp()
    half = torch.tensor([w / 2, h / 2], dtype=like.dtype, device=like.device)
    # A pixel of the new picture at the principal point c plus d comes from c plus d / factor of the old one.
    center = torch.stack([like[..., 0, 2], like[..., 1, 2]], dim=-1) / half - 1
    rows = torch.zeros(*like.shape[:-2], 2, 3, dtype=like.dtype, device=like.device)
    rows[..., 0, 0], rows[..., 1, 1] = 1 / factors[..., 0], 1 / factors[..., 1]
    rows[..., 2] = center - center / factors
    grid = torch.nn.functional.affine_grid(rows.flatten(0, -3), [rows[..., 0, 0].numel(), 1, h, w], align_corners=False)

    def taken(images: Tensor, mode: str) -> Tensor:
        found = grid_sample(images.flatten(0, -4), grid.to(images.dtype), mode=mode, align_corners=False)
        return found.view(images.shape)

    mask = taken(colors.mask[..., None, :, :].to(like.dtype), "nearest")[..., 0, :, :] > 0.5
    known = truth.depth.nan_to_num(nan=0.0, posinf=0.0)  # 0 is no depth, and what lies beyond the border
    depth = taken(known[..., None, :, :], "nearest")[..., 0, :, :]
    depth = torch.where(mask & (depth > 0), depth, torch.inf)
    extrinsics = colors.extrinsics.clone()
    extrinsics[..., :2, :] *= factors[..., None]
    rgb = taken(colors.rgb, "bilinear").clamp(0, 1)
    return ColorViews(rgb, mask, like, extrinsics), DepthViews(depth, like, extrinsics)


class MeanDepthError:
    """How well a network reads depth from the pictures of a data set: ``MeanDepthError(dataset)(model, progress)``.

    Args:
        dataset: to validate on, with pictures.
        n_views: the first so many of each shape.
        batch_size: shapes at once.

    Returns:
        ``depth_close``, the share of pixels that are off by less than 5 % of half the image's height, and
        ``depth_error``, the mean absolute error in that unit; means over images.
    """

    def __init__(self, dataset: Any, n_views: int = 2, batch_size: int = 8) -> None:
        if not len(dataset):
            raise ValueError("dataset must hold at least one shape to validate on, got none")
        self.dataset, self.n_views, self.batch_size = dataset, n_views, batch_size

    def __call__(self, model: Any, progress: float = 1.0) -> dict[str, float]:
        """Scores of a color model, of the part that estimates depth; it must be in evaluation mode."""
        return self.of(model.monocular)

    def of(self, network: Callable[[ColorViews], DepthViews]) -> dict[str, float]:
        """Scores of anything that estimates depth."""
        close, error, n = 0.0, 0.0, 0
        device = next(network.parameters()).device if isinstance(network, nn.Module) else torch.device("cpu")
        for first in range(0, len(self.dataset), self.batch_size):
            last = min(first + self.batch_size, len(self.dataset))
            each = [self.dataset[i].rgb(range(self.n_views)) for i in range(first, last)]
            rgb, mask, depth, *cameras = (torch.stack(values).to(device) for values in zip(*each, strict=True))
            with torch.no_grad():
                found, truth = network(ColorViews(rgb, mask, *cameras)), DepthViews(depth, *cameras)
                known = found.seen & truth.seen
                off = (relative(found, known) - relative(truth, known)).abs()
                share = last - first
                close += share * float(_mean((off < _CLOSE).to(off), known))
                error += share * float(_mean(off, known))
                n += share
        return {"depth_close": close / n, "depth_error": error / n}


def _scale(views: DepthViews) -> tuple[Float[Tensor, "*batch V 1 1"], Float[Tensor, "*batch V 1 1"]]:
    """Distance of the object frame's origin along the optical axis, and half the image's height there."""
    distance = views.extrinsics[..., 2, 3]
    half = distance * (views.depth.shape[-2] / 2) / views.intrinsics[..., 1, 1]
    return distance[..., None, None], half[..., None, None]


def _pairs(image: Tensor, step: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The image and the same one some pixels on, down and to the right."""
    return (image[..., :-step, :], image[..., step:, :]), (image[..., :-step], image[..., step:])


def _normals(views: DepthViews, depth: Float[Tensor, "*batch V h w"]) -> Float[Tensor, "*batch V h1 w1 3"]:
    """Unit normals of the surface in the camera's frame, from each pixel and those below and to the right of it.

    Args:
        views: whose cameras.
        depth: as `relative` gives it.
    """
    distance, half = _scale(views)
    h, w = depth.shape[-2:]
    row, column = (torch.arange(n, dtype=depth.dtype, device=depth.device) + 0.5 for n in (h, w))
    k = views.intrinsics[..., None, None, :, :]
    far = depth + distance / half
    y = (row[:, None] - k[..., 1, 2]) / k[..., 1, 1]
    x = (column - k[..., 0, 2]) / k[..., 0, 0]
    points = torch.stack([x * far, y * far, far], dim=-1)
    corner = points[..., :-1, :-1, :]
    across = torch.cross(points[..., :-1, 1:, :] - corner, points[..., 1:, :-1, :] - corner, dim=-1)
    return normalize(across, dim=-1)


def _mean(values: Float[Tensor, "*batch h w"], counts: Bool[Tensor, "*batch h w"]) -> Float[Tensor, ""]:
    """Mean over the pixels that count, then over the images that have some."""
    n = counts.sum(dim=(-2, -1))
    means = (values * counts).sum(dim=(-2, -1)) / n.clamp(min=1)
    return means.sum() / (n > 0).sum().clamp(min=1)
