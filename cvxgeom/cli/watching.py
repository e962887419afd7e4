"""What is looked at while a model trains: its scores on held-out shapes, and pictures of some of them."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import check_extra

if TYPE_CHECKING:
    from ..data import Dataset, Record
    from ..train import Objective, Preview, TrainConfig, Validate

log = logging.getLogger("cvxgeom")
_N_PREVIEWS = 4  # validation shapes in a picture
_DEPTH_VIEWS = 4  # pictures a shape whose depth is validated


def chosen(dataset: "Dataset", furniture: bool) -> "Dataset | Sequence[Record]":
    """All shapes of a dataset, or those that are marked as furniture."""
    return [record for record in dataset if record.furniture] if furniture else dataset


def held_out(path: Path, split: str, furniture: bool) -> "Dataset | Sequence[Record] | None":
    """The shapes to validate on; None where there are none."""
    from ..data import Dataset

    try:
        found = chosen(Dataset(path, split), furniture)
    except ValueError as error:
        if "split must be one of" not in str(error):
            raise
        log.warning("%s; nothing is validated", error)
        return None
    return found if len(found) else None


def scores_of(objective: "Objective", shapes: "Dataset | Sequence[Record]", config: "TrainConfig") -> "Validate":
    """What tells how good a model is: at estimating depth where it learns that alone, else at volumes."""
    from ..train import MeanIoU
    from ..train.monocular import DepthObjective, MeanDepthError

    if isinstance(objective, DepthObjective):
        return MeanDepthError(shapes, _DEPTH_VIEWS)
    inputs = "depth" if config.inputs == "depth" else "color"
    return MeanIoU(shapes, config.views[1], depth_stride=config.depth_stride, inputs=inputs)


def preview(shapes: "Dataset | Sequence[Record]", config: "TrainConfig") -> "Preview":
    """Draws what a model makes of a few validation shapes, beside the truth.

    Raises:
        ImportError: embreex is not installed.
    """
    from ..data import color_views, depth_views
    from ..evaluate.cases import draw_cases
    from ..evaluate.learned import ConvexPredictor, FieldPredictor
    from ..shape import ConvexUnion

    check_extra("render", "embreex", "--set preview_every")
    indices = sorted({i * len(shapes) // _N_PREVIEWS for i in range(_N_PREVIEWS)})
    cases = [(shapes[i], shapes[i].label) for i in indices]

    def see(record: Any) -> Any:
        if config.inputs == "depth":
            return depth_views(record, config.views[1], config.depth_stride)
        return color_views(record, config.views[1])

    def draw(model: Any, progress: float) -> Any:
        def predict(views: Any) -> Any:
            return model(views.to(next(model.parameters()).device))

        predictor = ConvexPredictor if isinstance(predict(see(cases[0][0])), ConvexUnion) else FieldPredictor
        return draw_cases(cases, [predictor(predict, f"after {progress:.0%}")], see)

    return draw
