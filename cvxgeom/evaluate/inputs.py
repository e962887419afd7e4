"""What predictors see of a record: its first views, with noise if it is asked for."""

import zlib
from dataclasses import replace
from typing import Any

import torch

from ..depth import DepthViews


def depth_views(record: Any, n_views: int, noise: float = 0.0, seed: int = 0) -> DepthViews:
    """The first depth views of a record, which a data set orders so that they are well spread.

    Args:
        record: of a data set.
        n_views: how many.
        noise: standard deviation of a normal error on each measured depth, independent between pixels, in units of the
            longest side of the box of all points that are seen without noise.
        seed: of the noise, which depends on the record and the view as well: the same view has the same noise however
            many others there are.

    Raises:
        ValueError: the record has fewer views.
    """
    if n_views > record.n_depth_views:
        raise ValueError(
            f"views must be at most {record.n_depth_views}, which is all that {record.id} has, got {n_views}"
        )
    views = DepthViews(*record.depth(range(n_views)))
    if not noise:
        return views
    scale = noise * float(views.frame()[1])
    moved = views.depth.clone()
    for view in range(n_views):
        generator = torch.Generator().manual_seed(zlib.crc32(f"{record.id} {view} {seed}".encode()))
        error = torch.randn(moved.shape[-2:], generator=generator)
        # A depth must stay in front of the camera, whatever the noise.
        moved[view] = (moved[view] + scale * error.to(moved)).clamp(min=1e-6)
    return replace(views, depth=moved)
