"""Networks that predict unions of convexes."""

from .baselines import Field, FieldNet
from .config import PRESETS, CvxNetConfig
from .cvxnet import CvxNet, preset
from .grid import GridEncoder

__all__ = ["PRESETS", "CvxNet", "CvxNetConfig", "Field", "FieldNet", "GridEncoder", "preset"]
