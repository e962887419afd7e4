"""What a fit can start from: each kind of source becomes a target."""

from .cloud import PointCloud, from_cloud
from .depth import Completed, from_views
from .field import Field, from_field
from .grid import OccupancyGrid, from_grid
from .solid import from_labeled, from_solid
from .target import Contains, Target

__all__ = [
    "Completed",
    "Contains",
    "Field",
    "OccupancyGrid",
    "PointCloud",
    "Target",
    "from_cloud",
    "from_field",
    "from_grid",
    "from_labeled",
    "from_solid",
    "from_views",
]
