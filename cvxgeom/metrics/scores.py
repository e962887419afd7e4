"""All scores of a shape against a target in one value."""

from dataclasses import asdict, dataclass
from typing import Any

from ..shape import ConvexUnion
from .inside import Solid
from .structure import Structure, structure
from .surface import SurfaceScores, surface_scores
from .volume import IoU, iou


@dataclass(frozen=True)
class Scores:
    """Everything measured about a shape against a target."""

    iou: IoU  #: of the exact polytopes, which is what is exported
    iou_smooth: IoU  #: of the level set of the smooth convexes
    surface: SurfaceScores  #: of the boundary of the union of the exact polytopes
    structure: Structure  #: of the shape

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Nested dictionaries of plain numbers, ready for JSON."""
        return asdict(self)


def score(
    prediction: ConvexUnion,
    target: Solid,
    n_points: int = 100_000,
    n_samples: int = 100_000,
    seed: int = 0,
    *,
    tau: float = 0.01,
    max_standard_error: float | None = 0.005,
) -> Scores:
    """Score a shape against a target solid: volume, surface and structure.

    Args:
        prediction: a single shape.
        target: what it should be, in the same frame: a shape, a closed mesh, or anything with ``contains(points)``,
            ``bounds`` and a ``mesh`` whose surface is compared (`cvxgeom.data.Solid`).
        n_points: for the IoU, drawn at a time, see `iou`.
        n_samples: for the surface, see `surface_scores`.
        seed: of all random points.
        tau: τ of the F-score, a length.
        max_standard_error: draw more points for the IoU until its standard error is at most this; None to draw
            ``n_points`` and no more.

    Raises:
        TypeError: an argument is not of these kinds.
        ValueError: a shape has batch axes, a mesh is not closed, there is nothing to score, or a number is out of
            range.

    Example:
        >>> scores = cvxgeom.metrics.score(cvxgeom.sphere(), cvxgeom.sphere(), n_points=1000, n_samples=1000)
        >>> scores.iou.value, scores.structure.n_parts, sorted(scores.to_dict())
        (1.0, 1, ['iou', 'iou_smooth', 'structure', 'surface'])
    """
    return Scores(
        iou=iou(prediction, target, n_points, seed, max_standard_error=max_standard_error),
        iou_smooth=iou(prediction, target, n_points, seed, smooth=True, max_standard_error=max_standard_error),
        surface=surface_scores(prediction, target, n_samples, seed, tau=tau),
        structure=structure(prediction),
    )
