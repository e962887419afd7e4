"""The surface of the smooth union by marching cubes, for comparison."""

from collections.abc import Mapping

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

from ..shape import ConvexUnion
from .build import EmptyShapeError, colored_mesh, skip_unbounded

SURFACE_GRID = "level set 0 of the smooth union's SDF, by marching cubes"
_PADDING_CELLS = 1.5


def grid_mesh(shape: ConvexUnion, resolution: int) -> trimesh.Trimesh:
    """Marching cubes of the union's SDF at level 0; the longest side of the exact bounds has ``resolution`` cells."""
    polytopes = shape.polytopes()
    skipped = skip_unbounded(polytopes)
    boxes = {part: polytope.bounds.numpy() for part, polytope in enumerate(polytopes) if part not in skipped}
    low, high = np.min([box[0] for box in boxes.values()], axis=0), np.max([box[1] for box in boxes.values()], axis=0)
    cell = float((high - low).max()) / resolution
    low = low - _PADDING_CELLS * cell
    n_nodes = np.ceil((high - low) / cell).astype(int) + 2
    # A part matters only at nodes less than a cell away from its exact polytope: beyond, Φ exceeds a cell, and the
    # surface crosses an edge of the grid only where both ends have less than that.
    values = np.full(n_nodes, cell)
    for part, box in boxes.items():
        first = np.floor((box[0] - low) / cell).astype(int) - 1
        last = np.ceil((box[1] - low) / cell).astype(int) + 2
        window = tuple(slice(max(i, 0), min(j, n)) for i, j, n in zip(first, last, n_nodes))
        axes = [torch.from_numpy(low[i] + cell * np.arange(s.start, s.stop)) for i, s in enumerate(window)]
        own = _sdf(shape, part, torch.cartesian_prod(*axes)).reshape(values[window].shape)
        values[window] = np.minimum(own, values[window])
    if not (values < 0).any():
        raise EmptyShapeError(
            f"no node of the grid (cells of {cell:.3g}) lies inside the smooth union: it is empty, or thinner than a "
            'cell; raise resolution, or use surface="smooth", which needs no grid'
        )
    in_cells, triangles, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
    vertices, triangles = low + cell * in_cells.astype(np.float64), triangles.astype(np.int64)
    parts = _nearest_parts(shape, boxes, vertices[triangles].mean(axis=1), cell)
    metadata = {"name": "grid", "surface": SURFACE_GRID, "resolution": resolution, "skipped": skipped}
    return colored_mesh(vertices, triangles, parts, metadata)


def _nearest_parts(shape: ConvexUnion, boxes: Mapping[int, np.ndarray], points: np.ndarray, reach: float) -> np.ndarray:
    """The part with the least Φ at each of the points (N, 3), all of which are within reach of the surface."""
    nearest, least = np.full(len(points), -1), np.full(len(points), np.inf)
    for part, (low, high) in boxes.items():
        near = np.flatnonzero((points >= low - reach).all(axis=1) & (points <= high + reach).all(axis=1))
        own = _sdf(shape, part, torch.from_numpy(points[near]))
        better = own < least[near]
        nearest[near[better]], least[near[better]] = part, own[better]
    return nearest


def _sdf(shape: ConvexUnion, part: int, points: Tensor) -> np.ndarray:
    with torch.no_grad():
        return shape.select([part]).sdf(points).numpy()
