"""Colors and textures of Wavefront OBJ files."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image

from ..data.obj import triangulate_polygons
from .item import Patch

# Of a surface of which nothing else is known; a texture is shown as it is.
_PLAIN, _WHITE = (0.7, 0.7, 0.7, 1.0), (1.0, 1.0, 1.0, 1.0)
_LARGEST_TEXTURE = 512


@dataclass(frozen=True)
class Material:
    """What an MTL file says about a material: sRGB color and opacity, and the name of its texture."""

    color: tuple[float, float, float, float] = _PLAIN
    texture: str | None = None


def parse_mtl(text: str) -> dict[str, Material]:
    """The materials of an MTL file, by name; lines that are not understood are passed over.

    Example:
        >>> parse_mtl("newmtl wood\\nKd 1 0.5 0\\nd 0.25\\nmap_Kd -s 1 1 1 oak tree.jpg")["wood"]
        Material(color=(1.0, 0.5, 0.0, 0.25), texture='oak tree.jpg')
    """
    found: dict[str, Material] = {}
    name, color, opacity, texture = None, _PLAIN[:3], 1.0, None
    for line in [*text.splitlines(), "newmtl"]:
        key, _, rest = line.strip().partition(" ")
        rest, key = rest.strip(), key.lower()
        try:
            if key == "newmtl":
                if name is not None:
                    found[name] = Material((*color, opacity), texture)
                name, color, opacity, texture = rest, _PLAIN[:3], 1.0, None
            elif key == "kd":
                r, g, b = (min(max(float(word), 0.0), 1.0) for word in rest.split()[:3])
                color = (r, g, b)
            elif key == "d":
                opacity = min(max(float(rest.split()[-1]), 0.0), 1.0)
            elif key == "map_kd":
                texture = _file_name(rest)
        except (ValueError, IndexError):
            continue
    return found


def obj_patches(data: bytes, beside: Callable[[str], bytes | None], rotation: np.ndarray | None = None) -> list[Patch]:
    """The triangles of an OBJ file, one patch for each material that is used, with its texture.

    Args:
        data: the content of the file.
        beside: gives the content of a file next to it, by name; None where there is none.
        rotation: (3, 3), applied to positions and normals.

    Returns:
        Patches; polygons are cut as `cvxgeom.data.read_mesh` does.

    Raises:
        ValueError: the file cannot be read.

    Example:
        >>> obj = b"v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nmtllib a.mtl\\nusemtl red\\nf 1 2 3"
        >>> [patch.color for patch in obj_patches(obj, {"a.mtl": b"newmtl red\\nKd 1 0 0"}.get)]
        [(1.0, 0.0, 0.0, 1.0)]
    """
    text = data.decode("latin-1").replace("\\\r\n", " ").replace("\\\n", " ")
    values: dict[str, list[list[float]]] = {"v": [], "vt": [], "vn": []}
    materials: dict[str, Material] = {}
    polygons: dict[str, list[list[tuple[int, int, int]]]] = {}
    current: list[list[tuple[int, int, int]]] = polygons.setdefault("", [])
    for number, line in enumerate(text.splitlines(), start=1):
        key, _, rest = line.partition("#")[0].strip().partition(" ")
        try:
            if key in values:
                values[key].append([float(word) for word in rest.split()[: 2 if key == "vt" else 3]])
            elif key == "f":
                current.append([_corner(word, values) for word in rest.split()])
            elif key == "usemtl":
                current = polygons.setdefault(rest.strip(), [])
            elif key == "mtllib":
                content = beside(rest.strip())
                materials.update(parse_mtl(content.decode("latin-1")) if content else {})
        except ValueError:
            raise ValueError(f"line {number} of the .obj file cannot be read: {line.strip()[:60]!r}") from None
    arrays = {
        key: np.array(rows, dtype=np.float64).reshape(-1, 2 if key == "vt" else 3) for key, rows in values.items()
    }
    if rotation is not None:
        arrays["v"], arrays["vn"] = arrays["v"] @ rotation.T, arrays["vn"] @ rotation.T
    textures: dict[str, Image.Image | None] = {}
    patches = [
        _patch(faces, arrays, materials.get(name, Material()), beside, textures) for name, faces in polygons.items()
    ]
    return [patch for patch in patches if patch is not None]


def _corner(word: str, values: dict[str, list[list[float]]]) -> tuple[int, int, int]:
    """Numbers of position, texture place and normal of a corner, from 0; -1 where it has none."""
    numbers = [int(part) if part else 0 for part in word.split("/")] + [0, 0]
    v, vt, vn = (i - 1 if i >= 0 else len(values[key]) + i for key, i in zip(("v", "vt", "vn"), numbers))
    if not 0 <= v < len(values["v"]):
        raise ValueError(word)
    return v, vt if vt < len(values["vt"]) else -1, vn if vn < len(values["vn"]) else -1


def _patch(
    polygons: list[list[tuple[int, int, int]]],
    arrays: dict[str, np.ndarray],
    material: Material,
    beside: Callable[[str], bytes | None],
    textures: dict[str, Image.Image | None],
) -> Patch | None:
    flat = np.array([corner for polygon in polygons for corner in polygon], dtype=np.int64).reshape(-1, 3)
    ends = np.cumsum([len(polygon) for polygon in polygons], dtype=np.int64)
    rings = [list(range(end - len(polygon), end)) for polygon, end in zip(polygons, ends.tolist())]
    triangles = triangulate_polygons(arrays["v"][flat[:, 0]], rings) if rings else np.zeros((0, 3), dtype=np.int64)
    if not len(triangles):
        return None
    places = {}
    for key, column in (("vt", 1), ("vn", 2)):
        numbers = flat[triangles, column]
        places[key] = arrays[key][numbers] if len(arrays[key]) and (numbers >= 0).all() else None
    texture = None
    if material.texture and places["vt"] is not None:
        if material.texture not in textures:
            textures[material.texture] = read_texture(beside(material.texture))
        texture = textures[material.texture]
    color = material.color if texture is None else (*_WHITE[:3], material.color[3])
    return Patch(arrays["v"][flat[triangles, 0]], color, places["vn"], places["vt"], texture)


def read_texture(data: bytes | None) -> Image.Image | None:
    """A texture, made no larger than is worth while; None if it is missing or damaged."""
    if data is None:
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            picture = image.convert("RGB")
    except (OSError, ValueError, SyntaxError):
        return None
    picture.thumbnail((_LARGEST_TEXTURE, _LARGEST_TEXTURE))
    return picture


def _file_name(text: str) -> str | None:
    """The name behind the options of a map, which are words that start with a dash, each with its numbers."""
    words = text.split(" ")
    while words and (words[0].startswith("-") or _is_number(words[0]) or words[0] in ("", "on", "off")):
        words.pop(0)
    return " ".join(words).strip() or None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def mesh_file_patches(path: Path, rotation: np.ndarray | None = None) -> list[Patch]:
    """The colored triangles of a mesh file; empty where they cannot be read.

    Args:
        path: OBJ files are read here, with the MTL files and textures beside them; other formats by trimesh.
        rotation: (3, 3), applied to positions and normals.
    """
    if path.suffix.lower() == ".obj":

        def beside(name: str) -> bytes | None:
            file = path.parent / name.replace("\\", "/")
            return file.read_bytes() if file.is_file() else None

        return obj_patches(path.read_bytes(), beside, rotation)
    try:
        parts = trimesh.load_scene(path, process=False).dump()
    except Exception:  # every loader has its own; the mesh itself was read, so it is drawn in gray
        return []
    return [_trimesh_patch(part, rotation) for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]


def _trimesh_patch(mesh: trimesh.Trimesh, rotation: np.ndarray | None) -> Patch:
    corners = np.asarray(mesh.triangles, dtype=np.float64)
    if rotation is not None:
        corners = corners @ rotation.T
    visual: Any = mesh.visual
    material = getattr(visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    uv = getattr(visual, "uv", None)
    if isinstance(image, Image.Image) and uv is not None and len(uv) == len(mesh.vertices):
        picture = image.convert("RGB")
        picture.thumbnail((_LARGEST_TEXTURE, _LARGEST_TEXTURE))
        return Patch(corners, _WHITE, uv=np.asarray(uv, dtype=np.float64)[mesh.faces], texture=picture)
    if not visual.defined:
        return Patch(corners, _PLAIN)
    r, g, b, a = (float(x) / 255 for x in np.asarray(getattr(material, "main_color", visual.main_color)))
    return Patch(corners, (r, g, b, a))
