"""What is decomposed: meshes as they ship, the same as if they were scanned, and the user's own."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import trimesh

from .._files import atomic_path
from ..data import normalize, read_mesh, solidify
from ..prepare.item import Item
from ..prepare.sources import open_source
from .scan import scan_like

log = logging.getLogger("cvxgeom")
SCAN = "-scan"
OWN = "meshes"


@dataclass(frozen=True)
class Case:
    """A mesh to be decomposed.

    Args:
        set: that it belongs to.
        shape: its name, unique in the set.
        label: class, as far as it is known.
        load: makes the mesh that every contender gets, of longest side 1.
        count_parts: tells of how many convex parts it was made; None where that is not known.
    """

    set: str
    shape: str
    label: str
    load: Callable[[], trimesh.Trimesh]
    count_parts: Callable[[], int] | None = None


def source_cases(
    name: str, path: Path, split_file: Path | None = None, split: str = "test", sets: Sequence[str] | None = None
) -> dict[str, list[Case]]:
    """The two sets of a source: closed meshes as they ship, under its name, and all as if scanned, as ``NAME-scan``.

    Args:
        name: of the source.
        path: whatever ``cvxgeom prepare`` reads.
        split_file: see ``cvxgeom prepare``.
        split: whose shapes are taken; of these, only the furniture if some are marked as that.
        sets: those wanted; None for both. Whether meshes are closed takes a while to find out.

    Returns:
        Set → cases, each in an order in which any number of first ones is spread over all.

    Raises:
        FileNotFoundError: there is no such path.
        ValueError: nothing is found there.
    """
    items = [item for item in open_source(path, split_file) if item.split == split]
    # Libraries of furniture also hold other things, such as people and plants.
    items = [item for item in items if item.facts.furniture] or items
    if not items:
        raise ValueError(f"source {name} must have shapes of the split {split!r}, got none in {str(path)!r}")
    found = {}
    if sets is None or name in sets:
        cases = [_case(name, item) for item in items]
        found[name] = spread([case for case in cases if _is_closed(case)])
    if sets is None or name + SCAN in sets:
        found[name + SCAN] = spread([_case(name + SCAN, item) for item in items])
    return found


def own_cases(files: Sequence[Path]) -> list[Case]:
    """A user's own meshes as they are, scaled to longest side 1.

    Raises:
        FileNotFoundError: a file is not there.
    """
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {str(path)!r}")
    names = [path.stem if sum(path.stem == other.stem for other in files) == 1 else str(path) for path in files]
    return [Case(OWN, name, "", partial(_own, path)) for name, path in zip(names, files)]


def scanned(case: Case, folder: Path) -> Case:
    """The same shape as if scanned; its mesh is kept in a folder, because it takes seconds to make.

    Args:
        case: of a set of scans.
        folder: of the results, see `mesh_path`.
    """
    return replace(case, load=partial(_scan, case, mesh_path(folder, case.set, case.shape)))


def mesh_path(folder: Path, set: str, shape: str) -> Path:
    """Where the mesh that all contenders got is kept in a folder of results."""
    kind = "scans" if set.endswith(SCAN) else "meshes"
    return folder / kind / set / f"{shape.replace('/', '-')}.ply"


def spread(cases: Sequence[Case]) -> list[Case]:
    """An order in which any number of first ones is spread over all (van der Corput's), so that runs on more shapes
    contain those on fewer.

    Example:
        >>> cases = [Case("set", name, "", trimesh.Trimesh) for name in "abcdefgh"]
        >>> "".join(case.shape for case in spread(cases))
        'aecgbfdh'
    """
    n_bits = max(1, (len(cases) - 1).bit_length())
    order = [int(format(i, f"0{n_bits}b")[::-1], 2) for i in range(1 << n_bits)]
    return [cases[i] for i in order if i < len(cases)]


def _is_closed(case: Case) -> bool:
    try:
        return solidify(case.load()).exact
    except ValueError as error:  # such as one that encloses nothing
        log.warning("skipped %s of %s: %s", case.shape, case.set, error)
        return False


def _case(name: str, item: Item) -> Case:
    known = partial(_count_parts, item) if item.facts.source.startswith("pybullet_data/") else None
    return Case(name, item.id, item.label, partial(_shipped, item), known)


def _raw(item: Item) -> trimesh.Trimesh:
    mesh = item.load().mesh
    if mesh is None:
        raise ValueError(f"{item.id} must have a mesh to be decomposed, got points alone")
    return mesh


def _shipped(item: Item) -> trimesh.Trimesh:
    return _unit(_raw(item))


def _own(path: Path) -> trimesh.Trimesh:
    return _unit(read_mesh(path))


def _unit(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    unit, _ = normalize(mesh)
    if not unit.is_watertight:
        # Files state corners once for each normal; every reader for decomposition merges them. Where the mesh is closed
        # already, bodies that touch stay apart.
        unit.merge_vertices()
    return unit


def _count_parts(item: Item) -> int:
    """Each part of these sources is a component of its own."""
    return len(_raw(item).split(only_watertight=False))


def _scan(case: Case, path: Path) -> trimesh.Trimesh:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = scan_like(solidify(case.load()))
        with atomic_path(path) as temporary:
            made.export(temporary)
    # From the file in any case: a run that was cut short goes on with the same numbers.
    mesh = trimesh.load_mesh(path, process=False)
    return trimesh.Trimesh(np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces), process=False)
