"""Furniture libraries of Sweet Home 3D (``.sh3f``): a zip archive of models with a catalog."""

import io
import os
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import trimesh

from .readers import mesh_from_bytes

_CATALOG = "PluginFurnitureCatalog.properties"
_IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@dataclass(frozen=True)
class FurnitureEntry:
    """One piece of furniture in a catalog.

    Args:
        model: basename of the model file without its ending; what :meth:`FurnitureLibrary.mesh` asks for.
        name: English name.
        category: the room or theme it is listed under (not what kind of thing it is).
        creator: who made it; to be credited.
        path: place of the model in the archive.
        rotation: 3x3 matrix, row by row, that turns the model to +y up, +x width, +z front.
        size: width, height and depth in centimeters that the catalog gives the piece (0 where it does not say).

    Example:
        >>> FurnitureEntry("chair", "Chair", "Kitchen", "Somebody", "models/chair.obj").rotation[:3]
        (1.0, 0.0, 0.0)
    """

    model: str
    name: str
    category: str
    creator: str
    path: str
    rotation: tuple[float, ...] = _IDENTITY
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)


class FurnitureLibrary:
    """A ``.sh3f`` file: iterate over its entries, ask for meshes by model name.

    Args:
        path: the library file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a zip archive with a furniture catalog.

    Example:
        >>> path = getfixture("tmp_path") / "one.sh3f"
        >>> with zipfile.ZipFile(path, "w") as archive:
        ...     archive.writestr("PluginFurnitureCatalog.properties", "name#1=Tile\\nmodel#1=/tile.obj")
        ...     archive.writestr("tile.obj", "v 0 0 0\\nv 1 0 0\\nv 0 1 0\\nf 1 2 3")
        >>> library = FurnitureLibrary(path)
        >>> [entry.name for entry in library], float(library.mesh("tile").area)
        (['Tile'], 0.5)
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
        try:
            with zipfile.ZipFile(self.path) as archive:
                catalog = archive.read(_CATALOG).decode("latin-1")
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"{str(path)!r} is not a furniture library: no zip archive with {_CATALOG}") from error
        self._entries = {entry.model: entry for entry in _read_catalog(catalog)}

    def __iter__(self) -> Iterator[FurnitureEntry]:
        return iter(self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, model: str) -> FurnitureEntry:
        if model not in self._entries:
            raise KeyError(f"{self.path.name} has no model {model!r}; it has {len(self)} others")
        return self._entries[model]

    def mesh(self, model: str) -> trimesh.Trimesh:
        """The mesh of a model, turned to +y up, +x width, +z front; its unit is the model's own (arbitrary).

        Args:
            model: ``FurnitureEntry.model``.

        Raises:
            KeyError: the library has no such model.
            ValueError: the model is missing from the archive or cannot be read as a mesh.
        """
        entry = self[model]
        label = f"{self.path.name}/{entry.path}"
        try:
            with zipfile.ZipFile(self.path) as archive:
                data, ending = archive.read(entry.path), PurePosixPath(entry.path).suffix
            if ending.lower() == ".zip":
                data, ending = _unpack_model(data, label)
        except (zipfile.BadZipFile, KeyError) as error:
            raise ValueError(f"{label!r} is missing or damaged in the library") from error
        mesh = mesh_from_bytes(data, ending, label)
        rotation = np.array(entry.rotation).reshape(3, 3)
        faces = mesh.faces if np.linalg.det(rotation) > 0 else mesh.faces[:, ::-1]
        return trimesh.Trimesh(mesh.vertices @ rotation.T, faces, process=False)


def _unpack_model(data: bytes, label: str) -> tuple[bytes, str]:
    """The mesh file inside a zipped model, an OBJ first if there are several."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        endings = {name: PurePosixPath(name).suffix.lower() for name in archive.namelist()}
        known = {f".{kind}" for kind in trimesh.available_formats()} | {".obj"}
        names = sorted((name for name in endings if endings[name] in known), key=lambda name: endings[name] != ".obj")
        if not names:
            raise ValueError(f"{label!r} holds no mesh file that can be read")
        return archive.read(names[0]), endings[names[0]]


def _read_catalog(text: str) -> Iterator[FurnitureEntry]:
    """Entries of a catalog in the Java properties format, ``key#N=value``; those without a model are skipped."""
    items: dict[str, dict[str, str]] = {}
    for key, number, value in re.findall(r"^[ \t]*(\w+)#(\d+)[ \t]*[=:][ \t]*(.*?)[ \t\r]*$", text, re.MULTILINE):
        value = re.sub(r"\\u([0-9a-fA-F]{4})", lambda match: chr(int(match[1], 16)), value)
        items.setdefault(number, {})[key] = re.sub(r"\\(.)", r"\1", value)
    for number, item in items.items():
        if not item.get("model"):
            continue
        path = item["model"].lstrip("/")
        rotation, size = item.get("modelRotation", ""), [item.get(key, "0") for key in ("width", "height", "depth")]
        try:
            matrix = tuple(map(float, rotation.split())) or _IDENTITY
            width, height, depth = map(float, size)
        except ValueError:
            matrix, width, height, depth = (), 0.0, 0.0, 0.0
        if len(matrix) != 9:
            raise ValueError(f"entry {number} of the catalog must have 9 numbers in modelRotation and numbers as sizes")
        model, name = PurePosixPath(path).stem, item.get("name", "")
        yield FurnitureEntry(
            model,
            name or model,
            item.get("category", ""),
            item.get("creator", ""),
            path,
            matrix,
            (width, height, depth),
        )
