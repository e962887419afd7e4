"""From a shape to the files of a simulator."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import trimesh

from .._checks import check_choice
from .._files import atomic_path
from ..shape import ConvexUnion
from .body import RigidBody, rigid_body
from .mjcf import mjcf_files
from .reduce import LIMITS
from .urdf import urdf_files
from .usd import usd_files

FORMATS = ("mjcf", "urdf", "usd")
_WRITERS: dict[str, Callable[[RigidBody], dict[str, str]]] = {"mjcf": mjcf_files, "urdf": urdf_files, "usd": usd_files}


@dataclass(frozen=True, eq=False)
class ExportResult:
    """What was written.

    Args:
        body: the rigid body; ``body.parts`` tells what became of each convex, ``body.warnings`` what to know.
        format: "mjcf", "urdf" or "usd".
        path: the file to load.
        files: all files, that one last.
        warnings: those of the body, and what the format cannot say.
    """

    body: RigidBody
    format: str
    path: Path
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def export(
    shape: ConvexUnion,
    folder: str | os.PathLike,
    format: str = "mjcf",
    *,
    name: str = "object",
    density: float | None = None,
    mass: float | None = None,
    scale: float = 1.0,
    up: str = "y",
    origin: str = "keep",
    margin: float = 0.0,
    max_vertices: int | None = None,
    max_faces: int | None = None,
    visual: str | trimesh.Trimesh | None = "union",
) -> ExportResult:
    """Write a shape as a rigid body for simulators: meters, kilograms, z up; one collision geometry per part.

    - ``"mjcf"``: ``NAME.xml`` for MuJoCo, a body with a free joint; meshes under ``meshes/``.
    - ``"urdf"``: ``NAME.urdf``, one link; meshes under ``meshes/``.
    - ``"usd"``: ``NAME.usda``, a rigid body of UsdPhysics, everything in one file.

    Mass, center of mass and inertia are those of the union of the exact parts, overlaps counted once. A part with more
    vertices or faces than the engine should get is replaced by a simpler hull around it; one that engines refuse (too
    thin, too small, empty, unbounded) is left out. Both are told in the result.

    Args:
        shape: a single shape, in any unit and frame.
        folder: where to write; made if it does not exist, in a folder that does.
        format: see above.
        name: of the body and its files; letters, digits and underscores.
        density: kg/m³; 1000 if neither it nor ``mass`` is given.
        mass: kg, instead of the density.
        scale: how many meters the unit of the shape is long; 0.001 for millimeters.
        up: which axis of the shape points up, "y" or "z".
        origin: of the body: "keep" for that of the shape, "base" for the middle of the bottom of its bounding box.
        margin: how far apart the engine keeps this body and others, in meters. A URDF cannot say it.
        max_vertices: of a collision part; by default 64.
        max_faces: of a collision part; by default any number, and for USD the 64 that PhysX takes on a GPU.
        visual: what is drawn: "union" or "smooth" (see `cvxgeom.to_trimesh`), a mesh in unit and frame of the shape, or
            None for the collision parts.

    Returns:
        The body, its files, and warnings.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, both density and mass are given, the shape has batch axes, or a mesh to
            draw has no faces or a vertex that is not finite; nothing is written.
        EmptyShapeError: no part is a solid that an engine takes; nothing is written.
        FileNotFoundError: the folder cannot be made, because the one it would be in does not exist.

    Example:
        >>> shape = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0, 0))])
        >>> result = export(shape, "crate", name="crate", density=200.0)
        >>> [file.as_posix() for file in result.files]
        ['crate/meshes/crate_part_00.obj', 'crate/meshes/crate_part_01.obj', 'crate/meshes/crate_visual.obj',
         'crate/crate.xml']
        >>> round(result.body.mass, 6)
        300.0
    """
    check_choice("format", format, FORMATS)
    limits = LIMITS[format]
    if max_vertices is not None:
        limits = replace(limits, vertices=max_vertices)
    if max_faces is not None:
        limits = replace(limits, faces=max_faces)
    body = rigid_body(
        shape,
        name,
        limits=limits,
        density=density,
        mass=mass,
        scale=scale,
        up=up,
        origin=origin,
        margin=margin,
        visual=visual,
    )
    texts = _WRITERS[format](body)
    target = Path(folder)
    target.mkdir(exist_ok=True)
    paths = []
    for relative, text in texts.items():
        path = target / relative
        path.parent.mkdir(exist_ok=True)
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        paths.append(path)
    warnings = body.warnings
    if margin and format == "urdf":
        warnings = (*warnings, "A URDF cannot hold the margin; set it in the simulator.")
    return ExportResult(body, format, paths[-1], tuple(paths), warnings)
