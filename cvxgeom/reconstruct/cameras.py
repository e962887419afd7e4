"""Cameras from what a user knows: a file, four numbers, or an angle."""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from .._checks import check_positive, describe
from ..render import Camera
from .files import existing_file, load_arrays

FIELD_OF_VIEW = 40.0
VIEW = (35.0, 20.0)
Number = float | int
View = Sequence[Number] | np.ndarray
Intrinsics = str | os.PathLike | Sequence[Number] | np.ndarray


class Lens(NamedTuple):
    """What a camera file says."""

    matrix: Float[np.ndarray, "3 3"]  #: camera frame → pixels
    size: tuple[int, int] | None = None  #: (width, height) of the images it is meant for
    view: tuple[float, float] | None = None  #: (azimuth, elevation) of the camera, degrees


def read_lens(source: Intrinsics) -> Lens:
    """Intrinsics from a file or numbers.

    Args:
        source: four numbers fx, fy, cx, cy in pixels; a 3×3 matrix; the four numbers as text; or a file: ``.json``
            (fx, fy, cx, cy, or ppx and ppy; or intrinsic_matrix, column by column as Open3D writes it; optionally
            width, height, and view = [azimuth, elevation]), ``.txt`` (four or nine numbers, row by row) or ``.npy``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is none of these.

    Example:
        >>> read_lens("525,525,320,240").matrix[0].tolist()
        [525.0, 0.0, 320.0]
    """
    if isinstance(source, str) and (numbers := _four_numbers(source)) is not None:
        return Lens(_matrix(numbers, "intrinsics"))
    if not isinstance(source, (str, os.PathLike)):
        return Lens(_matrix(source, "intrinsics"))
    path = existing_file(source)
    suffix, name = path.suffix.lower(), f"the intrinsics in {str(source)!r}"
    if suffix == ".json":
        return _from_json(path, name)
    if suffix == ".npy":
        return Lens(_matrix(load_arrays(path), name))
    if suffix == ".txt":
        try:
            words = path.read_text(encoding="utf-8").replace(",", " ").split()
            return Lens(_matrix([float(word) for word in words], name))
        except (UnicodeDecodeError, ValueError) as error:
            raise ValueError(f"{name} must be four or nine numbers as text") from error
    raise ValueError(f"{str(source)!r} must be fx,fy,cx,cy or a file that ends in .json, .txt or .npy")


def lens_of_angle(field_of_view: Number, size: tuple[int, int]) -> Lens:
    """Intrinsics of a camera whose image is (width, height) pixels and that sees this vertical angle in degrees.

    Raises:
        ValueError: the angle is not between 0 and 180.
    """
    camera = Camera((0.0, 0.0, 1.0), field_of_view=field_of_view, size=size)
    return Lens(camera.intrinsics.numpy(), size)


def stated_lens(
    intrinsics: Intrinsics | None, field_of_view: Number | None, size: tuple[int, int], name: str
) -> Lens | None:
    """The lens that a user states for an image, checked; None if nothing is stated.

    Args:
        intrinsics: see `read_lens`.
        field_of_view: vertical, degrees; instead of intrinsics.
        size: (width, height) of the image.
        name: what error messages call the image.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: both are stated, or what is stated does not fit.
    """
    if intrinsics is None:
        return None if field_of_view is None else lens_of_angle(field_of_view, size)
    if field_of_view is not None:
        raise ValueError("intrinsics and field_of_view both describe the lens; give one of them")
    lens = read_lens(intrinsics)
    if lens.size is not None and lens.size != size:
        meant = "{} x {}".format(*lens.size)
        raise ValueError(f"the intrinsics are for images of {meant} pixels, and {name} has {size[0]} x {size[1]}")
    check_fit(lens.matrix, size, name)
    return lens


def check_fit(matrix: Float[np.ndarray, "3 3"], size: tuple[int, int], name: str) -> None:
    """Demand intrinsics that can belong to an image.

    Args:
        matrix: camera frame → pixels.
        size: (width, height) of the image.
        name: what error messages call the image.

    Raises:
        ValueError: they are for an image of another size, or no camera has them.
    """
    (fx, skew, cx), (_, fy, cy), last = matrix
    numbers = f"fx={fx:g}, fy={fy:g}, cx={cx:g}, cy={cy:g}"
    if not np.isfinite(matrix).all() or abs(matrix[1, 0]) > 1e-9 or not np.allclose(last, (0, 0, 1)):
        raise ValueError(f"intrinsics must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {matrix.tolist()}")
    if not (fx > 0 and fy > 0 and 0.5 < fx / fy < 2 and abs(skew) < 0.1 * fx):
        raise ValueError(f"intrinsics must have positive fx and fy of about the same size, got {numbers}")
    width, height = size
    if not all(0.05 * side < center < 0.95 * side for center, side in ((cx, width), (cy, height))):
        raise ValueError(
            f"the intrinsics {numbers} do not fit {name} of {width} x {height} pixels, whose middle they should point "
            "near: they count pixels, and are multiplied by the same factor when an image is made smaller"
        )
    angle = 2 * math.degrees(math.atan(height / (2 * fy)))
    if not 1 < angle < 150:
        raise ValueError(
            f"the intrinsics {numbers} do not fit {name} of {width} x {height} pixels: "
            f"it would span {angle:.3g} degrees from top to bottom"
        )


def check_rigid(extrinsics: Float[np.ndarray, "V 4 4"], name: str) -> None:
    """Demand rotations and translations, object frame → camera frame.

    Raises:
        ValueError: a matrix is something else.
    """
    rotation = extrinsics[:, :3, :3]
    good = np.isfinite(extrinsics).all() and np.allclose(extrinsics[:, 3], (0, 0, 0, 1), atol=1e-6)
    good = good and np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-3)
    if not good or (np.linalg.det(rotation) < 0).any():
        raise ValueError(f"extrinsics in {name} must be rotations with translations (object frame → camera frame)")


def turned_to(view: View) -> Float[np.ndarray, "4 4"]:
    """Rotation from the object's frame, y up and z front, to that of a camera that stands at (azimuth, elevation).

    Args:
        view: (azimuth, elevation) in degrees, as in `cvxgeom.render.Camera.looking_at`.

    Raises:
        ValueError: these are not two finite numbers.

    Example:
        >>> turned_to((0, 0))[:3, :3].round().astype(int).tolist()
        [[1, 0, 0], [0, -1, 0], [0, 0, -1]]
    """
    try:
        azimuth, elevation = np.asarray(view, dtype=np.float64).tolist()
    except (TypeError, ValueError) as error:
        raise ValueError(f"view must be 2 finite numbers, azimuth and elevation, got {describe(view)}") from error
    matrix = np.eye(4)
    matrix[:3, :3] = Camera.looking_at([[-1, -1, -1], [1, 1, 1]], (azimuth, elevation)).extrinsics[:3, :3].numpy()
    return matrix


def _four_numbers(text: str) -> list[float] | None:
    try:
        numbers = [float(word) for word in text.split(",")]
    except ValueError:
        return None
    return numbers if len(numbers) == 4 else None


def _matrix(value: Any, name: str) -> np.ndarray:
    numbers = np.asarray(value, dtype=np.float64)
    if numbers.size == 4:
        fx, fy, cx, cy = numbers.reshape(-1)
        return np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    if numbers.size == 9:
        return numbers.reshape(3, 3)
    raise ValueError(f"{name} must be fx, fy, cx, cy or a 3×3 matrix, got {describe(value)}")


def _from_json(path: Path, name: str) -> Lens:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        if "intrinsic_matrix" in held:
            matrix = _matrix(held["intrinsic_matrix"], name)
            # Column by column is what Open3D writes; row by row is recognized by its last row.
            matrix = matrix if np.allclose(matrix[2], (0, 0, 1)) else matrix.T
        else:
            center = [held.get(key, held.get(other)) for key, other in (("cx", "ppx"), ("cy", "ppy"))]
            matrix = _matrix([held["fx"], held["fy"], *center], name)
        size = (int(held["width"]), int(held["height"])) if "width" in held else None
        view = held.get("view")
        if view is not None:
            view = float(view[0]), float(view[1])
    except (UnicodeDecodeError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{name} must be fx, fy, cx and cy, or intrinsic_matrix") from error
    if size is not None:
        check_positive("width", size[0])
        check_positive("height", size[1])
    return Lens(matrix, size, view)
