"""The benchmark: any predictor on any prepared data set, to tables, curves and pictures.

A predictor has a ``name`` and a method ``predict(views) -> Prediction``; nothing else is asked of it.
"""

from ..data import color_views
from .benchmark import Plan, benchmark
from .geometric import BoundingBox, SeenHull, SpaceCarving, VisualHull
from .inputs import depth_views
from .learned import ConvexPredictor, FieldPredictor, Learned, load_learned
from .memory import MeanShape, Retrieval, TunedCarving
from .prediction import Prediction, Predictor, from_exact, from_field, from_smooth, from_voxels
from .results import Results, Written, picture_cases, write_results
from .run import Condition, Journal, conditions, evaluate, read_rows
from .score import Row, Truth, ceiling, score_record
from .speed import measure_speed
from .summary import Difference, Mean, Summary, differences, summarize
from .tables import Speed
from .voxels import VoxelShape

__all__ = [
    "BoundingBox",
    "Condition",
    "ConvexPredictor",
    "Difference",
    "FieldPredictor",
    "Journal",
    "Learned",
    "Mean",
    "MeanShape",
    "Plan",
    "Prediction",
    "Predictor",
    "Results",
    "Retrieval",
    "Row",
    "SeenHull",
    "SpaceCarving",
    "Speed",
    "Summary",
    "Truth",
    "TunedCarving",
    "VisualHull",
    "VoxelShape",
    "Written",
    "benchmark",
    "ceiling",
    "color_views",
    "conditions",
    "depth_views",
    "differences",
    "evaluate",
    "from_exact",
    "from_field",
    "from_smooth",
    "from_voxels",
    "load_learned",
    "measure_speed",
    "picture_cases",
    "read_rows",
    "score_record",
    "summarize",
    "write_results",
]
