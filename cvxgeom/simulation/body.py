"""A shape as a rigid body: collision parts in meters with z up, and the mass properties of their union."""

from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from scipy.spatial.transform import Rotation
from trimesh.triangles import mass_properties

from .._checks import check_choice, check_positive, describe
from ..mesh import to_trimesh
from ..mesh.build import EmptyShapeError, check_single_shape
from ..shape import ConvexUnion, Polytope
from ..shape.solid import unite
from .part import Part, PartStatus, collision_part
from .reduce import Limits

DENSITY = 1000.0  # kg/m³, that of water; also what MuJoCo takes if nothing is said
_Y_TO_Z_UP = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0))
# MuJoCo turns bodies about their origin; from ten times the size on it gains energy thereby.
_FAR = 5.0
# Objects of another size are more likely given in another unit.
_USUAL = (1e-3, 100.0)


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
    origin: str = "keep",
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
        origin: of the body: "keep" for that of the shape, "base" for the middle of the bottom of its bounding box.
        margin: how far apart the engine keeps this body and others, in meters.
        visual: what is drawn: "union" or "smooth" (see `cvxgeom.to_trimesh`), a mesh in unit and frame of the shape, or
            None for the collision parts.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, both density and mass are given, the shape has batch axes, or a mesh to
            draw has no faces or a vertex that is not finite.
        EmptyShapeError: no part is a solid that an engine takes.

    Example:
        >>> body = rigid_body(cvxgeom.box(size=(0.4, 0.2, 0.1)), density=500.0)
        >>> body.extents.round(6).tolist(), round(body.mass, 6)
        ([0.4, 0.1, 0.2], 4.0)
    """
    check_single_shape(shape, "a rigid body")
    check_name(name)
    check_choice("up", up, ("y", "z"))
    check_choice("origin", origin, ("keep", "base"))
    check_positive("scale", scale)
    if isinstance(margin, bool) or not isinstance(margin, Real) or not 0 <= margin < np.inf:
        raise ValueError(f"margin must be a finite number of at least 0, got {describe(margin)}")
    if density is not None and mass is not None:
        raise ValueError(f"density and mass must not both be given, got {density} and {mass}")
    for what, value in (("density", density), ("mass", mass)):
        if value is not None:
            check_positive(what, value)
    if isinstance(visual, trimesh.Trimesh):
        _check_drawable(visual)
    elif visual is not None:
        check_choice("visual", visual, ("union", "smooth"))

    pose = np.diag([scale, scale, scale, 1.0])
    if up == "y":
        pose[:3, :3] = scale * np.array(_Y_TO_Z_UP)
    placed = shape.detach().to("cpu", torch.float64)
    if origin == "base":
        pose[:3, 3] = -_base(placed.transform(torch.from_numpy(pose)).polytopes())
    placed = placed.transform(torch.from_numpy(pose))
    polytopes = placed.polytopes()
    parts = tuple(collision_part(k, polytope, limits or Limits(64)) for k, polytope in enumerate(polytopes))
    if not any(part.status.is_exported for part in parts):
        reasons = "; ".join(dict.fromkeys(part.message for part in parts)) or "it has no convexes"
        raise EmptyShapeError(f"the shape has no part that an engine takes: {reasons}")
    volume, center, unit_inertia, extents = _union_moments(polytopes)
    # Plain floats: a float32 of NumPy would make its product with one a float32, too.
    density = float(mass) / volume if mass is not None else float(density or DENSITY)
    inertia = density * unit_inertia
    return RigidBody(
        name,
        parts,
        volume,
        density * volume,
        center,
        inertia,
        extents,
        _drawn(placed, visual, pose),
        float(margin),
        _warnings(parts, extents, center, inertia),
    )


def principal(inertia: Float[np.ndarray, "3 3"]) -> tuple[np.ndarray, np.ndarray]:
    """Principal moments of an inertia tensor, and the axes that have them as a rotation (w, x, y, z).

    Example:
        >>> moments, axes = principal(np.diag([3.0, 1.0, 2.0]))
        >>> moments.tolist(), round(float(np.linalg.norm(axes)), 6)
        ([1.0, 2.0, 3.0], 1.0)
    """
    moments, axes = np.linalg.eigh(inertia)
    if np.linalg.det(axes) < 0:
        axes[:, 2] *= -1
    return moments, np.roll(Rotation.from_matrix(axes).as_quat(), 1)


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


def _base(polytopes: list[Polytope]) -> np.ndarray:
    """Middle of the bottom of the bounding box of the bounded polytopes; the origin if there is none."""
    bounds = [polytope.bounds for polytope in polytopes if polytope.is_bounded]
    if not bounds:
        return np.zeros(3)
    low, high = (torch.stack(bounds)[:, side].numpy() for side in (0, 1))
    low, high = low.min(axis=0), high.max(axis=0)
    return np.append((low + high)[:2] / 2, low[2])


def _check_drawable(visual: trimesh.Trimesh) -> None:
    """Demand what a simulator can draw: files of anything else are written, but not read."""
    if not len(visual.faces):
        raise ValueError(f"visual must be a mesh with faces, got one of {len(visual.vertices)} vertices and no faces")
    bad = int((~np.isfinite(visual.vertices)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"visual must have finite vertices, got a mesh with {bad} of {len(visual.vertices)} NaN or infinite"
        )


def _drawn(placed: ConvexUnion, visual: str | trimesh.Trimesh | None, pose: np.ndarray) -> trimesh.Trimesh | None:
    if visual is None:
        return None
    if isinstance(visual, str):
        return to_trimesh(placed, "smooth" if visual == "smooth" else "union")
    vertices = np.asarray(visual.vertices, dtype=np.float64) @ pose[:3, :3].T + pose[:3, 3]
    return trimesh.Trimesh(vertices, visual.faces, process=False)


def _warnings(parts: tuple[Part, ...], extents: np.ndarray, center: np.ndarray, inertia: np.ndarray) -> tuple[str, ...]:
    found = [f"{part.name} is left out: {part.message}" for part in parts if not part.status.is_exported]
    found += [f"{part.name} is simplified: {part.message}" for part in parts if part.status is PartStatus.REDUCED]
    longest = float(extents.max())
    if not _USUAL[0] <= longest <= _USUAL[1]:
        found.append(
            f"The object is {longest:.3g} m long; if that is not meant, give the length of its unit in meters."
        )
    distance = float(np.linalg.norm(center))
    if distance > _FAR * float(np.linalg.norm(extents)):
        found.append(
            f"The object is {distance:.3g} m from its origin; MuJoCo is inaccurate then, so put the origin at its base."
        )
    if np.linalg.eigvalsh(inertia).min() < 1e-15:
        found.append("A moment of inertia is below 1e-15 kg m², which MuJoCo does not take.")
    return tuple(found)
