"""One prediction against one record: every number that the tables are made of."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import KDTree

from ..data import volume_points
from ..mesh import to_trimesh
from ..metrics import BoundarySamples, boundary_samples, sample_scores
from ..shape import ConvexUnion
from .prediction import Prediction, Predictor

_TAU = 0.01


@dataclass(frozen=True)
class Row:
    """One predictor on one record under one condition. What could not be measured is None."""

    predictor: str
    n_views: int
    noise: float  #: see `cvxgeom.evaluate.inputs.depth_views`
    shape: str  #: id of the record
    label: str  #: class
    thin: bool
    furniture: bool
    status: str = "ok"  #: or "failed"; then all IoUs are 0
    message: str = ""  #: why it failed, or why there is no surface
    seconds: float | None = None  #: of the prediction, without its surface
    surface_seconds: float | None = None  #: of making its surface as a mesh, of a union that of its parts
    iou: float = 0.0  #: in the cube [−0.65, 0.65]³
    iou_in_box: float = 0.0  #: only points in the bounding box of the truth count, as in CvxNet's code
    iou_exact: float | None = None  #: ``iou`` of the exact polytopes of smooth convexes
    chamfer_l1_mean: float | None = None  #: ½ (mean d(p, T) + mean d(t, P)), a length; the longest side is 1
    chamfer_l2sq_sum_x100: float | None = None  #: 100 (mean d(p, T)² + mean d(t, P)²), CvxNet's
    f_score: float | None = None  #: with τ = 0.01, in [0, 1]; 0 where there is no surface
    normal_consistency: float | None = None  #: in [0, 1]; 0 where there is no surface
    n_parts: int | None = None
    n_numbers: int | None = None


METRICS = (
    "iou",
    "iou_in_box",
    "iou_exact",
    "chamfer_l1_mean",
    "chamfer_l2sq_sum_x100",
    "f_score",
    "normal_consistency",
    "n_parts",
    "n_numbers",
    "seconds",
    "surface_seconds",
)


class Truth:
    """What is asked of a record, read once for all predictors.

    Args:
        record: of a data set.
        seed: of the points outside of its box, and of all samples of surfaces.
    """

    def __init__(self, record: Any, seed: int = 0) -> None:
        self.record, self.seed = record, seed
        self.volume = volume_points(record, seed=seed)

    def surface(self) -> BoundarySamples:
        """The record's samples of the true surface; their area is not known."""
        points, normals = self.record.surface
        return BoundarySamples(points.double().numpy(), normals.double().numpy(), float("nan"))


def score_record(
    predictor: Predictor, views: Any, truth: Truth, *, n_views: int, noise: float = 0.0, surface: bool = True
) -> Row:
    """Let a predictor see a record, and measure what it predicts.

    A predictor that raises, or whose answer cannot be asked, has failed: its IoU is 0, and the row says why. So that
    one bad shape does not end a benchmark, every exception counts but those that a person caused (Ctrl-C) or no shape
    can be blamed for (a missing package, no memory).

    Args:
        predictor: any.
        views: what it sees, of one object.
        truth: of the same record.
        n_views: how many views it sees, for the row.
        noise: that was added to them, for the row.
        surface: whether surfaces are compared, which takes longest.

    Returns:
        The row.
    """
    record = truth.record
    known: dict[str, Any] = {"predictor": predictor.name, "n_views": n_views, "noise": noise, "shape": record.id}
    known.update(label=record.label, thin=record.thin, furniture=record.furniture)
    start = time.perf_counter()
    try:
        with torch.no_grad():
            prediction = predictor.predict(views)
        seconds = time.perf_counter() - start
        iou, iou_in_box = truth.volume.iou(prediction.contains)
        exact = None if prediction.contains_exact is None else truth.volume.iou(prediction.contains_exact)[0]
    except (ImportError, MemoryError):
        raise
    except Exception as error:
        none: dict[str, Any] = {"f_score": 0.0, "normal_consistency": 0.0} if surface else {}
        return Row(**known, status="failed", message=f"{type(error).__name__}: {error}", **none)
    measured: dict[str, Any] = _surface_scores(prediction, truth) if surface else {}
    n_numbers, n_parts = prediction.counts()
    counts = {"n_parts": n_parts, "n_numbers": n_numbers}
    return Row(**known, seconds=seconds, iou=iou, iou_in_box=iou_in_box, iou_exact=exact, **counts, **measured)


def _surface_scores(prediction: Prediction, truth: Truth) -> dict[str, Any]:
    target = truth.surface()
    start = time.perf_counter()
    try:
        made = prediction.surface()
        if isinstance(made, ConvexUnion):
            to_trimesh(made)  # what a user would do with it; the samples need no mesh
        seconds = time.perf_counter() - start
        samples = boundary_samples("prediction", made, len(target.points), np.random.default_rng(truth.seed))
    except ValueError as error:
        return {"f_score": 0.0, "normal_consistency": 0.0, "message": str(error)}
    scores = sample_scores(samples, target, truth.seed, tau=_TAU)
    names = ("chamfer_l1_mean", "chamfer_l2sq_sum_x100", "f_score", "normal_consistency")
    return {"surface_seconds": seconds, **{name: getattr(scores, name) for name in names}}


def ceiling(record: Any) -> dict[str, float]:
    """What surface metrics would say of a perfect prediction, because surfaces are known by samples only.

    Each sample of the truth is compared with its nearest neighbor among the others, which is what a sample of an equal
    surface meets.

    Args:
        record: of a data set.

    Returns:
        One number for each surface metric of `Row`.
    """
    points, normals = (values.double().numpy() for values in record.surface)
    distances, neighbors = KDTree(points).query(points, k=2, workers=-1)
    distance, nearest = np.asarray(distances)[:, 1], np.asarray(neighbors)[:, 1]
    return {
        "chamfer_l1_mean": float(distance.mean()),
        "chamfer_l2sq_sum_x100": float(200 * (distance**2).mean()),
        "f_score": float((distance <= _TAU).mean()),
        "normal_consistency": float(np.abs((normals * normals[nearest]).sum(axis=1)).mean()),
    }
