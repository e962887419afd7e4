"""From meshes to a dataset: points with labels, depth maps and pictures of many shapes."""

from .check import check_dataset
from .config import PrepareConfig
from .item import Item, Loaded
from .pipeline import prepare
from .sources import open_source

__all__ = ["Item", "Loaded", "PrepareConfig", "check_dataset", "open_source", "prepare"]
