"""Furniture libraries of Sweet Home 3D (``.sh3f``), with or without a split file."""

import re
import zipfile
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from ...data import Facts, FurnitureEntry, FurnitureLibrary
from ..item import Item, Loaded, Patch, identifier
from ..materials import obj_patches
from .splits import drawn_split, read_split_file

_COLUMNS = ("library", "model", "class", "split")


def library_items(paths: Sequence[Path], split_file: Path | None, seed: int) -> list[Item]:
    """The shapes of furniture libraries.

    Args:
        paths: the ``.sh3f`` files.
        split_file: CSV with the columns library (file name without ending), model, class, split, and if they are known
            name, furniture (0 or 1), fill and creator; what it does not list is left out. None: all models, split by
            lot, with the catalog's category as class.
        seed: of the lot.

    Raises:
        FileNotFoundError: a library that the split file names is not there.
        ValueError: the split file or a library cannot be read, or a model is missing.
    """
    libraries = {path.stem: FurnitureLibrary(path) for path in paths}
    licenses = {name: _license(library.path) for name, library in libraries.items()}
    if split_file is None:
        return [
            _item(libraries[name], entry, licenses[name], drawn_split(identifier(name, entry.model), seed))
            for name in libraries
            for entry in libraries[name]
        ]
    items = []
    for row in read_split_file(split_file, _COLUMNS):
        name = row["library"]
        if name not in libraries:
            raise FileNotFoundError(f"{str(split_file)!r} names the library {name!r}, but there is no {name}.sh3f")
        try:
            entry = libraries[name][row["model"]]
        except KeyError as error:
            raise ValueError(f"{str(split_file)!r} names a model that is not there: {error.args[0]}") from None
        items.append(_item(libraries[name], entry, licenses[name], row["split"], row))
    return items


def _item(
    library: FurnitureLibrary, entry: FurnitureEntry, license: str, split: str, row: dict[str, str] | None = None
) -> Item:
    row = row or {}
    facts = Facts(
        label=row.get("class") or entry.category or "unknown",
        name=row.get("name") or entry.name,
        creator=row.get("creator") or entry.creator,
        license=license,
        source=f"{library.path.name}/{entry.path}",
        fill=row.get("fill", ""),
        furniture=row.get("furniture", "1") == "1",
    )
    load = partial(_load, library.path, entry.model)
    return Item(identifier(library.path.stem, entry.model), split, load, facts)


@lru_cache(maxsize=16)
def _open(path: Path) -> FurnitureLibrary:
    """Libraries stay open in a process: reading a catalog takes as long as computing a shape."""
    return FurnitureLibrary(path)


def _load(path: Path, model: str) -> Loaded:
    library = _open(path)
    entry = library[model]
    colored = entry.path.lower().endswith(".obj")
    return Loaded(library.mesh(model), patches=partial(_patches, path, entry) if colored else None)


def _patches(path: Path, entry: FurnitureEntry) -> list[Patch]:
    folder = entry.path.rpartition("/")[0]
    with zipfile.ZipFile(path) as archive:
        names = {name.lower(): name for name in archive.namelist()}

        def beside(name: str) -> bytes | None:
            # Written on systems that do not tell a from A, nor / from \.
            found = names.get(f"{folder}/{name}".replace("\\", "/").lower().lstrip("/"))
            return archive.read(found) if found else None

        return obj_patches(archive.read(entry.path), beside, np.array(entry.rotation).reshape(3, 3))


def _license(path: Path) -> str:
    """The license of a library in short, from its catalog."""
    with zipfile.ZipFile(path) as archive:
        text = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
    line = re.search(r"^license=(.*)$", text, re.MULTILINE)
    words = line[1].strip() if line else ""
    version = re.search(r"Attribution (\d\.\d)", words)
    if version:
        return f"CC-BY {version[1]}"
    return "CC0" if re.search(r"public domain|CC0|CC-0", words, re.IGNORECASE) else words
