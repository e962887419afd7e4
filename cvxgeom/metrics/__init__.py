"""Scores: how well a shape matches a target, in volume and surface, and how it is made."""

from .boundary import BoundarySamples, boundary_samples, sample_boundary
from .inside import SolidLike
from .scores import Scores, score
from .structure import Structure, structure
from .surface import (
    SurfaceScores,
    chamfer_l1_mean,
    chamfer_l2sq_sum_x100,
    f_score,
    normal_consistency,
    sample_scores,
    surface_scores,
)
from .volume import IoU, concavity, iou, iou_exact

__all__ = [
    "BoundarySamples",
    "IoU",
    "Scores",
    "SolidLike",
    "Structure",
    "SurfaceScores",
    "boundary_samples",
    "chamfer_l1_mean",
    "chamfer_l2sq_sum_x100",
    "concavity",
    "f_score",
    "iou",
    "iou_exact",
    "normal_consistency",
    "sample_boundary",
    "sample_scores",
    "score",
    "structure",
    "surface_scores",
]
