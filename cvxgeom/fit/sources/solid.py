"""Sources whose every point is known to be inside or outside: solids, and labeled points."""

import numpy as np
import torch
from scipy.spatial import KDTree

from ...data import LabeledPoints, Normalization, Solid, sample_inside, sample_surface
from ..samples import VolumeSamples
from ..split import InsidePoints
from .target import N_INSIDE, N_SURFACE, Target


def from_solid(solid: Solid, seed: int) -> Target:
    """Of a solid, closed or flooded."""
    bounds = np.asarray(solid.bounds, dtype=np.float64)
    normalization = Normalization.of_box(bounds)

    def contains(points: np.ndarray) -> np.ndarray:
        return np.asarray(solid.contains(normalization.invert(points)))

    on_surface, normals = (t.numpy() for t in sample_surface(solid.mesh, N_SURFACE, seed, torch.float64))
    within = sample_inside(solid, N_INSIDE, seed, torch.float64).numpy()
    inside = InsidePoints.of(normalization.apply(on_surface), normals, normalization.apply(within))
    surface = solid.surface.copy()
    surface.vertices = normalization.apply(surface.vertices)
    return Target(contains, normalization.apply(bounds), surface, inside, normalization, None)


def from_labeled(labeled: LabeledPoints) -> Target:
    """Of labeled points: elsewhere the nearest of them tells.

    Raises:
        ValueError: none of them is occupied.
    """
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
