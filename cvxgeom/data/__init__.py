"""Left of the arrow: from any mesh to a solid, from a solid to labeled points, and datasets."""

from .dataset import ColorMaps, Dataset, DepthMaps, Record
from .furniture import FurnitureEntry, FurnitureLibrary
from .manifest import write_dataset
from .normalization import Normalization, normalize
from .readers import MESH_ENDINGS, mesh_files, read_mesh
from .records import Arrays, Facts
from .sampling import LabeledPoints, sample_inside, sample_near_surface, sample_surface, sample_uniform
from .seen import color_views, depth_views
from .solid import Solid, solidify
from .volumes import VolumePoints, volume_points

__all__ = [
    "MESH_ENDINGS",
    "Arrays",
    "ColorMaps",
    "Dataset",
    "DepthMaps",
    "Facts",
    "FurnitureEntry",
    "FurnitureLibrary",
    "LabeledPoints",
    "Normalization",
    "Record",
    "Solid",
    "VolumePoints",
    "color_views",
    "depth_views",
    "mesh_files",
    "normalize",
    "read_mesh",
    "sample_inside",
    "sample_near_surface",
    "sample_surface",
    "sample_uniform",
    "solidify",
    "volume_points",
    "write_dataset",
]
