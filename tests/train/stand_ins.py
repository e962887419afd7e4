"""Records of cuboids made in memory, and models small enough to train in a test."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from cvxgeom.data import LabeledPoints
from cvxgeom.depth import DepthViews
from cvxgeom.render import Camera
from cvxgeom.train import Batch


@dataclass(frozen=True, eq=False)
class BoxRecord:
    """A cuboid around the origin, with the interface of `cvxgeom.data.Record`."""

    id: str
    label: str
    half: Tensor
    uniform: LabeledPoints
    near: LabeledPoints
    maps: tuple[Tensor, Tensor, Tensor]

    @property
    def n_depth_views(self) -> int:
        return len(self.maps[0])

    n_rgb_views = n_depth_views

    @property
    def bounds(self) -> Tensor:
        return torch.stack([-self.half, self.half])

    def depth(self, views: Sequence[int] | None = None) -> tuple[Tensor, Tensor, Tensor]:
        chosen = list(range(self.n_depth_views) if views is None else views)
        depth, intrinsics, extrinsics = self.maps
        return depth[chosen], intrinsics[chosen], extrinsics[chosen]

    def rgb(self, views: Sequence[int] | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Red grows from left to right, so that a flip shows."""
        depth, intrinsics, extrinsics = self.depth(views)
        ramp = torch.linspace(0, 1, depth.shape[-1]).expand(len(depth), 3, *depth.shape[1:])
        return ramp, depth.isfinite(), depth, intrinsics, extrinsics


def box_record(index: int, n_views: int = 4, pixels: int = 32) -> BoxRecord:
    rng = np.random.default_rng(index)
    half = torch.from_numpy(rng.uniform(0.1, 0.5, 3)).float()
    half = half / half.max() / 2

    def labeled(points: Tensor) -> LabeledPoints:
        return LabeledPoints(points, (points.abs() <= half).all(dim=-1))

    uniform = torch.from_numpy(rng.uniform(-1, 1, (2000, 3))).float() * half * 1.3
    near = torch.from_numpy(rng.choice([-1, 1], (2000, 3)) + rng.normal(0, 0.1, (2000, 3))).float() * half
    places = [(1.2, 0.9, 1.1), (-1.3, 0.8, -1.0), (0.4, -1.5, 0.9), (-1.1, 0.3, 1.4)]
    cameras = [Camera(position=place, size=(pixels, pixels)) for place in places[:n_views]]
    return BoxRecord(str(index), "box", half, labeled(uniform), labeled(near), box_maps(half, cameras))


def box_maps(half: Tensor, cameras: Sequence[Camera]) -> tuple[Tensor, Tensor, Tensor]:
    """Depth maps of a cuboid in closed form: rays against slabs."""
    maps, intrinsics, extrinsics = [], [], []
    for camera in cameras:
        inner, outer = camera.intrinsics.double(), camera.extrinsics.double()
        width, height = camera.size
        row, column = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
        pixel = torch.stack([column, row, torch.ones_like(row)], dim=-1).double()
        to_object = torch.linalg.inv(outer)
        ray = pixel @ torch.linalg.inv(inner).T @ to_object[:3, :3].T  # of depth 1
        ends = torch.stack([(side * half - to_object[:3, 3]) / ray for side in (-1, 1)])
        enter, leave = ends.amin(dim=0).amax(dim=-1), ends.amax(dim=0).amin(dim=-1)
        maps.append(torch.where(enter < leave, enter, torch.inf).float())
        intrinsics.append(inner.float())
        extrinsics.append(outer.float())
    return torch.stack(maps), torch.stack(intrinsics), torch.stack(extrinsics)


def boxes(n: int, first: int = 0) -> list[BoxRecord]:
    return [box_record(first + index) for index in range(n)]


class TinyField(nn.Module):
    """One solid for all views, with dropout and batch normalization: a resumed run has much to get wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))

    def forward(self, views: DepthViews) -> "TinyField":
        return self

    def logits(self, points: Tensor) -> Tensor:
        return self.layers(points.reshape(-1, 3)).reshape(points.shape[:-1])

    def contains(self, points: Tensor) -> Tensor:
        return self.logits(points) > 0


class Plain(nn.Module):
    """Without batch normalization and chance: the same for any split of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, 1))

    def logits(self, points: Tensor) -> Tensor:
        return self.layers(points)[..., 0]


def seeded(kind: type[nn.Module]) -> nn.Module:
    """A model with the same initial weights each time."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return kind()


def objective(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
    logits = model.logits(batch.points)  # pyright: ignore[reportCallIssue]
    entropy = nn.functional.binary_cross_entropy_with_logits(logits.float(), batch.occupancy)
    spread = logits.float().square().mean()
    return entropy + 1e-3 * (1 + progress) * spread, {"entropy": entropy, "spread": spread}
