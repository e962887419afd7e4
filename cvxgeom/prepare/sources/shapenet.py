"""ShapeNetCore trees, versions 1 and 2, and Occupancy Networks' points made of them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from scipy.spatial import KDTree

from ...data import Arrays, Facts, Normalization, read_mesh
from ..item import SPLITS, Item, Loaded, identifier
from ..materials import mesh_file_patches
from .splits import drawn_split, read_split_file

# The classes of the usual benchmark.
CLASSES = {
    "02691156": "airplane",
    "02828884": "bench",
    "02933112": "cabinet",
    "02958343": "car",
    "03001627": "chair",
    "03211117": "display",
    "03636649": "lamp",
    "03691459": "speaker",
    "04090263": "rifle",
    "04256520": "sofa",
    "04379243": "table",
    "04401088": "telephone",
    "04530566": "watercraft",
}
_LICENSE = "ShapeNet terms of use"
# Version 1 has the front at +x, version 2 at -z: rows are the new axes.
_FROM_V1 = np.array([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]])
_FROM_V2 = np.diag([-1.0, 1, -1])
_MESHES = {"model.obj": _FROM_V1, "models/model_normalized.obj": _FROM_V2}
# Meshes that people keep beside Occupancy Networks' points, in the same frame.
_BESIDE = ("model_watertight.off", "model_occnet.ply", "model.off")
# Points of a cloud no farther than this from the surface serve as points near the surface.
_NEAR = 0.05


class _Listed(NamedTuple):
    synset: str
    model: str
    split: str


def find_synsets(root: Path) -> list[Path]:
    """The sub-folders that are named like a synset, 8 digits."""
    return sorted(path for path in root.iterdir() if path.is_dir() and len(path.name) == 8 and path.name.isdecimal())


def has_points(synsets: list[Path]) -> bool:
    """Whether this is a tree of Occupancy Networks' points."""
    return any(next(synset.glob("*/points.npz"), None) for synset in synsets)


def shapenet_items(root: Path, split_file: Path | None, seed: int) -> list[Item]:
    """The shapes of a tree ``synset/model/...``.

    What the lists name is used, whether or not it is there (what is not will be refused with this reason): lists are
    ``synset/train.lst`` (one model a line) and so on, in the tree itself or in the folder given as split file; or the
    CSV that comes with ShapeNetCore version 2, with the columns synsetId, modelId and split. Without lists all models
    are used and split by lot.

    Args:
        root: the tree.
        split_file: the lists, if they are elsewhere.
        seed: of the lot.

    Raises:
        FileNotFoundError: the split file is missing.
        ValueError: the split file cannot be read.
    """
    synsets = find_synsets(root)
    load = _load_points if has_points(synsets) else _load_model
    items = []
    for synset, model, split in _listed(root, synsets, split_file, seed):
        label = CLASSES.get(synset, synset)
        facts = Facts(label, f"{synset}/{model}", license=_LICENSE, source=f"{synset}/{model}")
        items.append(Item(identifier(synset, model), split, partial(load, root / synset / model), facts))
    return items


def _listed(root: Path, synsets: list[Path], split_file: Path | None, seed: int) -> Iterator[_Listed]:
    if split_file is not None and not split_file.is_dir():
        there = {synset.name for synset in synsets}
        for row in read_split_file(split_file, ["synsetId", "modelId", "split"]):
            synset = row["synsetId"].zfill(8)
            if synset in there:
                yield _Listed(synset, row["modelId"], row["split"])
        return
    lists = split_file or root
    for synset in synsets:
        files = [(split, lists / synset.name / f"{split}.lst") for split in SPLITS]
        if any(file.is_file() for _, file in files):
            for split, file in files:
                models = file.read_text(encoding="utf-8").split() if file.is_file() else []
                yield from (_Listed(synset.name, model, split) for model in models)
        else:
            for folder in sorted(path for path in synset.iterdir() if path.is_dir()):
                split = drawn_split(identifier(synset.name, folder.name), seed)
                yield _Listed(synset.name, folder.name, split)


def _load_model(folder: Path) -> Loaded:
    for name, rotation in _MESHES.items():
        path = folder / name
        if path.is_file():
            return Loaded(_turned(read_mesh(path), rotation), patches=partial(mesh_file_patches, path, rotation))
    raise FileNotFoundError(f"{str(folder)!r} has neither {' nor '.join(_MESHES)}")


def _load_points(folder: Path) -> Loaded:
    """Occupancy Networks' ``points.npz`` and ``pointcloud.npz``, and a mesh beside them if there is one."""
    with np.load(folder / "points.npz") as file:
        points = file["points"].astype(np.float64) @ _FROM_V1.T
        labels = file["occupancies"]
    occupancy = np.unpackbits(labels)[: len(points)].astype(bool) if labels.dtype == np.uint8 else labels.astype(bool)
    if points.shape != (len(occupancy), 3) or not np.isfinite(points).all():
        raise ValueError(f"points.npz of {str(folder)!r} must have a label for each of its points, and finite points")
    with np.load(folder / "pointcloud.npz") as file:
        surface, normals = (file[key].astype(np.float64) @ _FROM_V1.T for key in ("points", "normals"))
    mesh = next((_turned(read_mesh(folder / name), _FROM_V1) for name in _BESIDE if (folder / name).is_file()), None)
    frame = Normalization.of_box(np.stack([surface.min(axis=0), surface.max(axis=0)]) if mesh is None else mesh.bounds)
    points, surface = frame.apply(points), frame.apply(surface)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    arrays = Arrays(
        bounds=np.stack([surface.min(axis=0), surface.max(axis=0)]),
        uniform=points,
        uniform_occupancy=occupancy,
        surface=surface,
        surface_normals=normals / np.where(length > 0, length, 1),
    )
    if mesh is not None:
        return Loaded(mesh, arrays, frame)
    distance, _ = KDTree(surface).query(points, distance_upper_bound=_NEAR)
    close = np.isfinite(distance)
    return Loaded(None, Arrays(**{**vars(arrays), "near": points[close], "near_occupancy": occupancy[close]}), frame)


def _turned(mesh: trimesh.Trimesh, rotation: np.ndarray) -> trimesh.Trimesh:
    return trimesh.Trimesh(mesh.vertices @ rotation.T, mesh.faces, process=False)
