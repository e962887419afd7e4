"""An encoder of the seen points alone, without cameras and free space."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..depth import DepthViews
from .anchors import PIXELS, spread
from .unit import UnitViews

_POINTS = 2048
_WIDTH = 128


class PointEncoder(nn.Module):
    """A PointNet with residual blocks: every point meets the maximum over all points, again and again.

    Args:
        latent: size of the latent vector.

    Source: the point encoder of Occupancy Networks (Mescheder et al., CVPR 2019), smaller.

    Example:
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth
        >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> PointEncoder(latent=64)(views.unsqueeze()).shape
        torch.Size([1, 64])
    """

    def __init__(self, latent: int = 256) -> None:
        super().__init__()
        self.latent_size = latent
        self.first = nn.Linear(3, _WIDTH)
        self.blocks = nn.ModuleList(_Block(_WIDTH) for _ in range(4))
        self.head = nn.Linear(_WIDTH, latent)

    def forward(self, views: DepthViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects.

        Raises:
            ValueError: the views have not exactly one batch axis, or an object is not seen.
        """
        return self.encode(UnitViews.of(views))

    def encode(self, unit: UnitViews) -> Float[Tensor, "B L"]:
        """The same of views in their unit frame."""
        x = self.first(2 * seen_points(unit, _POINTS))  # about [-1, 1]
        for block in self.blocks:
            x = block(x)
        return self.head(leaky_relu(x.amax(dim=1), 0.2))


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.whole = nn.Linear(width, width, bias=False)

    def forward(self, x: Float[Tensor, "B N W"]) -> Float[Tensor, "B N W"]:
        x = leaky_relu(x, 0.2)
        return x + self.second(leaky_relu(self.first(x) + self.whole(x.amax(dim=1, keepdim=True)), 0.2))


def seen_points(unit: UnitViews, n: int) -> Float[Tensor, "B n 3"]:
    """At most n seen points of each object, spread over the pixels of all views; unit frame, without gradients.

    Deterministic. An object with fewer points repeats one of them, which no maximum notices.
    """
    with torch.no_grad():
        points = unit.views.points(unit.views.stride(PIXELS)).flatten(1, -2)
        chosen, seen = spread(points, n)
        index = torch.where(seen, chosen, chosen[:, :1])
        return points.gather(1, index[..., None].expand(-1, -1, 3))
