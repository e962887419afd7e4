"""Solids whose best decomposition is known, and labeled samples of shapes."""

import numpy as np
import torch
import trimesh
from manifold3d import Manifold

import cvxgeom
from cvxgeom.fit.samples import SampleCells, VolumeSamples


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


def samples_of(shape: cvxgeom.ConvexUnion, n: int = 40_000) -> VolumeSamples:
    """Samples whose labels are a shape's own."""
    rng = np.random.default_rng(0)

    def contains(points: np.ndarray) -> np.ndarray:
        return shape.contains(torch.from_numpy(points).to(shape.dtype)).numpy()

    mesh = cvxgeom.to_trimesh(shape, "union")
    surface = trimesh.sample.sample_surface(mesh, 5000, seed=0)[0]
    return SampleCells.of(np.asarray(mesh.bounds), np.asarray(surface)).draw(contains, n, rng)
