"""What training makes small: a number for a model and a batch, and the terms that it is made of."""

import torch
from torch import Tensor, nn

from ..losses import LossWeights, loss_terms
from .batches import Batch
from .run import Objective


def convex_objective(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
    """The five terms of CvxNet with their original weights, for a model that makes a `cvxgeom.ConvexUnion` of views.

    Args:
        model: of depth views.
        batch: what to learn from.
        progress: not used.
    """
    shape = model(batch.views)
    with torch.autocast(batch.points.device.type, enabled=False):
        terms = loss_terms(shape, batch.points, batch.occupancy, batch.n_uniform)
        return terms.total(LossWeights()), terms._asdict()


def objective_of(name: str) -> Objective:
    """The objective that goes with a preset.

    Args:
        name: of the preset.
    """
    return OBJECTIVES.get(name, convex_objective)


OBJECTIVES: dict[str, Objective] = {}
