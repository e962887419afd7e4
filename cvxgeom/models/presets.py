"""Networks by name, with fresh weights."""

from .._checks import check_choice
from .baselines import FieldNet
from .config import PRESETS
from .cvxnet import CvxNet

# With the encoder and the latent size of ours, trained alike: what a decoder of convexes is compared with.
FIELDS = tuple(f"{decoder}-{input}" for decoder in ("occupancy", "voxel") for input in ("depth20", "depth1", "rgb1"))


def preset(name: str) -> CvxNet | FieldNet:
    """A model of a named configuration, with fresh weights.

    Args:
        name: one of `cvxgeom.models.PRESETS`, or a baseline: ``"occupancy-depth20"``, ``"voxel-rgb1"`` and the like.

    Raises:
        ValueError: there is no such configuration.

    Example:
        >>> preset("voxel-depth1").config["decoder"]
        'voxel'
    """
    check_choice("name", name, (*PRESETS, *FIELDS))
    if name in PRESETS:
        return CvxNet(PRESETS[name])
    decoder, _, seen = name.partition("-")
    return FieldNet(decoder, color=seen == "rgb1")
