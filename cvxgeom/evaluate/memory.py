"""Predictors that look at shapes before the test: mean shape, nearest shape, and carving with a slack learned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..color import ColorViews
from ..depth import DepthViews
from .geometric import SpaceCarving, behind_surface, seen_box
from .inputs import depth_views, silhouettes
from .prediction import Prediction, from_voxels
from .voxels import VoxelShape

# Half the side of the box in which shapes are remembered, in units of the box of the seen points: from one view, a part
# of a shape may lie outside of the box of what is seen.
_REACH = 0.75
_THINNEST = 0.02  # side of the box of the seen points at least, of its longest side
_FEATURE_RESOLUTION, _FEATURE_REACH = 48, 0.55
Feature = Callable[[Any], Float[Tensor, "1 L"]]
See = Callable[[Any, int], Any]


class Frame(NamedTuple):
    """Where a shape was seen: x ↦ (x − center) / size."""

    center: Float[Tensor, "3"]
    size: Float[Tensor, "3"]

    @classmethod
    def of(cls, views: DepthViews | ColorViews, stretch: bool) -> "Frame":
        """The box of the seen points; a cube of its longest side unless ``stretch``. Of pictures: the unit cube."""
        if not isinstance(views, DepthViews):
            return cls(torch.zeros(3), torch.ones(3))
        low, high = seen_box(views)
        size = high - low
        return cls((low + high) / 2, size.clamp(min=_THINNEST * float(size.max())) if stretch else size.max().expand(3))

    def grid(self, resolution: int, reach: float) -> Float[Tensor, "N 3"]:
        """Middles of the cubes of a grid about the frame, object frame."""
        axis = (2 * (torch.arange(resolution, dtype=self.size.dtype) + 0.5) / resolution - 1) * reach
        return self.center + self.size * torch.cartesian_prod(axis, axis, axis)

    def place(self, occupancy: Bool[Tensor, "n n n"], reach: float) -> VoxelShape:
        """A solid known at the points of `grid`."""
        return VoxelShape(occupancy, self.center - reach * self.size, 2 * reach * self.size / len(occupancy))


def carved_feature(views: DepthViews | ColorViews) -> Float[Tensor, "1 L"]:
    """A description of a shape by what carving leaves of a coarse grid in the box of the seen points, of length 1.

    The scalar product of two of them is |A ∩ B| / √(|A| |B|). The grid is stretched to the box, as what it finds is:
    on the validation furniture that beats cubes (20 views: IoU 0.47 against 0.33).

    Args:
        views: depth views of one object, or pictures, of which the silhouettes carve.
    """
    frame = Frame.of(views, stretch=True)
    slack = float(frame.size.max()) / _FEATURE_RESOLUTION / 2
    depth = views if isinstance(views, DepthViews) else silhouettes(views)
    solid = behind_surface(depth, frame.grid(_FEATURE_RESOLUTION, _FEATURE_REACH), slack)
    return torch.nn.functional.normalize(solid.float(), dim=0)[None]


@dataclass
class MeanShape:
    """The mean of the training shapes in the box of what is seen, cut at the level that is best on validation shapes.

    Args:
        train: records to average.
        val: records on which the level is chosen; test shapes must never come here.
        resolution: of the grid of means.
        name: how the tables call it.
        see: record and number of views → what is seen of it.
    """

    train: Sequence[Any]
    val: Sequence[Any]
    resolution: int = 96
    name: str = "mean shape"
    see: See = depth_views
    _known: dict[int, Bool[Tensor, "n n n"]] = field(default_factory=dict, repr=False)

    def predict(self, views: DepthViews | ColorViews) -> Prediction:
        """The mean, stretched to the box of what is seen."""
        frame = Frame.of(views, stretch=True)
        if views.n_views not in self._known:
            self._known[views.n_views] = self._learn(views.n_views)
        return from_voxels(frame.place(self._known[views.n_views], _REACH))

    def _learn(self, n_views: int) -> Bool[Tensor, "n n n"]:
        total = torch.zeros(self.resolution**3)
        for record in self.train:
            points = Frame.of(self.see(record, n_views), stretch=True).grid(self.resolution, _REACH)
            total += VoxelShape.of_unit_cube(record.grid).contains(points)
        mean = (total / len(self.train)).reshape((self.resolution,) * 3)
        levels = torch.linspace(0.02, 0.6, 30)
        scores = torch.zeros(len(levels))
        for record in self.val:
            frame = Frame.of(self.see(record, n_views), stretch=True)
            points, truth = record.uniform.points, record.uniform.occupancy
            for k, level in enumerate(levels):
                guess = frame.place(mean >= level, _REACH).contains(points)
                scores[k] += float((guess & truth).sum() / (guess | truth).sum())
        return mean >= levels[scores.argmax()]


@dataclass
class Retrieval:
    """The training shape that looks most alike, in the place and size of what is seen.

    Args:
        train: records to choose from.
        feature: describes views; the nearest in Euclidean distance is chosen. By default what carving leaves, see
            `carved_feature`; a learned encoder fits here.
        stretch: fit the shape to the seen box along each axis, not only in its longest side.
        name: how the tables call it.
        see: record and number of views → what is seen of it.
    """

    train: Sequence[Any]
    feature: Feature = carved_feature
    stretch: bool = True
    name: str = "retrieval"
    see: See = depth_views
    _known: dict[int, tuple[Tensor, list[Frame]]] = field(default_factory=dict, repr=False)

    def predict(self, views: DepthViews | ColorViews) -> Prediction:
        """The truth of the nearest training shape."""
        chosen, frame = self.nearest(views)
        own = Frame.of(views, self.stretch)
        grid = VoxelShape.of_unit_cube(self.train[chosen].grid)
        scale = own.size / frame.size
        low = own.center + scale * (grid.low - frame.center)
        return from_voxels(VoxelShape(grid.occupancy, low, grid.cell * scale))

    def nearest(self, views: DepthViews | ColorViews) -> tuple[int, Frame]:
        """Number of the nearest training shape, and the frame in which it was seen."""
        if views.n_views not in self._known:
            features, frames = [], []
            for record in self.train:  # one after the other: all their views together may not fit into memory
                seen = self.see(record, views.n_views)
                features.append(self._describe(seen))
                frames.append(Frame.of(seen, self.stretch))
            self._known[views.n_views] = torch.stack(features), frames
        features, frames = self._known[views.n_views]
        chosen = int((features - self._describe(views)).norm(dim=1).argmin())
        return chosen, frames[chosen]

    def _describe(self, views: DepthViews | ColorViews) -> Float[Tensor, " L"]:
        with torch.no_grad():
            return self.feature(views).reshape(-1).float()


@dataclass
class TunedCarving:
    """Space carving that allows for noise: a slack of a + b · (noise as the views betray it), learned on validation.

    Args:
        val: records on which a and b are chosen, for each number of views; test shapes must never come here.
        noise: levels that are tried on them, see `cvxgeom.evaluate.inputs.depth_views`; all count the same.
        resolution: cubes along the longest side.
    """

    val: Sequence[Any]
    noise: Sequence[float] = (0.0, 0.005, 0.01, 0.02)
    resolution: int = 128
    name: str = "space carving, tuned"
    _known: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)

    def predict(self, views: DepthViews) -> Prediction:
        """The grid: one number a cube."""
        if views.n_views not in self._known:
            self._known[views.n_views] = self._learn(views.n_views)
        fixed, per_noise = self._known[views.n_views]
        slack = fixed + per_noise * views.noise_level() / float(views.frame()[1])
        return SpaceCarving(self.name, self.resolution, slack).predict(views)

    def _learn(self, n_views: int) -> tuple[float, float]:
        candidates = [(a, b) for a in (0.0, 0.002, 0.004, 0.006, 0.008) for b in (0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)]
        scores = torch.zeros(len(candidates))
        for record in self.val:
            points, truth = record.uniform.points, record.uniform.occupancy
            for level in self.noise:
                views = depth_views(record, n_views, level)
                hidden, longest, seen = views.evidence(points).hidden, float(views.frame()[1]), views.noise_level()
                for k, (fixed, per_noise) in enumerate(candidates):
                    guess = hidden >= -(fixed * longest + per_noise * seen)
                    scores[k] += float((guess & truth).sum() / (guess | truth).sum())
        return candidates[int(scores.argmax())]
