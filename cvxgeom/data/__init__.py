"""Left of the arrow: from any mesh to a solid, and from a solid to labeled points."""

from .furniture import FurnitureEntry, FurnitureLibrary
from .normalization import Normalization, normalize
from .readers import read_mesh
from .sampling import LabeledPoints, sample_inside, sample_near_surface, sample_surface, sample_uniform
from .solid import Solid, solidify

__all__ = [
    "FurnitureEntry",
    "FurnitureLibrary",
    "LabeledPoints",
    "Normalization",
    "Solid",
    "normalize",
    "read_mesh",
    "sample_inside",
    "sample_near_surface",
    "sample_surface",
    "sample_uniform",
    "solidify",
]
