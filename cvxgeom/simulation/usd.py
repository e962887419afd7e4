"""USD with the UsdPhysics schema, as text (.usda), for Isaac Sim, Omniverse, Newton and MuJoCo."""

from collections.abc import Iterable, Sequence

import numpy as np

from ..shape.palette import part_color
from .body import RigidBody, principal
from .meshes import numbers


def usd_files(body: RigidBody) -> dict[str, str]:
    """Path → text of the files of a body: one ``.usda`` that holds everything.

    Its default prim is the body, with mass properties; under ``collision`` is one mesh per part, each a collider of its
    own with the approximation ``convexHull``, under ``visual`` what is drawn.

    Example:
        >>> from cvxgeom.simulation import rigid_body
        >>> text = usd_files(rigid_body(cvxgeom.box(), "crate"))["crate.usda"]
        >>> 'upAxis = "Z"' in text, "metersPerUnit = 1" in text
        (True, True)
    """
    moments, axes = principal(body.inertia)
    lines = [
        "#usda 1.0",
        "(",
        f'    defaultPrim = "{body.name}"',
        "    kilogramsPerUnit = 1",
        "    metersPerUnit = 1",
        '    upAxis = "Z"',
        ")",
        "",
        f'def Xform "{body.name}" (',
        '    prepend apiSchemas = ["PhysicsRigidBodyAPI", "PhysicsMassAPI"]',
        '    kind = "component"',
        ")",
        "{",
        f"    float physics:mass = {numbers([body.mass])}",
        f"    point3f physics:centerOfMass = {_tuple(body.center)}",
        f"    float3 physics:diagonalInertia = {_tuple(moments)}",
        f"    quatf physics:principalAxes = {_tuple(axes)}",
    ]
    if body.visual is not None:
        faces = body.visual.faces.tolist()
        lines += ["", *_mesh("visual", body.visual.vertices, faces, color=(0.7, 0.7, 0.7))]
    lines += ["", '    def Scope "collision"', "    {"]
    for number, part in enumerate(body.parts):
        if part.status.is_exported:
            color = (np.array(part_color(number)) / 255).round(4)
            extra = _collider(body.margin) + ([] if body.visual is None else ['uniform token purpose = "guide"'])
            schemas = [
                "PhysicsCollisionAPI",
                "PhysicsMeshCollisionAPI",
                *(["PhysxCollisionAPI"] if body.margin else []),
            ]
            mesh = _mesh(part.name, part.vertices, part.faces, color=color, schemas=schemas, extra=extra)
            lines += [f"    {line}" for line in mesh]
    lines += ["    }", "}", ""]
    return {f"{body.name}.usda": "\n".join(lines)}


def _collider(margin: float) -> list[str]:
    lines = ['uniform token physics:approximation = "convexHull"']
    if margin:
        # PhysX rests surfaces at the sum of both rest offsets, and wants to hear of them a little earlier.
        lines += [
            f"float physxCollision:contactOffset = {numbers([2 * margin])}",
            f"float physxCollision:restOffset = {numbers([margin])}",
        ]
    return lines


def _mesh(
    name: str,
    vertices: np.ndarray,
    faces: Sequence[Sequence[int]],
    *,
    color: Iterable[float],
    schemas: Sequence[str] = (),
    extra: Sequence[str] = (),
) -> list[str]:
    listed = ", ".join(f'"{schema}"' for schema in schemas)
    opening = (
        [f'def Mesh "{name}" (', f"    prepend apiSchemas = [{listed}]", ")"] if schemas else [f'def Mesh "{name}"']
    )
    corners = [int(vertex) for face in faces for vertex in face]
    inside = [
        f"float3[] extent = [{_tuple(vertices.min(axis=0))}, {_tuple(vertices.max(axis=0))}]",
        f"int[] faceVertexCounts = [{', '.join(str(len(face)) for face in faces)}]",
        f"int[] faceVertexIndices = [{', '.join(map(str, corners))}]",
        f"point3f[] points = [{', '.join(_tuple(vertex) for vertex in vertices)}]",
        f"color3f[] primvars:displayColor = [{_tuple(color)}]",
        'uniform token subdivisionScheme = "none"',
        *extra,
    ]
    return [f"    {line}" for line in (*opening, "{", *(f"    {line}" for line in inside), "}")]


def _tuple(values: Iterable[float]) -> str:
    return f"({', '.join(numbers([value]) for value in values)})"
