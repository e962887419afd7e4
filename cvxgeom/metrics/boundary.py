"""Points of the boundary of a shape or a mesh, uniform by area."""

from typing import Any, NamedTuple

import numpy as np
import torch
import trimesh

from .._checks import describe, is_whole
from ..shape import ConvexUnion
from .inside import check_single

# Faces of two parts closer than this, of the shape's longest side, touch: planes come from float32 optimizers.
_TOUCH = 1e-6
_PARALLEL = 0.999
_MOST_ROUNDS = 60


class BoundarySamples(NamedTuple):
    """Points of a boundary with their outward unit normals, and the (estimated) area they stand for."""

    points: np.ndarray  #: (n, 3) float64
    normals: np.ndarray  #: (n, 3)
    area: float


def sample_boundary(surface: Any, n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random points of a boundary, uniform by area, with outward unit normals.

    Of a ConvexUnion it is the boundary of the union of its exact polytopes: faces inside of another part, and faces
    where two parts touch from both sides, are left out; where faces of several parts coincide they count once.
    Of a mesh it is all of its triangles, inner ones too.

    Args:
        surface: a ConvexUnion, a mesh, or anything whose ``mesh`` is one (`cvxgeom.data.Solid`).
        n: number of points.
        seed: an integer (or a `numpy.random.SeedSequence`).

    Returns:
        Points (n, 3) and normals (n, 3), float64.

    Raises:
        TypeError: neither a shape nor a mesh.
        ValueError: there is no area to sample, the shape has batch axes, or ``n`` is less than 1.

    Example:
        >>> points, normals = cvxgeom.metrics.sample_boundary(cvxgeom.box(), n=1000)
        >>> bool(np.allclose(np.abs(points).max(axis=1), 0.5)), normals.shape
        (True, (1000, 3))
    """
    samples = boundary_samples("surface", surface, n, np.random.default_rng(seed))
    return samples.points, samples.normals


def boundary_samples(name: str, surface: Any, n: int, generator: np.random.Generator) -> BoundarySamples:
    """`sample_boundary` with a generator, and the area."""
    if not is_whole(n) or n < 1:
        raise ValueError(f"n must be an integer of at least 1, got {describe(n)}")
    if isinstance(surface, ConvexUnion):
        return _of_union(name, surface, n, generator)
    mesh: Any = surface if isinstance(surface, trimesh.Trimesh) else getattr(surface, "mesh", None)
    if not isinstance(mesh, trimesh.Trimesh):
        raise TypeError(
            f"{name} must be a ConvexUnion or a trimesh.Trimesh or have one as mesh, got {describe(surface)}"
        )
    triangles = np.asarray(mesh.vertices, dtype=float)[mesh.faces]
    crosses = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    double_areas = np.linalg.norm(crosses, axis=1)
    if not double_areas.sum() > 0:
        raise ValueError(f"{name} must have an area to sample, got a mesh of {len(triangles)} faces without any")
    points, chosen = _uniform(triangles, double_areas, n, generator)
    return BoundarySamples(points, crosses[chosen] / double_areas[chosen, None], float(double_areas.sum()) / 2)


def _of_union(name: str, shape: ConvexUnion, n: int, generator: np.random.Generator) -> BoundarySamples:
    """Sample the faces of all parts and drop what another part hides, until there are enough."""
    check_single(name, shape)
    faces = _Faces(shape)
    if not len(faces.triangles):
        raise ValueError(f"{name} must have a boundary to sample, got a shape without any bounded part")
    found, drawn, kept = [], 0, 0
    for _ in range(_MOST_ROUNDS):
        # As many as the share kept so far asks for, and a few more.
        wanted = int((n - kept) * (drawn + 1) / (kept + 1)) + 100
        wanted = min(wanted, 4 * n + 100)
        points, chosen = _uniform(faces.triangles, faces.double_areas, wanted, generator)
        visible = ~faces.hidden(points, chosen)
        found.append((points[visible], faces.normals[chosen[visible]]))
        drawn, kept = drawn + wanted, kept + int(visible.sum())
        if kept >= n:
            break
    else:
        raise ValueError(f"{name} must have a boundary to sample: of {drawn} points on its faces {kept} are visible")
    points, normals = (np.concatenate(arrays)[:n] for arrays in zip(*found))
    return BoundarySamples(points, normals, float(faces.double_areas.sum()) / 2 * kept / drawn)


def _uniform(
    triangles: np.ndarray, weights: np.ndarray, n: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """n points uniform in triangles (T, 3, 3) chosen by weight, and the triangle of each."""
    cumulative = np.cumsum(weights)
    chosen = np.searchsorted(cumulative, generator.random(n) * cumulative[-1], side="right")
    chosen = np.minimum(chosen, np.flatnonzero(weights > 0)[-1])
    u, v = generator.random((2, n, 1))
    # Points beyond the diagonal of the parallelogram are folded back into the triangle.
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    a, b, c = np.moveaxis(triangles[chosen], 1, 0)
    return a + u * (b - a) + v * (c - a), chosen


class _Faces:
    """Triangles of the faces of all bounded parts, and which points on them other parts hide."""

    def __init__(self, shape: ConvexUnion) -> None:
        shape = shape.detach().to("cpu", torch.float64)
        tensors = (shape.normals, shape.offsets, shape.translations)
        all_normals, all_offsets, all_translations = (tensor.numpy() for tensor in tensors)
        triangles, normals, owners = [np.zeros((0, 3, 3))], [np.zeros((0, 3))], [np.zeros(0, dtype=int)]
        self.planes: list[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
        for part, polytope in enumerate(shape.polytopes()):
            if not polytope.is_bounded:
                continue
            vertices = polytope.vertices.numpy()
            n_triangles = [len(face) - 2 for face in polytope.faces]
            triangles.append(vertices[polytope.triangles])
            normals.append(np.repeat(all_normals[part, list(polytope.face_planes)], n_triangles, axis=0))
            owners.append(np.full(len(polytope.triangles), part))
            box = np.stack([vertices.min(axis=0), vertices.max(axis=0)])
            self.planes.append((part, box, all_normals[part], all_offsets[part], all_translations[part]))
        self.triangles, self.normals, self.owners = map(np.concatenate, (triangles, normals, owners))
        a, b, c = np.moveaxis(self.triangles, 1, 0)
        self.double_areas = np.linalg.norm(np.cross(b - a, c - a), axis=1)
        extent = np.ptp(self.triangles.reshape(-1, 3), axis=0).max() if len(self.triangles) else 0.0
        self.touch = _TOUCH * float(extent)

    def hidden(self, points: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """(N,) whether points on the chosen triangles are inside of another part, or belong to it as well."""
        hidden = np.zeros(len(points), dtype=bool)
        owners, own_normals = self.owners[chosen], self.normals[chosen]
        for part, (low, high), normals, offsets, translation in self.planes:
            near = ~hidden & (owners != part)
            near &= (points >= low - self.touch).all(axis=1) & (points <= high + self.touch).all(axis=1)
            near = np.flatnonzero(near)
            distances = (points[near] - translation) @ normals.T + offsets
            active = distances.argmax(axis=1)
            depth = np.take_along_axis(distances, active[:, None], axis=1)[:, 0]
            cosine = (normals[active] * own_normals[near]).sum(axis=1)
            touching = np.abs(depth) <= self.touch
            back_to_back = touching & (cosine < -_PARALLEL)
            counted_already = touching & (cosine > _PARALLEL) & (part < owners[near])
            hidden[near] = (depth < -self.touch) | back_to_back | counted_already
        return hidden
