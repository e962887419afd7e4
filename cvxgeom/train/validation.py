"""How good a model is on shapes that it does not learn from, cheaply: volumes alone, estimated on few points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from ..color import ColorViews
from ..depth import DepthViews
from .augment import strided

Predict = Callable[[nn.Module, DepthViews | ColorViews, float], Any]
"""What a model makes of a batch of views at a progress from 0 to 1: anything with ``indicator`` or ``contains``."""


@dataclass(frozen=True, eq=False)
class VolumePoints:
    """Points that stand for volumes of the cube [-1/2, 1/2]³: some in the solid's box, some in the rest.

    Args:
        points: object frame.
        occupancy: label of each point.
        volumes: that each point stands for.
    """

    points: Float[Tensor, "N 3"]
    occupancy: Bool[Tensor, " N"]
    volumes: Float[Tensor, " N"]

    def iou(self, covered: Bool[Tensor, " N"]) -> float:
        """Estimated intersection over union of the solid and a set, given which points the set covers."""
        either = float(self.volumes[self.occupancy | covered].sum())
        return float(self.volumes[self.occupancy & covered].sum()) / either if either > 0 else 0.0


def volume_points(record: Any, n_points: int, seed: int = 0) -> VolumePoints:
    """Points of a record to estimate volumes with; two in three lie in the box of its uniform points.

    Args:
        record: of a data set.
        n_points: about so many.
        seed: of the choice.
    """
    rng = np.random.default_rng((seed, 3))
    uniform = record.uniform
    low, high = uniform.points.amin(dim=0), uniform.points.amax(dim=0)
    chosen = torch.from_numpy(rng.permutation(len(uniform.points))[: max(2 * n_points // 3, 1)])
    cube = torch.from_numpy(rng.random((max(n_points // 3, 1) * 4, 3))).to(low) - 0.5
    outside = cube[((cube < low) | (cube > high)).any(dim=-1)][: max(n_points // 3, 1)]
    box = float((high - low).prod())
    volumes = torch.full((len(chosen) + len(outside),), box / len(chosen))
    volumes[len(chosen) :] = max(1 - box, 0.0) / max(len(outside), 1)
    labels = torch.cat([uniform.occupancy[chosen], torch.zeros(len(outside), dtype=torch.bool)])
    return VolumePoints(torch.cat([uniform.points[chosen], outside]), labels, volumes)


class MeanIoU:
    """Mean volumetric IoU over a data set, for `cvxgeom.train.train`: ``MeanIoU(dataset)(model, progress)``.

    Nothing is drawn anew: each call sees the same views and the same points.

    Args:
        dataset: to validate on.
        n_views: the first so many views of each shape; several numbers are scored one by one, and named in the scores.
        n_points: a shape.
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
            self._points = [volume_points(self.dataset[index], self.n_points, index) for index in self.indices]
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
            longest = max(len(points.points) for points in held)
            padded = [nn.functional.pad(points.points, (0, 0, 0, longest - len(points.points))) for points in held]
            inside = covered(self.predict(model, views, progress), torch.stack(padded).to(device)).cpu()
            found += [points.iou(mask[: len(points.points)]) for points, mask in zip(held, inside, strict=True)]
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
    parts = []
    for record in records:
        available = record.n_depth_views if inputs == "depth" else record.n_rgb_views
        if available < n_views:
            raise ValueError(f"views must be at most {available}, which is all that {record.id} has, got {n_views}")
        if inputs == "depth":
            depth, intrinsics, extrinsics = record.depth(range(n_views))
            parts.append(tuple(strided(depth, intrinsics, extrinsics, depth_stride).values()))
        else:
            rgb, mask, _, intrinsics, extrinsics = record.rgb(range(n_views))
            parts.append((rgb, mask, intrinsics, extrinsics))
    kind = DepthViews if inputs == "depth" else ColorViews
    return kind(*(torch.stack(values) for values in zip(*parts, strict=True)))


def covered(prediction: Any, points: Float[Tensor, "B N 3"]) -> Bool[Tensor, "B N"]:
    """Which points a prediction covers: of a smooth union those with an indicator of at least ½."""
    return prediction.indicator(points) >= 0.5 if hasattr(prediction, "indicator") else prediction.contains(points)
