"""One piece of furniture of a random kind."""

import colorsys
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import trimesh
from manifold3d import Manifold

from ..._checks import is_whole
from .basins import sanitary
from .beds import bed
from .cabinets import appliance, door_or_window, storage
from .draw import Draw
from .lamps import lamp
from .seats import armchair, chair, sofa
from .tables import table


class Kind(NamedTuple):
    """A kind of furniture.

    Args:
        label: its class, as in the split file of the furniture set.
        make: draws one.
        weight: how many of it there are, of a hundred pieces.

    Example:
        >>> sum(kind.weight for kind in KINDS)
        100
    """

    label: str
    make: Callable[[Draw], Manifold]
    weight: int


KINDS = (
    Kind("chair", chair, 20),
    Kind("chair", armchair, 7),
    Kind("sofa", sofa, 9),
    Kind("table", table, 17),
    Kind("storage", storage, 14),
    Kind("bed", bed, 9),
    Kind("lamp", lamp, 8),
    Kind("door_window", door_or_window, 5),
    Kind("sanitary", sanitary, 6),
    Kind("appliance", appliance, 5),
)
CLASSES = tuple(sorted({kind.label for kind in KINDS}))


def furniture(index: int, seed: int = 0) -> tuple[str, trimesh.Trimesh]:
    """A piece of furniture.

    Args:
        index: which one; 0 or more.
        seed: of all of them; 0 or more.

    Returns:
        Its class, one of `CLASSES`, and its surface: closed, in meters or nearly so, +y up, +z the front.

    Raises:
        ValueError: a number is not whole, or negative.

    Example:
        >>> label, mesh = furniture(3)
        >>> label in CLASSES, mesh.is_volume
        (True, True)
    """
    kind, draw = _kind(index, seed)
    made = kind.make(draw).to_mesh64()
    # As it is: merging vertices at one place would join surfaces that touch in an edge.
    return kind.label, trimesh.Trimesh(
        np.asarray(made.vert_properties)[:, :3], np.asarray(made.tri_verts), process=False
    )


def furniture_class(index: int, seed: int = 0) -> str:
    """The class of a piece of furniture, without making it.

    Raises:
        ValueError: a number is not whole, or negative.

    Example:
        >>> furniture_class(3) == furniture(3)[0]
        True
    """
    return _kind(index, seed)[0].label


def furniture_color(index: int, seed: int = 0) -> tuple[float, float, float]:
    """The color of a piece of furniture, the same all over: wood, gray or anything; sRGB, 0 to 1.

    Raises:
        ValueError: a number is not whole, or negative.

    Example:
        >>> all(0 <= value <= 1 for value in furniture_color(3))
        True
    """
    _check(index, seed)
    draw = Draw(seed, index, 1)  # numbers of its own: shapes must not change with colors
    kind = draw.one_of("wood", "gray", "any")
    hue = draw.between(0.04, 0.12) if kind == "wood" else draw.between(0, 1)
    saturation = draw.between(0, 0.08) if kind == "gray" else draw.between(0.2, 0.7)
    return colorsys.hsv_to_rgb(hue, saturation, draw.between(0.3, 0.95))


def _kind(index: int, seed: int) -> tuple[Kind, Draw]:
    _check(index, seed)
    draw = Draw(seed, index)
    return draw.one_of(*(kind for kind in KINDS for _ in range(kind.weight))), draw


def _check(index: int, seed: int) -> None:
    for name, value in (("index", index), ("seed", seed)):
        if not is_whole(value) or value < 0:
            raise ValueError(f"{name} must be a whole number of 0 or more, got {value!r}")
