"""The random objects that come with pybullet (``pybullet_data/random_urdfs``): unions of known convex parts."""

import re
from functools import partial
from pathlib import Path

import numpy as np
import trimesh
from scipy.spatial import ConvexHull, QhullError

from ...data import Facts
from ..item import SPLITS, Item, Loaded, identifier

LABEL = "random"
_FIRST_VAL, _FIRST_TEST = 800, 900


def find_random_objects(root: Path) -> Path | None:
    """The folder of the objects, if it is this one or in it."""
    for folder in (root, root / "random_urdfs", root / "pybullet_data" / "random_urdfs"):
        if (folder / "000" / "000.urdf").is_file():
            return folder
    return None


def random_object_items(folder: Path) -> list[Item]:
    """The random objects: the first 800 to train with, 100 for validation, 100 to test.

    Args:
        folder: holds the folders 000, 001, ...
    """
    items = []
    for path in sorted(folder.glob("*/*.obj")):
        if re.fullmatch(r"\d+", path.stem) and path.parent.name == path.stem:
            number = int(path.stem)
            split = SPLITS[0] if number < _FIRST_VAL else SPLITS[1] if number < _FIRST_TEST else SPLITS[2]
            facts = Facts(LABEL, f"random object {path.stem}", source=f"pybullet_data/random_urdfs/{path.stem}")
            items.append(Item(identifier("random", path.stem), split, partial(_load, path), facts))
    return items


def _load(path: Path) -> Loaded:
    parts = convex_parts(path.read_text(encoding="latin-1"))
    if not parts:
        raise ValueError(f"{str(path)!r} has no part with a volume")
    # Each part is closed, so the winding number of all of them together tells exactly what their union holds.
    firsts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    vertices = np.concatenate([part.vertices for part in parts])
    faces = np.concatenate([part.faces + first for part, first in zip(parts, firsts)])
    return Loaded(trimesh.Trimesh(vertices, faces, process=False))


def convex_parts(text: str) -> list[trimesh.Trimesh]:
    """The hull of each object of an OBJ file, outward oriented; those without a volume are left out.

    Example:
        >>> corners = "v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nv 0 0 1\\n"
        >>> parts = convex_parts("o convex_0\\n" + corners + "o convex_1\\n" + corners)
        >>> len(parts), round(float(parts[0].volume), 6)
        (2, 0.166667)
    """
    parts = []
    for block in re.split(r"^o .*$", text, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^v\s+(\S+)\s+(\S+)\s+(\S+)", block, flags=re.MULTILINE)
        points = np.array(rows, dtype=np.float64).reshape(-1, 3)
        try:
            hull = ConvexHull(points)
        except (QhullError, ValueError):
            continue
        faces = hull.simplices
        corners = points[faces]
        normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        inward = (normals * hull.equations[:, :3]).sum(axis=1) < 0
        faces = np.where(inward[:, None], faces[:, ::-1], faces)
        used, faces = np.unique(faces, return_inverse=True)
        parts.append(trimesh.Trimesh(points[used], faces.reshape(-1, 3), process=False))
    return parts
