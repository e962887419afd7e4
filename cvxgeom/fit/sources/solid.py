"""Sources whose every point is known to be inside or outside: solids, and labeled points."""

import numpy as np
import torch
from scipy.spatial import KDTree

from ...data import LabeledPoints, Normalization, Solid, sample_surface
from ...data.sampling import draw_around
from ..deadline import NEVER, Deadline
from ..samples import VolumeSamples
from ..split import InsidePoints
from .target import N_INSIDE, N_SURFACE, Target, drawn_inside, is_flat

_DRAWN, _ROUNDS = 4 * N_INSIDE + 1000, 40  # points from the cubes that cover a solid, and how often, for those inside


def from_solid(solid: Solid, seed: int, until: Deadline = NEVER) -> Target:
    """Of a solid, closed or flooded.

    Args:
        solid: which.
        seed: of all random numbers.
        until: after that, no more points are looked for inside of a solid so thin that few are found.
    """
    bounds = np.asarray(solid.bounds, dtype=np.float64)
    normalization = Normalization.of_box(bounds)

    def contains(points: np.ndarray) -> np.ndarray:
        return np.asarray(solid.contains(normalization.invert(points)))

    on_surface, normals = (t.numpy() for t in sample_surface(solid.mesh, N_SURFACE, seed, torch.float64))
    rng = np.random.default_rng(seed)
    within = drawn_inside(lambda: draw_around(solid, _DRAWN, rng), solid.contains, _ROUNDS, until)
    inside = InsidePoints.of(normalization.apply(on_surface), normals, normalization.apply(within))
    surface = solid.surface.copy()
    surface.vertices = normalization.apply(surface.vertices)
    return Target(contains, normalization.apply(bounds), surface, inside, normalization, None)


def from_labeled(labeled: LabeledPoints) -> Target:
    """Of labeled points: elsewhere the nearest of them tells.

    Raises:
        ValueError: none of them is occupied, or those that are lie in a plane.
    """
    points, occupied = labeled.points.detach().cpu().double().numpy(), labeled.occupancy.cpu().numpy()
    if not occupied.any():
        raise ValueError(f"source must hold at least one occupied point, got {len(points)} points, none occupied")
    if is_flat(points[occupied], 1e-9):
        raise ValueError(f"source must hold occupied points around a volume, got {occupied.sum()} that lie in a plane")
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
