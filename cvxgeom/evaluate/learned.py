"""Networks as predictors: whatever makes a union of convexes, or a field, from views."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from ..shape import ConvexUnion
from .prediction import Prediction, from_field, from_smooth

# Half the side of the cube about what is seen in which the surface of a field is looked for, of its longest side, as in
# CvxNet's code.
_REACH = 0.65


class Field(Protocol):
    """A solid that can be asked at points."""

    def logits(self, points: Tensor) -> Tensor:
        """Of points (N, 3), greater than 0 inside."""
        ...


@dataclass(frozen=True)
class ConvexPredictor:
    """A network that predicts a union of smooth convexes.

    Args:
        model: views of one object → a single shape, in the object frame.
        name: how the tables call it.
        only_views: the only number of views that it takes; None for any.
    """

    model: Callable[[Any], ConvexUnion]
    name: str = "convexes"
    only_views: int | None = None

    def predict(self, views: Any) -> Prediction:
        """The union: its exact polytopes are scored beside it."""
        with torch.no_grad():
            return from_smooth(self.model(views))


@dataclass(frozen=True)
class FieldPredictor:
    """A network that predicts a field, such as an occupancy decoder.

    Args:
        model: views of one object → a field, in the object frame.
        name: how the tables call it.
        frame: views → middle (3,) and longest side of what is seen, about which the surface is looked for.
        resolution: of the grid for its surface.
        only_views: the only number of views that it takes; None for any.
    """

    model: Callable[[Any], Field]
    name: str = "field"
    frame: Callable[[Any], tuple[Tensor, Tensor]] = lambda views: views.frame()
    resolution: int = 128
    only_views: int | None = None

    def predict(self, views: Any) -> Prediction:
        """The field; its surface is found by marching cubes on demand."""
        with torch.no_grad():
            field = self.model(views)
        center, longest = (value.detach().float().cpu() for value in self.frame(views))
        return from_field(field.logits, center - _REACH * longest, center + _REACH * longest, self.resolution)
