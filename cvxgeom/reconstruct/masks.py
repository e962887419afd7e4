"""Which pixels show the object."""

import os

import numpy as np
from jaxtyping import Bool
from PIL import Image

from .._checks import describe
from .files import existing_file, load_arrays, open_image


def read_mask(
    mask: str | os.PathLike | Bool[np.ndarray, "h w"], size: tuple[int, int], name: str
) -> Bool[np.ndarray, "h w"]:
    """Which pixels show the object.

    Args:
        mask: an array, or a file: a ``.npy`` array, or a picture whose alpha channel, if it has one that varies, or
            else brightness tells.
        size: (width, height) that it must have.
        name: what error messages call the image that it belongs to.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or has another size.

    Example:
        >>> read_mask(np.eye(3, dtype=bool), (3, 3), "a picture").sum()
        np.int64(3)
    """
    if isinstance(mask, np.ndarray):
        values, label = mask, "mask"
    else:
        path, label = existing_file(mask), f"the mask {str(mask)!r}"
        values = load_arrays(path) if path.suffix.lower() == ".npy" else _brightness(open_image(path))
    if not isinstance(values, np.ndarray) or values.ndim != 2 or values.dtype.kind not in "buif":
        raise ValueError(f"{label} must be one number for each pixel, got {describe(values)}")
    if values.shape[::-1] != size:
        width, height = values.shape[::-1]
        raise ValueError(f"{label} has {width} x {height} pixels, and {name} has {size[0]} x {size[1]}")
    # Half of the brightest: a mask may hold 0 and 1 or 0 and 255, and a .jpg smears its edges.
    values = np.nan_to_num(values.astype(np.float64))
    return values > values.max() / 2


def _brightness(image: Image.Image) -> np.ndarray:
    if "A" in image.getbands():
        alpha = np.asarray(image.getchannel("A"))
        if alpha.min() < alpha.max():
            return alpha
    return np.asarray(image if image.mode.startswith("I") else image.convert("L"))
