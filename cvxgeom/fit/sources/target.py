"""What a fit aims at: a solid in a unit frame, known by membership, surface and inside points."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import trimesh

from ...data import Normalization
from ...shape import ConvexUnion
from ..deadline import NEVER, Deadline
from ..samples import SampleCells, VolumeSamples
from ..split import InsidePoints

Contains = Callable[[np.ndarray], np.ndarray]
N_SURFACE = 30_000
N_INSIDE = 6_000
_SKIN = (0.003, 0.0015, 0.0007, 0.0003)  # how far from the surface the samples of its skin lie: the first that fits
_AIR = 0.5  # what those outside weigh: who covers a thin wall and the air behind it still wins
_FAR = 1e3  # longest sides from the origin: beyond, single precision has less than four digits left for the shape
_FAR_IF_STRICT = 8.0  # beyond, it rounds by as much as planes clear what they must not touch


@dataclass(frozen=True)
class Target:
    """A solid in the frame where its bounding box is centered and its longest side is 1.

    Args:
        contains: membership of (n, 3) points.
        bounds: (2, 3).
        surface: the triangles, for the components; None if the source is something else.
        inside: points of the solid, its surface included.
        normalization: from the source's frame to this one.
        given: samples that the source itself consists of; None if more can be drawn.
        certainty: how much the membership of (n, 3) points counts, from 0 (unknown) to 1; None: all of it is certain.
    """

    contains: Contains
    bounds: np.ndarray
    surface: trimesh.Trimesh | None
    inside: InsidePoints
    normalization: Normalization
    given: VolumeSamples | None
    certainty: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def known_bounds(self) -> np.ndarray:
        """(2, 3) box of all that is taken for solid.

        That of a coarse grid is larger than ``bounds``; that of views is smaller where these are of a supposed solid
        that the cameras looked through.
        """
        low, high = self.inside.points.min(axis=0), self.inside.points.max(axis=0)
        if self.certainty is not None:
            return np.stack([low, high])
        return np.stack([np.minimum(self.bounds[0], low), np.maximum(self.bounds[1], high)])

    @cached_property
    def cells(self) -> SampleCells:
        """Where samples are drawn from."""
        return SampleCells.of(self.bounds, self.inside.surface.points)

    def samples(self, n: int, rng: np.random.Generator) -> VolumeSamples:
        """Labeled points with the volume that each stands for; all there are, if the source is points."""
        if self.given is not None:
            return self.given
        drawn = self.cells.draw(self.contains, n, rng)
        if self.certainty is None:
            return drawn
        counts = torch.from_numpy(self.certainty(drawn.points.double().numpy())).float()
        return replace(drawn, weights=drawn.weights * counts)[counts > 0]

    def skin(self, n: int, rng: np.random.Generator) -> VolumeSamples | None:
        """Labeled points just inside of the surface and just outside, by area; those outside weigh half.

        Where a wall or a gap is thin, they are nearer, and where it is too thin for that, there are none.

        Args:
            n: of each side, at most.
            rng: source of randomness.

        Returns:
            None if no surface is known.
        """
        surface = self.inside[self.inside.on_surface]
        if self.given is not None or not len(surface):
            return None
        surface = surface[rng.permutation(len(surface))[:n]]
        start, away = np.tile(surface.points, (2, 1)), np.concatenate([-surface.normals, surface.normals])
        occupied = np.arange(len(start)) < len(surface)
        points, right = start.copy(), np.zeros(len(start), dtype=bool)
        for depth in _SKIN:
            wrong = ~right
            points[wrong] = start[wrong] + depth * away[wrong]
            right[wrong] = self.contains(points[wrong]) == occupied[wrong]
        weights = np.where(occupied, 1.0, _AIR)
        if self.certainty is not None:
            weights *= self.certainty(points)
        kept = right & (weights > 0)
        if not (kept & occupied).any():
            return None
        return VolumeSamples(
            torch.from_numpy(points[kept]).float(),
            torch.from_numpy(occupied[kept]),
            torch.from_numpy(weights[kept]).float(),
        )

    def from_source(self, shape: ConvexUnion) -> ConvexUnion:
        """A shape in the frame and unit of the source in this frame, in float32."""
        return in_unit(shape, self.normalization)

    def to_source(self, shape: ConvexUnion, strict: bool = False) -> ConvexUnion:
        """A shape of this frame in the frame and unit of the source; in float64 if that is far from the origin.

        Args:
            shape: of this frame.
            strict: whether something must hold of it to the last digits.
        """
        center = torch.tensor(self.normalization.center)
        if float(center.abs().max()) * self.normalization.scale > (_FAR_IF_STRICT if strict else _FAR):
            shape = shape.to(torch.float64)
        return shape.scale(1 / self.normalization.scale).translate(center)


def as_array(values: Any) -> np.ndarray:
    """An array of what may be a tensor on any device, or a list."""
    if not isinstance(values, torch.Tensor):
        return np.asarray(values)
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def is_flat(points: np.ndarray, tolerance: float) -> bool:
    """Whether (n, 3) points lie in a plane, up to a share of how far they spread in it."""
    if len(points) < 4:
        return True
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    return bool(spread[2] <= tolerance * spread[0])


def drawn_inside(
    draw: Callable[[], np.ndarray], contains: Contains, rounds: int, until: Deadline = NEVER
) -> np.ndarray:
    """Points of a solid, as many as a target has, or as are found.

    Args:
        draw: (n, 3) new points at each call.
        contains: tells which of them are inside.
        rounds: most calls.
        until: after that, there is no further one.
    """
    found = np.empty((0, 3))
    for _ in range(rounds):
        if until.passed:
            break
        drawn = draw()
        found = np.concatenate([found, drawn[contains(drawn)]])
        if len(found) >= N_INSIDE:
            break
    return found[:N_INSIDE]


def in_unit(shape: ConvexUnion, normalization: Normalization) -> ConvexUnion:
    """A shape in the unit frame, in float32."""
    center = torch.tensor(normalization.center)
    return shape.detach().to("cpu").translate(-center.to(shape.dtype)).scale(normalization.scale).to(torch.float32)
