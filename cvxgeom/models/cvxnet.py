"""CvxNet: from what cameras saw to a union of convexes."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from .._checks import check_choice, describe
from ..color import ColorViews
from ..depth import DepthViews
from ..shape import ConvexUnion
from .anchored import AnchoredDecoder
from .config import CvxNetConfig
from .decoder import MlpDecoder
from .grid import GridEncoder
from .monocular import MonocularDepth, depth_of
from .points import PointEncoder
from .resnet import ColorImageEncoder, DepthImageEncoder
from .unit import UnitViews
from .weights import read_weights, write_weights

WEIGHTS = Path(__file__).parent.parent / "assets" / "weights"
PRETRAINED = ("furniture-depth20", "furniture-depth1", "furniture-rgb1")
_FORMAT = "cvxgeom-cvxnet-1"
_REACH = 0.75  # half the side of the box, in the unit frame, that no predicted convex leaves


class CvxNet(nn.Module):
    """A network that predicts a union of convexes from depth views or color views of an object.

    Depth is looked at in the frame of what is seen (middle and longest side of its box), so the prediction moves and
    scales with the object: any unit, any place. It does not turn with it: y points up and z to the object's front.

    Args:
        config: sizes; `PRESETS` has named ones.

    Example:
        >>> model = CvxNet(CvxNetConfig(n_convexes=12, width=8, token=32, n_layers=1))
        >>> camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(32, 32))
        >>> depth = cvxgeom.render.render_maps(cvxgeom.box(), camera).depth
        >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> model(views)
        ConvexUnion(n_convexes=12, n_halfspaces=24, torch.float32)
    """

    def __init__(self, config: CvxNetConfig) -> None:
        super().__init__()
        self.config = config
        reads_depth = config.encoder in ("grid", "points")
        self.monocular = MonocularDepth() if config.input == "color" and reads_depth else None
        if config.encoder == "grid":
            self.encoder: nn.Module = GridEncoder(config.latent, config.width)
        elif config.encoder == "points":
            self.encoder = PointEncoder(config.latent)
        else:
            kind = ColorImageEncoder if config.input == "color" else DepthImageEncoder
            self.encoder = kind(config.n_views, config.latent, config.width, light=config.encoder == "resnet-light")
        if config.decoder == "anchored":
            assert isinstance(self.encoder, GridEncoder)
            n_free = config.n_convexes // 6
            self.decoder: nn.Module = AnchoredDecoder(
                config.latent,
                self.encoder.n_channels,
                config.n_convexes - n_free,
                n_free,
                config.token,
                config.n_layers,
                config.n_fits,
            )
        else:
            self.decoder = MlpDecoder(config.latent, config.n_convexes, config.n_halfspaces)

    def forward(self, views: DepthViews | ColorViews) -> ConvexUnion:
        """The predicted union, batched as the views are, in their object frame.

        Of the anchored decoder each convex has six more half-spaces than configured, which bound it.

        Args:
            views: of one object or a batch; depth or color as the configuration says. A model that estimates the depth
                of color views takes depth views, too.

        Raises:
            TypeError: the views are of the other kind.
            ValueError: an object is not seen, or an image encoder was made for another number of views.
        """
        if not views.batch_size:
            return self(views.unsqueeze())[0]
        return self._stages(views, self.config.hardness, bounded=True)[-1]

    def stages(self, views: DepthViews | ColorViews, hardness: float | None = None) -> list[ConvexUnion]:
        """The unions that the decoder goes through, the last one best: training looks at all of them.

        Unlike those of a prediction, their convexes may be unbounded.

        Args:
            views: as for a prediction.
            hardness: of the anchored decoder: sharpness of each convex in units of 1 / its inradius; as configured, if
                not given.
        """
        hardness = self.config.hardness if hardness is None else hardness
        if not views.batch_size:
            return [shape[0] for shape in self.stages(views.unsqueeze(), hardness)]
        return self._stages(views, hardness, bounded=False)

    def _stages(self, views: DepthViews | ColorViews, hardness: float, bounded: bool) -> list[ConvexUnion]:
        seen = self._depth(views)
        if isinstance(seen, ColorViews):
            return [self.decoder(self.encoder(seen))]
        unit = UnitViews.of(seen)
        if isinstance(self.decoder, AnchoredDecoder):
            assert isinstance(self.encoder, GridEncoder)
            latent, grids = self.encoder.features(unit)
            unions = self.decoder(unit, latent, grids, hardness)
            unions = [_bounded(unions[-1])] if bounded else unions
        else:
            assert isinstance(self.encoder, GridEncoder | PointEncoder | DepthImageEncoder)
            unions = [self.decoder(self.encoder.encode(unit))]
        return [unit.to_user(union) for union in unions]

    def encode(self, views: DepthViews | ColorViews) -> Float[Tensor, "B L"]:
        """Latent vectors of a batch of objects."""
        return self.encoder(self._depth(views if views.batch_size else views.unsqueeze()))

    def _depth(self, views: DepthViews | ColorViews) -> DepthViews | ColorViews:
        """What the encoder reads."""
        if self.config.input == "depth" or self.monocular is not None:
            return depth_of(views, self.monocular)
        if not isinstance(views, ColorViews):
            raise TypeError(f"views must be ColorViews for a color model, got {describe(views)}")
        return views

    # -- files --------------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike, dtype: torch.dtype = torch.float32) -> None:
        """Write weights and configuration to one ``.safetensors`` file.

        Args:
            path: the file to create or replace.
            dtype: number type of the weights in the file.
        """
        write_weights(path, self, {"format": _FORMAT, "config": json.dumps(asdict(self.config))}, dtype)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "CvxNet":
        """A model from a file that `save` wrote, in float32 and evaluation mode.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is not such a file, or its weights are of another configuration.
        """
        return read_weights(path, _FORMAT, lambda config: cls(CvxNetConfig(**config))).eval()

    @classmethod
    def from_pretrained(cls, name: str) -> "CvxNet":
        """A model that comes with the package; no network is needed.

        Args:
            name: ``"furniture-depth20"`` (several depth views), ``"furniture-depth1"`` (one) or ``"furniture-rgb1"``
                (one color view).

        Raises:
            ValueError: there is no such model.
            FileNotFoundError: its weights were left out of this installation.
        """
        check_choice("name", name, PRETRAINED)
        path = WEIGHTS / f"{name}.safetensors"
        if not path.exists():
            raise FileNotFoundError(
                f"the weights {name} do not come with this version; scripts/train_weights.sh makes them"
            )
        return cls.load(path)


def _bounded(shape: ConvexUnion) -> ConvexUnion:
    """The same with six more half-spaces for each convex: a box about the unit frame with room for hidden parts."""
    axes = torch.eye(3, dtype=shape.dtype, device=shape.device)
    box = torch.cat([axes, -axes]).expand(*shape.translations.shape[:-1], 6, 3)
    reach = (_REACH - (box * shape.translations[..., None, :]).sum(dim=-1)).clamp(min=0.01)
    return replace(
        shape, normals=torch.cat([shape.normals, box], dim=-2), offsets=torch.cat([shape.offsets, -reach], dim=-1)
    )
