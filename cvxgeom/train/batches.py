"""Batches, drawn from the seed and the step alone: whoever asks for a step gets the same one, whenever and wherever."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ..color import ColorViews
from ..data.seen import check_views, strided
from ..data.volumes import EXTENT, box_of
from ..depth import DepthViews
from .augment import flipped, map_of, noisy
from .config import TrainConfig

# What a stream of random numbers is for; part of its seed, so that no two streams are the same.
_ORDER, _N_VIEWS, _SAMPLE = 0, 1, 2
_LEAST_OUTSIDE = 0.1  # of the cube around a shape: it is 0.54 or more where the longest side is 1


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step learns from, or the share of it that one process has.

    Args:
        step: that it belongs to.
        ids: of the shapes.
        labels: classes of the shapes.
        views: depth with cameras, a batch of V views each. Where the input is color, the true depth of its pixels.
        colors: pictures from the same cameras; None where the input is depth.
        points: object frame (that of the views); uniform ones first.
        occupancy: label of each point, 1 inside and 0 outside.
        n_uniform: how many points are uniform in the box, or in the cube around it.
        weights: the share of the volume of the box, or of the cube, that each of them stands for; their sum is 1.
    """

    step: int
    ids: tuple[str, ...]
    labels: tuple[str, ...]
    views: DepthViews
    colors: ColorViews | None
    points: Float[Tensor, "B N 3"]
    occupancy: Float[Tensor, "B N"]
    n_uniform: int
    weights: Float[Tensor, "B M"]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def inputs(self) -> DepthViews | ColorViews:
        """What the model sees."""
        return self.views if self.colors is None else self.colors

    def tensors(self) -> dict[str, Tensor]:
        """All tensors by name."""
        found = {name: getattr(self.views, name) for name in ("depth", "intrinsics", "extrinsics")}
        found |= {"points": self.points, "occupancy": self.occupancy, "weights": self.weights}
        return found if self.colors is None else found | {"rgb": self.colors.rgb, "mask": self.colors.mask}

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device; the copy may still be under way."""
        if torch.device(device) == self.points.device:
            return self
        return self._mapped(lambda value: value.to(device, non_blocking=True))

    def pin_memory(self) -> "Batch":
        """The same in memory that a GPU can fetch by itself; `torch.utils.data.DataLoader` calls it."""
        return self._mapped(lambda value: value.pin_memory())

    def _mapped(self, change: Callable[[Tensor], Tensor]) -> "Batch":
        new = {name: change(value) for name, value in self.tensors().items()}
        cameras = new["intrinsics"], new["extrinsics"]
        return replace(
            self,
            views=DepthViews(new["depth"], *cameras),
            colors=None if self.colors is None else ColorViews(new["rgb"], new["mask"], *cameras),
            points=new["points"],
            occupancy=new["occupancy"],
            weights=new["weights"],
        )


class Batches:
    """All batches of a run as a sequence: ``batches[step]``.

    Shapes come in a new random order each time all of them were seen. Everything about a sample depends on the seed,
    the step and its place in the batch of all processes; so a run that is resumed, or goes on with another number of
    processes, sees the very same samples.

    Args:
        datasets: `cvxgeom.data.Dataset` or any sequence of records; a tuple of them for several.
        config: of the run.
        rank: of this process, which takes every ``world``-th sample.
        world: how many processes there are.

    Raises:
        ValueError: there is no shape, one has too few views, or the batch cannot be shared evenly.
    """

    def __init__(self, datasets: Any, config: TrainConfig, rank: int = 0, world: int = 1) -> None:
        self.datasets: tuple[Any, ...] = datasets if isinstance(datasets, tuple) else (datasets,)
        self.config, self.rank, self.world = config, rank, world
        self._ends = np.cumsum([len(dataset) for dataset in self.datasets])
        if not len(self._ends) or not self._ends[-1]:
            raise ValueError("datasets must hold at least one shape, got none")
        if config.batch_size % world:
            raise ValueError(f"batch_size must be a multiple of the {world} processes, got {config.batch_size}")

    @property
    def n_shapes(self) -> int:
        """How many different shapes there are."""
        return int(self._ends[-1])

    def __len__(self) -> int:
        return self.config.steps

    def __getitem__(self, step: int) -> Batch:
        if not 0 <= step < self.config.steps:
            raise IndexError(f"there is no step {step} of {self.config.steps}")
        config = self.config
        fewest, most = config.views
        low, high = math.log(fewest), math.log(most + 1)
        drawn = math.exp(low + (high - low) * np.random.default_rng((config.seed, _N_VIEWS, step)).random())
        n_views = min(most, int(drawn))
        places = range(self.rank, config.batch_size, self.world)
        samples = [self._sample(step, place, n_views) for place in places]
        return _joined(step, samples, config.n_uniform + config.n_outside)

    def record(self, step: int, place: int) -> Any:
        """The record at one place of the batch of all processes."""
        epoch, index = divmod(step * self.config.batch_size + place, self.n_shapes)
        shape = int(_order(self.config.seed, epoch, self.n_shapes)[index])
        which = int(np.searchsorted(self._ends, shape, side="right"))
        return self.datasets[which][shape - (int(self._ends[which - 1]) if which else 0)]

    def _sample(self, step: int, place: int, n_views: int) -> dict[str, Any]:
        config = self.config
        rng = np.random.default_rng((config.seed, _SAMPLE, step, place))
        record = self.record(step, place)
        matrix = map_of(rng, config.yaw, config.mirror, config.scale)
        mirrored = bool(np.linalg.det(matrix[:3, :3]) < 0)
        seen = self._seen(record, n_views, rng)
        if config.depth_noise:
            seen["depth"] = noisy(seen["depth"], config.depth_noise * rng.random(), rng)
        if mirrored:
            seen = flipped(seen)
        points, occupancy, weights = _points(record, config, rng)
        return {
            "id": record.id,
            "label": str(record.label),
            "matrix": torch.from_numpy(matrix).float(),
            **seen,
            "points": points @ torch.from_numpy(matrix[:3, :3].T.copy()).to(points),
            "occupancy": occupancy,
            "weights": weights,
        }

    def _seen(self, record: Any, n_views: int, rng: np.random.Generator) -> dict[str, Tensor]:
        config = self.config
        kind = "color" if config.inputs == "color" else "depth"
        available = check_views(record, n_views, kind)
        chosen = list(range(n_views))
        if config.view_choice == "random":
            chosen = rng.permutation(available)[:n_views].tolist()
        if kind == "depth":
            depth, intrinsics, extrinsics = record.depth(chosen)
            depth, intrinsics, extrinsics = strided(depth, intrinsics, extrinsics, config.depth_stride)
            return {"depth": depth, "intrinsics": intrinsics, "extrinsics": extrinsics}
        rgb, mask, depth, intrinsics, extrinsics = record.rgb(chosen)
        return {"depth": depth, "rgb": rgb, "mask": mask, "intrinsics": intrinsics, "extrinsics": extrinsics}


def _points(record: Any, config: TrainConfig, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Points, labels, and weights of the uniform ones."""
    uniform, near = record.uniform, record.near
    labels = uniform.occupancy
    n, n_inside = config.n_uniform, config.n_inside
    weights = torch.full((n,), 1 / max(n, 1))
    if n_inside:
        inside, outside = (np.flatnonzero(labels.numpy() == side) for side in (True, False))
        n_inside = n_inside if len(inside) and len(outside) else n * (len(inside) > 0)
        picks = [
            part[rng.integers(len(part), size=k)] for part, k in ((inside, n_inside), (outside, n - n_inside)) if k
        ]
        chosen = torch.from_numpy(np.concatenate(picks))
        share = len(inside) / len(labels)
        for part, k, volume in (
            (slice(None, n_inside), n_inside, share),
            (slice(n_inside, None), n - n_inside, 1 - share),
        ):
            weights[part] = volume / max(k, 1)
    else:
        chosen = torch.from_numpy(rng.integers(len(labels), size=n))
    beside = torch.from_numpy(rng.integers(len(near.points), size=config.n_near))
    outside, volumes = _outside(record, config.n_outside, rng)
    points = torch.cat([uniform.points[chosen], outside, near.points[beside]])
    occupancy = torch.cat([labels[chosen], torch.zeros(len(outside), dtype=torch.bool), near.occupancy[beside]])
    return points, occupancy.float(), torch.cat([weights * (1 - volumes.sum()), volumes])


def _outside(record: Any, n: int, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Points of the cube in which predictions are scored, outside of the box of the uniform ones, and the share of the
    cube that each stands for.
    """
    low, high = (np.clip(bound.numpy(), -EXTENT, EXTENT) for bound in box_of(record))
    share = 1 - float(np.prod(high - low)) / (2 * EXTENT) ** 3
    if n and share < _LEAST_OUTSIDE:
        raise ValueError(f"n_outside must be 0 for shapes larger than 1, such as {record.id}, got {n}")
    found = np.zeros((0, 3))
    while len(found) < n:
        drawn = EXTENT * (2 * rng.random((2 * n, 3)) - 1)
        found = np.concatenate([found, drawn[~((drawn >= low) & (drawn <= high)).all(axis=-1)]])
    return torch.from_numpy(found[:n]).to(record.uniform.points), torch.full((n,), share / max(n, 1))


def _joined(step: int, samples: Sequence[dict[str, Any]], n_uniform: int) -> Batch:
    def stacked(name: str) -> Tensor:
        return torch.stack([sample[name] for sample in samples])

    cameras, moves = (stacked("intrinsics"), stacked("extrinsics")), stacked("matrix")
    views = DepthViews(stacked("depth"), *cameras).moved(moves)
    colors = ColorViews(stacked("rgb"), stacked("mask"), *cameras).moved(moves) if "rgb" in samples[0] else None
    return Batch(
        step,
        tuple(sample["id"] for sample in samples),
        tuple(sample["label"] for sample in samples),
        views,
        colors,
        stacked("points"),
        stacked("occupancy"),
        n_uniform,
        stacked("weights"),
    )


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, n: int) -> np.ndarray:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(n)
