"""The manifest of a dataset: which files there are, which shapes they hold, and how they came about."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import atomic_path
from .records import Arrays, Facts, require_h5py, write_record

FORMAT, VERSION = "cvxgeom-dataset", 1
MANIFEST = "manifest.json"


def read_manifest(path: str | os.PathLike) -> dict[str, Any]:
    """The manifest of a dataset.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged, or of another format or version.

    Example:
        >>> read_manifest("no such folder")
        Traceback (most recent call last):
        FileNotFoundError: 'no such folder' is not a prepared dataset: it has no manifest.json
    """
    file = Path(path) / MANIFEST
    if not file.is_file():
        raise FileNotFoundError(f"{str(path)!r} is not a prepared dataset: it has no {MANIFEST}")
    try:
        manifest = json.loads(file.read_text(encoding="utf-8"))
        found = manifest["format"], manifest["version"]
        listed = all(
            entry["name"] and entry["ids"] for split in manifest["splits"].values() for entry in split["files"]
        )
        whole = listed and isinstance(manifest["classes"], list)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{str(file)!r} is damaged: {type(error).__name__} {error}") from error
    if found != (FORMAT, VERSION):
        raise ValueError(f"{str(file)!r} must be of format {FORMAT} version {VERSION}, got {found[0]} {found[1]}")
    if not whole:
        raise ValueError(f"{str(file)!r} is damaged: it does not list its classes and the shapes of each file")
    return manifest


def write_manifest(path: str | os.PathLike, manifest: Mapping[str, Any]) -> None:
    """Write the manifest into a folder, at once or not at all.

    Args:
        path: the folder.
        manifest: "classes" and "splits" at least; format and version are added.

    Example:
        >>> write_manifest(getfixture("tmp_path"), {"classes": [], "splits": {}})
        >>> read_manifest(getfixture("tmp_path"))["version"]
        1
    """
    whole = {"format": FORMAT, "version": VERSION, **manifest}
    with atomic_path(Path(path) / MANIFEST) as temporary:
        temporary.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def file_entry(path: str | os.PathLike, ids: list[str]) -> dict[str, Any]:
    """What the manifest says about a file: name, shapes, bytes and SHA-256.

    Example:
        >>> path = getfixture("tmp_path") / "train.h5"
        >>> path.write_bytes(b"123")
        3
        >>> file_entry(path, ["chair"])["bytes"]
        3
    """
    with open(path, "rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    size = Path(path).stat().st_size
    return {
        "name": Path(path).name,
        "n_shapes": len(ids),
        "bytes": size,
        "sha256": digest.hexdigest(),
        "ids": list(ids),
    }


def write_dataset(path: str | os.PathLike, splits: Mapping[str, Mapping[str, tuple[Facts, Arrays]]]) -> None:
    """Write a dataset of shapes that are in memory, one file a split.

    Args:
        path: an existing folder.
        splits: for each split, facts and arrays of each shape by its id.

    Raises:
        FileNotFoundError: the folder does not exist.
        ImportError: h5py is not installed.

    Example:
        >>> write_dataset(getfixture("tmp_path"), {"train": {"dot": (Facts("box"), Arrays())}})
        >>> read_manifest(getfixture("tmp_path"))["classes"]
        ['box']
    """
    files: dict[str, Any] = {}
    for split, shapes in splits.items():
        with atomic_path(Path(path) / f"{split}.h5") as temporary:
            with require_h5py().File(temporary, "w") as file:
                for identifier, (facts, arrays) in shapes.items():
                    write_record(file, identifier, facts, arrays)
        files[split] = {"files": [file_entry(Path(path) / f"{split}.h5", list(shapes))]}
    classes = sorted({facts.label for shapes in splits.values() for facts, _ in shapes.values()})
    write_manifest(path, {"classes": classes, "splits": files})
