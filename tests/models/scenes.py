"""Depth and color views of small solids, and networks small enough for a test."""

from collections.abc import Sequence

import torch
from torch import Tensor

import cvxgeom
from cvxgeom import ColorViews, ConvexUnion, DepthViews
from cvxgeom.models import CvxNetConfig
from cvxgeom.render import Camera, render_maps

PLACES = ((1.2, 0.9, 2.1), (-1.9, 1.2, -1.5), (0.3, -2.0, 1.6), (2.2, 0.1, -1.2))
SMALL = dict(n_convexes=12, width=8, token=32, n_layers=1, n_fits=1, latent=16)


def small(**changes: object) -> CvxNetConfig:
    return CvxNetConfig(**(SMALL | changes))  # pyright: ignore[reportArgumentType]


def table() -> ConvexUnion:
    top = cvxgeom.box((1.0, 0.1, 0.7), center=(0, 0.3, 0))
    return cvxgeom.concatenate([top, cvxgeom.box((0.15, 0.6, 0.15), center=(0.2, -0.05, 0.1))])


def cameras(n_views: int, pixels: int) -> list[Camera]:
    return [Camera(position=place, size=(pixels, pixels)) for place in PLACES[:n_views]]


def depth_views(shapes: Sequence[ConvexUnion], n_views: int = 2, pixels: int = 48) -> DepthViews:
    """A batch with one object for each shape."""
    each = [_one(shape, cameras(n_views, pixels)) for shape in shapes]
    return DepthViews(*(torch.stack(parts) for parts in zip(*each)))


def color_views(shapes: Sequence[ConvexUnion], n_views: int = 1, pixels: int = 64) -> ColorViews:
    views = depth_views(shapes, n_views, pixels)
    # Something to see: near is dark. The background is noise.
    near = views.depth.masked_fill(~views.seen, 0.0) / 4
    rgb = torch.where(views.seen, near, torch.rand(views.depth.shape))[..., None, :, :].expand(-1, -1, 3, -1, -1)
    return ColorViews(rgb.contiguous(), views.seen, views.intrinsics, views.extrinsics)


def seen_from_afar(views: DepthViews, scale: float, shift: tuple[float, float, float]) -> DepthViews:
    """The same pictures in another unit, with another origin: x ↦ scale · x + shift."""
    move = torch.eye(4)
    move[:3, 3] = -torch.tensor(shift) / scale
    extrinsics = views.extrinsics @ move
    extrinsics[..., :3, 3] *= scale
    return DepthViews(views.depth * scale, views.intrinsics, extrinsics)


def _one(shape: ConvexUnion, seen_by: Sequence[Camera]) -> tuple[Tensor, Tensor, Tensor]:
    depth = torch.stack([render_maps(shape, camera).depth for camera in seen_by])
    intrinsics = torch.stack([camera.intrinsics for camera in seen_by]).float()
    return depth.float(), intrinsics, torch.stack([camera.extrinsics for camera in seen_by]).float()
