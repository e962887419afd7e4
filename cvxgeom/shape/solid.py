"""Boolean union of polytopes as one watertight solid that remembers which part each triangle came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import manifold3d
import numpy as np
from jaxtyping import Float, Int

from .._checks import describe
from .polytope import Polytope


@dataclass(frozen=True, eq=False, repr=False)
class UnionSolid:
    """The union of closed bodies: a watertight oriented 2-manifold, in float64.

    Args:
        manifold: the solid itself, for further booleans (``a.manifold ^ b.manifold`` is the intersection).
        vertices: corners of its boundary, in the frame and unit of the bodies.
        triangles: vertex numbers, counter-clockwise seen from outside.
        parts: for each triangle the body whose boundary it lies on; one of them where boundaries coincide.
    """

    manifold: manifold3d.Manifold
    vertices: Float[np.ndarray, "V 3"]
    triangles: Int[np.ndarray, "T 3"]
    parts: Int[np.ndarray, " T"]

    def __repr__(self) -> str:
        return f"UnionSolid({len(self.vertices)} vertices, {len(self.triangles)} triangles, volume {self.volume:.6g})"

    @property
    def is_empty(self) -> bool:
        """Whether there was no body with volume."""
        return not len(self.triangles)

    @cached_property
    def volume(self) -> float:
        """Volume of the union; zero when empty."""
        if self.is_empty:
            return 0.0
        # Around the middle: a small solid far from the origin keeps its digits.
        a, b, c = (self.vertices - self.vertices.mean(axis=0))[self.triangles].transpose(1, 0, 2)
        return float(np.einsum("ti,ti->", a, np.cross(b, c)) / 6)


def unite(polytopes: Sequence[Polytope]) -> UnionSolid:
    """The union of the bounded polytopes; the others are left out.

    Not differentiable. Cost: about 10 ms for the 50 parts of a learned shape.

    Args:
        polytopes: the convexes of a shape, as `ConvexUnion.polytopes` gives them.

    Returns:
        Their union. ``parts`` counts all polytopes given, left out or not; empty when none is bounded.

    Example:
        >>> two = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0, 0))])
        >>> solid = unite(two.polytopes())
        >>> round(solid.volume, 12), sorted(set(solid.parts.tolist()))
        (1.5, [0, 1])
    """
    manifolds = {}
    for part, polytope in enumerate(polytopes):
        if polytope.is_bounded:
            vertices = polytope.vertices.detach().numpy()
            try:
                manifolds[part] = to_manifold(vertices, polytope.triangles)
            except ValueError:  # a sliver that the engine will not take: the hull of the vertices is the same body
                manifolds[part] = manifold3d.Manifold.hull_points(vertices)
    return _united(manifolds)


def unite_bodies(bodies: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> UnionSolid:
    """The union of closed triangle meshes.

    Args:
        bodies: part id → vertices (V, 3) and triangles (T, 3), closed, without self-intersections.

    Returns:
        Their union, with the part ids given.

    Raises:
        ValueError: a body is not a closed oriented manifold; the message names it.

    Example:
        >>> tetrahedron = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1.0]])
        >>> triangles = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
        >>> unite_bodies({7: (tetrahedron, triangles)}).parts.tolist()
        [7, 7, 7, 7]
    """
    return _united({part: to_manifold(*body, name=f"body {part}") for part, body in bodies.items()})


def to_manifold(vertices: np.ndarray, triangles: np.ndarray, name: str = "mesh") -> manifold3d.Manifold:
    """A closed triangle mesh as a solid for boolean operations.

    Args:
        vertices: (V, 3), shared between the triangles that meet there.
        triangles: (T, 3) vertex numbers, counter-clockwise seen from outside.
        name: what the message calls the mesh.

    Raises:
        ValueError: shapes do not fit, or the mesh is not a closed oriented manifold.

    Example:
        >>> cube = cvxgeom.box(size=2.0).polytopes()[0]
        >>> to_manifold(cube.vertices.numpy(), cube.triangles).volume()
        8.0
    """
    for what, array in (("vertices", vertices), ("triangles", triangles)):
        if np.ndim(array) != 2 or np.shape(array)[1] != 3:
            raise ValueError(f"{what} of {name} must have shape (N, 3), got {describe(array)}")
    mesh = manifold3d.Mesh64(
        np.ascontiguousarray(vertices, dtype=np.float64), np.ascontiguousarray(triangles, dtype=np.uint64)
    )
    manifold = manifold3d.Manifold(mesh)
    if manifold.status() != manifold3d.Error.NoError:
        raise ValueError(f"{name} must be a closed oriented manifold, got one that is not: {manifold.status().name}")
    return manifold


def _united(manifolds: Mapping[int, manifold3d.Manifold]) -> UnionSolid:
    originals = {part: manifold.as_original() for part, manifold in manifolds.items()}
    part_of = {original.original_id(): part for part, original in originals.items()}
    union = manifold3d.Manifold.batch_boolean(list(originals.values()), manifold3d.OpType.Add)
    mesh = union.to_mesh64()
    triangles = np.asarray(mesh.tri_verts, dtype=np.int64)
    run_lengths = np.diff(np.asarray(mesh.run_index, dtype=np.int64)) // 3
    runs = [part_of[original] for original in mesh.run_original_id] if len(triangles) else []
    parts = np.repeat(np.array(runs, dtype=np.int64), run_lengths[: len(runs)])
    return UnionSolid(union, np.asarray(mesh.vert_properties, dtype=np.float64)[:, :3], triangles, parts)
