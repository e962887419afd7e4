"""Solids whose best decomposition is known."""

import numpy as np
import trimesh
from manifold3d import Manifold


def joined(*boxes: tuple[tuple[float, float, float], tuple[float, float, float]]) -> trimesh.Trimesh:
    """One watertight component: the boolean union of boxes given by their least and greatest corners."""
    parts = [Manifold.cube(np.subtract(high, low)).translate(low) for low, high in boxes]
    mesh = sum(parts[1:], parts[0]).to_mesh()
    return trimesh.Trimesh(mesh.vert_properties[:, :3], mesh.tri_verts)


def l_shape() -> trimesh.Trimesh:
    return joined(((0, 0, 0), (1, 0.3, 0.5)), ((0, 0, 0), (0.3, 1, 0.5)))


def table() -> trimesh.Trimesh:
    """A top and four legs, of 5 % thickness."""
    legs = [((x, 0, z), (x + 0.05, 0.55, z + 0.05)) for x in (0, 0.95) for z in (0, 0.55)]
    return joined(((0, 0.5, 0), (1, 0.55, 0.6)), *legs)


def frame() -> trimesh.Trimesh:
    """A square ring: no single cut makes it more convex."""
    return joined(
        ((0, 0, 0), (1, 0.1, 0.1)), ((0, 0.9, 0), (1, 1, 0.1)), ((0, 0, 0), (0.1, 1, 0.1)), ((0.9, 0, 0), (1, 1, 0.1))
    )


def lattice(n: int) -> trimesh.Trimesh:
    """n bars of square section along x that cross n along y: each is convex, and cut by the others."""
    places = [(k + 0.45, k + 0.55) for k in range(n)]
    along_x = [((0, low, 0), (n, high, 0.1)) for low, high in places]
    along_y = [((low, 0, 0), (high, n, 0.1)) for low, high in places]
    return joined(*along_x, *along_y)
