"""Triangle meshes of shapes: exact parts, watertight union, smooth surface; and mesh files."""

from .build import EmptyShapeError
from .export import export_mesh
from .gap import SurfaceGap, surface_gap
from .to_trimesh import to_trimesh

__all__ = ["EmptyShapeError", "SurfaceGap", "export_mesh", "surface_gap", "to_trimesh"]
