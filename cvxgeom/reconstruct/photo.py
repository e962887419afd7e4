"""A color picture of one object, cut out and brought to the size and camera that models were trained with."""

import logging
import math
import os
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from PIL import Image
from scipy import ndimage
from torch import Tensor

from ..color import ColorViews
from .cameras import FIELD_OF_VIEW, VIEW, Intrinsics, Number, View, stated_lens, turned_to
from .files import PHOTO_SUFFIXES, existing_file, open_image
from .gaps import FEWEST_PIXELS
from .masks import read_mask

log = logging.getLogger("cvxgeom")

# A background is plain if nearly all pixels of the border differ by no more than this from their median, in [0, 1].
_PLAIN, _BORDER_SHARE = 0.08, 0.97
_FULLEST = 0.98
_SPECK = 0.002  # of what is not background
# Training pictures: pixels of a side; share of it that an object spans; half the height of the image at the object, for
# a longest side of 1. Medians of the furniture of the test split.
SIDE, _FILL, _HALF_HEIGHT = 128, 0.84, 0.665


class Cutout(NamedTuple):
    """A picture and where the object is in it, row 0 at the top."""

    color: Float[Tensor, "3 h w"]  #: red, green, blue in [0, 1], as displayed (sRGB)
    shown: Bool[Tensor, "h w"]  #: which pixels show the object


def read_photo(
    path: str | os.PathLike,
    *,
    view: View | None = None,
    intrinsics: Intrinsics | None = None,
    field_of_view: Number | None = None,
    mask: str | os.PathLike | Bool[np.ndarray, "h w"] | None = None,
) -> ColorViews:
    """Read a photo of one object, for a model to make a shape of.

    The object is cut out (see `cut_out`) in a square that it spans as the training pictures are spanned, and scaled to
    their 128 × 128 pixels. A photo has no unit: the camera is put where the object is about 1 long. The object frame is
    that of `cvxgeom.read_depth`.

    Args:
        path: ``.png``, ``.jpg``, ``.jpeg`` or ``.webp``.
        view: (azimuth, elevation) of the camera as seen from the object, degrees; by default that of the intrinsics'
            file, else (35, 20).
        intrinsics: of the whole photo, see `cvxgeom.reconstruct.read_lens`.
        field_of_view: of the whole photo from top to bottom, degrees, instead of intrinsics. Without both, the square
            around the object is taken to span 40.
        mask: which pixels show the object, see `cvxgeom.reconstruct.read_mask`.

    Raises:
        FileNotFoundError: a file does not exist.
        ValueError: a file is damaged, is a depth map, does not fit the camera or the mask, or there is no telling the
            object from the background.

    Example:
        >>> image = Image.new("RGB", (300, 200), "white")
        >>> image.paste("red", (100, 50, 180, 150))
        >>> image.save("photo.png")
        >>> views = read_photo("photo.png", view=(0, 0))
        >>> tuple(views.rgb.shape), round(float(views.mask.any(dim=1).float().mean()), 2)
        ((1, 3, 128, 128), 0.67)
    """
    found = cut_out(path, mask=mask)
    height, width = found.shown.shape
    lens = stated_lens(intrinsics, field_of_view, (width, height), repr(str(path)))
    rows, columns = (found.shown.any(dim=axis).nonzero().squeeze(-1) for axis in (1, 0))
    (top, bottom), (left, right) = ((int(line[0]), int(line[-1]) + 1) for line in (rows, columns))
    if any(gap == 0 for gap in (top, left, height - bottom, width - right)):
        log.warning("%r: the object reaches the border of the picture, where it may be cut off", str(path))
    side = math.ceil(max(bottom - top, right - left) / _FILL)
    corner = (left + right - side) // 2, (top + bottom - side) // 2
    rgb, shown = _scaled(found, corner, side)
    half_angle = math.radians(FIELD_OF_VIEW) / 2
    if lens is not None:
        # The square looks straight at its middle; that a photo shows things off its axis stretched is left aside.
        half_angle = math.atan(side / 2 / float(lens.matrix[1, 1]))
    focal = SIDE / 2 / math.tan(half_angle)
    pose = turned_to((lens and lens.view) or VIEW if view is None else view)
    pose[2, 3] = _HALF_HEIGHT / math.tan(half_angle)
    matrix = torch.tensor([[focal, 0, SIDE / 2], [0, focal, SIDE / 2], [0, 0, 1]])
    return ColorViews(rgb[None], shown[None], matrix[None], torch.from_numpy(pose)[None].float())


def cut_out(path: str | os.PathLike, *, mask: str | os.PathLike | Bool[np.ndarray, "h w"] | None = None) -> Cutout:
    """Read a picture and find the object in it.

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
        >>> int(cut_out("photo.png").shown.sum())
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
    return Cutout(torch.from_numpy(values.transpose(2, 0, 1).copy()), torch.from_numpy(shown.copy()))


def _before_plain_background(values: Float[np.ndarray, "h w 3"], name: str) -> Bool[np.ndarray, "h w"]:
    height, width = values.shape[:2]
    border = np.zeros((height, width), dtype=bool)
    border[[0, -1]] = border[:, [0, -1]] = True
    near = np.abs(values - np.median(values[border], axis=0)).max(axis=-1) < _PLAIN
    # Only what is connected with the border: the object may have the color of the background inside.
    labels = _pieces(near)
    background = np.isin(labels, np.setdiff1d(labels[border], [0]))
    if near[border].mean() < _BORDER_SHARE or background.mean() < 1 - _FULLEST:
        raise ValueError(
            f"{name} has neither an alpha channel nor a plain background, so where the object is cannot be seen; "
            "give a mask (--mask)"
        )
    # A .jpg has specks around sharp edges.
    labels = _pieces(~background)
    sizes = np.bincount(labels.reshape(-1))
    sizes[0] = 0
    return (sizes > _SPECK * sizes.sum())[labels]


def _pieces(pixels: Bool[np.ndarray, "h w"]) -> Int[np.ndarray, "h w"]:
    """Which connected piece each pixel belongs to, from 1; 0 where it is not set."""
    labels = np.zeros(pixels.shape, dtype=np.int32)
    ndimage.label(pixels, output=labels)
    return labels


def _scaled(found: Cutout, corner: tuple[int, int], side: int) -> tuple[Float[Tensor, "3 n n"], Bool[Tensor, "n n"]]:
    """A square of a picture, white beyond its edges, in the size of training pictures.

    Colors are averaged over the object's pixels alone, so that none of the background's bleeds in.
    """
    left, top = corner
    height, width = found.shown.shape
    pad = (max(0, -left), max(0, left + side - width), max(0, -top), max(0, top + side - height))
    weight = found.shown.float()[None]
    layers = torch.nn.functional.pad(torch.cat([found.color * weight, weight]), pad)
    top, left = top + pad[2], left + pad[0]
    square = layers[None, :, top : top + side, left : left + side]
    small = torch.nn.functional.interpolate(square, (SIDE, SIDE), mode="bilinear", antialias=True)[0]
    rgb = (small[:3] / small[3].clamp(min=1e-6)).clamp(0, 1)
    shown = small[3] >= 0.5
    return torch.where(shown, rgb, 1.0), shown
