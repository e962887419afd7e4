"""A folder of mesh files: the class of a mesh is its sub-folder."""

from functools import partial
from pathlib import Path

from ...data import Facts, mesh_files, read_mesh
from ..item import SPLITS, Item, Loaded, identifier
from ..materials import mesh_file_patches
from .splits import drawn_split, read_split_file

NO_CLASS = "unknown"


def folder_items(root: Path, split_file: Path | None, seed: int) -> list[Item]:
    """The meshes of a folder and of all folders in it.

    Args:
        root: ``root/class/mesh.obj``, with folders called train, val and test anywhere on the way if the split is
            given; else it is drawn by lot. Meshes that lie in ``root`` itself are of the class "unknown".
        split_file: CSV with the columns path (from ``root``) and split, and if they are known class, name, creator,
            license and fill; what it does not list is left out.
        seed: of the lot.

    Raises:
        FileNotFoundError: the split file is missing.
        ValueError: the split file cannot be read.
    """
    if split_file is not None:
        rows = read_split_file(split_file, ["path", "split"])
        return [_item(root, Path(row["path"]), row["split"], row) for row in rows]
    paths = sorted(path.relative_to(root) for path in mesh_files(root))
    items = []
    for path in paths:
        given = [word for word in path.parts[:-1] if word in SPLITS]
        split = given[0] if given else drawn_split(identifier(*path.with_suffix("").parts), seed)
        items.append(_item(root, path, split, {}))
    return items


def _item(root: Path, path: Path, split: str, row: dict[str, str]) -> Item:
    folders = [word for word in path.parts[:-1] if word not in SPLITS]
    facts = Facts(
        label=row.get("class") or (folders[0] if folders else NO_CLASS),
        name=row.get("name") or path.stem,
        creator=row.get("creator", ""),
        license=row.get("license", ""),
        source=path.as_posix(),
        fill=row.get("fill", ""),
    )
    words = [word for word in path.with_suffix("").parts if word not in SPLITS]
    return Item(identifier(*words), split, partial(load_mesh_file, root / path), facts)


def load_mesh_file(path: Path) -> Loaded:
    """A mesh file with its colors; +y is up and +z is the front."""
    return Loaded(read_mesh(path), patches=partial(mesh_file_patches, path))
