"""What a fit yields on its way and at its end."""

from dataclasses import dataclass

from .._types import FitStatus
from ..shape import ConvexUnion


@dataclass(frozen=True)
class FitResult:
    """Outcome of a fit.

    Args:
        shape: the union, in the source's frame and unit.
        status: how the fit ended.
        history: loss after each gradient step.
        scores: ``iou`` of the exact polytopes (they are what is exported), ``iou_smooth`` of the smooth union, and
            ``iou_initial`` of the polytopes before refinement; volumetric, on samples that the fit has not seen.
            ``distance``: mean distance of the solid's surface from that of the shape, in the source's unit; NaN where
            the source has no surface.
        seconds: it took.
    """

    shape: ConvexUnion
    status: FitStatus
    history: tuple[float, ...]
    scores: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class FitStep:
    """Progress of a fit.

    Args:
        step: gradient steps done.
        n_steps: of how many at most.
        loss: of the last mini-batch: share of the solid's volume that is wrong, softly measured; NaN before the first.
        shape: current shape, in the source's frame and unit; the very first one is no more than a hull.
        seconds: since the start.
        result: what `fit` returns; only the last step has it.
    """

    step: int
    n_steps: int
    loss: float
    shape: ConvexUnion
    seconds: float
    result: FitResult | None = None
