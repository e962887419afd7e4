"""How a prepared shape lies in an HDF5 file: which arrays, of which types, packed in which way."""

import importlib
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

# One step of a stored depth, a length of the object frame: 16 bits then reach as far as 6.5 longest sides.
DEPTH_UNIT = 1e-4


@dataclass(frozen=True)
class Facts:
    """What is known about a shape besides its geometry.

    Args:
        label: its class.
        name: what people call it.
        creator: who made it.
        license: under which terms.
        source: where it was read from.
        fill: "solid", "thin" (little is left of it without its outermost cells) or "" where nobody looked.
        furniture: whether it counts as furniture.
        exact: whether inside and outside are facts of a closed surface, not estimates.
        cameras_known: whether the cameras of the depth maps are facts, not guesses.
        center: (x, y, z) of the source frame that became the origin.
        scale: length 1 / ``scale`` of the source became 1.
        depth_unit: one step of the stored depth.

    Example:
        >>> Facts(label="chair", fill="thin").fill
        'thin'
    """

    label: str = ""
    name: str = ""
    creator: str = ""
    license: str = ""
    source: str = ""
    fill: str = ""
    furniture: bool = False
    exact: bool = False
    cameras_known: bool = True
    center: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    depth_unit: float = DEPTH_UNIT


@dataclass(frozen=True, eq=False)
class Arrays:
    """The geometry of a prepared shape as plain arrays; None where a source does not have it. Object frame.

    Args:
        bounds: (2, 3) lowest and highest corner of the solid.
        uniform: (N, 3) points drawn evenly from a box that holds the solid.
        uniform_occupancy: (N,) bool.
        near: (N, 3) points of the surface, moved by noise.
        near_occupancy: (N,) bool.
        surface: (N, 3) points drawn evenly from the surface.
        surface_normals: (N, 3) unit normals there.
        grid: (n, n, n) bool, occupancy at the cell centers of the cube [-1/2, 1/2]³; axes x, y, z.
        depth: (V, h, w) uint16 in steps of ``depth_unit``; 0 in the background.
        intrinsics: (V, 3, 3).
        extrinsics: (V, 4, 4).
        rgb: (V, h, w, 4) uint8, sRGB on black; the fourth channel is the silhouette, antialiased.
        rgb_depth: (V, h, w) uint16, like ``depth``.
        rgb_intrinsics: (V, 3, 3).
        rgb_extrinsics: (V, 4, 4).
    """

    bounds: np.ndarray | None = None
    uniform: np.ndarray | None = None
    uniform_occupancy: np.ndarray | None = None
    near: np.ndarray | None = None
    near_occupancy: np.ndarray | None = None
    surface: np.ndarray | None = None
    surface_normals: np.ndarray | None = None
    grid: np.ndarray | None = None
    depth: np.ndarray | None = None
    intrinsics: np.ndarray | None = None
    extrinsics: np.ndarray | None = None
    rgb: np.ndarray | None = field(default=None, metadata={"rgb": True})
    rgb_depth: np.ndarray | None = field(default=None, metadata={"rgb": True})
    rgb_intrinsics: np.ndarray | None = field(default=None, metadata={"rgb": True})
    rgb_extrinsics: np.ndarray | None = field(default=None, metadata={"rgb": True})


# The order in which arrays are written: files of equal content are then equal to the byte.
NAMES = tuple(entry.name for entry in fields(Arrays))
RGB_NAMES = tuple(entry.name for entry in fields(Arrays) if entry.metadata.get("rgb"))

_TYPES: dict[str, Any] = {"depth": np.uint16, "rgb_depth": np.uint16, "rgb": np.uint8}
_PACKED = ("uniform_occupancy", "near_occupancy", "grid")
_PER_VIEW = ("depth", "rgb", "rgb_depth")


def require_h5py() -> Any:
    """The module h5py.

    Raises:
        ImportError: it is not installed.

    Example:
        >>> require_h5py().__name__
        'h5py'
    """
    try:
        return importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError("datasets need h5py; get it by: pip install cvxgeom[train]") from error


def write_record(parent: Any, identifier: str, facts: Facts, arrays: Arrays) -> None:
    """Write one shape as a group of an HDF5 file.

    Args:
        parent: an open h5py file or group.
        identifier: name of the new group; without a slash.
        facts: become attributes.
        arrays: become datasets; booleans are packed to bits, views are compressed one by one.

    Raises:
        ValueError: the file has such a shape already.

    Example:
        >>> with require_h5py().File(getfixture("tmp_path") / "one.h5", "w") as file:
        ...     write_record(file, "box", Facts("box"), Arrays(uniform=np.zeros((5, 3))))
        ...     file["box/uniform"].shape, file["box"].attrs["label"]
        ((5, 3), 'box')
    """
    if identifier in parent:
        raise ValueError(f"identifier must be new, got {identifier!r} for a second shape")
    group = parent.create_group(identifier)
    for entry in fields(Facts):
        group.attrs[entry.name] = getattr(facts, entry.name)
    for name in NAMES:
        value = getattr(arrays, name)
        if value is not None:
            _write_array(group, name, np.asarray(value))


def _write_array(group: Any, name: str, value: np.ndarray) -> None:
    if name in _PACKED:
        bits = np.packbits(value.reshape(-1).astype(bool))
        options = {"compression": "gzip", "compression_opts": 6} if name == "grid" else {}
        group.create_dataset(name, data=bits, **options).attrs["shape"] = value.shape
    elif name in _PER_VIEW:
        data = value.astype(_TYPES[name], copy=False)
        chunks = (1, *value.shape[1:])
        group.create_dataset(name, data=data, chunks=chunks, compression="gzip", compression_opts=4, shuffle=True)
    else:
        cameras = name.endswith("trinsics")
        group.create_dataset(name, data=value.astype(np.float64 if cameras else np.float32, copy=False))


def unpack(dataset: Any) -> np.ndarray:
    """The booleans of a dataset that `write_record` packed, in their shape."""
    shape = tuple(int(n) for n in dataset.attrs["shape"])
    return np.unpackbits(dataset[()], count=int(np.prod(shape))).astype(bool).reshape(shape)
