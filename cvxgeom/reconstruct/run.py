"""From views to a shape, and how far it can be trusted."""

import time
from dataclasses import dataclass
from typing import Any

import torch

from .._checks import describe
from ..color import ColorViews
from ..depth import DepthViews
from ..shape import ConvexUnion
from .agreement import Agreement, agreement
from .appearance import appearance
from .likeness import Likeness, Reference, likeness
from .refute import refuted

_SPECK = 1e-4  # inradius of a part, per longest side of all: networks let parts vanish that they do not need


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """What a model made of one input."""

    shape: ConvexUnion  #: in the frame and unit of the views, without the parts that the input refutes
    n_refuted: int  #: parts that were left out because a camera saw their place to be empty
    seconds: float  #: that the model took
    likeness: Likeness | None  #: None where there is no reference to compare with
    agreement: Agreement

    @property
    def n_parts(self) -> int:
        """Convexes that are bounded solids."""
        return sum(polytope.is_bounded for polytope in self.shape.polytopes())


def reconstruct(model: Any, views: DepthViews | ColorViews, reference: Reference | None = None) -> Reconstruction:
    """Run a model on one input, leave out what the input refutes, and look at the result.

    A part whose place some camera saw to be empty is left out, unless that would leave nothing, and so is one that is
    too small to be seen.

    Args:
        model: called with the views it gives a `ConvexUnion` in their frame.
        views: of a single object.
        reference: what the model's training inputs look like (their `appearance`); without it there is no likeness.

    Raises:
        TypeError: the model returned something else.
        ValueError: the views are of several objects, or no part of the shape is a bounded solid.

    Example:
        >>> views = cvxgeom.read_depth(f"{cvxgeom.__path__[0]}/assets/chair_depth.png")
        >>> reconstruct(lambda views: cvxgeom.box(float(views.frame()[1])), views).n_parts
        1
    """
    if views.batch_size:
        raise ValueError(f"views must be of one object, got batch axes {tuple(views.batch_size)}")
    with torch.no_grad():
        start = time.perf_counter()
        shape = model(views)
        seconds = time.perf_counter() - start
        if not isinstance(shape, ConvexUnion):
            raise TypeError(f"model must return a ConvexUnion, got {describe(shape)}")
        if tuple(shape.batch_size) == (1,):
            shape = shape[0]
        if not shape.n_convexes:
            raise ValueError("the model found nothing solid in the input: it returned no parts")
        found = None if reference is None else likeness(appearance(views).cpu(), reference)
        shape, seen = _without_specks(shape.detach().to("cpu")), views.to("cpu")
        wrong = refuted(shape, seen)
        kept = shape.select(~wrong)
        if any(polytope.is_bounded for polytope in kept.polytopes()):
            shape = kept
        else:
            wrong = torch.zeros_like(wrong)
        agreed = agreement(shape, seen)
    result = Reconstruction(shape, int(wrong.sum()), seconds, found, agreed)
    if not result.n_parts:
        raise ValueError("the model found nothing solid in the input: none of its parts encloses a volume")
    return result


def _without_specks(shape: ConvexUnion) -> ConvexUnion:
    """The shape without bounded parts that are next to nothing beside the others."""
    polytopes = shape.polytopes()
    corners = torch.cat([polytope.vertices for polytope in polytopes])
    if not len(corners):
        return shape
    least = _SPECK * float((corners.amax(dim=0) - corners.amin(dim=0)).max())
    return shape.select(torch.tensor([not p.is_bounded or p.inradius >= least for p in polytopes]))
