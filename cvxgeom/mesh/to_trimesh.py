"""The front of this package: one function for every surface of a shape."""

from typing import Literal, overload

import torch
import trimesh

from .._checks import check_choice, describe, is_whole
from ..shape import ConvexUnion
from .build import check_single_shape
from .exact import part_meshes, union_mesh
from .gap import centered
from .grid import grid_mesh
from .smooth import smooth_mesh

SURFACES = ("parts", "union", "smooth", "grid")


@overload
def to_trimesh(
    shape: ConvexUnion, surface: Literal["parts"] = "parts", *, center_gap: bool = False
) -> list[trimesh.Trimesh]: ...
@overload
def to_trimesh(
    shape: ConvexUnion,
    surface: Literal["union", "smooth", "grid"],
    *,
    resolution: int = 128,
    tolerance: float | None = None,
    center_gap: bool = False,
) -> trimesh.Trimesh: ...
@overload
def to_trimesh(
    shape: ConvexUnion,
    surface: str,
    *,
    resolution: int = 128,
    tolerance: float | None = None,
    center_gap: bool = False,
) -> trimesh.Trimesh | list[trimesh.Trimesh]: ...
def to_trimesh(
    shape: ConvexUnion,
    surface: str = "parts",
    *,
    resolution: int = 128,
    tolerance: float | None = None,
    center_gap: bool = False,
) -> trimesh.Trimesh | list[trimesh.Trimesh]:
    """Triangle meshes of a shape, in its own unit and frame.

    Which surface:

    - ``"parts"``: the exact polytope of each convex, a list with one closed mesh per bounded convex. Its faces are
      planar polygons: ``mesh.metadata["polygons"]`` has them, the triangles fan them out, and
      ``mesh.face_attributes["halfspace"]`` tells the half-space of each triangle.
    - ``"union"``: the watertight boundary of the union of those polytopes, one mesh.
    - ``"smooth"``: the level set 0 of ``shape.sdf``, the union of the *smooth* convexes: each is meshed by rays from
      inside that meet its surface, as densely as ``tolerance`` demands, and all are united. No grid. It lies inside
      ``"union"``; `surface_gap` says by how much.
    - ``"grid"``: the same level set by marching cubes, for comparison; it costs resolution³ evaluations and misses what
      is thinner than a cell.

    Every mesh has ``face_attributes["part"]``, the convex each triangle belongs to, face colors of
    `cvxgeom.shape.palette`, and metadata: ``name``, ``surface`` (in words) and ``skipped``, part id → sentence for each
    convex that is left out because it is empty, unbounded or without volume (a warning is logged as well). Not
    differentiable; `ConvexUnion.polytopes` is.

    Args:
        shape: a single shape.
        surface: one of the four words above.
        resolution: cells along the longest side, for ``"grid"``.
        tolerance: for ``"smooth"``, how far triangles may be from the level set at their centers, a length (nowhere
            farther than three times that); by default 5e-4 of the longest side.
        center_gap: for ``"parts"`` and ``"union"``, move the planes of each part inward by half of the least and the
            greatest gap to its smooth surface, so that the exact surface lies as much outside of it as inside.

    Returns:
        A list of meshes for ``"parts"``, else one mesh.

    Raises:
        TypeError: ``shape`` is not a ConvexUnion.
        ValueError: the shape has batch axes, there is no such surface, or an option does not fit it.
        EmptyShapeError: there is nothing to mesh.

    Example:
        >>> shape = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0.5, 0.5))])
        >>> [mesh.metadata["name"] for mesh in cvxgeom.to_trimesh(shape)]
        ['part_00', 'part_01']
        >>> union = cvxgeom.to_trimesh(shape, surface="union")
        >>> union.is_watertight, round(float(union.volume), 6)
        (True, 1.875)
    """
    check_single_shape(shape, "to_trimesh")
    # Meshes are made in double precision: float32 planes of a union would leave slivers where parts touch.
    shape = shape.detach().to("cpu", torch.float64)
    check_choice("surface", surface, SURFACES)
    if center_gap and surface not in ("parts", "union"):
        raise ValueError(f'center_gap moves exact planes, so surface must be "parts" or "union", got {surface!r}')
    if not is_whole(resolution) or resolution < 2:
        raise ValueError(f"resolution must be an integer of at least 2, got {describe(resolution)}")
    if surface == "smooth":
        return smooth_mesh(shape, tolerance)
    if surface == "grid":
        return grid_mesh(shape, resolution)
    if center_gap:
        shape = centered(shape)
    return part_meshes(shape) if surface == "parts" else union_mesh(shape)
