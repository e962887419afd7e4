"""The surface of the smooth union by marching cubes, for comparison."""

from collections.abc import Mapping

import numpy as np
import torch
import trimesh
from skimage.measure import marching_cubes
from torch import Tensor

from ..ops import sample_grid
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
    values = _sample(shape.select(list(boxes)), low, cell, n_nodes)
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


def _sample(shape: ConvexUnion, low: np.ndarray, cell: float, n_nodes: np.ndarray) -> np.ndarray:
    """Φ of the union at the nodes low + cell · (i, j, k), counted in cells and cut to ±1.

    The surface crosses an edge of the grid only where both ends are less than a cell away from it, so nothing is lost.

    Float32 is enough, and all that marching cubes keeps: the nodes are whole numbers around the grid's middle, so
    wherever the shape lies, and whatever its unit, the values round by a few 2⁻²⁴ of the longest side: 10⁻⁴ of a cell
    at a resolution of 500.
    """
    half = n_nodes // 2
    middle = torch.from_numpy(low + cell * half)
    with torch.no_grad():
        normals, smoothness = shape.normals.double(), cell * shape.smoothness.double()
        to_middle = ((middle - shape.translations.double())[:, None] * normals).sum(dim=-1)
        offsets = (shape.offsets.double() + to_middle) / cell
        planes = (t.float() for t in (normals, offsets, torch.zeros_like(normals[:, 0]), smoothness))
        values = sample_grid((-half).tolist(), 1.0, n_nodes.tolist(), *planes, truncation=1.0)
    return values.numpy()


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
