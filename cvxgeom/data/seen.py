"""What cameras saw of a record, as the values that models and predictors take."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from ..color import ColorViews
from ..depth import DepthViews


def depth_views(record: Any, n_views: int, stride: int = 1) -> DepthViews:
    """The first depth views of a record, which a data set orders so that they are well spread.

    Args:
        record: of a data set.
        n_views: how many.
        stride: of so many rows and columns of a depth map, only one is used.

    Raises:
        ValueError: the record has fewer views.
    """
    check_views(record, n_views, "depth")
    depth, intrinsics, extrinsics = record.depth(range(n_views))
    return DepthViews(*strided(depth, intrinsics, extrinsics, stride))


def color_views(record: Any, n_views: int) -> ColorViews:
    """The first pictures of a record, with their silhouettes and cameras.

    Args:
        record: of a data set.
        n_views: how many.

    Raises:
        ValueError: the record has fewer.
    """
    check_views(record, n_views, "color")
    rgb, mask, _, intrinsics, extrinsics = record.rgb(range(n_views))
    return ColorViews(rgb, mask, intrinsics, extrinsics)


def check_views(record: Any, n_views: int, inputs: str) -> int:
    """How many views a record has, which must be enough.

    Args:
        record: of a data set.
        n_views: how many are wanted.
        inputs: ``"depth"`` or ``"color"``.

    Raises:
        ValueError: it has fewer.
    """
    available = record.n_depth_views if inputs == "depth" else record.n_rgb_views
    if n_views > available:
        kind = "" if inputs == "depth" else " pictures"
        raise ValueError(f"views must be at most {available}{kind}, which is all that {record.id} has, got {n_views}")
    return available


def strided(
    depth: Float[Tensor, "V h w"], intrinsics: Float[Tensor, "V 3 3"], extrinsics: Float[Tensor, "V 4 4"], stride: int
) -> tuple[Float[Tensor, "V r c"], Float[Tensor, "V 3 3"], Float[Tensor, "V 4 4"]]:
    """Of so many rows and columns one, with the camera to it: each pixel that is left keeps its ray exactly."""
    first = stride // 2
    if stride > 1:
        depth = depth[:, first::stride, first::stride].contiguous()
        to_fewer = torch.eye(3).to(intrinsics)
        to_fewer[:2, :2] /= stride
        to_fewer[:2, 2] = 0.5 - (first + 0.5) / stride
        intrinsics = to_fewer @ intrinsics
    return depth, intrinsics, extrinsics
