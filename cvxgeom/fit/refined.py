"""A model whose predictions are fitted to what it was shown."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from ..depth import DepthViews
from ..shape import ConvexUnion
from .config import FitConfig
from .pipeline import fit
from .sources import Completed


@dataclass(frozen=True)
class Refined:
    """Predicts as a model does, and fits the prediction to the views.

    Called with depth views it gives a union in their frame, as the model does. What the views know decides, and the
    prediction where they know nothing: behind what they saw, more so the fewer they are. The parts are new ones, found
    in what both together say is solid.

    Args:
        model: views of one object → a single shape in their frame.
        config: of the fit.

    Example:
        >>> views = cvxgeom.read_depth(f"{cvxgeom.__path__[0]}/assets/chair_depth.png")
        >>> guess = lambda views: cvxgeom.box(float(views.frame()[1]))
        >>> model = cvxgeom.fit.Refined(guess, cvxgeom.FitConfig.preset("fast"))
        >>> bool(model(views).polytopes()[0].is_bounded)
        True
    """

    model: Callable[[DepthViews], ConvexUnion]
    config: FitConfig = field(default_factory=FitConfig)

    def __call__(self, views: DepthViews) -> ConvexUnion:
        """The refined prediction.

        Raises:
            TypeError: the model does not return a union, or the views are no depth views.
            ValueError: the views are of several objects, or show no surface that goes on over several pixels.
        """
        with torch.no_grad():
            predicted = self.model(views)
        return fit(Completed(views, predicted), self.config).shape
