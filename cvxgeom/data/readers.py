"""Any mesh file becomes one triangle mesh, or one clear sentence."""

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh

from .obj import parse_obj

MESH_ENDINGS = (".obj", ".off", ".ply", ".stl", ".glb", ".gltf", ".3mf")


def mesh_files(folder: Path) -> Iterator[Path]:
    """All mesh files in a folder and the folders in it, but for hidden ones, in no order.

    Example:
        >>> folder = getfixture("tmp_path")
        >>> for name in ("cup.stl", ".hidden.stl", "cup.txt"):
        ...     (folder / name).touch()
        >>> [path.name for path in mesh_files(folder)]
        ['cup.stl']
    """
    for path in folder.rglob("*"):
        hidden = any(word.startswith(".") for word in path.relative_to(folder).parts)
        if path.suffix.lower() in MESH_ENDINGS and not hidden and path.is_file():
            yield path


def read_mesh(path: str | os.PathLike) -> trimesh.Trimesh:
    """Read a mesh file as one triangle mesh in the file's own frame and unit.

    OBJ files are read here (concave polygons are cut properly, all objects are joined); every other format goes through
    trimesh, a scene being joined with the transforms of its nodes applied. Materials, normals and vertices that no face
    uses are dropped; nothing is merged or repaired.

    Args:
        path: a file; its ending names the format (.obj, .glb, .gltf, .ply, .stl, .off, .3mf, ...).

    Returns:
        The mesh, with at least one face, finite vertices and valid indices.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the format is not known, the file is damaged, has no faces, has NaN or infinite vertices, or a face
            names a vertex that does not exist.

    Example:
        >>> path = getfixture("tmp_path") / "triangle.obj"
        >>> _ = path.write_text("v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nf -3 -2 -1")
        >>> float(read_mesh(path).area)
        0.5
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    if path.suffix.lower() == ".obj":
        return mesh_from_bytes(path.read_bytes(), ".obj", str(path))
    return _read_other(path, path.suffix, str(path))


def mesh_from_bytes(data: bytes, ending: str, label: str) -> trimesh.Trimesh:
    """Like :func:`read_mesh` for the content of a file, such as a member of an archive.

    Args:
        data: the content.
        ending: the ending that names the format, with its dot.
        label: what error messages call the file.

    Example:
        >>> float(mesh_from_bytes(b"v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nf 1 2 3", ".obj", "a triangle").area)
        0.5
    """
    if ending.lower() != ".obj":
        return _read_other(io.BytesIO(data), ending, label)
    try:
        # names in comments and groups come in any encoding; Latin-1 accepts all of them and keeps the numbers
        vertices, faces = parse_obj(data.decode("latin-1"))
    except ValueError as error:
        raise ValueError(f"{label!r} is not a readable .obj file: {error}") from None
    return _checked(vertices, faces, label)


def _read_other(source: Path | io.BytesIO, ending: str, label: str) -> trimesh.Trimesh:
    known = sorted(trimesh.available_formats() | {"obj"})
    kind = ending.lower().removeprefix(".")
    if kind not in known:
        raise ValueError(f"{label!r} has a format that cannot be read: {ending!r} is not one of {', '.join(known)}")
    try:
        scene = trimesh.load_scene(source, file_type=kind, process=False)
        meshes = [part for part in scene.dump() if isinstance(part, trimesh.Trimesh)]
    except Exception as error:  # every loader of trimesh has its own
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ValueError(f"{label!r} is not a readable .{kind} file: {reason[0]}") from error
    if not meshes:
        raise ValueError(f"{label!r} has no faces")
    firsts = np.cumsum([0] + [len(part.vertices) for part in meshes])
    vertices = np.concatenate([np.asarray(part.vertices, dtype=np.float64) for part in meshes])
    faces = np.concatenate([np.asarray(part.faces) + first for part, first in zip(meshes, firsts)])
    return _checked(vertices, faces, label)


def _checked(vertices: np.ndarray, faces: np.ndarray, label: str) -> trimesh.Trimesh:
    if not len(faces):
        raise ValueError(f"{label!r} has no faces")
    if faces.min() < 0 or faces.max() >= len(vertices):
        raise ValueError(f"{label!r} has a face that names a vertex out of range: it has {len(vertices)} vertices")
    bad = int((~np.isfinite(vertices)).any(axis=1).sum())
    if bad:
        raise ValueError(f"{label!r} has {bad} of {len(vertices)} vertices NaN or infinite")
    used, faces = np.unique(faces, return_inverse=True)
    return trimesh.Trimesh(vertices[used], faces.reshape(-1, 3), process=False)
