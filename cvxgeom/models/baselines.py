"""Other answers to the same question, with the same encoders: an occupancy decoder and a voxel decoder."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from .._checks import check_choice
from ..color import ColorViews
from ..depth import DepthViews
from .grid import HALF, GridEncoder
from .monocular import MonocularDepth, depth_of
from .unit import UnitViews
from .weights import read_weights, write_weights

DECODERS = ("occupancy", "voxel")
_FORMAT = "cvxgeom-fieldnet-1"


@dataclass(frozen=True, eq=False)
class Field:
    """A solid, or a batch of them, that can be asked at points of the views' object frame.

    Attributes:
        logits: points (*batch, N, 3) → (*batch, N) numbers greater than 0 inside.
    """

    logits: Callable[[Tensor], Tensor]

    def contains(self, points: Float[Tensor, "*batch N 3"]) -> Bool[Tensor, "*batch N"]:
        """Which points are inside."""
        return self.logits(points) > 0


class FieldNet(nn.Module):
    """Latent vector of a geometry-aware encoder → occupancy, by one of two well-known decoders.

    Args:
        decoder: ``"occupancy"``: a point and the latent vector through a conditional MLP (Occupancy Networks, Mescheder
            et al., CVPR 2019). ``"voxel"``: the latent vector through transposed convolutions to a 64³ grid.
        latent: size of the latent vector.
        width: of the encoder.
        color: whether the input are color views, whose depth is estimated first.

    Raises:
        ValueError: there is no such decoder.

    Example:
        >>> model = FieldNet("voxel", latent=32, width=8)
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth
        >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> model(views).contains(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    def __init__(self, decoder: str, latent: int = 256, width: int = 32, color: bool = False) -> None:
        super().__init__()
        check_choice("decoder", decoder, DECODERS)
        self.config = {"decoder": decoder, "latent": latent, "width": width, "color": color}
        self.monocular = MonocularDepth() if color else None
        self.encoder = GridEncoder(latent, width)
        self.decoder = _Occupancy(latent) if decoder == "occupancy" else _Voxels(latent)

    def forward(self, views: DepthViews | ColorViews) -> Field:
        """The field, batched as the views are.

        Raises:
            TypeError: the views are of the other kind.
            ValueError: an object is not seen.
        """
        if not views.batch_size:
            batched = self(views.unsqueeze())
            return Field(lambda points: batched.logits(points[None])[0])
        unit = UnitViews.of(depth_of(views, self.monocular))
        decode = self.decoder(self.encoder.encode(unit))
        return Field(lambda points: decode(unit.to_unit(points)))

    def encode(self, views: DepthViews | ColorViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects."""
        return self.encoder(depth_of(views if views.batch_size else views.unsqueeze(), self.monocular))

    def save(self, path: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write weights and configuration to one ``.safetensors`` file."""
        write_weights(path, self, {"format": _FORMAT, "config": json.dumps(self.config)}, dtype)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "FieldNet":
        """A model from a file that `save` wrote, in evaluation mode.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not such a file, or its weights are of another configuration.
        """
        return read_weights(path, _FORMAT, lambda config: cls(**config)).eval()


class _Occupancy(nn.Module):
    """Residual blocks over points, each scaled and shifted by the latent vector."""

    def __init__(self, latent: int, width: int = 128, n_blocks: int = 4) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.conditions = nn.ModuleList(nn.Linear(latent, 2 * width) for _ in range(n_blocks))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width))
            for _ in range(n_blocks)
        )
        self.last = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(width, 1))

    def forward(self, latent: Float[Tensor, "B L"]) -> Callable[[Tensor], Tensor]:
        conditions = [layer(latent)[:, None].chunk(2, dim=-1) for layer in self.conditions]

        def decode(points: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N"]:
            x = self.first(2 * points)  # about [-1, 1]
            for block, (scale, shift) in zip(self.blocks, conditions):
                x = x + block(x * (1 + scale) + shift)
            return self.last(x)[..., 0].float()

        return decode


class _Voxels(nn.Module):
    """Transposed convolutions from 4³ to 64³ logits over the frame of the grid encoder, interpolated between cells."""

    def __init__(self, latent: int, width: int = 128) -> None:
        super().__init__()
        self.first = nn.Linear(latent, width * 4**3)
        layers: list[nn.Module] = []
        for n in (width, width // 2, width // 4):
            layers += [nn.ConvTranspose3d(n, n // 2, 4, 2, padding=1), nn.GroupNorm(8, n // 2), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.ConvTranspose3d(width // 8, 1, 4, 2, padding=1))

    def forward(self, latent: Float[Tensor, "B L"]) -> Callable[[Tensor], Tensor]:
        logits = self.layers(self.first(latent).unflatten(-1, (-1, 4, 4, 4)).relu()).float()

        def decode(points: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N"]:
            place = (points / HALF).flip(-1)[:, :, None, None]
            found = nn.functional.grid_sample(logits, place, align_corners=False, padding_mode="border")
            outside = (points.abs() > HALF).any(dim=-1)
            return found[:, 0, :, 0, 0].masked_fill(outside, -10.0)

        return decode
