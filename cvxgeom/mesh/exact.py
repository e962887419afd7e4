"""The exact polytopes of the half-spaces, part by part and as one watertight union."""

import numpy as np
import trimesh

from ..shape import ConvexUnion
from ..shape.solid import unite
from .build import colored_mesh, part_name, skip_unbounded

SURFACE_PARTS = "exact polytopes of the half-spaces, one mesh per convex"
SURFACE_UNION = "boundary of the union of the exact polytopes of the half-spaces"


def part_meshes(shape: ConvexUnion) -> list[trimesh.Trimesh]:
    """One closed mesh per bounded convex; its faces are planar polygons, stored beside their triangles."""
    polytopes = shape.polytopes()
    skipped = skip_unbounded(polytopes)
    meshes = []
    for part, polytope in enumerate(polytopes):
        if part in skipped:
            continue
        metadata = {
            "name": part_name(part),
            "part": part,
            "status": polytope.status.value,
            "surface": SURFACE_PARTS,
            "polygons": polytope.faces,
            "skipped": skipped,
        }
        vertices, triangles = polytope.vertices.numpy(), polytope.triangles
        mesh = colored_mesh(vertices, triangles, np.full(len(triangles), part), metadata)
        n_triangles = [len(face) - 2 for face in polytope.faces]
        mesh.face_attributes["halfspace"] = np.repeat(polytope.face_planes, n_triangles)
        meshes.append(mesh)
    return meshes


def union_mesh(shape: ConvexUnion) -> trimesh.Trimesh:
    """The watertight boundary of the union of all bounded convexes."""
    polytopes = shape.polytopes()
    skipped = skip_unbounded(polytopes)
    solid = unite(polytopes)
    metadata = {"name": "union", "surface": SURFACE_UNION, "skipped": skipped}
    return colored_mesh(solid.vertices, solid.triangles, solid.parts, metadata)
