"""Sources that are known on the nodes of a grid and between them: their boundary, and the target that they make."""

import numpy as np
import torch
import trimesh
from skimage import measure

from ...data import Normalization, sample_surface
from ..split import InsidePoints
from .target import N_INSIDE, N_SURFACE, Contains, Target, drawn_inside

_ROUNDS = 50  # of drawing points about inside nodes, until enough are inside


def marching_cubes(
    levels: np.ndarray, origin: np.ndarray, spacing: np.ndarray
) -> tuple[trimesh.Trimesh, np.ndarray, np.ndarray]:
    """The closed surface where levels change sign, between the nodes of a grid and one layer of free nodes around it.

    Args:
        levels: (X, Y, Z), positive inside; at least one is.
        origin: (3,) place of the first node.
        spacing: (3,) between nodes.

    Returns:
        The mesh, outward oriented, and for each of its vertices the two nodes that it lies between: the free one and
        the occupied one, (V, 3) each.
    """
    around = np.pad(levels, 1, constant_values=min(-1.0, -float(levels.max())))
    # A node on the level itself would give triangles without area.
    around[around == 0] = -1e-6 * np.abs(around).max()
    vertices, faces, _, _ = measure.marching_cubes(around, 0.0, gradient_direction="ascent")
    ends = np.stack([np.floor(vertices), np.ceil(vertices)]).astype(np.int64)
    occupied = around[tuple(np.moveaxis(ends, -1, 0))] > 0
    free, held = np.where(occupied[0, :, None], ends[::-1], ends)
    mesh = trimesh.Trimesh(origin + (vertices - 1) * spacing, faces, process=False)
    return mesh, origin + (free - 1) * spacing, origin + (held - 1) * spacing


def target_of(contains: Contains, mesh: trimesh.Trimesh, nodes: np.ndarray, spacing: np.ndarray, seed: int) -> Target:
    """A target from membership and what a grid shows of it.

    Args:
        contains: membership of (n, 3) points.
        mesh: the boundary, closed.
        nodes: (n, 3) of the grid that are inside.
        spacing: (3,) between nodes.
        seed: of all random numbers.
    """
    bounds = np.asarray(mesh.bounds, dtype=np.float64)
    normalization = Normalization.of_box(bounds)
    on_surface, normals = (t.numpy() for t in sample_surface(mesh, N_SURFACE, seed, torch.float64))
    rng = np.random.default_rng(seed)

    def draw() -> np.ndarray:
        drawn = nodes[rng.integers(len(nodes), size=2 * N_INSIDE)]
        return drawn + spacing * (rng.random(drawn.shape) - 0.5)

    within = drawn_inside(draw, contains, _ROUNDS)
    inside = InsidePoints.of(normalization.apply(on_surface), normals, normalization.apply(within))

    def contains_unit(points: np.ndarray) -> np.ndarray:
        return contains(normalization.invert(points))

    return Target(contains_unit, normalization.apply(bounds), None, inside, normalization, None)
