"""What training makes small: a number for a model and a batch, and the terms that it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from ..color import ColorViews
from ..depth import DepthViews
from ..losses import (
    N_GUIDES,
    LossWeights,
    approximation,
    cross_entropy,
    decomposition,
    guidance,
    localization,
    loss_terms,
    soft_iou,
)
from ..ops import training_indicators
from ..shape import ConvexUnion
from .batches import Batch
from .monocular import DepthObjective
from .run import Objective

Terms = dict[str, Tensor]


def convex_objective(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, Terms]:
    """The five terms of CvxNet with their original weights, for a model that makes a `cvxgeom.ConvexUnion`.

    Args:
        model: of depth or color views.
        batch: what to learn from.
        progress: not used.
    """
    shape = model(batch.inputs)
    with torch.autocast(batch.points.device.type, enabled=False):
        terms = loss_terms(shape, batch.points, batch.occupancy, batch.n_uniform)
        return terms.total(LossWeights()), terms._asdict()


@dataclass(frozen=True)
class StagedObjective:
    """Our loss, for a `cvxgeom.models.CvxNet` with the anchored decoder: every stage must already be the solid.

    The approximation term of the paper gives way to a soft IoU, for which a chair of 2 % fill counts as much as a
    block, and a cross-entropy, which still pulls where squared errors are flat. Convexes start soft, to be moved from
    afar, and harden. A term of weight 0 is left out.

    Args:
        soft_iou: weight of `cvxgeom.losses.soft_iou` over the uniform points.
        cross_entropy: weight of `cvxgeom.losses.cross_entropy`.
        decomposition: weight of the paper's term.
        guidance: weight of the paper's term.
        localization: weight of the paper's term.
        approximation: weight of the paper's term, which `soft_iou` replaces.
        early: weight of each stage before the last.
        hardness: at first and in the end, sharpness in units of 1 / inradius.
        hard_from: progress from which on the hardness stays.
    """

    soft_iou: float = 1.0
    cross_entropy: float = 0.4
    decomposition: float = 0.1
    guidance: float = 0.1
    localization: float = 0.1
    approximation: float = 0.0
    early: float = 0.5
    hardness: tuple[float, float] = (1.5, 12.0)
    hard_from: float = 0.8

    def __call__(self, model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, Terms]:
        """Loss, and the terms of the last stage, not weighted."""
        return self.of(model, batch.inputs, batch, progress)

    def of(self, model: Any, views: DepthViews | ColorViews, batch: Batch, progress: float) -> tuple[Tensor, Terms]:
        """The same for other views of the batch's shapes."""
        first, last = self.hardness
        hardness = first * (last / first) ** min(1.0, progress / self.hard_from)
        stages: list[ConvexUnion] = model.stages(views, hardness)
        with torch.autocast(batch.points.device.type, enabled=False):
            terms = [self._terms(stage, batch) for stage in stages]
            totals = [torch.stack([getattr(self, name) * value for name, value in t.items()]).sum() for t in terms]
        loss = totals[-1]
        if self.early and totals[:-1]:
            loss = loss + self.early * torch.stack(totals[:-1]).sum()
        return loss, terms[-1]

    def _terms(self, shape: ConvexUnion, batch: Batch) -> Terms:
        occupancy, n = batch.occupancy, batch.points.shape[1]
        found = training_indicators(
            batch.points,
            shape.normals,
            shape.offsets,
            shape.translations,
            shape.smoothness,
            torch.as_tensor(shape.sharpness),
            occupancy,
            min(N_GUIDES, n),
        )
        m = batch.n_uniform
        terms: dict[str, Callable[[], Tensor]] = {
            "soft_iou": lambda: soft_iou(found.union[:, :m], occupancy[:, :m], batch.weights),
            "cross_entropy": lambda: cross_entropy(found.union, occupancy, m),
            "decomposition": lambda: decomposition(found.total),
            "guidance": lambda: guidance(found.guides, occupancy),
            "localization": lambda: localization(shape.translations, batch.points, occupancy),
            "approximation": lambda: approximation(found.union, occupancy, m),
        }
        return {name: term() for name, term in terms.items() if getattr(self, name)}


def field_objective(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, Terms]:
    """Soft IoU and cross-entropy of an occupancy field, weighted as in `StagedObjective`.

    Args:
        model: views → `cvxgeom.models.Field`.
        batch: what to learn from.
        progress: not used.
    """
    logits = model(batch.inputs).logits(batch.points)
    with torch.autocast(batch.points.device.type, enabled=False):
        union, m = logits.float().sigmoid(), batch.n_uniform
        terms = {
            "soft_iou": soft_iou(union[:, :m], batch.occupancy[:, :m], batch.weights),
            "cross_entropy": cross_entropy(union, batch.occupancy, m),
        }
        return terms["soft_iou"] + 0.4 * terms["cross_entropy"], terms


@dataclass(frozen=True)
class ColorObjective:
    """For models that estimate depth first: that it is right, and that what is made of it lives with its errors.

    Begin with weights that know depth (`DepthObjective`, longer) and what to make of it, or nothing comes of it.

    Args:
        solid: loss of what is made of depth views: (model, views, batch, progress) → loss and terms.
        depth: loss of the estimated depth.
        solid_from: progress from which on the solid counts.
    """

    solid: Callable[[nn.Module, DepthViews, Batch, float], tuple[Tensor, Terms]]
    depth: DepthObjective = field(default_factory=DepthObjective)
    solid_from: float = 0.0

    def __call__(self, model: Any, batch: Batch, progress: float) -> tuple[Tensor, Terms]:
        """Loss, and its terms."""
        loss, terms, found = self.depth.of(model.monocular, batch)
        if progress < self.solid_from:
            return loss, terms
        # Hard from the start: these weights have seen depth before.
        more, others = self.solid(model, found, batch, 1.0)
        return loss + more, terms | others


# Where training begins with good weights: what is guessed costs a hard convex so much cross-entropy that networks learn
# to show less, and IoU is what counts in the end.
SEVERAL_VIEWS = StagedObjective(cross_entropy=0.0, hardness=(6.0, 12.0))
ONE_VIEW = StagedObjective(cross_entropy=0.0, hardness=(4.0, 4.0))


def objective_of(name: str) -> Objective:
    """The objective that goes with a preset.

    Args:
        name: of the preset.
    """
    kind, _, seen = name.partition("-")
    if seen in ("rgb1-depth-first", "rgb1-depth"):
        return DepthObjective()
    if seen == "rgb1-joint":
        return ColorObjective(ONE_VIEW.of)
    if kind in ("occupancy", "voxel"):
        return field_objective
    if kind == "furniture":
        return {"depth20-first": StagedObjective(), "depth20": SEVERAL_VIEWS}.get(seen, ONE_VIEW)
    return convex_objective
