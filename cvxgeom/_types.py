"""Axis letters and outcomes that every layer shares.

Axis letters in tensor annotations: ``B`` shapes, ``K`` convexes, ``H`` half-spaces per convex, ``N`` query points,
``V`` vertices, ``F`` faces, ``R`` rays; ``*batch`` is any number of leading axes.
"""

from enum import Enum


class PolytopeStatus(str, Enum):
    """What the half-spaces of one convex enclose."""

    BOUNDED = "bounded"
    EMPTY = "empty"
    UNBOUNDED = "unbounded"
    DEGENERATE = "degenerate"

    @property
    def sentence(self) -> str:
        """One sentence that tells a user what the status means."""
        return _POLYTOPE_SENTENCES[self]


class FitStatus(str, Enum):
    """How a fit ended."""

    CONVERGED = "converged"
    BUDGET_REACHED = "budget_reached"
    CANCELED = "canceled"
    OUT_OF_TIME = "out_of_time"

    @property
    def sentence(self) -> str:
        """One sentence that tells a user what the status means."""
        return _FIT_SENTENCES[self]


_POLYTOPE_SENTENCES = {
    PolytopeStatus.BOUNDED: "The half-spaces enclose a solid of finite, positive volume.",
    PolytopeStatus.EMPTY: "No point satisfies all half-spaces.",
    PolytopeStatus.UNBOUNDED: "The half-spaces leave a direction open; clip the convex to a box to get a solid.",
    PolytopeStatus.DEGENERATE: "The half-spaces meet only in a point, a segment or a flat piece without volume.",
}

_FIT_SENTENCES = {
    FitStatus.CONVERGED: "The score stopped improving before the budget was used up.",
    FitStatus.BUDGET_REACHED: "All steps or all time of the budget were used; more may still improve the score.",
    FitStatus.CANCELED: "The fit was canceled; the shape is the best one found until then.",
    FitStatus.OUT_OF_TIME: "What cannot be cut short took more than all of the time; the shape is the best until then.",
}
