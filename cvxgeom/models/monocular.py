"""Depth from one color view: a small 2-D network that knows where the object's frame stands."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, normalize

from .._checks import describe
from ..color import ColorViews
from ..depth import DepthViews

_WIDTHS = (24, 48, 96, 192)  # at 1/2, 1/4, 1/8 and 1/16 of the image
_FINE = 8  # channels at the full size
_N_CHANNELS = 9  # of the input
_NEAREST = 0.05  # of the distance of the frame's origin: no surface comes closer to the camera


class MonocularDepth(nn.Module):
    """The depth of each masked pixel from its color and everything around it, view by view.

    What it predicts is *relative*: 0 at the distance of the object frame's origin, ±1 at half the height of the image
    there. So it knows the scale and the distance from the camera alone, and only has to see the form. It also knows in
    which direction of the object frame each pixel looks: bumps from above are hollows from below. Made for pictures of
    128 × 128 pixels that the object nearly fills.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> mask = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth[None].isfinite()
        >>> gray, pinhole = torch.full((1, 3, 32, 32), 0.5), camera.intrinsics[None].float()
        >>> found = MonocularDepth()(ColorViews(gray, mask, pinhole, camera.extrinsics[None].float()))
        >>> found.depth.shape, bool((found.seen == mask).all())
        (torch.Size([1, 32, 32]), True)
    """

    def __init__(self) -> None:
        super().__init__()
        n = _WIDTHS
        self.fine = nn.Conv2d(_N_CHANNELS, _FINE, 3, padding=1)
        self.downs = nn.ModuleList(
            nn.Sequential(_Block(a, b, stride=2), _Block(b, b)) for a, b in zip((_N_CHANNELS, *n[:-1]), n, strict=True)
        )
        # All of the image at once, at the coarsest level.
        self.whole = nn.Linear(n[-1], n[-1])
        self.middle = _Block(n[-1], n[-1])
        self.ups = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a + b, b, 1), _Block(b, b)) for a, b in zip(n[:0:-1], n[-2::-1], strict=True)
        )
        self.reduce = nn.Conv2d(n[0], 2 * _FINE, 1)
        self.last = nn.Sequential(
            nn.Conv2d(3 * _FINE, _FINE, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(_FINE, 1, 3, padding=1)
        )
        with torch.no_grad():  # training starts from a nearly flat surface
            self.last[-1].weight.mul_(0.1)  # pyright: ignore[reportCallIssue]
            nn.init.zeros_(self.last[-1].bias)  # pyright: ignore[reportArgumentType]

    def forward(self, views: ColorViews) -> DepthViews:
        """Depth views with the cameras of the color views; +∞ outside the mask.

        Args:
            views: of one object or a batch. The cameras need only be roughly right in direction, but exact in their
                distance from the origin of the object frame.

        Raises:
            ValueError: height or width is not a multiple of 16, or the object frame's origin lies behind a camera.
        """
        distance = views.extrinsics[..., 2, 3]
        if not bool((distance > 0).all()):
            raise ValueError("extrinsics must put the object frame's origin before every camera, got one behind")
        half = distance * (views.rgb.shape[-2] / 2) / views.intrinsics[..., 1, 1]
        depth = distance[..., None, None] + half[..., None, None] * self.relative(views).to(views.rgb.dtype)
        depth = torch.maximum(depth, _NEAREST * distance[..., None, None])
        return DepthViews(depth.masked_fill(~views.mask, torch.inf), views.intrinsics, views.extrinsics)

    def relative(self, views: ColorViews) -> Float[Tensor, "*batch V h w"]:
        """The relative depth of every pixel, in float32; it means something inside the mask alone.

        Raises:
            ValueError: height or width is not a multiple of 16.
        """
        h, w = views.rgb.shape[-2:]
        if h % 16 or w % 16:
            raise ValueError(f"rgb must have a height and width that are multiples of 16, got {describe(views.rgb)}")
        # Channels last: twice as fast on a CPU.
        x = _channels(views).to(self.fine.weight.dtype).contiguous(memory_format=torch.channels_last)
        fine, levels = self.fine(x), []
        for down in self.downs:
            x = down(x)
            levels.append(x)
        x = self.middle(x + self.whole(x.mean(dim=(2, 3)))[..., None, None])
        for up, skip in zip(self.ups, levels[-2::-1], strict=True):
            x = up(torch.cat([_doubled(x), skip], dim=1))
        x = torch.cat([_doubled(self.reduce(x)), fine], dim=1)
        return self.last(leaky_relu(x, 0.2))[:, 0].unflatten(0, views.mask.shape[:-2]).float()


def depth_of(views: DepthViews | ColorViews, monocular: MonocularDepth | None) -> DepthViews:
    """Depth views as they are, color views through the network that estimates their depth.

    Raises:
        TypeError: they are neither, or color views and there is no such network.
    """
    if isinstance(views, DepthViews):
        return views
    if isinstance(views, ColorViews) and monocular is not None:
        return monocular(views)
    kind, wanted = ("depth", DepthViews) if monocular is None else ("color", ColorViews)
    raise TypeError(f"views must be {wanted.__name__} for a {kind} model, got {describe(views)}")


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int = 1) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(n_in, n_out, 4 if stride == 2 else 3, stride, padding=1)
        self.norm = nn.GroupNorm(8, n_out)
        self.is_residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = leaky_relu(self.norm(self.convolution(x)), 0.2)
        return x + y if self.is_residual else y


def _doubled(x: Float[Tensor, "M C h w"]) -> Float[Tensor, "M C 2*h 2*w"]:
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _channels(views: ColorViews) -> Float[Tensor, "M 9 h w"]:
    """Colors inside the mask, the mask, and the ray of each pixel: where it meets the image plane, in units of half the
    image's height, and its direction in the object frame.
    """
    h, w = views.rgb.shape[-2:]
    rgb, mask = views.rgb.flatten(0, -4), views.mask.flatten(0, -3)[:, None].to(views.rgb.dtype)
    k = views.intrinsics.flatten(0, -3)
    half = (h / 2) / k[:, 1, 1]
    row, column = (torch.arange(n, dtype=rgb.dtype, device=rgb.device) + 0.5 for n in (h, w))
    across = ((column - k[:, :1, 2]) / k[:, :1, 0])[:, None].expand(-1, h, w)
    down = ((row - k[:, 1:2, 2]) / k[:, 1:2, 1])[:, :, None].expand(-1, h, w)
    rays = torch.stack([across, down, torch.ones_like(down)], dim=1)
    to_object = torch.linalg.inv(views.extrinsics.flatten(0, -3)[:, :3, :3])
    directions = normalize(torch.einsum("mij,mjhw->mihw", to_object, rays), dim=1)
    return torch.cat([rgb * mask, mask, rays[:, :2] / half[:, None, None, None], directions], dim=1)
