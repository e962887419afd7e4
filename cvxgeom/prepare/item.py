"""What every source yields: shapes that can be loaded one by one, in any process."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import trimesh
from PIL import Image

from ..data import Arrays, Facts, Normalization

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class Patch:
    """Triangles of one material.

    Args:
        corners: (F, 3, 3) positions in the frame of the mesh.
        color: sRGB and opacity, 0 to 1.
        normals: (F, 3, 3) unit normals at the corners; None: those of the triangles.
        uv: (F, 3, 2) places in the texture, origin at the bottom left.
        texture: a picture that the color is multiplied with.

    Example:
        >>> Patch(np.zeros((1, 3, 3)), (1, 1, 1, 1)).texture is None
        True
    """

    corners: np.ndarray
    color: tuple[float, float, float, float]
    normals: np.ndarray | None = None
    uv: np.ndarray | None = None
    texture: Image.Image | None = None


@dataclass(frozen=True, eq=False)
class Loaded:
    """A shape in memory.

    Args:
        mesh: its surface, +y up, +z front; None where a source has points alone.
        arrays: what the source already knows, object frame; the rest is computed from the mesh.
        frame: from the source's frame to the object frame; None: that of the mesh's box.
        patches: makes the mesh's colors, in its frame; None where there are none.
        cameras_known: whether the cameras of the depth maps in ``arrays`` are facts.

    Example:
        >>> Loaded(trimesh.creation.box()).cameras_known
        True
    """

    mesh: trimesh.Trimesh | None = None
    arrays: Arrays = field(default_factory=Arrays)
    frame: Normalization | None = None
    patches: Callable[[], list[Patch]] | None = None
    cameras_known: bool = True


@dataclass(frozen=True)
class Item:
    """One shape of a source. Can be pickled.

    Args:
        id: unique in the dataset; see `identifier`.
        split: "train", "val" or "test".
        load: reads it.
        facts: label, name, creator, license, source, and fill and furniture where they are known.

    Example:
        >>> Item("box", "train", lambda: Loaded(trimesh.creation.box()), Facts("box")).label
        'box'
    """

    id: str
    split: str
    load: Callable[[], Loaded]
    facts: Facts

    @property
    def label(self) -> str:
        """Its class."""
        return self.facts.label


def identifier(*words: str) -> str:
    """A name that serves as a file name and as a name in an HDF5 file.

    Example:
        >>> identifier("Scopia", "arm chair/2")
        'Scopia.arm_chair_2'
    """
    return re.sub(r"[^A-Za-z0-9_.+-]", "_", ".".join(words)).lstrip(".")[:180] or "_"
