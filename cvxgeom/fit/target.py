"""What a fit aims at: a solid in a unit frame, known by membership, surface and inside points."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from scipy.spatial import KDTree

from .._checks import describe
from ..data import LabeledPoints, Normalization, Solid, sample_inside, sample_surface, solidify
from ..shape import ConvexUnion
from .samples import VolumeSamples, stratified
from .split import InsidePoints

_N_SURFACE = 30_000
_N_INSIDE = 6_000

Contains = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Target:
    """A solid in the frame where its bounding box is centered and its longest side is 1.

    Args:
        contains: membership of (n, 3) points.
        bounds: (2, 3).
        surface: the triangles, for the components; None if the source is points.
        inside: points of the solid, its surface included.
        normalization: from the source's frame to this one.
        given: samples that the source itself consists of; None if more can be drawn.
    """

    contains: Contains
    bounds: np.ndarray
    surface: trimesh.Trimesh | None
    inside: InsidePoints
    normalization: Normalization
    given: VolumeSamples | None

    def samples(self, n: int, rng: np.random.Generator) -> VolumeSamples:
        """Labeled points with the volume that each stands for; all there are, if the source is points."""
        if self.given is not None:
            return self.given
        return stratified(self.contains, self.bounds, self.inside.points[self.inside.normals.any(axis=1)], n, rng)

    def from_source(self, shape: ConvexUnion) -> ConvexUnion:
        """A shape in the frame and unit of the source in this frame, in float32."""
        center = torch.tensor(self.normalization.center)
        return shape.detach().translate(-center.to(shape.dtype)).scale(self.normalization.scale).to(torch.float32)

    def to_source(self, shape: ConvexUnion) -> ConvexUnion:
        """A shape of this frame in the frame and unit of the source."""
        center = torch.tensor(self.normalization.center)
        return shape.scale(1 / self.normalization.scale).translate(center)


def as_target(source: trimesh.Trimesh | Solid | LabeledPoints, seed: int) -> Target:
    """Normalize a source.

    Raises:
        TypeError: the source is neither a mesh nor a solid nor labeled points.
        ValueError: it encloses no volume, or no point is labeled as occupied.
    """
    if isinstance(source, trimesh.Trimesh):
        source = solidify(source)
    if isinstance(source, Solid):
        return _from_solid(source, seed)
    if isinstance(source, LabeledPoints):
        return _from_points(source)
    raise TypeError(f"source must be a trimesh.Trimesh, a Solid or LabeledPoints, got {describe(source)}")


def _from_solid(solid: Solid, seed: int) -> Target:
    bounds = np.asarray(solid.bounds, dtype=np.float64)
    normalization = Normalization.of_box(bounds)

    def contains(points: np.ndarray) -> np.ndarray:
        return np.asarray(solid.contains(normalization.invert(points)))

    on_surface, normals = (t.numpy() for t in sample_surface(solid.mesh, _N_SURFACE, seed, torch.float64))
    within = sample_inside(solid, _N_INSIDE, seed, torch.float64).numpy()
    inside = InsidePoints(
        normalization.apply(np.concatenate([on_surface, within])),
        np.concatenate([normals, np.zeros_like(within)]),
    )
    surface = solid.surface.copy()
    surface.vertices = normalization.apply(surface.vertices)
    return Target(contains, normalization.apply(bounds), surface, inside, normalization, None)


def _from_points(labeled: LabeledPoints) -> Target:
    points, occupied = labeled.points.double().numpy(), labeled.occupancy.numpy()
    if not occupied.any():
        raise ValueError(f"source must hold at least one occupied point, got {len(points)} points, none occupied")
    bounds = np.stack([points[occupied].min(axis=0), points[occupied].max(axis=0)])
    normalization = Normalization.of_box(bounds)
    unit = normalization.apply(points)
    tree = KDTree(unit)

    def contains(queries: np.ndarray) -> np.ndarray:
        return occupied[tree.query(queries)[1]]

    weights = torch.full((len(points),), float(np.prod(np.ptp(unit, axis=0))) / len(points))
    given = VolumeSamples(torch.from_numpy(unit).float(), torch.from_numpy(occupied), weights)
    inside = InsidePoints(unit[occupied], np.zeros((int(occupied.sum()), 3)))
    return Target(contains, normalization.apply(bounds), None, inside, normalization, given)
