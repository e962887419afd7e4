"""Shapes as files: ``.npz`` with the five field names as keys, and the CvxNet authors' layout."""

import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .._files import atomic_path
from .convex_union import ConvexUnion

FORMAT_VERSION = 1
FIELDS = ("normals", "offsets", "translations", "smoothness", "sharpness")
# The authors' file has no smoothness. At this one (for their unit-size objects) the smooth convexes lie within
# log(H)/δ < 5e-4 of the exact polytopes, so that both say the same.
AUTHORS_SMOOTHNESS = 1e4
AUTHORS_SHARPNESS = 75.0


def save(shape: ConvexUnion, path: str | os.PathLike) -> None:
    """Write a shape (batched or not) as ``.npz``; an existing file is replaced only once the new one is complete.

    Args:
        shape: what to write; gradients are dropped, half precision is stored as float32.
        path: file name ending in ``.npz``.

    Raises:
        ValueError: the name does not end in ``.npz``.
        OSError: the folder does not exist or cannot be written.
    """
    target = Path(path)
    if target.suffix != ".npz":
        raise ValueError(f"path must end in .npz, got {str(path)!r}")
    wide = shape.detach().to(torch.promote_types(shape.dtype, torch.float32))  # NumPy has no bfloat16
    arrays = {name: getattr(wide, name).cpu().contiguous().numpy() for name in FIELDS}
    with atomic_path(target) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, format_version=np.int64(FORMAT_VERSION), **arrays)


def load(path: str | os.PathLike) -> ConvexUnion:
    """Read a shape that `ConvexUnion.save` wrote, or a file in the layout of the CvxNet authors.

    The authors' layout is ``planes`` (..., K, H, 4), unit outward normal and offset with n·x + offset ≤ 0 in the local
    frame, and ``trans`` (..., K, 3). It has no smoothness: it is set to 1e4 and the sharpness to 75 (both 1/length,
    for objects of unit size), so that the smooth shape agrees with the polytopes. A batch of one is read as one shape.

    Args:
        path: an ``.npz`` file.

    Returns:
        The shape, on the CPU, in the number type of the file.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, is not a shape, or comes from a newer version of cvxgeom.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/box.npz"
        >>> cvxgeom.box().save(path)
        >>> cvxgeom.load(path).n_halfspaces
        6
    """
    target = Path(path)
    if not target.exists():
        raise FileNotFoundError(f"no such file: {target}")
    if not target.is_file():
        raise ValueError(f"{target} is a folder, not a shape file")
    try:
        with open(target, "rb") as file, np.load(file, allow_pickle=False) as archive:
            # A member that is no array comes as bytes.
            arrays = {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # damage meets zipfile, zlib or NumPy anywhere, and each has errors of its own
        raise ValueError(f"{target} is not a readable .npz shape file: {error}") from error
    authors = "planes" in arrays and "trans" in arrays
    missing = [name for name in (*FIELDS, "format_version") if name not in arrays]
    if missing and not authors:
        raise ValueError(f"{target} is not a shape file: it lacks {', '.join(missing)}")
    if not authors:
        version = arrays["format_version"]
        if version.dtype.kind not in "iuf" or not np.all(version <= FORMAT_VERSION):
            raise ValueError(f"{target} has format version {version}, this cvxgeom reads up to {FORMAT_VERSION}")
    try:
        return ConvexUnion(*(_from_authors(arrays) if authors else _tensors(arrays, FIELDS)))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{target} does not hold a valid shape: {error}") from error


def _tensors(arrays: dict[str, np.ndarray], names: tuple[str, ...]) -> list[Tensor]:
    return [torch.from_numpy(arrays[name]) for name in names]


def _from_authors(arrays: dict[str, np.ndarray]) -> list[Tensor]:
    # Whole numbers are numbers, too.
    floats = {name: arrays[name].astype(np.float32) for name in ("planes", "trans") if arrays[name].dtype.kind in "iu"}
    planes, trans = _tensors({**arrays, **floats}, ("planes", "trans"))
    if planes.ndim < 3 or planes.shape[-1] != 4:
        raise ValueError(f"planes must have shape (..., K, H, 4), got {tuple(planes.shape)}")
    if trans.shape != (*planes.shape[:-2], 3):
        raise ValueError(f"trans must have shape {(*planes.shape[:-2], 3)} as planes demand, got {tuple(trans.shape)}")
    if planes.ndim > 3 and planes.shape[0] == 1:
        planes, trans = planes[0], trans[0]
    # Their normals are unit vectors up to float32 rounding and file precision; the offset shares the factor.
    length = planes[..., :3].norm(dim=-1, keepdim=True)
    planes = planes / length
    delta = planes.new_full(planes.shape[:-2], AUTHORS_SMOOTHNESS)
    sigma = planes.new_full(planes.shape[:-2], AUTHORS_SHARPNESS)
    return [planes[..., :3], planes[..., 3], trans.to(planes.dtype), delta, sigma]
