"""The mathematics that everything stands on: tensors in, tensors out, no state."""

from ._dispatch import available_backends, backend
from .indicator import convex_indicator, convex_sdf, union_contains, union_indicator, union_sdf
from .raycast import RayHits, raycast

__all__ = [
    "RayHits",
    "available_backends",
    "backend",
    "convex_indicator",
    "convex_sdf",
    "raycast",
    "union_contains",
    "union_indicator",
    "union_sdf",
]
