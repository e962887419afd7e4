"""Scores: how well a shape matches a target, in volume and surface, and how it is made."""

from .boundary import sample_boundary
from .inside import SolidLike
from .scores import Scores, score
from .structure import Structure, structure
from .surface import (
    SurfaceScores,
    chamfer_l1_mean,
    chamfer_l2sq_sum_x100,
    f_score,
    normal_consistency,
    surface_scores,
)
from .volume import IoU, concavity, iou, iou_exact

__all__ = [
    "IoU",
    "Scores",
    "SolidLike",
    "Structure",
    "SurfaceScores",
    "chamfer_l1_mean",
    "chamfer_l2sq_sum_x100",
    "concavity",
    "f_score",
    "iou",
    "iou_exact",
    "normal_consistency",
    "sample_boundary",
    "score",
    "structure",
    "surface_scores",
]
