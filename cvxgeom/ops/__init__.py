"""The mathematics that everything stands on: tensors in, tensors out, no state."""

from ._dispatch import available_backends, backend
from .evidence import depth_evidence
from .grid import sample_grid
from .indicator import convex_indicator, convex_sdf, union_contains, union_indicator, union_sdf
from .raycast import RayHits, raycast
from .training import TrainingIndicators, training_indicators

__all__ = [
    "RayHits",
    "TrainingIndicators",
    "available_backends",
    "backend",
    "convex_indicator",
    "convex_sdf",
    "depth_evidence",
    "raycast",
    "sample_grid",
    "training_indicators",
    "union_contains",
    "union_indicator",
    "union_sdf",
]
