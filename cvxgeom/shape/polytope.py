"""Exact polytopes of the half-spaces of a union: vertices, faces, volume, inertia, differentiable."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from .._checks import check_finite, check_tensor, describe
from .._types import PolytopeStatus
from ._faces import twin_edges
from ._halfspaces import Enclosure, enclosures
from ._hull import hull_planes
from ._mass import mass_properties, surface_areas

__all__ = ["Polytope", "hull_planes", "polytopes"]

_VAGUE = 1e-6  # volume spanned by three unit normals, in a frame where the convex is round, that is too little


@dataclass(frozen=True, eq=False, repr=False)
class Polytope:
    """One convex as an exact solid with planar faces, in float64 on the CPU, in the object frame.

    Made by `ConvexUnion.polytopes`. Whatever the half-spaces enclose is a value: ``status`` and ``message`` say what it
    is, and only a bounded polytope has vertices and faces. All tensors are differentiable with respect to the normals,
    offsets and translations of the union, with the faces held as they are; ``interior_point`` and ``inradius`` are
    constants. Volume, centroid, inertia and area feel every plane; a vertex in which more than three faces meet follows
    three of them, so that second derivatives and what is computed from vertices hold where three faces meet in each.
    The polytopes of one union share one graph: sum what you need of them before going backward.

    Args:
        status: bounded, empty, unbounded or degenerate.
        message: one sentence with the specifics, such as the direction in which the convex is open.
        vertices: corners of the solid (length); each is where three of its planes meet.
        faces: vertex numbers around each face, counter-clockwise seen from outside.
        face_planes: which half-space of the convex each face lies on; H to H + 5 are the sides of the box that
            an unbounded convex was clipped to, in the order -x, -y, -z, +x, +y, +z.
        interior_point: center of the largest ball inside; of an empty convex the point nearest to all its half-spaces.
        inradius: radius of that ball (length); negative when empty, possibly infinite when unbounded.

    Example:
        >>> cube = cvxgeom.box(size=2.0).polytopes()[0]
        >>> cube.status.value, len(cube.vertices), len(cube.faces), float(cube.volume)
        ('bounded', 8, 6, 8.0)
    """

    status: PolytopeStatus
    message: str
    vertices: Float[Tensor, "V 3"]
    faces: tuple[tuple[int, ...], ...]
    face_planes: tuple[int, ...]
    interior_point: Float[Tensor, "3"]
    inradius: float
    _surfaces: "_Surfaces"  # of all polytopes of the union
    _number: int  # of this one among them

    def __repr__(self) -> str:
        return f"Polytope({self.status.value}, {len(self.vertices)} vertices, {len(self.faces)} faces)"

    @property
    def is_bounded(self) -> bool:
        """Whether it is a solid of finite, positive volume."""
        return self.status is PolytopeStatus.BOUNDED

    @cached_property
    def triangles(self) -> Int[np.ndarray, "T 3"]:
        """Vertex numbers of the triangles of all faces, each face a fan, counter-clockwise seen from outside."""
        return _fan_triangles(self.faces)[0]

    @property
    def volume(self) -> Float[Tensor, ""]:
        """Volume; infinite when unbounded, zero when empty or degenerate."""
        return self._surfaces.mass[0][self._number] if self.is_bounded else self._without_faces(torch.inf)

    @property
    def centroid(self) -> Float[Tensor, "3"]:
        """Center of mass; NaN unless bounded."""
        return self._surfaces.mass[1][self._number]

    @property
    def inertia(self) -> Float[Tensor, "3 3"]:
        """Inertia tensor about the centroid at unit density, length to the fifth power; NaN unless bounded.

        Axes are those of the object frame; the entry (x, x) is the integral of y² + z², off the diagonal that of -x y.
        """
        return self._surfaces.mass[2][self._number]

    @property
    def surface_area(self) -> Float[Tensor, ""]:
        """Area of all faces; NaN when unbounded, zero when empty or degenerate."""
        return self._surfaces.areas[self._number] if self.is_bounded else self._without_faces(torch.nan)

    @property
    def bounds(self) -> Float[Tensor, "2 3"]:
        """Least and greatest corner of the bounding box; NaN unless bounded."""
        if not self.is_bounded:
            return torch.full((2, 3), torch.nan, dtype=torch.float64)
        return torch.stack([self.vertices.amin(dim=0), self.vertices.amax(dim=0)])

    def support(self, directions: Float[Tensor, "M 3"]) -> Float[Tensor, " M"]:
        """Support function h(u), the maximum of u·x over the polytope.

        Args:
            directions: vectors u of any length, in the object frame.

        Returns:
            One value per direction; NaN unless bounded.

        Raises:
            TypeError: ``directions`` is not a floating-point tensor.
            ValueError: ``directions`` does not have shape (M, 3).

        Example:
            >>> cube = cvxgeom.box(size=2.0).polytopes()[0]
            >>> cube.support(torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]])).tolist()
            [1.0, 3.0]
        """
        check_tensor("directions", directions, (3,))
        if directions.ndim != 2:
            raise ValueError(f"directions must have shape (M, 3), got {describe(directions)}")
        wide = directions.to("cpu", torch.float64)
        if not self.is_bounded:
            return wide.new_full((len(wide),), torch.nan)
        # Around the interior point: a small solid far from the origin keeps its digits.
        return wide @ self.interior_point + (wide @ (self.vertices - self.interior_point).T).amax(dim=1)

    def _without_faces(self, if_unbounded: float) -> Tensor:
        value = if_unbounded if self.status is PolytopeStatus.UNBOUNDED else 0.0
        return torch.tensor(value, dtype=torch.float64)


class _Surfaces:
    """The surfaces of all polytopes of one union; integrals over all of them are taken together when first asked for.

    Around the interior points, where the half-spaces are n·x + d ≤ 0 with d = ``limits``.
    """

    def __init__(
        self, found: Sequence[Enclosure], points: Tensor, centers: Tensor, normals: Tensor, limits: Tensor
    ) -> None:
        self._points, self._centers, self._normals, self._limits = points, centers, normals, limits
        self._axes = torch.from_numpy(np.stack([enclosure.axes for enclosure in found]))
        self._counts = [len(enclosure.vertices) for enclosure in found]
        self._faces = [face for enclosure in found for face in enclosure.faces]
        self._face_counts = [len(enclosure.faces) for enclosure in found]
        self._halfspaces = [plane for enclosure in found for plane in enclosure.face_planes]

    @cached_property
    def _sides(self) -> np.ndarray:
        """(F,) number of the half-space of each face: half-space h of polytope k is k H + h."""
        polytopes = np.repeat(np.arange(len(self._counts)), self._face_counts)
        return polytopes * self._normals.shape[1] + np.array(self._halfspaces, dtype=np.int64)

    @cached_property
    def _first(self) -> np.ndarray:
        """(F,) number of the first point of the polytope of each face."""
        return np.repeat(np.cumsum(self._counts) - self._counts, self._face_counts)

    @cached_property
    def _triangles(self) -> tuple[Tensor, Tensor]:
        """Triangles (T, 3) of all faces, and the half-space (T,) of each."""
        triangles, faces = _fan_triangles(self._faces)
        return torch.from_numpy(triangles + self._first[faces, None]), torch.from_numpy(self._sides[faces])

    def _local(self) -> Tensor:
        """(P, 3) points, seen from the interior points of their polytopes."""
        return self._points - self._centers[_owners(self._counts)]

    def _planes(self, directions: Tensor) -> Tensor:
        return torch.cat([directions, self._limits[..., None]], dim=2).flatten(0, 1)

    @cached_property
    def mass(self) -> tuple[Tensor, Tensor, Tensor]:
        """Volumes, centroids and inertia tensors, taken in the frames in which the polytopes are round."""
        axes, n_halfspaces = self._axes, self._normals.shape[1]
        inverse = torch.linalg.inv(axes)[_owners(self._counts)]
        local = (inverse @ self._local()[..., None])[..., 0]
        triangles, sides = self._triangles
        planes = self._planes(self._normals @ axes)
        volumes, centroids, seconds = mass_properties(
            planes, local, triangles, sides, sides // n_halfspaces, len(self._counts)
        )
        size = torch.linalg.det(axes)
        seconds = size[:, None, None] * (axes @ seconds @ axes.transpose(1, 2))
        traces = seconds.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None]
        inertias = traces * torch.eye(3, dtype=torch.float64) - seconds
        return size * volumes, self._centers + (axes @ centroids[..., None])[..., 0], inertias

    @cached_property
    def areas(self) -> Tensor:
        """Surface areas."""
        lengths = [len(face) for face in self._faces]
        edges = [edge for face in self._faces for edge in zip(face, face[1:] + face[:1])]
        ends = np.array(edges, dtype=np.int64).reshape(-1, 2) + np.repeat(self._first, lengths)[:, None]
        own = np.repeat(self._sides, lengths)
        both = np.stack([own, own[twin_edges(ends[:, 0], ends[:, 1])]], axis=1)
        n, n_halfspaces = len(self._counts), self._normals.shape[1]
        return surface_areas(
            self._planes(self._normals),
            self._local(),
            *self._triangles,
            torch.from_numpy(ends),
            torch.from_numpy(both),
            _owners([n_halfspaces] * n),
            n,
        )


def polytopes(
    normals: Float[Tensor, "K H 3"],
    offsets: Float[Tensor, "K H"],
    translations: Float[Tensor, "K 3"],
    clip_to: Float[Tensor, "2 3"] | Sequence[Sequence[float | int]] | np.ndarray | None = None,
) -> list[Polytope]:
    """The exact polytope {x : n·(x - t) + d ≤ 0 for every half-space} of each convex of a union.

    Which faces there are is decided in float64 without gradients; if any argument requires gradients, each vertex then
    follows three of its planes, and integrals follow all of them. Redundant, repeated and far half-spaces cost nothing
    in accuracy. Corners closer than 1e-9 of the extent, measured where the convex is stretched to be as long as wide,
    become one vertex; a convex thinner than 1e-9 of its extent is degenerate. Cost: about 15 ms for 50 convexes of 25
    half-spaces, 20 ms with gradients.

    Args:
        normals: outward normals of any floating-point dtype and any length but zero.
        offsets: d, a length (times that of the normal).
        translations: t, origins of the local frames.
        clip_to: corners (least, greatest) of a box in the object frame; convexes that are unbounded, and only those,
            are clipped to it.

    Returns:
        One polytope per convex, in order.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes do not fit, an entry is NaN or infinite, a normal is zero, or the box is empty.

    Example:
        >>> axes = torch.cat([torch.eye(3), -torch.eye(3)])[None]
        >>> box, = polytopes(axes, torch.tensor([[-1.0, -1, -1, 0, 0, 0]]), torch.zeros(1, 3))
        >>> box.bounds.tolist()
        [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    _check_planes(normals, offsets, translations)
    if not len(normals):
        return []
    normals, offsets, translations = (value.to("cpu", torch.float64) for value in (normals, offsets, translations))
    found = enclosures(normals.detach().numpy(), offsets.detach().numpy())
    if clip_to is not None:
        sides, limits = _box_planes(clip_to)
        normals = torch.cat([normals, sides.expand(len(normals), 6, 3)], dim=1)
        offsets = torch.cat([offsets, translations @ sides.T - limits], dim=1)
        infinite = [k for k, enclosure in enumerate(found) if enclosure.status is PolytopeStatus.UNBOUNDED]
        clipped = enclosures(normals[infinite].detach().numpy(), offsets[infinite].detach().numpy()) if infinite else []
        for k, enclosure in zip(infinite, clipped):
            found[k] = replace(enclosure, message=f"{enclosure.message[:-1]}, clipped to the box.")
    return _placed(found, normals, offsets, translations)


def _owners(counts: Sequence[int]) -> Tensor:
    """Index i as often as ``counts[i]`` says. By NumPy: torch would wake its threads for a handful of numbers."""
    return torch.from_numpy(np.repeat(np.arange(len(counts)), counts))


def _check_planes(normals: Tensor, offsets: Tensor, translations: Tensor) -> None:
    check_tensor("normals", normals, (None, None, 3))
    if normals.ndim != 3 or normals.shape[1] == 0:
        raise ValueError(f"normals must have shape (K, H, 3) with H of at least 1, got {describe(normals)}")
    for name, value, shape in (
        ("offsets", offsets, normals.shape[:2]),
        ("translations", translations, (len(normals), 3)),
    ):
        check_tensor(name, value)
        if value.shape != shape:
            raise ValueError(f"{name} must have shape {tuple(shape)} as normals demand, got {describe(value)}")
    for name, value in (("normals", normals), ("offsets", offsets), ("translations", translations)):
        check_finite(name, value.detach())
    n_zero = int((normals.detach() == 0).all(dim=2).sum())
    if n_zero:
        raise ValueError(f"normals must not be zero, got {n_zero} zero vectors")


def _box_planes(clip_to: Tensor | Sequence[Sequence[float]] | np.ndarray) -> tuple[Tensor, Tensor]:
    """Outward normals (6, 3) of a box and the limits (6,) of n·x."""
    box = torch.as_tensor(clip_to).detach().to("cpu", torch.float64)
    if box.shape != (2, 3):
        raise ValueError(f"clip_to must have shape (2, 3), least and greatest corner, got {describe(clip_to)}")
    check_finite("clip_to", box)
    if not (box[0] < box[1]).all():
        raise ValueError(f"clip_to must hold the least corner first, got {box[0].tolist()} and {box[1].tolist()}")
    axes = torch.eye(3, dtype=torch.float64)
    return torch.cat([-axes, axes]), torch.cat([-box[0], box[1]])


def _placed(found: Sequence[Enclosure], normals: Tensor, offsets: Tensor, translations: Tensor) -> list[Polytope]:
    """Polytopes from what the half-spaces enclose, with gradients if the planes have them."""
    counts = [len(enclosure.vertices) for enclosure in found]
    convex = _owners(counts)
    points = torch.from_numpy(np.concatenate([enclosure.vertices for enclosure in found]))
    if torch.is_grad_enabled() and (normals.requires_grad or offsets.requires_grad):
        points = points + _steps(found, points, convex, normals, offsets)
    points = points + translations[convex]
    centers = torch.from_numpy(np.stack([enclosure.center for enclosure in found])) + translations.detach()
    limits = offsets + (normals @ (centers - translations)[:, :, None])[..., 0]
    surfaces = _Surfaces(found, points, centers, normals, limits)
    return [
        Polytope(
            enclosure.status,
            enclosure.message,
            own,
            enclosure.faces,
            enclosure.face_planes,
            center,
            enclosure.inradius,
            surfaces,
            k,
        )
        for k, (enclosure, own, center) in enumerate(zip(found, points.split(counts), centers.unbind()))
    ]


def _steps(found: Sequence[Enclosure], points: Tensor, convex: Tensor, normals: Tensor, offsets: Tensor) -> Tensor:
    """Zeros (P, 3) with the gradient of the vertices at ``points`` of the convexes ``convex``.

    The positions are known better than three planes here would give them, so one Newton step from there supplies the
    dependence on the planes, and its value, zero up to rounding, is dropped.
    """
    planes = torch.from_numpy(np.concatenate([enclosure.vertex_planes for enclosure in found]))
    axes = torch.from_numpy(np.stack([enclosure.axes for enclosure in found]))[convex]
    rows = normals[convex[:, None], planes]
    excess = offsets[convex[:, None], planes] + (rows @ points[..., None])[..., 0]
    rows = rows @ axes
    length = torch.linalg.vector_norm(rows.detach(), dim=2)
    rows, excess = rows / length[..., None], excess / length
    # Where the planes hardly meet in a point, because a sliver was dropped, it moves only across them.
    vague = torch.linalg.det(rows.detach()).abs() < _VAGUE
    squares = rows.transpose(1, 2) @ rows + _VAGUE**2 * torch.eye(3, dtype=rows.dtype)
    matrices = torch.where(vague[:, None, None], squares, rows)
    excess = torch.where(vague[:, None], (excess[:, None] @ rows)[:, 0], excess)
    steps = -(axes @ torch.linalg.solve(matrices, excess[..., None]))[..., 0]
    return steps - steps.detach()


def _fan_triangles(loops: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Triangles (T, 3) that fan out from the first vertex of each loop, and the loop (T,) of each."""
    lengths = np.array([len(loop) for loop in loops], dtype=np.int64)
    flat = np.array([vertex for loop in loops for vertex in loop], dtype=np.int64)
    loop_of = np.repeat(np.arange(len(loops)), np.maximum(lengths - 2, 0))
    first = (np.cumsum(lengths) - lengths)[loop_of]
    step = np.arange(len(loop_of)) - (np.cumsum(lengths - 2) - (lengths - 2))[loop_of] + 1
    return np.stack([flat[first], flat[first + step], flat[first + step + 1]], axis=1), loop_of
