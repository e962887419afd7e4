"""What predictors see of a record: its first depth views, with noise if it is asked for, or its first pictures."""

import zlib
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from .. import data
from ..color import ColorViews
from ..depth import DepthViews


def depth_views(record: Any, n_views: int, noise: float = 0.0, seed: int = 0) -> DepthViews:
    """The first depth views of a record, which a data set orders so that they are well spread.

    Args:
        record: of a data set.
        n_views: how many.
        noise: standard deviation of a normal error on each measured depth, independent between pixels, in units of the
            longest side of the true shape.
        seed: of the noise, which depends on the record and the view as well: the same view has the same noise however
            many others there are.

    Raises:
        ValueError: the record has fewer views.
    """
    views = data.depth_views(record, n_views)
    if not noise:
        return views
    scale = noise * float((record.bounds[1] - record.bounds[0]).max())
    moved = views.depth.clone()
    for view in range(n_views):
        generator = torch.Generator().manual_seed(zlib.crc32(f"{record.id} {view} {seed}".encode()))
        error = torch.randn(moved.shape[-2:], generator=generator)
        # A depth must stay in front of the camera, whatever the noise.
        moved[view] = (moved[view] + scale * error.to(moved)).clamp(min=1e-6)
    return replace(views, depth=moved)


def silhouettes(views: ColorViews) -> DepthViews:
    """What pictures say about space without a look at their colors: the background is empty."""
    depth = torch.where(views.mask, torch.nan, torch.inf)
    return DepthViews(depth.to(views.intrinsics), views.intrinsics, views.extrinsics)


def frame_of(views: DepthViews | ColorViews) -> tuple[Float[Tensor, "3"], Float[Tensor, ""]]:
    """Middle and longest side of what depth views saw; of pictures, which have no scale, the data set's unit cube."""
    return views.frame() if isinstance(views, DepthViews) else (torch.zeros(3), torch.ones(()))
