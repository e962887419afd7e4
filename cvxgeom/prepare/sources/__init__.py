"""Where shapes come from: each source turns a path into a list of items."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from ...data import MESH_ENDINGS
from ..item import Item
from .folder import folder_items
from .generated import generated_items, n_generated
from .library import library_items
from .random_objects import find_random_objects, random_object_items
from .shapenet import find_synsets, shapenet_items
from .tfrecords import find_tfrecords, tfrecord_items

__all__ = ["open_source"]


def open_source(path: Path, split_file: Path | None = None, seed: int = 0) -> list[Item]:
    """The shapes of a folder or file, whatever kind it is.

    Args:
        path: ``generated:N`` for so many pieces of furniture drawn at random (`cvxgeom.prepare.generated`), or one of
            these, recognized by what is in it:
            a ``.sh3f`` file or a folder of them;
            a folder that holds pybullet's ``random_urdfs``;
            a ShapeNetCore tree of version 1 or 2, or one of Occupancy Networks' points: ``synset/model/...``;
            a folder of the TFRecord files of CvxNet: ``class-split-...``;
            a folder of mesh files: ``class/mesh.obj``.
        split_file: which shape belongs to which split; its columns depend on the source.
        seed: of the lot that decides where nothing else does, and of furniture drawn at random.

    Returns:
        The shapes in a fixed order, each id once.

    Raises:
        FileNotFoundError: there is no such path, or no such split file.
        ValueError: no shapes are found there, or the split file does not fit.

    Example:
        >>> folder = getfixture("tmp_path") / "cube"
        >>> folder.mkdir()
        >>> _ = (folder / "one.off").write_text("OFF 0 0 0")
        >>> [(item.id, item.label) for item in open_source(folder.parent)]
        [('cube.one', 'cube')]
    """
    if (n := n_generated(str(path))) is not None:
        if split_file is not None:
            raise ValueError(f"{str(path)!r} takes no split file: its splits are drawn by lot")
        if n == 0:
            raise ValueError(f"{str(path)!r} must ask for at least one shape")
        return generated_items(n, seed)
    if not path.exists():
        raise FileNotFoundError(f"there is no {str(path)!r}")
    if split_file is not None and not split_file.exists():
        raise FileNotFoundError(f"there is no split file {str(split_file)!r}")
    items = _items(path, split_file, seed)
    if not items:
        raise ValueError(
            f"{str(path)!r} holds no shapes: neither .sh3f libraries, nor a tree of ShapeNet, nor TFRecord files, nor "
            f"meshes ({', '.join(MESH_ENDINGS)})"
        )
    counts = Counter(item.id for item in items)
    seen: Counter = Counter()
    unique = []
    for item in items:
        seen[item.id] += 1
        unique.append(item if counts[item.id] == 1 else replace(item, id=f"{item.id}-{seen[item.id]}"))
    return unique


def _items(path: Path, split_file: Path | None, seed: int) -> list[Item]:
    if path.is_file():
        if path.suffix == ".sh3f":
            return library_items([path], split_file, seed)
        raise ValueError(f"{str(path)!r} must be a folder or a .sh3f library")
    if libraries := sorted(path.glob("*.sh3f")):
        return library_items(libraries, split_file, seed)
    if objects := find_random_objects(path):
        return random_object_items(objects)
    if find_synsets(path):
        return shapenet_items(path, split_file, seed)
    if files := find_tfrecords(path):
        return tfrecord_items(files)
    return folder_items(path, split_file, seed)
