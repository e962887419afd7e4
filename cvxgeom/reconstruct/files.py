"""Depth files as arrays of numbers, still in the unit and with the gaps that the file has."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from .._checks import describe

SUFFIXES = (".png", ".npy", ".npz", ".exr")
PHOTO_SUFFIXES = (".jpg", ".jpeg", ".webp")
# What renderers write where a ray met nothing: huge numbers, or the largest one of half precision.
_FAR, _HALF_MAX = 1e9, 65504.0


class StoredDepth(NamedTuple):
    """What a depth file holds."""

    numbers: np.ndarray  #: (V, h, w), as stored: integers, or floats that may be NaN or infinite
    intrinsics: np.ndarray | None = None  #: (V, 3, 3)
    extrinsics: np.ndarray | None = None  #: (V, 4, 4), object frame → camera frame

    @property
    def counts(self) -> bool:
        """Whether the numbers are whole, and so no meters."""
        return self.numbers.dtype.kind in "iu"


def read_stored_depth(path: str | os.PathLike) -> StoredDepth:
    """Read a depth file as it is.

    Args:
        path: ``.png`` (16 bits), ``.npy``, ``.npz`` (keys depth, intrinsics, extrinsics) or ``.exr``.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: an ``.exr`` file, and OpenEXR is not installed.
        ValueError: the ending is another one, the file is damaged, or it holds no depth: colors, 8 bits, wrong axes.

    Example:
        >>> np.save("depth.npy", np.ones((4, 6), np.float32))
        >>> read_stored_depth("depth.npy").numbers.shape
        (1, 4, 6)
    """
    path = existing_file(path)
    suffix = path.suffix.lower()
    if suffix in PHOTO_SUFFIXES:
        raise ValueError(f"{str(path)!r} is a photo, not a depth map; a model that reads color is needed for it")
    if suffix not in SUFFIXES:
        raise ValueError(f"{str(path)!r} is no depth map that can be read: its ending is not one of {_list(SUFFIXES)}")
    return {".png": _read_png, ".npy": _read_npy, ".npz": _read_npz, ".exr": _read_exr}[suffix](path)


def existing_file(path: str | os.PathLike) -> Path:
    """The path, after a check that a file stands there.

    Raises:
        FileNotFoundError: there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    return path


def open_image(path: Path) -> Image.Image:
    """A picture, decoded to its end, and turned as its EXIF orientation says: cameras store what the sensor saw.

    Raises:
        ValueError: it is damaged, cut off, or no picture.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _upright(image)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError, EOFError) as error:
        reason = "it is cut off" if "truncated" in str(error) else "it is damaged, or no picture at all"
        raise ValueError(f"{str(path)!r} cannot be read as a picture: {reason}") from error


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data raise anything, and the picture beside them is sound
        return image.copy()


def is_photo(path: str | os.PathLike) -> bool:
    """Whether a file is a color picture rather than a depth map; by its ending, and a ``.png`` by what it holds.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is a damaged picture.

    Example:
        >>> Image.new("RGB", (4, 4)).save("photo.png")
        >>> is_photo("photo.png")
        True
    """
    path = existing_file(path)
    suffix = path.suffix.lower()
    return suffix in PHOTO_SUFFIXES or (suffix == ".png" and open_image(path).mode in ("RGB", "RGBA", "P", "LA", "PA"))


def load_arrays(path: Path) -> Any:
    """What `numpy.load` gives: an array of a ``.npy`` file, a mapping of a ``.npz`` file.

    Raises:
        ValueError: the file is damaged, or one kind of file has the ending of the other.
    """
    try:
        with open(path, "rb") as file:
            held = np.load(file, allow_pickle=False)
            if not isinstance(held, np.ndarray):
                # An archive reads its members when they are asked for: all of them now, while errors are expected. A
                # member that is no array comes as bytes.
                held = {name: np.asarray(held[name]) for name in held.files}
    except Exception as error:  # damage meets zipfile, zlib or NumPy anywhere, and each has errors of its own
        raise ValueError(f"{str(path)!r} cannot be read as a {path.suffix} file: it is damaged or cut off") from error
    if path.suffix.lower() == (".npz" if isinstance(held, np.ndarray) else ".npy"):
        kinds = ("one array", ".npy") if isinstance(held, np.ndarray) else ("an archive", ".npz")
        raise ValueError(f"{str(path)!r} holds {kinds[0]}, as a {kinds[1]} file does; its ending says otherwise")
    return held


def _read_png(path: Path) -> StoredDepth:
    image = open_image(path)
    if image.mode in ("RGB", "RGBA", "P", "LA", "PA"):
        raise ValueError(f"{str(path)!r} is a color picture, not a depth map (16 bits, millimeters)")
    if not image.mode.startswith("I"):
        raise ValueError(
            f"{str(path)!r} has 8 bits a pixel, too few for a depth map: write it with 16, in millimeters; "
            "256 shades of gray cannot be turned back into lengths"
        )
    return StoredDepth(np.asarray(image)[None])


def _read_npy(path: Path) -> StoredDepth:
    numbers = _maps(path, load_arrays(path), "the array")
    if len(numbers) > 1:
        raise ValueError(
            f"{str(path)!r} holds {len(numbers)} depth maps without their cameras; "
            "store several views as .npz with the keys depth, intrinsics and extrinsics"
        )
    return StoredDepth(numbers)


def _read_npz(path: Path) -> StoredDepth:
    held = load_arrays(path)
    if "depth" not in held:
        raise ValueError(f"{str(path)!r} has no key 'depth'; it holds {_list(sorted(held)) or 'nothing'}")
    numbers = _maps(path, held["depth"], "depth")
    cameras = {}
    for name, last in (("intrinsics", (3, 3)), ("extrinsics", (4, 4))):
        if name not in held:
            continue
        value = held[name]
        if value.dtype.kind not in "fiu" or value.shape not in (last, (len(numbers), *last)):
            demand = f"one {last[0]}×{last[1]} matrix for each of the {len(numbers)} depth maps"
            raise ValueError(f"{name} in {str(path)!r} must be {demand}, got {describe(value)}")
        if name == "extrinsics" and len(numbers) > 1 and value.shape == last:
            raise ValueError(f"extrinsics in {str(path)!r} must tell the {len(numbers)} views apart, got one matrix")
        cameras[name] = np.broadcast_to(value, (len(numbers), *last)).astype(np.float64)
    if len(numbers) > 1 and len(cameras) < 2:
        missing = " and ".join({"intrinsics", "extrinsics"} - set(cameras))
        raise ValueError(f"{str(path)!r} holds {len(numbers)} views and lacks {missing}: each view needs its camera")
    return StoredDepth(numbers, **cameras)


def _read_exr(path: Path) -> StoredDepth:
    try:
        import OpenEXR
    except ImportError as error:
        raise ImportError("an .exr file needs OpenEXR; get it by: pip install cvxgeom[render]") from error
    try:
        held = OpenEXR.File(str(path), separate_channels=True)
        channels = {name: np.array(channel.pixels) for name, channel in held.channels().items()}
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{str(path)!r} cannot be read as an .exr file: it is damaged or cut off") from error
    depths = [name for name in channels if name.split(".")[-1] in ("Z", "V", "Y")]
    depths = sorted(depths, key=lambda name: "ZVY".index(name[-1])) or (list(channels) if len(channels) == 1 else [])
    colors = [channels[name] for name in "RGB" if name in channels]
    if not depths and len(colors) == 3 and all(np.array_equal(colors[0], other, equal_nan=True) for other in colors):
        depths = ["R"]  # a depth map written as a gray picture
    if not depths:
        raise ValueError(f"{str(path)!r} has no channel of depth (Z, V or Y); it has {_list(sorted(channels))}")
    numbers = _maps(path, channels[depths[0]], f"channel {depths[0]}")
    return StoredDepth(np.where(numbers == _HALF_MAX, np.inf, numbers))


def _maps(path: Path, value: np.ndarray, name: str) -> np.ndarray:
    """(V, h, w) numbers out of what a file holds under a name."""
    demand = f"{name} in {str(path)!r} must be numbers of shape (h, w) or (views, h, w), got {describe(value)}"
    if value.dtype.kind not in "fiu" or value.ndim not in (2, 3) or 0 in value.shape:
        raise ValueError(demand)
    if value.ndim == 3 and value.shape[-1] <= 4 < value.shape[0]:
        if value.shape[-1] > 1:
            raise ValueError(f"{demand}; these look like colors")
        value = value[..., 0]
    if value.dtype.itemsize == 1:
        raise ValueError(f"{name} in {str(path)!r} has 8 bits a pixel, too few for a depth map")
    numbers = value if value.ndim == 3 else value[None]
    if numbers.dtype.kind == "f":
        numbers = numbers.astype(np.float64)
        numbers[numbers >= _FAR] = np.inf
    return numbers


def _list(names: Any) -> str:
    return ", ".join(names)
