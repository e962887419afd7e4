"""A geometry-aware encoder: any number of depth views, fused with their cameras into a coarse grid of evidence."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from ..depth import DepthViews
from .unit import UnitViews

RESOLUTION = 32
HALF = 0.6  # the grid reaches from -HALF to HALF: hidden parts may lie beyond what is seen
_CHANNELS = 7


class GridFeatures(tuple[Tensor, ...]):
    """Feature grids over the unit frame, from fine to coarse, each (B, C, R, R, R)."""

    def at(self, points: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N C"]:
        """The features of all grids at points of the unit frame, interpolated, one behind the other."""
        place = (points / HALF).flip(-1)[:, :, None, None]  # grid_sample wants the last axis of the grid first
        found = [nn.functional.grid_sample(f, place, align_corners=False, padding_mode="border") for f in self]
        return torch.cat([f[..., 0, 0].mT for f in found], dim=-1)


class GridEncoder(nn.Module):
    """Evidence of the views on a 32³ grid over the unit frame, encoded by strided 3-D convolutions.

    What a cell holds: how far it is hidden (on two scales), how near the seen surface is, whether any view knows it,
    and its place. The number of views and their poses only decide how much is known.

    Args:
        latent: size of the latent vector.
        width: channels of the finest features (16³); doubled twice.

    Example:
        >>> encoder = GridEncoder(latent=64, width=8)
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth
        >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> encoder(views.unsqueeze()).shape
        torch.Size([1, 64])
    """

    places: Tensor

    def __init__(self, latent: int = 256, width: int = 32) -> None:
        super().__init__()
        self.latent_size = latent
        self.n_channels = 7 * width  # of all features together
        axis = ((torch.arange(RESOLUTION) + 0.5) / RESOLUTION * 2 - 1) * HALF
        cells = torch.cartesian_prod(axis, axis, axis)
        self.register_buffer("places", cells, persistent=False)
        self.levels = nn.ModuleList(
            nn.Sequential(_Block(n_in, n_out, stride=2), _Block(n_out, n_out, stride=1))
            for n_in, n_out in ((_CHANNELS, width), (width, 2 * width), (2 * width, 4 * width))
        )
        self.head = nn.Linear(8 * width, latent)

    def forward(self, views: DepthViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects."""
        return self.encode(UnitViews.of(views))

    def encode(self, unit: UnitViews) -> Float[Tensor, "B L"]:
        """The same of views in their unit frame."""
        return self.features(unit)[0]

    def features(self, unit: UnitViews) -> tuple[Float[Tensor, "B L"], GridFeatures]:
        """Latent vectors, and the feature grids that they were made of."""
        features, grid = [], self._grid(unit)
        for level in self.levels:
            grid = level(grid)
            features.append(grid)
        return self.head(torch.cat([grid.mean(dim=(2, 3, 4)), grid.amax(dim=(2, 3, 4))], dim=-1)), GridFeatures(
            features
        )

    def _grid(self, unit: UnitViews) -> Float[Tensor, "B C R R R"]:
        n = len(unit.size)
        hidden, surface = unit.evidence(self.places.to(unit.center).expand(n, -1, -1))
        channels = (
            (hidden / 0.15).clamp(-1, 1),
            (hidden / 0.03).clamp(-1, 1),
            (-surface / 0.05).exp(),
            (hidden == torch.inf).to(hidden),
            *self.places.to(hidden).T[:, None].expand(3, n, -1),
        )
        return torch.stack(channels, dim=1).unflatten(-1, (RESOLUTION,) * 3)


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(n_in, n_out, 4 if stride == 2 else 3, stride, padding=1)
        self.norm = nn.GroupNorm(8, n_out)
        self.is_residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.leaky_relu(self.norm(self.convolution(x)), 0.2)
        return x + y if self.is_residual else y
