"""One convex on its way into a simulator: a collision part, or the reason why not."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
from jaxtyping import Float

from .._types import PolytopeStatus
from ..mesh.build import part_name
from ..shape import Polytope
from .reduce import Limits, overhang, reduced

# Engines keep corners in single precision. A part thinner than this fraction of how far it is from the origin is a
# plane to them, and they refuse planes.
_THINNEST = 1e-6
# MuJoCo refuses meshes of less than 1e-15 m³; other engines have trouble before.
_SMALLEST = 1e-14


class PartStatus(str, Enum):
    """What became of a convex on its way into a simulator."""

    EXACT = "exact"
    REDUCED = "reduced"
    TOO_THIN = "too_thin"
    TOO_SMALL = "too_small"
    EMPTY = "empty"
    UNBOUNDED = "unbounded"
    DEGENERATE = "degenerate"

    @property
    def is_exported(self) -> bool:
        """Whether the part is among the collision parts."""
        return self in (PartStatus.EXACT, PartStatus.REDUCED)

    @property
    def sentence(self) -> str:
        """One sentence that tells a user what the status means."""
        return _SENTENCES[self]


_SENTENCES = {
    PartStatus.EXACT: "The part is exported as it is.",
    PartStatus.REDUCED: "A simpler hull around the part is exported, within the limits of the engine.",
    PartStatus.TOO_THIN: "The part is so thin that engines, which compute in single precision, take it for a plane.",
    PartStatus.TOO_SMALL: "The part has less volume than engines take.",
    **{PartStatus(status.value): status.sentence for status in PolytopeStatus if status is not PolytopeStatus.BOUNDED},
}


@dataclass(frozen=True, eq=False, repr=False)
class Part:
    """One convex of a shape as a collision part.

    Args:
        name: as in meshes and files, ``part_00``, ``part_01``, ...: the number is that of the convex in the shape.
        status: what became of it.
        message: one sentence with the specifics.
        vertices: corners in meters, z up; none if it is left out.
        faces: vertex numbers around each planar face, counter-clockwise seen from outside.
    """

    name: str
    status: PartStatus
    message: str
    vertices: Float[np.ndarray, "V 3"]
    faces: tuple[tuple[int, ...], ...]

    def __repr__(self) -> str:
        return f"Part({self.name}, {self.status.value}, {len(self.vertices)} vertices, {len(self.faces)} faces)"

    @cached_property
    def triangles(self) -> np.ndarray:
        """(T, 3) vertex numbers of the triangles of all faces, each face a fan."""
        fans = [(face[0], face[i], face[i + 1]) for face in self.faces for i in range(1, len(face) - 1)]
        return np.array(fans, dtype=np.int64).reshape(-1, 3)


def collision_part(number: int, polytope: Polytope, limits: Limits) -> Part:
    """What a simulator gets of one polytope of a shape.

    Args:
        number: of the convex in the shape.
        polytope: in meters, z up.
        limits: of the engine.

    Example:
        >>> collision_part(3, cvxgeom.box().polytopes()[0], Limits(64))
        Part(part_03, exact, 8 vertices, 6 faces)
    """
    status, message = _judged(polytope)
    name = part_name(number)
    if not status.is_exported:
        return Part(name, status, message, np.empty((0, 3)), ())
    kept = reduced(polytope, limits)
    if kept is not polytope:
        before, after = float(polytope.volume), float(kept.volume)
        status = PartStatus.REDUCED
        message = (
            f"{len(polytope.vertices)} vertices and {len(polytope.faces)} faces became {len(kept.vertices)} and "
            f"{len(kept.faces)}; the hull reaches up to {overhang(polytope, kept):.2g} m beyond the part and has "
            f"{after / before - 1:.1%} more volume."
        )
    return Part(name, status, message, kept.vertices.numpy(), kept.faces)


def _judged(polytope: Polytope) -> tuple[PartStatus, str]:
    if not polytope.is_bounded:
        return PartStatus(polytope.status.value), polytope.message
    thickness, far = 2 * polytope.inradius, float(polytope.vertices.abs().max())
    if thickness < _THINNEST * far:
        return (
            PartStatus.TOO_THIN,
            f"It is {thickness:.2g} m thick, less than a millionth of its distance of {far:.2g} m.",
        )
    volume = float(polytope.volume)
    if volume < _SMALLEST:
        return PartStatus.TOO_SMALL, f"Its volume is {volume:.2g} m³, and engines take {_SMALLEST:g} m³ or more."
    return PartStatus.EXACT, PartStatus.EXACT.sentence
