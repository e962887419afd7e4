"""What is evaluated: named workloads, the same for benchmarks and tests.

Shapes are what a network gives at first: uniformly random normals, offsets in −[0.05, 0.25], translations uniform in
the unit cube [−½, ½]³, δ = 100, σ = 75, float32. A workload is made of its sizes and a seed, nothing else.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import Tensor

from cvxgeom import ops

SMOOTHNESS, SHARPNESS = 100.0, 75.0
GRID_HALF_SIDE = 0.65  # the official evaluation meshes [−0.65, 0.65]³
NEAR_SURFACE_NOISE = 0.01
SAMPLED_NODES = 100_000  # of a grid, for contenders that would take minutes for all of it


@dataclass(frozen=True)
class Inputs:
    """The tensors of one workload, on one device."""

    points: Tensor  #: queries or ray origins, (*batch, N, 3)
    normals: Tensor
    offsets: Tensor
    translations: Tensor
    smoothness: Tensor
    sharpness: Tensor
    occupancy: Tensor | None = None  #: of training
    directions: Tensor | None = None  #: of rays
    resolution: int = 0  #: nodes of a grid along each axis
    nodes: Tensor | None = None  #: numbers of those grid nodes that are in points

    @property
    def planes(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Normals, offsets, translations and smoothness."""
        return self.normals, self.offsets, self.translations, self.smoothness

    @property
    def lower(self) -> tuple[float, float, float]:
        """The grid's first node."""
        return (-GRID_HALF_SIDE,) * 3

    @property
    def spacing(self) -> float:
        """Between the grid's nodes."""
        return 2 * GRID_HALF_SIDE / (self.resolution - 1)


@dataclass(frozen=True)
class Workload:
    """Sizes with a name.

    Args:
        name: as in tables and tests.
        query: uniform in the unit cube; near the union's surface; nodes of a grid; half uniform and half near another
            shape's surface, with its labels (training); the pixels of a square camera (rays).
        batch: B shapes; 0 for one shape without a batch axis.
        n: N points, nodes along one axis, or pixels along one side.
        k: K convexes.
        h: H half-spaces.
        scale: size of the convexes, relative to the distribution above; δ grows as they shrink.
        reduced: sizes that a test can afford.
    """

    name: str
    query: Literal["uniform", "near", "grid", "training", "rays"]
    n: int
    k: int = 50
    h: int = 25
    batch: int = 0
    scale: float = 1.0
    reduced: dict[str, int] = field(default_factory=dict, hash=False)

    def small(self) -> "Workload":
        """The same with sizes that take milliseconds."""
        return replace(self, **self.reduced)

    @property
    def sizes(self) -> str:
        """In words, for tables."""
        count = {"grid": f"{self.n}³ nodes", "rays": f"{self.n}² rays"}.get(self.query, f"N = {self.n}")
        return f"{f'B = {self.batch}, ' if self.batch else ''}{count}, K = {self.k}, H = {self.h}"

    def make(self, seed: int = 0, device: str = "cpu") -> Inputs:
        """The tensors; made on the CPU, so that they are the same for every device."""
        generator = torch.Generator().manual_seed(seed)
        planes = self._planes(generator)
        extra: dict[str, Tensor | int] = {}
        if self.query == "grid":
            axis = torch.linspace(-GRID_HALF_SIDE, GRID_HALF_SIDE, self.n)
            n_sampled = min(self.n**3, SAMPLED_NODES)
            nodes = torch.randint(self.n**3, (n_sampled,), generator=generator).sort().values
            x, y, z = nodes // self.n**2, nodes // self.n % self.n, nodes % self.n
            points = axis[torch.stack([x, y, z], dim=-1)]
            extra = {"resolution": self.n, "nodes": nodes}
        elif self.query == "rays":
            points, directions = pinhole_rays(self.n)
            extra = {"directions": directions}
        elif self.query == "training":
            target = self._planes(generator)
            box = self._uniform(generator, self.n // 2)
            points = torch.cat([box, self._near(generator, self.n - self.n // 2, target)], dim=-2)
            extra = {"occupancy": ops.union_contains(points, *target[:3]).float()}
        elif self.query == "near":
            points = self._near(generator, self.n, planes)
        else:
            points = self._uniform(generator, self.n)
        sharpness = torch.full_like(planes[3], SHARPNESS / self.scale)
        tensors = [t.to(device) for t in (points, *planes, sharpness)]
        return Inputs(*tensors, **{key: v.to(device) if isinstance(v, Tensor) else v for key, v in extra.items()})

    def _leading(self) -> tuple[int, ...]:
        return (self.batch,) if self.batch else ()

    def _planes(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        size = (*self._leading(), self.k)
        normals = torch.nn.functional.normalize(torch.randn(*size, self.h, 3, generator=generator), dim=-1)
        offsets = -self.scale * (0.05 + 0.2 * torch.rand(*size, self.h, generator=generator))
        translations = torch.rand(*size, 3, generator=generator) - 0.5
        return normals, offsets, translations, torch.full(size, SMOOTHNESS / self.scale)

    def _uniform(self, generator: torch.Generator, n: int) -> Tensor:
        return torch.rand(*self._leading(), n, 3, generator=generator) - 0.5

    def _near(self, generator: torch.Generator, n: int, planes: tuple[Tensor, ...]) -> Tensor:
        """Uniform points brought to the level set by steps of Φ against its gradient, then moved by Gaussian noise."""
        points = self._uniform(generator, n)
        for _ in range(4):
            at = points.requires_grad_()
            value = ops.union_sdf(at, *planes)
            (slope,) = torch.autograd.grad(value.sum(), at)
            points = at.detach() - value.detach()[..., None] * slope
        return points + self.scale * NEAR_SURFACE_NOISE * torch.randn(points.shape, generator=generator)


def pinhole_rays(pixels: int) -> tuple[Tensor, Tensor]:
    """Origins and unit directions through the pixel centers of a square picture that holds the whole shape."""
    center = (torch.arange(pixels) + 0.5) / pixels * 2 - 1
    u, v = torch.meshgrid(center, center, indexing="ij")
    directions = torch.nn.functional.normalize(torch.stack([u, v, torch.full_like(u, -2.5)], dim=-1), dim=-1)
    directions = directions.reshape(-1, 3)
    return torch.tensor([0.0, 0.0, 2.0]).expand_as(directions).contiguous(), directions


_SMALL = {"n": 1500, "k": 12, "h": 14}
_SMALL_BATCH = {"n": 200, "k": 6, "h": 10, "batch": 3}

WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("random-points", "uniform", 100_000, reduced=_SMALL),
        Workload("near-surface", "near", 100_000, reduced=_SMALL),
        # With fewer half-spaces convexes would have spikes that leave the grid.
        Workload("grid-128", "grid", 128, reduced={**_SMALL, "n": 20, "h": 25}),
        Workload("grid-256", "grid", 256, reduced={**_SMALL, "n": 40, "h": 25}),
        Workload("training", "training", 2048, batch=32, reduced=_SMALL_BATCH),
        Workload("training-h50", "training", 2048, h=50, batch=32, reduced=_SMALL_BATCH),
        Workload("many-small", "uniform", 512, k=8, batch=1024, reduced=_SMALL_BATCH),
        # Smaller as they are more: 10 000 convexes of the usual size would fill the cube.
        Workload("many-convexes", "uniform", 4096, k=10_000, scale=(50 / 10_000) ** (1 / 3), reduced=_SMALL),
        Workload("raycast-512", "rays", 512, reduced={**_SMALL, "n": 40}),
    )
}
