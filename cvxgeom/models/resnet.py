"""The paper's image encoder: a ResNet-18 over all views, stacked as channels."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, relu

from .._checks import describe
from ..color import ColorViews
from ..depth import DepthViews
from .unit import UnitViews

_COLOR_SIZE = 224  # to which color images are resized, as in the paper


class ResNet(nn.Module):
    """ResNet-18 (version 1) from images with any number of channels to a latent vector, trained from scratch.

    What the paper's TensorFlow code does otherwise than torchvision is done here: where a strided layer pads by an odd
    number of pixels, the right and the bottom get one more ("same"), batch normalization has ε = 10⁻³ and keeps 99 % of
    its running statistics, and weights start as Glorot's.

    Args:
        n_channels: of the images.
        latent: size of the latent vector.
        width: channels of the first stage.
        light: one residual block a stage instead of two, and no doubling of the channels before the last stage.

    Source: He et al., Deep Residual Learning, CVPR 2016; the details from the official code of CvxNet.

    Example:
        >>> ResNet(n_channels=5, latent=64, width=8)(torch.rand(2, 5, 56, 56)).shape
        torch.Size([2, 64])
    """

    def __init__(self, n_channels: int, latent: int = 256, width: int = 64, light: bool = False) -> None:
        super().__init__()
        self.latent_size = latent
        self.first = _Convolution(n_channels, width, 7, stride=2)
        blocks, n = [], width
        for stage, factor in enumerate((1, 2, 4, 4 if light else 8)):
            for block in range(1 if light else 2):
                stride = 2 if stage and not block else 1
                blocks.append(_Block(n, factor * width, stride))
                n = factor * width
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(n, latent)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, images: Float[Tensor, "B C h w"]) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of images."""
        x = relu(self.first(images))
        x = nn.functional.max_pool2d(_same(x, 3, 2, -torch.inf), 3, 2)
        return self.head(self.blocks(x).mean(dim=(2, 3)))


class DepthImageEncoder(nn.Module):
    """Depth views, stacked as channels in their order, through a `ResNet`; it is not told where the cameras are.

    Depth is divided by the longest side of what is seen, so that neither the user's unit nor the object's size matters;
    the paper divides by a constant. Background and pixels without measurement are 0.

    Args:
        n_views: V; every object must come with so many views, of the same poses in training and use.
        latent: size of the latent vector.
        width: channels of the first stage.
        light: a smaller network.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth
        >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> DepthImageEncoder(n_views=1, latent=64, width=8).eval()(views.unsqueeze()).shape
        torch.Size([1, 64])
    """

    def __init__(self, n_views: int, latent: int = 256, width: int = 64, light: bool = False) -> None:
        super().__init__()
        self.n_views, self.latent_size = n_views, latent
        self.network = ResNet(n_views, latent, width, light)

    def forward(self, views: DepthViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects.

        Raises:
            ValueError: the views are not a batch, their number differs from that of the network, or an object is not
                seen.
        """
        return self.encode(UnitViews.of(views))

    def encode(self, unit: UnitViews) -> Float[Tensor, "B L"]:
        """The same of views in their unit frame.

        Raises:
            ValueError: the number of views differs from that of the network.
        """
        views = unit.views
        _check_views(views, self.n_views)
        return self.network(torch.where(views.seen, views.depth, 0.0) / unit.size[:, None, None, None])


class ColorImageEncoder(nn.Module):
    """Color views, stacked as channels in their order and resized to 224 × 224, through a `ResNet`.

    It is not told where the cameras are. Colors are taken as they are, in 0 to 1; the background is black.

    Args:
        n_views: V; every object must come with so many views.
        latent: size of the latent vector.
        width: channels of the first stage.
        light: a smaller network.

    Example:
        >>> gray, mask = torch.full((2, 1, 3, 32, 32), 0.5), torch.ones(2, 1, 32, 32, dtype=torch.bool)
        >>> views = ColorViews(gray, mask, torch.eye(3).expand(2, 1, 3, 3), torch.eye(4).expand(2, 1, 4, 4))
        >>> ColorImageEncoder(n_views=1, latent=64, width=8)(views).shape
        torch.Size([2, 64])
    """

    def __init__(self, n_views: int, latent: int = 256, width: int = 64, light: bool = False) -> None:
        super().__init__()
        self.n_views, self.latent_size = n_views, latent
        self.network = ResNet(3 * n_views, latent, width, light)

    def forward(self, views: ColorViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects.

        Raises:
            ValueError: the views are not a batch, or their number differs from that of the network.
        """
        _check_views(views, self.n_views)
        images = (views.rgb * views.mask[..., None, :, :]).flatten(1, 2)
        size = (_COLOR_SIZE, _COLOR_SIZE)
        return self.network(interpolate(images, size, mode="bilinear", align_corners=False))


class _Convolution(nn.Module):
    """Convolution and batch normalization."""

    def __init__(self, n_in: int, n_out: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.size, self.stride = size, stride
        self.convolution = nn.Conv2d(n_in, n_out, size, stride, bias=False)
        self.norm = nn.BatchNorm2d(n_out, eps=1e-3, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.convolution(_same(x, self.size, self.stride, 0.0)))


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.first = _Convolution(n_in, n_out, 3, stride)
        self.second = _Convolution(n_out, n_out, 3)
        self.shortcut = _Convolution(n_in, n_out, 1, stride) if stride > 1 or n_in != n_out else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.shortcut(x) + self.second(relu(self.first(x))))


def _same(x: Float[Tensor, "B C h w"], size: int, stride: int, value: float) -> Float[Tensor, "B C h2 w2"]:
    """Pad so that a layer of this kernel size returns ⌈n / stride⌉ rows and columns, as TensorFlow does."""
    sides = []
    for n in (x.shape[-1], x.shape[-2]):
        total = max(0, (-(-n // stride) - 1) * stride + size - n)
        sides += [total // 2, total - total // 2]
    return pad(x, sides, value=value) if any(sides) else x


def _check_views(views: DepthViews | ColorViews, n_views: int) -> None:
    images = views.depth if isinstance(views, DepthViews) else views.rgb
    if len(views.batch_size) != 1:
        raise ValueError(f"views must have one batch axis, got {describe(images)}")
    if views.n_views != n_views:
        raise ValueError(f"views must be {n_views} an object for this network, got {views.n_views}")
