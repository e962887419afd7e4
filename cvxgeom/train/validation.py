"""How good a model is on shapes that it does not learn from, cheaply: volumes alone, estimated on few points."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..color import ColorViews
from ..data import VolumePoints, color_views, depth_views, volume_points
from ..depth import DepthViews

Predict = Callable[[nn.Module, DepthViews | ColorViews, float], Any]
"""What a model makes of a batch of views at a progress from 0 to 1: anything with ``indicator`` or ``contains``."""


class MeanIoU:
    """Mean volumetric IoU over a data set, for `cvxgeom.train.train`: ``MeanIoU(dataset)(model, progress)``.

    The IoU of ``cvxgeom bench`` on fewer points. Nothing is drawn anew: each call sees the same views and points.

    Args:
        dataset: to validate on.
        n_views: the first so many views of each shape; several numbers are scored one by one, and named in the scores.
        n_points: a shape, about.
        batch_size: shapes at once.
        depth_stride: as in training.
        inputs: ``"depth"`` or ``"color"``.
        predict: makes a prediction of views; by default the model itself.
        n_shapes: at most so many, evenly spread over the data set.

    Returns:
        ``iou``, the mean over the numbers of views, and where there are several ``iou_<n>`` of each. A smooth union of
        convexes is where its indicator is at least ½.
    """

    def __init__(
        self,
        dataset: Any,
        n_views: int | Sequence[int] = 20,
        *,
        n_points: int = 9000,
        batch_size: int = 8,
        depth_stride: int = 1,
        inputs: str = "depth",
        predict: Predict | None = None,
        n_shapes: int | None = None,
    ) -> None:
        self.dataset, self.batch_size, self.depth_stride, self.inputs = dataset, batch_size, depth_stride, inputs
        self.n_views = (n_views,) if isinstance(n_views, int) else tuple(n_views)
        self.n_points, self.predict = n_points, predict or (lambda model, views, _progress: model(views))
        n = len(dataset)
        self.indices = range(n) if n_shapes is None or n_shapes >= n else [i * n // n_shapes for i in range(n_shapes)]
        if not len(self.indices):
            raise ValueError("dataset must hold at least one shape to validate on, got none")
        self._points: list[VolumePoints] = []

    def __call__(self, model: nn.Module, progress: float = 1.0) -> dict[str, float]:
        """Scores of a model."""
        if not self._points:
            counts = max(2 * self.n_points // 3, 1), max(self.n_points // 3, 1)
            self._points = [volume_points(self.dataset[index], *counts, seed=index) for index in self.indices]
        was_training = model.training
        model.eval()
        with torch.no_grad():
            scores = {f"iou_{n}": float(np.mean(self.each(model, n, progress))) for n in self.n_views}
        model.train(was_training)
        mean = float(np.mean(list(scores.values())))
        return {"iou": mean} | (scores if len(scores) > 1 else {})

    def each(self, model: nn.Module, n_views: int, progress: float = 1.0) -> list[float]:
        """IoU of each shape."""
        device = next(model.parameters()).device
        found: list[float] = []
        for first in range(0, len(self.indices), self.batch_size):
            chosen = self.indices[first : first + self.batch_size]
            records = [self.dataset[i] for i in chosen]
            views = first_views(records, n_views, self.depth_stride, self.inputs).to(device)
            held = self._points[first : first + self.batch_size]
            # Shapes have different numbers of points outside of their boxes.
            asked = nn.utils.rnn.pad_sequence([points.all for points in held], batch_first=True).to(device)
            inside = covered(self.predict(model, views, progress), asked).cpu()
            for points, mask in zip(held, inside, strict=True):
                n, m = len(points.points), len(points.outside)
                found.append(points.covered(mask[:n], mask[n : n + m])[0])
        return found


def first_views(
    records: Sequence[Any], n_views: int, depth_stride: int = 1, inputs: str = "depth"
) -> DepthViews | ColorViews:
    """The first views of several records as a batch.

    Args:
        records: of a data set.
        n_views: how many.
        depth_stride: of so many rows and columns of a depth map, only one is used.
        inputs: ``"depth"`` or ``"color"``.

    Raises:
        ValueError: a record has fewer views.
    """
    if inputs == "depth":
        maps = [depth_views(record, n_views, depth_stride) for record in records]
        fields = ([getattr(each, name) for each in maps] for name in ("depth", "intrinsics", "extrinsics"))
        return DepthViews(*map(torch.stack, fields))
    pictures = [color_views(record, n_views) for record in records]
    fields = ([getattr(each, name) for each in pictures] for name in ("rgb", "mask", "intrinsics", "extrinsics"))
    return ColorViews(*map(torch.stack, fields))


def covered(prediction: Any, points: Float[Tensor, "B N 3"]) -> Bool[Tensor, "B N"]:
    """Which points a prediction covers: of a smooth union those with an indicator of at least ½."""
    return prediction.indicator(points) >= 0.5 if hasattr(prediction, "indicator") else prediction.contains(points)
