"""The surface Φ = 0 of each smooth convex, without a grid: rays from an interior point, refined where it curves."""

from dataclasses import dataclass

import numpy as np
import trimesh

from .._checks import check_positive
from ..shape import ConvexUnion, Polytope
from ..shape.solid import unite_bodies
from .build import colored_mesh, report_skipped
from .smooth_convex import SmoothConvex, inscribed_mesh

SURFACE_SMOOTH = "level set 0 of the smooth union's SDF, by rays"
# Of the shape's longest side: a picture shows no facets, and a rounded edge takes a handful of triangles across.
_TOLERANCE_PER_SIZE = 5e-4
# A surface takes points as 1/tolerance: here, some millions for each part.
_LEAST_TOLERANCE_PER_SIZE = 1e-6


@dataclass(frozen=True)
class SmoothPart:
    """One smooth convex as a closed convex mesh inscribed in its surface.

    Without a surface, ``vertices`` and ``triangles`` are empty and ``message`` says why.
    """

    part: int
    vertices: np.ndarray  #: (V, 3) float64, object frame, |Φ| ~ rounding error
    triangles: np.ndarray  #: (F, 3), counter-clockwise seen from outside
    message: str


def smooth_parts(shape: ConvexUnion, polytopes: list[Polytope], tolerance: float) -> list[SmoothPart]:
    """Mesh the surface Φ_k = 0 of every convex that has one.

    Args:
        shape: a single shape, float64.
        polytopes: its exact polytopes; a smooth convex lies inside its own.
        tolerance: refinement stops where a triangle is this close to the surface at its center and at the middles of
            its sides, in length units. Because the surface is convex, it is then nowhere farther than three times that.

    Returns:
        One entry per convex.
    """
    tensors = (shape.normals, shape.offsets, shape.translations, shape.smoothness)
    arrays = zip(*(tensor.numpy() for tensor in tensors))
    return [
        _smooth_part(part, SmoothConvex(n, d, float(delta)), t, polytope, tolerance)
        for part, ((n, d, t, delta), polytope) in enumerate(zip(arrays, polytopes, strict=True))
    ]


def _smooth_part(part: int, convex: SmoothConvex, origin: np.ndarray, exact: Polytope, tolerance: float) -> SmoothPart:
    nothing = np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    if not exact.is_bounded:
        return SmoothPart(part, *nothing, exact.message)
    corners = exact.vertices.numpy() - origin
    size, reach = float(np.ptp(corners, axis=0).max()), float(np.abs(corners + origin).max())
    center, depth = convex.deepest_point(exact.interior_point.numpy() - origin, size)
    # Below the rounding error of positions there is no surface to find.
    if depth > 1e-13 * reach:
        middles = np.stack([corners[list(face)].mean(axis=0) for face in exact.faces])
        vertices, triangles = inscribed_mesh(convex, center, np.concatenate([corners, middles]), tolerance)
        if len(triangles):
            return SmoothPart(part, vertices + origin, triangles, "The smooth convex has a surface.")
    empty = (
        f"The smooth convex is empty: its least Φ, {-depth:.2g}, is not below the rounding error; it needs a larger δ."
    )
    return SmoothPart(part, *nothing, empty)


def smooth_mesh(shape: ConvexUnion, tolerance: float | None) -> trimesh.Trimesh:
    """The watertight boundary of the union of the smooth convexes."""
    polytopes = shape.polytopes()
    tolerance = length_tolerance(polytopes, tolerance)
    found = smooth_parts(shape, polytopes, tolerance)
    skipped = {entry.part: entry.message for entry in found if not len(entry.triangles)}
    report_skipped(skipped, len(found))
    bodies = {entry.part: (entry.vertices, entry.triangles) for entry in found if entry.part not in skipped}
    metadata = {"name": "smooth", "surface": SURFACE_SMOOTH, "tolerance": tolerance, "skipped": skipped}
    solid = unite_bodies(bodies)
    return colored_mesh(solid.vertices, solid.triangles, solid.parts, metadata)


def length_tolerance(polytopes: list[Polytope], tolerance: float | None) -> float:
    """The tolerance asked for, or a small part of the longest side of all bounded parts.

    Raises:
        TypeError: ``tolerance`` is not a number.
        ValueError: it is not positive, or so small that the mesh would fill the memory.
    """
    boxes = [polytope.bounds.numpy() for polytope in polytopes if polytope.is_bounded]
    size = float(np.ptp(np.concatenate(boxes), axis=0).max()) if boxes else 1.0
    if tolerance is None:
        return _TOLERANCE_PER_SIZE * size
    check_positive("tolerance", tolerance)
    if tolerance < _LEAST_TOLERANCE_PER_SIZE * size:
        least = _LEAST_TOLERANCE_PER_SIZE * size
        raise ValueError(f"tolerance must be at least 1e-6 of the longest side, {least:.3g}, got {tolerance:.3g}")
    return tolerance
