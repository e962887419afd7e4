"""Winding numbers of closed triangle meshes on kernels; their definition is `cvxgeom.data.winding`."""

from .._dispatch import serves_arrays
from .cpu import winding_number

__all__ = ["serves_arrays", "winding_number"]
