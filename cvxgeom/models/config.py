"""Which network: configurations, and the named ones."""

from dataclasses import dataclass
from typing import Literal

from .._checks import check_choice, check_positive

ENCODERS = ("grid", "resnet18", "resnet-light", "points")
DECODERS = ("anchored", "mlp")
INPUTS = ("depth", "color")


@dataclass(frozen=True)
class CvxNetConfig:
    """The sizes of a `CvxNet`.

    Args:
        input: ``"depth"``: depth views. ``"color"``: color views; their depth is estimated first, except by an image
            encoder, which reads the colors themselves.
        encoder: ``"grid"`` fuses any number of depth views with their cameras; ``"resnet18"`` (the paper's) and
            ``"resnet-light"`` stack ``n_views`` images as channels; ``"points"`` takes the seen points alone.
        decoder: ``"anchored"`` (ours, needs the grid) or ``"mlp"`` (the paper's).
        n_convexes: K. Of the anchored decoder, a sixth is placed freely and the others start at anchors.
        n_halfspaces: H of the MLP decoder; the anchored one has 18.
        n_views: how many views an image encoder takes.
        latent: size of the latent vector.
        width: channels of the finest features of the grid, or of the first stage of an image encoder.
        token: size of a token of the anchored decoder.
        n_layers: of attention in it.
        n_fits: rounds in which it fits planes to the views.
        hardness: of its convexes, sharpness in units of 1 / inradius. Where much has to be guessed, softer ones learn
            better.

    Raises:
        ValueError: a choice is unknown, a number is not positive, or encoder and decoder do not fit.
    """

    input: Literal["depth", "color"] = "depth"
    encoder: Literal["grid", "resnet18", "resnet-light", "points"] = "grid"
    decoder: Literal["anchored", "mlp"] = "anchored"
    n_convexes: int = 48
    n_halfspaces: int = 18
    n_views: int = 20
    latent: int = 256
    width: int = 32
    token: int = 192
    n_layers: int = 3
    n_fits: int = 2
    hardness: float = 12.0

    def __post_init__(self) -> None:
        check_choice("input", self.input, INPUTS)
        check_choice("encoder", self.encoder, ENCODERS)
        check_choice("decoder", self.decoder, DECODERS)
        for name in ("n_convexes", "n_halfspaces", "n_views", "latent", "width", "token", "hardness"):
            check_positive(name, getattr(self, name))
        if self.decoder == "anchored" and self.encoder != "grid":
            raise ValueError(f'encoder must be "grid" for the anchored decoder, got {self.encoder!r}')
        if self.decoder == "anchored" and self.n_halfspaces != 18:
            raise ValueError(f"n_halfspaces must be 18 for the anchored decoder, got {self.n_halfspaces}")


PRESETS: dict[str, CvxNetConfig] = {
    "paper-depth": CvxNetConfig(encoder="resnet18", decoder="mlp", n_convexes=50, n_halfspaces=50, width=64),
    "paper-rgb": CvxNetConfig(
        input="color", encoder="resnet18", decoder="mlp", n_convexes=50, n_halfspaces=25, n_views=1, width=64
    ),
    "furniture-depth20": CvxNetConfig(),
    "furniture-depth1": CvxNetConfig(hardness=4.0),
    "furniture-rgb1": CvxNetConfig(input="color", hardness=4.0),
}
