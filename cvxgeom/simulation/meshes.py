"""The mesh files that MJCF and URDF refer to: one part a file, because engines take the hull of a whole file."""

from collections.abc import Iterable

import numpy as np

from .body import RigidBody


def mesh_files(body: RigidBody) -> dict[str, str]:
    """Path → text of an ``.obj`` file for each collision part, and for what is drawn.

    Example:
        >>> from cvxgeom.simulation import rigid_body
        >>> files = mesh_files(rigid_body(cvxgeom.box(), "crate"))
        >>> list(files), files["meshes/crate_part_00.obj"].count("f ")
        (['meshes/crate_part_00.obj', 'meshes/crate_visual.obj'], 12)
    """
    files = {
        f"meshes/{body.name}_{part.name}.obj": _obj(part.name, part.vertices, part.triangles) for part in body.collision
    }
    if body.visual is not None:
        files[f"meshes/{visual_file(body)}"] = _obj("visual", body.visual.vertices, body.visual.faces)
    return files


def visual_file(body: RigidBody) -> str:
    """The name of the mesh that is drawn, in the folder of meshes."""
    return f"{body.name}_visual.obj"


def numbers(values: Iterable[float]) -> str:
    """Numbers with a space between them, exact to twelve digits.

    Example:
        >>> numbers([1.0, 1 / 3])
        '1 0.333333333333'
    """
    return " ".join(f"{float(value):.12g}" for value in values)


def _obj(name: str, vertices: np.ndarray, triangles: np.ndarray) -> str:
    lines = [f"o {name}", *(f"v {numbers(vertex)}" for vertex in vertices)]
    lines += ["f " + " ".join(str(int(vertex) + 1) for vertex in triangle) for triangle in triangles]
    return "\n".join([*lines, ""])
