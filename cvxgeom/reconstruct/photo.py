"""A color picture of one object, cut out of its background."""

import os
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from PIL import Image
from scipy import ndimage
from torch import Tensor

from .files import PHOTO_SUFFIXES, existing_file, open_image
from .gaps import FEWEST_PIXELS
from .read import read_mask

# A background is plain if nearly all pixels of the border differ by no more than this from their median, in [0, 1].
_PLAIN, _BORDER_SHARE = 0.08, 0.97
_FULLEST = 0.98


class Photo(NamedTuple):
    """One picture, row 0 at the top."""

    color: Float[Tensor, "3 h w"]  #: red, green, blue in [0, 1], as displayed (sRGB)
    shown: Bool[Tensor, "h w"]  #: which pixels show the object


def read_photo(path: str | os.PathLike, *, mask: str | os.PathLike | Bool[np.ndarray, "h w"] | None = None) -> Photo:
    """Read a photo of one object.

    Where the object is, is told by the mask; else by the alpha channel; else by a plain background (one color all along
    the border), as pictures in catalogs have it.

    Args:
        path: ``.png``, ``.jpg``, ``.jpeg`` or ``.webp``; a gray picture counts as a colorless photo.
        mask: see `cvxgeom.reconstruct.read_mask`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, is a depth map, or there is no telling the object from the background.

    Example:
        >>> image = Image.new("RGB", (40, 30), "white")
        >>> image.paste("red", (10, 5, 30, 25))
        >>> image.save("photo.png")
        >>> int(read_photo("photo.png").shown.sum())
        400
    """
    path = existing_file(path)
    suffixes = (".png", *PHOTO_SUFFIXES)
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{str(path)!r} is no photo that can be read: its ending is not one of {', '.join(suffixes)}")
    image = open_image(path)
    if image.mode.startswith(("I", "F")):
        raise ValueError(f"{str(path)!r} has 16 bits and no colors: it is a depth map, and the model reads photos")
    name = repr(str(path))
    alpha = np.asarray(image.convert("RGBA").getchannel("A"))
    # What is transparent may have any color: white, as paper.
    color = Image.new("RGB", image.size, "white")
    color.paste(image.convert("RGB"), mask=Image.fromarray(alpha))
    values = np.asarray(color, dtype=np.float32) / 255
    if mask is not None:
        shown = read_mask(mask, image.size, name)
    elif alpha.min() < 128:
        shown = alpha >= 128
    else:
        shown = _before_plain_background(values, name)
    if (count := int(shown.sum())) < FEWEST_PIXELS:
        raise ValueError(f"{name} shows the object in {count} pixels only, at least {FEWEST_PIXELS} are needed")
    return Photo(torch.from_numpy(values.transpose(2, 0, 1).copy()), torch.from_numpy(shown.copy()))


def _before_plain_background(values: Float[np.ndarray, "h w 3"], name: str) -> Bool[np.ndarray, "h w"]:
    height, width = values.shape[:2]
    border = np.zeros((height, width), dtype=bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    near = np.abs(values - np.median(values[border], axis=0)).max(axis=-1) < _PLAIN
    # Only what is connected with the border: the object may have the color of the background inside.
    labels = np.zeros(near.shape, dtype=np.int32)
    ndimage.label(near, output=labels)
    background = np.isin(labels, np.setdiff1d(labels[border], [0]))
    if near[border].mean() < _BORDER_SHARE or background.mean() < 1 - _FULLEST:
        raise ValueError(
            f"{name} has neither an alpha channel nor a plain background, so where the object is cannot be seen; "
            "give a mask (--mask)"
        )
    return ~background
