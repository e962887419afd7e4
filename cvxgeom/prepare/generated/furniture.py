"""One piece of furniture of a random kind."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import trimesh
from manifold3d import Manifold

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
        ValueError: a number is negative.

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
        ValueError: a number is negative.

    Example:
        >>> furniture_class(3) == furniture(3)[0]
        True
    """
    return _kind(index, seed)[0].label


def _kind(index: int, seed: int) -> tuple[Kind, Draw]:
    for name, value in (("index", index), ("seed", seed)):
        if value < 0:
            raise ValueError(f"{name} must be 0 or more, got {value}")
    draw = Draw(seed, index)
    return draw.one_of(*(kind for kind in KINDS for _ in range(kind.weight))), draw
