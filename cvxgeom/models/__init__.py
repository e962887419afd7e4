"""Networks that predict unions of convexes."""

from .baselines import Field, FieldNet
from .config import PRESETS, CvxNetConfig
from .cvxnet import CvxNet
from .grid import GridEncoder
from .presets import preset

__all__ = ["PRESETS", "CvxNet", "CvxNetConfig", "Field", "FieldNet", "GridEncoder", "preset"]
