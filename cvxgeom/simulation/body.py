"""A shape as a rigid body: collision parts in meters with z up, and the mass properties of their union."""

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from trimesh.triangles import mass_properties

from .._checks import check_choice, check_positive, describe
from .._types import PolytopeStatus
from ..mesh import to_trimesh
from ..mesh.build import EmptyShapeError, check_single_shape, part_name
from ..shape import ConvexUnion, Polytope
from ..shape.solid import unite
from .reduce import Limits, overhang, reduced

DENSITY = 1000.0  # kg/m³, that of water; also what MuJoCo takes if nothing is said
# Engines keep corners in single precision. A part thinner than this fraction of how far it is from the origin is a
# plane to them, and they refuse planes.
_THINNEST = 1e-6
# MuJoCo refuses meshes of less than 1e-15 m³; other engines have trouble before.
_SMALLEST = 1e-14
_Y_TO_Z_UP = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
# Objects of another size are more likely given in another unit.
_USUAL = (1e-3, 100.0)


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


@dataclass(frozen=True, eq=False, repr=False)
class RigidBody:
    """What a simulator has to know of a shape. Meters, kilograms, z up.

    Args:
        name: of the body.
        parts: one for each convex of the shape, left out or not.
        volume: of the union of the bounded convexes, overlaps counted once (m³).
        mass: of the union (kg).
        center: its center of mass (m).
        inertia: its inertia tensor about that center, in the axes of the body (kg m²).
        extents: of the union along x, y, z (m).
        visual: what is drawn; None if the parts are.
        margin: how far apart the engine keeps this body and others (m).
        warnings: a sentence for each thing that the user should know.
    """

    name: str
    parts: tuple[Part, ...]
    volume: float
    mass: float
    center: Float[np.ndarray, "3"]
    inertia: Float[np.ndarray, "3 3"]
    extents: Float[np.ndarray, "3"]
    visual: trimesh.Trimesh | None
    margin: float
    warnings: tuple[str, ...]

    def __repr__(self) -> str:
        return f"RigidBody({self.name}, {len(self.collision)} collision parts, {self.mass:.4g} kg)"

    @property
    def density(self) -> float:
        """Mass per volume (kg/m³)."""
        return self.mass / self.volume

    @property
    def collision(self) -> tuple[Part, ...]:
        """The parts that are exported."""
        return tuple(part for part in self.parts if part.status.is_exported)


def rigid_body(
    shape: ConvexUnion,
    name: str = "object",
    *,
    limits: Limits | None = None,
    density: float | None = None,
    mass: float | None = None,
    scale: float = 1.0,
    up: str = "y",
    margin: float = 0.0,
    visual: str | trimesh.Trimesh | None = "union",
) -> RigidBody:
    """A shape as a rigid body.

    Mass, center and inertia are those of the union of the exact polytopes of the half-spaces, overlaps counted once,
    even where collision parts are reduced or left out. Not differentiable.

    Args:
        shape: a single shape, in any unit and frame.
        name: of the body; letters, digits and underscores.
        limits: vertices and faces of a collision part; at most 64 vertices by default.
        density: kg/m³; 1000 if neither it nor ``mass`` is given.
        mass: kg, instead of the density.
        scale: how many meters the unit of the shape is long.
        up: which axis of the shape points up, "y" or "z"; in the body it is z.
        margin: how far apart the engine keeps this body and others, in meters.
        visual: what is drawn: "union" or "smooth" (see `cvxgeom.to_trimesh`), a mesh in unit and frame of the shape, or
            None for the collision parts.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, both density and mass are given, or the shape has batch axes.
        EmptyShapeError: no part is a solid that an engine takes.

    Example:
        >>> body = rigid_body(cvxgeom.box(size=(0.4, 0.2, 0.1)), density=500.0)
        >>> body.extents.round(6).tolist(), round(body.mass, 6)
        ([0.4, 0.1, 0.2], 4.0)
    """
    check_single_shape(shape, "a rigid body")
    check_name(name)
    check_choice("up", up, ("y", "z"))
    check_positive("scale", scale)
    if isinstance(margin, bool) or not isinstance(margin, (int, float)) or not 0 <= margin < np.inf:
        raise ValueError(f"margin must be a finite number of at least 0, got {describe(margin)}")
    if density is not None and mass is not None:
        raise ValueError(f"density and mass must not both be given, got {density} and {mass}")
    for what, value in (("density", density), ("mass", mass)):
        if value is not None:
            check_positive(what, value)
    if visual is not None and not isinstance(visual, trimesh.Trimesh):
        check_choice("visual", visual, ("union", "smooth"))

    placed = shape.detach().to("cpu", torch.float64).scale(scale)
    if up == "y":
        placed = placed.rotate(_Y_TO_Z_UP)
    polytopes = placed.polytopes()
    parts = tuple(_part(k, polytope, limits or Limits(64)) for k, polytope in enumerate(polytopes))
    if not any(part.status.is_exported for part in parts):
        reasons = "; ".join(dict.fromkeys(part.message for part in parts)) or "it has no convexes"
        raise EmptyShapeError(f"the shape has no part that an engine takes: {reasons}")
    volume, center, unit_inertia, extents = _union_moments(polytopes)
    density = mass / volume if mass is not None else density or DENSITY
    inertia = density * unit_inertia
    return RigidBody(
        name,
        parts,
        volume,
        density * volume,
        center,
        inertia,
        extents,
        _drawn(placed, visual, scale, up),
        float(margin),
        _warnings(parts, extents, inertia),
    )


def check_name(name: str) -> None:
    """Demand a name that all formats take.

    Raises:
        TypeError: ``name`` is not a string.
        ValueError: it holds anything but letters, digits and underscores, starts with a digit, or is "world".
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, got {describe(name)}")
    if not (name.isascii() and name.isidentifier()):
        raise ValueError(
            f"name must consist of letters, digits and underscores and not start with a digit, got {name!r}"
        )
    if name == "world":
        raise ValueError("name must not be 'world', which is what simulators call the fixed body")


def _part(number: int, polytope: Polytope, limits: Limits) -> Part:
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


def _union_moments(polytopes: list[Polytope]) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """Volume, centroid, inertia tensor about it at unit density, and extents of the union of the bounded polytopes."""
    solid = unite(polytopes)
    low, high = solid.vertices.min(axis=0), solid.vertices.max(axis=0)
    # Around the middle and for a longest side of 1: small solids and those far from the origin keep their digits.
    middle, size = (low + high) / 2, float((high - low).max())
    found = mass_properties(((solid.vertices - middle) / size)[solid.triangles], density=1.0, skip_inertia=False)
    inertia = size**5 * np.asarray(found.inertia)
    center = middle + size * np.asarray(found.center_mass)
    return size**3 * float(found.volume), center, (inertia + inertia.T) / 2, high - low


def _drawn(placed: ConvexUnion, visual: str | trimesh.Trimesh | None, scale: float, up: str) -> trimesh.Trimesh | None:
    if visual is None:
        return None
    if isinstance(visual, str):
        return to_trimesh(placed, "smooth" if visual == "smooth" else "union")
    vertices = scale * np.asarray(visual.vertices, dtype=np.float64)
    if up == "y":
        vertices = vertices @ np.array(_Y_TO_Z_UP).T
    return trimesh.Trimesh(vertices, visual.faces, process=False)


def _warnings(parts: tuple[Part, ...], extents: np.ndarray, inertia: np.ndarray) -> tuple[str, ...]:
    found = [f"{part.name} is left out: {part.message}" for part in parts if not part.status.is_exported]
    found += [f"{part.name} is simplified: {part.message}" for part in parts if part.status is PartStatus.REDUCED]
    longest = float(extents.max())
    if not _USUAL[0] <= longest <= _USUAL[1]:
        found.append(
            f"The object is {longest:.3g} m long; if that is not meant, give the length of its unit in meters."
        )
    if np.linalg.eigvalsh(inertia).min() < 1e-15:
        found.append("A moment of inertia is below 1e-15 kg m², which MuJoCo does not take.")
    return tuple(found)
