"""Depth views: what cameras around an object measured, and what that says about any point in space."""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._cameras import check_cameras, moved_extrinsics, product
from ._checks import check_positive, check_same_device, check_tensor, describe
from .ops import depth_evidence


class Evidence(NamedTuple):
    """What all views together say about points; lengths along the optical axes."""

    hidden: Float[Tensor, "*batch N"]
    """How far the point lies behind the seen surface, in the view that says so least. Negative: some camera looked
    through the point, so it is empty (−∞ where the camera saw nothing behind it either). +∞: no view says anything."""
    surface: Float[Tensor, "*batch N"]
    """Distance to the seen surface in the view where it is nearest; +∞ where no view measured anything there."""


@dataclass(frozen=True, eq=False)
class DepthViews:
    """Depth maps of one object with their cameras; any number of views, any poses, any leading batch axes.

    Cameras are pinholes in OpenCV's convention (x right, y down, z forward; the center of the pixel in row r and column
    c has the coordinates (c + ½, r + ½)), as `cvxgeom.render.Camera` gives them.

    Args:
        depth: z-depth, a length along the optical axis. +∞: the ray met nothing. NaN: not measured.
        intrinsics: camera frame → pixels.
        extrinsics: object frame → camera frame, homogeneous.

    Raises:
        TypeError: a field is not a floating-point tensor.
        ValueError: shapes, dtypes or devices do not fit, a depth is zero or negative, or a camera is not finite.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> maps = cvxgeom.render.render_maps(cvxgeom.box(), camera)
        >>> views = DepthViews(maps.depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> views.n_views, views.evidence(torch.tensor([[0.0, 0, 0.4], [0.0, 0, 0.7]])).hidden
        (1, tensor([ 0.1000, -0.2000]))
    """

    depth: Float[Tensor, "*batch V h w"]
    intrinsics: Float[Tensor, "*batch V 3 3"]
    extrinsics: Float[Tensor, "*batch V 4 4"]

    def __post_init__(self) -> None:
        check_tensor("depth", self.depth, (None, None, None))
        if 0 in self.depth.shape[-3:]:
            raise ValueError(f"depth must have at least one view and one pixel, got {describe(self.depth)}")
        check_cameras("depth", self.depth, self.depth.shape[:-2], self.intrinsics, self.extrinsics)
        check_same_device(depth=self.depth, intrinsics=self.intrinsics, extrinsics=self.extrinsics)
        if bool((self.depth <= 0).any()):
            raise ValueError(
                f"depth must be greater than 0, got {float(self.depth.nan_to_num(1).min()):.3g} at the least"
            )

    @property
    def n_views(self) -> int:
        """V."""
        return self.depth.shape[-3]

    @property
    def batch_size(self) -> torch.Size:
        """Sizes of the leading axes; empty for a single object."""
        return self.depth.shape[:-3]

    @property
    def seen(self) -> Bool[Tensor, "*batch V h w"]:
        """Which pixels measured a surface."""
        return self.depth.isfinite()

    def to(self, target: torch.dtype | torch.device | str) -> "DepthViews":
        """The same views in another number type or on another device."""
        return DepthViews(self.depth.to(target), self.intrinsics.to(target), self.extrinsics.to(target))

    def select(self, views: Sequence[int] | Tensor) -> "DepthViews":
        """Only some of the views, in the order given.

        Raises:
            IndexError: there is no such view.
        """
        chosen = torch.as_tensor(views, device=self.depth.device)
        parts = (self.depth, -3), (self.intrinsics, -3), (self.extrinsics, -3)
        return DepthViews(*(value.index_select(axis, chosen) for value, axis in parts))

    def unsqueeze(self) -> "DepthViews":
        """The same with a leading batch axis of one object."""
        return DepthViews(self.depth[None], self.intrinsics[None], self.extrinsics[None])

    def moved(self, matrix: Float[Tensor, "*#batch 4 4"]) -> "DepthViews":
        """The same measurements of an object moved by any affine map, x ↦ A x, such as a mirror or a stretch.

        Args:
            matrix: A, homogeneous and invertible. Depth stays what it was, in the units of the cameras.
        """
        moved = copy(self)  # not checked again: that would cost a pass over all pixels
        object.__setattr__(moved, "extrinsics", moved_extrinsics(self.extrinsics, matrix))
        return moved

    def centers(self) -> Float[Tensor, "*batch V 3"]:
        """Positions of the cameras, object frame."""
        return torch.linalg.inv(self.extrinsics)[..., :3, 3]

    def points(self, stride: int = 1) -> Float[Tensor, "*batch V r c 3"]:
        """The seen surface point of each pixel, object frame; NaN where none was measured.

        Args:
            stride: of so many rows and columns, only the one in the middle.
        """
        check_positive("stride", stride)
        h, w = self.depth.shape[-2:]
        first = [min(stride // 2, n - 1) for n in (h, w)]
        depth = self.depth[..., first[0] :: stride, first[1] :: stride]
        row = torch.arange(h, dtype=self.depth.dtype, device=self.depth.device)[first[0] :: stride, None] + 0.5
        column = torch.arange(w, dtype=self.depth.dtype, device=self.depth.device)[first[1] :: stride] + 0.5
        # One matrix a view: pixel · depth → camera → object.
        to_object = torch.linalg.inv(self.extrinsics)
        ray = product(to_object[..., :3, :3], torch.linalg.inv(self.intrinsics))[..., None, None, :, :]
        far = depth.masked_fill(~depth.isfinite(), torch.nan)[..., None]
        return (ray[..., 0] * column[..., None] + ray[..., 1] * row[..., None] + ray[..., 2]) * far + to_object[
            ..., None, None, :3, 3
        ]

    def stride(self, n_pixels: int) -> int:
        """The `stride` with which `points` looks at no more than so many pixels of an object, about."""
        check_positive("n_pixels", n_pixels)
        return max(1, math.ceil(math.sqrt(math.prod(self.depth.shape[-3:]) / n_pixels)))

    def frame(self, n_pixels: int = 30_000) -> tuple[Float[Tensor, "*batch 3"], Float[Tensor, "*batch"]]:
        """Middle and longest side of the axis-parallel box around the seen surface.

        Args:
            n_pixels: look at about so many pixels, evenly spread over all views.

        Raises:
            ValueError: an object is not seen in any of these pixels.
        """
        points = self.points(self.stride(n_pixels)).flatten(len(self.batch_size), -2)
        missing = points.isnan()
        if bool(missing[..., 0].all(dim=-1).any()):
            raise ValueError("depth must show the object in several pixels, got background and gaps alone")
        low = points.masked_fill(missing, torch.inf).amin(dim=-2)
        high = points.masked_fill(missing, -torch.inf).amax(dim=-2)
        return (low + high) / 2, (high - low).amax(dim=-1)

    def noise_level(self) -> float:
        """Standard deviation of the error of a measured depth, a length, as far as neighboring pixels betray it.

        From second differences along rows and columns, which are small where the surface is smooth; their median does
        not mind edges. 0 where no three neighbors were measured.
        """
        found = []
        for axis in (-1, -2):
            n = self.depth.shape[axis] - 2
            if n > 0:
                first, middle, last = (self.depth.narrow(axis, start, n) for start in range(3))
                bend = first - 2 * middle + last
                found.append(bend[bend.isfinite()].abs())
        bends = torch.cat(found) if found else self.depth.new_empty(0)
        # √6 σ is the deviation of such a difference, and 0.6745 of a deviation the median of its absolute value.
        return float(bends.median()) / (0.6745 * 6**0.5) if len(bends) else 0.0

    def evidence(self, points: Float[Tensor, "*#batch N 3"]) -> Evidence:
        """What the views say about points, in time proportional to V · N.

        Args:
            points: object frame. One outside a view's image or behind its camera learns nothing from it. The depth of a
                pixel counts for its whole area.

        Returns:
            Lengths, one of each kind per point.
        """
        cameras = product(self.intrinsics, self.extrinsics[..., :3, :])
        return Evidence(*depth_evidence(points.to(self.depth), self.depth, cameras))
