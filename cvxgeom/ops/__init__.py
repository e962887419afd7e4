"""The mathematics that everything stands on: tensors in, tensors out, no state."""

from ._dispatch import available_backends, backend
from .cuts import cut_excess, points_within, weight_below
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
    "cut_excess",
    "depth_evidence",
    "points_within",
    "raycast",
    "sample_grid",
    "training_indicators",
    "union_contains",
    "union_indicator",
    "union_sdf",
    "weight_below",
]
