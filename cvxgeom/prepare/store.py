"""Finished shapes on disk: kept one by one while a dataset grows, then joined into its files.

While `prepare` runs, the dataset's folder holds a folder ``.work`` with one small file for each finished shape. Every
file appears complete or not at all, so that a run which is killed at any moment goes on where it was. When all shapes
are there the files of the dataset are written beside them and then moved to their place, the manifest last.
"""

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import Any

from .._files import atomic_path
from ..data import Arrays, Facts
from ..data.manifest import MANIFEST, file_entry, read_manifest, write_manifest
from ..data.records import NAMES, RGB_NAMES, require_h5py, write_record
from .statistics import described_shape, statistics

_WORK, _PARTS, _SHARDS, _SETTINGS = ".work", "parts", "shards", "settings.json"
_GROUP = "shape"
# Pictures can be added later: what their settings are matters from then on.
PICTURE_SETTINGS = ("rgb", "n_rgb_views", "rgb_size")


@dataclass(frozen=True)
class Refusal:
    """Why a shape is not in the dataset, or why it has no pictures."""

    id: str
    source: str
    reason: str


@dataclass
class Store:
    """The folder of a dataset that is being made.

    Args:
        path: the folder; made if it is not there.
        settings: those of the dataset, as plain values.

    Raises:
        ValueError: the folder holds a dataset of other settings, or other files.
    """

    path: Path
    settings: dict[str, Any]
    # Where each finished shape lies: a file, and the name of its group.
    _geometry: dict[str, tuple[Path, str]] = field(default_factory=dict)
    _pictures: dict[str, tuple[Path, str]] = field(default_factory=dict)
    refused: dict[str, Refusal] = field(default_factory=dict)
    without_rgb: dict[str, Refusal] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self._work = self.path / _WORK
        self._noted = False
        if not self.path.exists():
            self.path.mkdir()
        elif not self._work.exists() and not (self.path / MANIFEST).exists() and any(self.path.iterdir()):
            raise ValueError(f"{str(self.path)!r} is neither empty nor a dataset; choose another folder")
        self._finish_move()
        if (self.path / MANIFEST).exists():
            self.manifest = read_manifest(self.path)
            self._check_settings(self.manifest["settings"])
            self._find_in_dataset(self.manifest)
        if (self._work / _SETTINGS).exists():
            self._check_settings(json.loads((self._work / _SETTINGS).read_text(encoding="utf-8")))
        self._find_parts()

    # -- growing ------------------------------------------------------------------------------------------------------

    def has_geometry(self, identifier: str) -> bool:
        """Whether the geometry of a shape is finished."""
        return identifier in self._geometry

    def has_pictures(self, identifier: str) -> bool:
        """Whether the pictures of a shape are finished."""
        return identifier in self._pictures

    def known(self) -> list[str]:
        """The ids of all shapes that are finished or refused."""
        return sorted({*self._geometry, *self.refused})

    def add(self, identifier: str, geometry: bytes | None, pictures: bytes | None) -> None:
        """Keep what was computed of a shape."""
        for content, ending, found in ((geometry, ".h5", self._geometry), (pictures, ".rgb.h5", self._pictures)):
            if content is not None:
                part = self._part(identifier + ending)
                _write(part, content)
                found[identifier] = part, _GROUP

    def refuse(self, refusal: Refusal, only_pictures: bool = False) -> None:
        """Keep why a shape, or its pictures, cannot be used."""
        content = json.dumps({"id": refusal.id, "source": refusal.source, "reason": refusal.reason})
        _write(self._part(refusal.id + (".rgb.json" if only_pictures else ".json")), content.encode())
        (self.without_rgb if only_pictures else self.refused)[refusal.id] = refusal

    # -- joining ------------------------------------------------------------------------------------------------------

    def is_complete(self, wanted: Sequence[tuple[str, str]], settings: dict[str, Any]) -> bool:
        """Whether the dataset holds what is wanted, (id, split) in order, and nothing waits to be joined."""
        if self.manifest is None or self._work.exists() or self.manifest["settings"] != settings:
            return False
        splits = self.manifest["splits"]
        held = {(id, split) for split, entry in splits.items() for file in entry["files"] for id in file["ids"]}
        return held == {(id, split) for id, split in wanted if id not in self.refused}

    def join(self, wanted: Sequence[tuple[str, str]], shard_bytes: int) -> dict[str, Any]:
        """Write the files of the dataset and its manifest, and remove what they were made of.

        Args:
            wanted: (id, split) of the shapes in their order; those refused are left out.
            shard_bytes: largest size of a file.

        Returns:
            The manifest.
        """
        kept = [(id, split) for id, split in wanted if id in self._geometry]
        shards = self._work / _SHARDS
        shards.mkdir(parents=True, exist_ok=True)
        splits: dict[str, Any] = {split: {"files": []} for split in dict.fromkeys(split for _, split in kept)}
        described: dict[str, dict[str, Any]] = {}
        for split in splits:
            for name, ids in self._plan(split, [id for id, of in kept if of == split], shard_bytes):
                # Written anew even if a run that was killed got this far: what it holds may have changed since.
                described.update(self._write_shard(shards / name, ids))
                splits[split]["files"].append(file_entry(shards / name, ids))
        used = [{"id": id, "split": split, **described[id]} for id, split in kept]
        manifest = {
            "settings": self.settings,
            "classes": sorted({entry["class"] for entry in used}),
            "splits": splits,
            "statistics": statistics(used),
            "used": used,
            "refused": [vars(self.refused[id]) for id, _ in wanted if id in self.refused],
            "without_rgb": [vars(self.without_rgb[id]) for id, _ in wanted if id in self.without_rgb],
        }
        write_manifest(self._work, manifest)
        self._finish_move()
        self.manifest = read_manifest(self.path)
        return self.manifest

    def _plan(self, split: str, ids: list[str], shard_bytes: int) -> list[tuple[str, list[str]]]:
        """The files of a split: name and ids of each."""
        groups: list[list[str]] = []
        room = 0
        for id in ids:
            size = sum(self._size(*found[id]) for found in (self._geometry, self._pictures) if id in found)
            if not groups or size > room:
                groups.append([])
                room = shard_bytes
            groups[-1].append(id)
            room -= size
        if len(groups) < 2:
            return [(f"{split}.h5", group) for group in groups]
        return [(f"{split}-{number:03d}.h5", group) for number, group in enumerate(groups)]

    def _size(self, file: Path, group: str) -> int:
        with require_h5py().File(file, "r") as opened:
            shape = opened[group]
            return sum(shape[name].id.get_storage_size() for name in NAMES if name in shape)

    def _write_shard(self, target: Path, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Write the file of some shapes; returns what the manifest says about each."""
        h5py = require_h5py()
        described = {}
        with atomic_path(target) as temporary, h5py.File(temporary, "w") as file:
            for id in ids:
                place, group = self._geometry[id]
                with h5py.File(place, "r") as part:
                    copied = _copy(part[group], file, id, [name for name in NAMES if name not in RGB_NAMES])
                    described[id] = described_shape(copied)
                if id in self._pictures:
                    place, group = self._pictures[id]
                    with h5py.File(place, "r") as part:
                        _copy(part[group], file, id, RGB_NAMES)
        return described

    def _finish_move(self) -> None:
        """Move the joined files to their place, if they are all there; a move that was interrupted goes on."""
        ready = self._work / MANIFEST
        if not ready.exists():
            return
        wanted = {file["name"] for split in read_manifest(self._work)["splits"].values() for file in split["files"]}
        for shard in sorted((self._work / _SHARDS).glob("*.h5")):
            if shard.name in wanted:
                os.replace(shard, self.path / shard.name)
        for old in self.path.glob("*.h5"):
            if old.name not in wanted:
                old.unlink()
        os.replace(ready, self.path / MANIFEST)
        shutil.rmtree(self._work)

    # -- finding ------------------------------------------------------------------------------------------------------

    def _find_in_dataset(self, manifest: dict[str, Any]) -> None:
        for split in manifest["splits"].values():
            for file in split["files"]:
                self._geometry.update({id: (self.path / file["name"], id) for id in file["ids"]})
        without = {entry["id"] for entry in manifest["without_rgb"]}
        if manifest["settings"]["rgb"]:
            self._pictures = {id: place for id, place in self._geometry.items() if id not in without}
        self.refused = {entry["id"]: Refusal(**entry) for entry in manifest["refused"]}
        self.without_rgb = {entry["id"]: Refusal(**entry) for entry in manifest["without_rgb"]}

    def _find_parts(self) -> None:
        for part in sorted((self._work / _PARTS).glob("[!.]*")):
            kind = ".rgb" if part.name.endswith((".rgb.h5", ".rgb.json")) else ""
            id = part.name.removesuffix(part.suffix).removesuffix(kind)
            if part.suffix == ".h5":
                (self._pictures if kind else self._geometry)[id] = part, _GROUP
            elif part.suffix == ".json":
                found = Refusal(**json.loads(part.read_text(encoding="utf-8")))
                (self.without_rgb if kind else self.refused)[id] = found

    def _part(self, name: str) -> Path:
        folder = self._work / _PARTS
        if not self._noted:
            folder.mkdir(parents=True, exist_ok=True)
            _write(self._work / _SETTINGS, json.dumps(self.settings).encode())
            self._noted = True
        return folder / name

    def _check_settings(self, found: dict[str, Any]) -> None:
        both = found.get("rgb") and self.settings["rgb"]
        for name, value in self.settings.items():
            if (both or name not in PICTURE_SETTINGS) and found.get(name) != value:
                raise ValueError(
                    f"{str(self.path)!r} was begun with {name} = {found.get(name)}, not {value}; choose another folder"
                )


def packed(facts: Facts, arrays: Arrays) -> bytes:
    """A shape as the content of an HDF5 file with a single group."""
    buffer = BytesIO()
    with require_h5py().File(buffer, "w") as file:
        write_record(file, _GROUP, facts, arrays)
    return buffer.getvalue()


def _copy(source: Any, file: Any, name: str, arrays: Sequence[str]) -> Any:
    """Copy a shape into a file, compressed as it is; in a fixed order, so that equal shapes give equal bytes."""
    if name not in file:
        group = file.create_group(name)
        for entry in fields(Facts):
            group.attrs[entry.name] = source.attrs[entry.name]
    group = file[name]
    for array in arrays:
        if array in source:
            source.copy(array, group)
    return group


def _write(path: Path, content: bytes) -> None:
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
