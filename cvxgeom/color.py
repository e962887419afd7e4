"""Color views: pictures of one object with its silhouette and the cameras that took them."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ._cameras import check_cameras, moved_extrinsics
from ._checks import check_same_device, check_tensor, describe


@dataclass(frozen=True, eq=False)
class ColorViews:
    """Pictures of one object with their cameras; any number of views, any poses, any leading batch axes.

    Cameras are those of `cvxgeom.DepthViews`: pinholes in OpenCV's convention.

    Args:
        rgb: red, green, blue in [0, 1], as displayed (sRGB). What the background looks like does not matter.
        mask: which pixels show the object.
        intrinsics: camera frame → pixels.
        extrinsics: object frame → camera frame, homogeneous.

    Raises:
        TypeError: a field is not a floating-point tensor, or the mask not a boolean one.
        ValueError: shapes, dtypes or devices do not fit, a color is not within [0, 1], or a camera is not finite.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> mask = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth[None].isfinite()
        >>> gray = torch.full((1, 3, 32, 32), 0.5)
        >>> views = ColorViews(gray, mask, camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> views.n_views, views.batch_size, views.unsqueeze().batch_size
        (1, torch.Size([]), torch.Size([1]))
    """

    rgb: Float[Tensor, "*batch V 3 h w"]
    mask: Bool[Tensor, "*batch V h w"]
    intrinsics: Float[Tensor, "*batch V 3 3"]
    extrinsics: Float[Tensor, "*batch V 4 4"]

    def __post_init__(self) -> None:
        check_tensor("rgb", self.rgb, (None, 3, None, None))
        *lead, _, h, w = self.rgb.shape
        if 0 in (lead[-1], h, w):
            raise ValueError(f"rgb must have at least one view and one pixel, got {describe(self.rgb)}")
        if not isinstance(self.mask, Tensor) or self.mask.dtype != torch.bool:
            raise TypeError(f"mask must be a boolean tensor, got {describe(self.mask)}")
        if tuple(self.mask.shape) != (*lead, h, w):
            raise ValueError(f"mask must have shape {(*lead, h, w)} as rgb demands, got {describe(self.mask)}")
        check_cameras("rgb", self.rgb, lead, self.intrinsics, self.extrinsics)
        check_same_device(rgb=self.rgb, mask=self.mask, intrinsics=self.intrinsics, extrinsics=self.extrinsics)
        if self.rgb.numel():
            low, high = (float(value) for value in self.rgb.detach().aminmax())
            if not (low >= 0 and high <= 1):  # NaN too
                raise ValueError(f"rgb must be within 0 and 1, got {low:.3g} to {high:.3g}")

    @property
    def n_views(self) -> int:
        """V."""
        return self.rgb.shape[-4]

    @property
    def batch_size(self) -> torch.Size:
        """Sizes of the leading axes; empty for a single object."""
        return self.rgb.shape[:-4]

    def to(self, target: torch.dtype | torch.device | str) -> "ColorViews":
        """The same views in another number type or on another device."""
        mask = self.mask if isinstance(target, torch.dtype) else self.mask.to(target)
        return ColorViews(self.rgb.to(target), mask, self.intrinsics.to(target), self.extrinsics.to(target))

    def select(self, views: Sequence[int] | Tensor) -> "ColorViews":
        """Only some of the views, in the order given.

        Raises:
            IndexError: there is no such view.
        """
        chosen = torch.as_tensor(views, device=self.rgb.device)
        parts = (self.rgb, -4), (self.mask, -3), (self.intrinsics, -3), (self.extrinsics, -3)
        return ColorViews(*(value.index_select(axis, chosen) for value, axis in parts))

    def unsqueeze(self) -> "ColorViews":
        """The same with a leading batch axis of one object."""
        return ColorViews(self.rgb[None], self.mask[None], self.intrinsics[None], self.extrinsics[None])

    def moved(self, matrix: Float[Tensor, "*#batch 4 4"]) -> "ColorViews":
        """The same pictures of an object moved by any affine map, x ↦ A x, such as a mirror or a stretch.

        Args:
            matrix: A, homogeneous and invertible.
        """
        moved = copy(self)  # not checked again: that would cost a pass over all pixels
        object.__setattr__(moved, "extrinsics", moved_extrinsics(self.extrinsics, matrix))
        return moved
