"""From a file to what a fit takes: a mesh, a point cloud, or an occupancy grid."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.voxel import VoxelGrid

from ..data import read_mesh
from .sources import OccupancyGrid, PointCloud

FileSource = trimesh.Trimesh | PointCloud | OccupancyGrid


def read_source(path: str | os.PathLike) -> FileSource:
    """Read a file as what it holds.

    - ``.xyz``: lines of x y z, or x y z nx ny nz: a point cloud; ``.ply`` without faces, too (with nx, ny, nz).
    - ``.npz``: ``points`` and maybe ``normals``, a point cloud; or ``values``, and maybe ``origin`` (center of the
      first cell) and ``spacing``, an occupancy grid.
    - ``.npy``: an (N, 3) or (N, 6) array is a point cloud, an (X, Y, Z) array an occupancy grid of cells of side 1.
    - ``.binvox``: an occupancy grid, as trimesh reads it.
    - Everything else is a mesh, see `cvxgeom.data.read_mesh`.

    Args:
        path: a file; its ending names the format.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it cannot be read, or what it holds is none of these.

    Example:
        >>> path = getfixture("tmp_path") / "cloud.npz"
        >>> np.savez(path, points=np.random.default_rng(0).random((50, 3)))
        >>> len(read_source(path).points)
        50
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    ending = path.suffix.lower()
    reader = {".xyz": _lines, ".npz": _named, ".npy": _array, ".binvox": _voxels, ".ply": _ply}.get(ending)
    if reader is None:
        return read_mesh(path)
    try:
        source = reader(path)
    except Exception as error:  # every loader has its own
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise ValueError(f"{str(path)!r} is not a readable {ending} file: {reason[0]}") from error
    return read_mesh(path) if source is None else source


def _lines(path: Path) -> PointCloud:
    return _cloud(np.loadtxt(path, dtype=np.float64, ndmin=2))


def _cloud(rows: np.ndarray) -> PointCloud:
    if rows.shape[1] not in (3, 6):
        raise ValueError(f"it must have 3 columns, x y z, or 6 with normals, got {rows.shape[1]}")
    return PointCloud(rows[:, :3], rows[:, 3:] if rows.shape[1] == 6 else None)


def _named(path: Path) -> PointCloud | OccupancyGrid:
    with np.load(path, allow_pickle=False) as arrays:
        held: dict[str, Any] = dict(arrays)
    known = {"points": ("points", "normals"), "values": ("values", "origin", "spacing")}
    for first, names in known.items():
        if first in held:
            kind = PointCloud if first == "points" else OccupancyGrid
            return kind(**{name: held[name] for name in names if name in held})
    raise ValueError(f"it must hold points (and normals) or values (and origin, spacing), got {', '.join(held)}")


def _array(path: Path) -> PointCloud | OccupancyGrid:
    values = np.load(path, allow_pickle=False)
    if values.ndim == 2:
        return _cloud(values)
    return OccupancyGrid(values)


def _voxels(path: Path) -> OccupancyGrid:
    voxels = trimesh.load(path)
    assert isinstance(voxels, VoxelGrid)
    return OccupancyGrid.of_voxels(voxels)


def _ply(path: Path) -> PointCloud | None:
    """The points of a file without faces; None if it has some."""
    # Files without faces are few and small beside the reading of a mesh, so the header alone is asked first.
    with open(path, "rb") as file:
        for line in file:
            words = line.split()
            if words[:2] == [b"element", b"face"] and int(words[2]):
                return None
            if words[:1] == [b"end_header"]:
                break
    loaded = trimesh.load(path, process=False)
    if not isinstance(loaded, trimesh.PointCloud):
        return None
    fields = loaded.metadata.get("_ply_raw", {}).get("vertex", {}).get("data")
    names = getattr(getattr(fields, "dtype", None), "names", None) or tuple(fields or ())
    has_normals = {"nx", "ny", "nz"} <= set(names)
    normals = np.stack([np.ravel(fields[name]) for name in ("nx", "ny", "nz")], axis=1) if has_normals else None
    return PointCloud(np.asarray(loaded.vertices), normals)
