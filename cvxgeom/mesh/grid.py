"""The surface of the smooth union by marching cubes, for comparison."""

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes

from ..shape import ConvexUnion
from .build import EmptyShapeError, colored_mesh, report_skipped, unbounded_or_empty

SURFACE_GRID = "level set 0 of the smooth union's SDF, by marching cubes"
_PADDING_CELLS = 1.5


def grid_mesh(shape: ConvexUnion, resolution: int) -> trimesh.Trimesh:
    """Marching cubes of the union's SDF at level 0; the longest side of the exact bounds has ``resolution`` cells."""
    polytopes = shape.polytopes()
    skipped = unbounded_or_empty(polytopes)
    report_skipped(skipped, len(polytopes))
    boxes = {part: polytope.bounds.numpy() for part, polytope in enumerate(polytopes) if part not in skipped}
    low, high = np.min([box[0] for box in boxes.values()], axis=0), np.max([box[1] for box in boxes.values()], axis=0)
    cell = float((high - low).max()) / resolution
    low = low - _PADDING_CELLS * cell
    n_nodes = np.ceil((high - low) / cell).astype(int) + 2
    # A part matters only at nodes less than a cell away from its exact polytope: beyond, Φ exceeds a cell, and the
    # surface crosses an edge of the grid only where both ends have less than that.
    values = np.full(n_nodes, cell)
    parts = np.full(n_nodes, -1)
    for part, box in boxes.items():
        first = np.floor((box[0] - low) / cell).astype(int) - 1
        last = np.ceil((box[1] - low) / cell).astype(int) + 2
        window = tuple(slice(max(i, 0), min(j, n)) for i, j, n in zip(first, last, n_nodes))
        axes = [torch.from_numpy(low[i] + cell * np.arange(s.start, s.stop)) for i, s in enumerate(window)]
        with torch.no_grad():
            own = shape.select([part]).sdf(torch.cartesian_prod(*axes)).numpy().reshape(values[window].shape)
        parts[window] = np.where(own < values[window], part, parts[window])
        values[window] = np.minimum(own, values[window])
    if not (values < 0).any():
        raise EmptyShapeError(
            f"no node of the grid (cells of {cell:.3g}) lies inside the smooth union: it is empty, or thinner than a "
            'cell; raise resolution, or use surface="smooth", which needs no grid'
        )
    in_cells, triangles, _, _ = marching_cubes(values, 0.0, gradient_direction="descent")
    nearest = tuple(in_cells[triangles].mean(axis=1).round().astype(int).T)
    vertices = low + cell * in_cells.astype(np.float64)
    metadata = {"name": "grid", "surface": SURFACE_GRID, "resolution": resolution, "skipped": skipped}
    return colored_mesh(vertices, triangles.astype(np.int64), parts[nearest], metadata)
