"""H → V: which half-spaces bound each convex, what they enclose, and how the faces fit together.

In a frame whose origin o lies strictly inside, x = o + A u, a convex is {u : p_h·u ≤ 1} with the *dual points*
p_h = Aᵀn_h / s_h, s_h the slack of half-space h at o. The convex hull of the dual points has a vertex for every face of
the convex and a facet for every vertex. Redundant half-spaces and far padding are dual points inside that hull.

A needle or slab has a flat or long dual hull on which double precision would run out, so the frame is chosen, from a
first hull, such that the convex is about as long as wide in it. Combinatorics do not depend on the frame.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import ConvexHull, KDTree, QhullError

from .._types import PolytopeStatus
from ._chebyshev import ChebyshevBalls, chebyshev_balls
from ._faces import DualHull, Skeleton, skeletons

THINNEST = 1e-9  # a convex is degenerate when its inradius is below this fraction of its extent
_OPEN = 1e-10  # it is open when the normals surround the origin by no more than this
_DUPLICATE = 1e-11  # half-spaces that differ by no more than this fraction of the inradius count once
_LONG = 30.0  # extent per inradius beyond which the frame is adapted
_CLEAR = 1e-2  # volume spanned by the unit normals of three planes that meet clearly in a point
_JOGGLES = (1e-13, 1e-12, 1e-11, 1e-10)  # relative shifts of the planes tried when a hull comes out inconsistent


@dataclass(frozen=True)
class Enclosure:
    """What the half-spaces of one convex enclose.

    Attributes:
        status: bounded, empty, unbounded or degenerate.
        message: one sentence with the specifics.
        center: (3,) center of the largest ball inside, in the frame of the planes.
        inradius: its radius; negative when empty, possibly infinite when unbounded.
        vertices: (V, 3) positions of the vertices in the frame of the planes; none unless bounded.
        vertex_planes: (V, 3) for each vertex three half-spaces that determine it.
        faces: vertices around each face, counter-clockwise seen from outside.
        face_planes: the half-space of each face, ascending.
        axes: (3, 3) columns of a frame in which the convex is about as long as wide.
    """

    status: PolytopeStatus
    message: str
    center: np.ndarray
    inradius: float
    vertices: np.ndarray = field(default_factory=lambda: np.empty((0, 3)))
    vertex_planes: np.ndarray = field(default_factory=lambda: np.empty((0, 3), dtype=np.int64))
    faces: tuple[tuple[int, ...], ...] = ()
    face_planes: tuple[int, ...] = ()
    axes: np.ndarray = field(default_factory=lambda: np.eye(3))


def enclosures(normals: np.ndarray, offsets: np.ndarray) -> list[Enclosure]:
    """What the half-spaces {x : n·x + d ≤ 0} of each of K convexes enclose.

    Args:
        normals: (K, H, 3) float64 outward normals, not zero; their length scales their offset.
        offsets: (K, H) float64.

    Returns:
        One enclosure per convex. The faces refer to half-spaces by their position in 0..H-1.

    >>> cube = np.concatenate([np.eye(3), -np.eye(3)])[None]
    >>> enclosures(cube, np.array([[-1.0, -1, -1, 0, 0, 0]]))[0].message
    'Bounded: 8 vertices and 6 faces, inradius 0.5.'
    """
    length = np.linalg.norm(normals, axis=2)
    normals, offsets = normals / length[..., None], offsets / length
    balls = chebyshev_balls(normals, offsets)
    found: list[Enclosure | None] = [_without_volume(balls, k) for k in range(len(normals))]
    solid = np.array([k for k, enclosure in enumerate(found) if enclosure is None], dtype=int)
    hulls, origins, axes = _dual_hulls(normals, offsets, balls, solid)
    for k in solid:
        if k not in hulls:
            found[k] = _thin_or_open(normals[k], balls, k)
    built = dict(zip(hulls, skeletons(list(hulls.values()), _another_hull)))
    closed = {k: skeleton for k, skeleton in built.items() if skeleton is not None}
    places = _vertices(closed, normals, offsets, origins, axes)
    for k, skeleton in built.items():
        found[k] = _bounded(balls, k, skeleton, places.get(k), axes[k])
    return [enclosure for enclosure in found if enclosure is not None]


# -- status -----------------------------------------------------------------------------------------------------------


def _without_volume(balls: ChebyshevBalls, k: int) -> Enclosure | None:
    """The enclosure of a convex that the largest ball alone decides, None for one that may be bounded."""
    center, radius = balls.centers[k], float(balls.radii[k])
    thinnest = 1e3 * balls.rounding[k]
    if radius < -thinnest:
        message = f"Empty: every point lies outside some half-space, by {-radius:.3g} or more."
        return Enclosure(PolytopeStatus.EMPTY, message, center, radius)
    if radius <= balls.rounding[k]:
        message = f"Degenerate: the largest ball inside has radius {abs(radius):.3g}, zero up to rounding."
        return Enclosure(PolytopeStatus.DEGENERATE, message, center, radius)
    if balls.directions[k].any():
        return _unbounded(balls, k, balls.directions[k])
    return None


def _thin_or_open(normals: np.ndarray, balls: ChebyshevBalls, k: int) -> Enclosure:
    """The enclosure of a convex that extends farther than double precision resolves its width."""
    direction = open_direction(normals)
    if direction is not None:
        return _unbounded(balls, k, direction)
    radius = float(balls.radii[k])
    message = f"Degenerate: its faces cannot be told with inradius {radius:.3g}; it takes {THINNEST:.0e} of the extent."
    return Enclosure(PolytopeStatus.DEGENERATE, message, balls.centers[k], radius)


def _unbounded(balls: ChebyshevBalls, k: int, direction: np.ndarray) -> Enclosure:
    x, y, z = np.round(direction, 3) + 0.0
    message = f"Unbounded: open in direction ({x:.3g}, {y:.3g}, {z:.3g})."
    return Enclosure(PolytopeStatus.UNBOUNDED, message, balls.centers[k], float(balls.radii[k]))


def _bounded(
    balls: ChebyshevBalls, k: int, skeleton: Skeleton | None, vertices: np.ndarray | None, axes: np.ndarray
) -> Enclosure:
    center, radius = balls.centers[k], float(balls.radii[k])
    if skeleton is None or vertices is None:
        message = f"Degenerate: the faces around a ball of radius {radius:.3g} do not close in double precision."
        return Enclosure(PolytopeStatus.DEGENERATE, message, center, radius)
    n_vertices, n_faces = len(skeleton.corners), len(skeleton.faces)
    message = f"Bounded: {n_vertices} vertices and {n_faces} faces, inradius {radius:.3g}."
    planes, faces, face_planes = skeleton.vertex_planes, skeleton.faces, skeleton.face_planes
    return Enclosure(PolytopeStatus.BOUNDED, message, center, radius, vertices, planes, faces, face_planes, axes)


def _vertices(
    built: dict[int, Skeleton], normals: np.ndarray, offsets: np.ndarray, origins: np.ndarray, axes: np.ndarray
) -> dict[int, np.ndarray]:
    """Positions of the vertices in the frame of the planes."""
    if not built:
        return {}
    places = np.concatenate([origins[k] + skeleton.corners @ axes[k].T for k, skeleton in built.items()])
    counts = [len(skeleton.corners) for skeleton in built.values()]
    convex = np.repeat(list(built), counts)[:, None]
    planes = np.concatenate([skeleton.vertex_planes for skeleton in built.values()])
    # One Newton step takes away the rounding of the frame: the corners of a box come out as they were put in.
    rows = normals[convex, planes]
    clear = np.abs(np.linalg.det(rows)) > _CLEAR
    excess = offsets[convex, planes] + (rows @ places[..., None])[..., 0]
    places[clear] -= np.linalg.solve(rows[clear], excess[clear][..., None])[..., 0]
    return dict(zip(built, np.split(places, np.cumsum(counts)[:-1])))


def open_direction(normals: np.ndarray) -> np.ndarray | None:
    """A unit direction that leaves no half-space, or None where the half-spaces surround every point.

    Half-spaces bound a region exactly when the origin lies strictly inside the convex hull of their normals.

    Args:
        normals: (H, 3) unit normals.

    >>> open_direction(np.array([[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])).tolist()
    [0.0, 0.0, 1.0]
    """
    triangular = np.linalg.qr(np.concatenate([normals, np.zeros((3, 3))]), mode="r")
    _, sizes, axes = np.linalg.svd(triangular)
    if sizes[2] <= _OPEN * sizes[0]:
        return axes[2]  # all normals are perpendicular to it: open both ways
    # The origin is added so that the hull has volume even where the normals alone are coplanar.
    hull = _hull(np.concatenate([np.zeros((1, 3)), normals]))
    if hull is None:
        return None
    facet = hull.equations[hull.equations[:, 3].argmax()]
    return facet[:3] if facet[3] > -_OPEN else None


# -- dual hulls -------------------------------------------------------------------------------------------------------


def _dual_hulls(
    normals: np.ndarray, offsets: np.ndarray, balls: ChebyshevBalls, convexes: np.ndarray
) -> tuple[dict[int, DualHull], np.ndarray, np.ndarray]:
    """Dual hulls of the convexes that are bounded and not too thin, and the origins and axes of their frames."""
    origins, axes = balls.centers.copy(), np.zeros((len(normals), 3, 3))
    axes[convexes] = balls.radii[convexes, None, None] * np.eye(3)
    hulls: dict[int, DualHull] = {}
    found = _hulls_in(normals, offsets, origins, axes, convexes)
    for _ in range(2):
        hulls.update(found)
        convexes = np.array([k for k, hull in found.items() if np.abs(hull.corners).max() > _LONG], dtype=int)
        if not len(convexes):
            break
        new_origins, new_axes = origins.copy(), axes.copy()
        for k in convexes:
            new_origins[k], new_axes[k] = _rounder_frame(origins[k], axes[k], hulls[k].corners)
        # The largest ball of the new frame keeps its origin well inside.
        slack = -(offsets[convexes] + (normals[convexes] @ new_origins[convexes, :, None])[..., 0])
        directions = normals[convexes] @ new_axes[convexes]
        length = np.linalg.norm(directions, axis=2)
        local = chebyshev_balls(directions / length[..., None], -slack / length)
        new_origins[convexes] += (new_axes[convexes] @ local.centers[..., None])[..., 0]
        new_axes[convexes] *= local.radii[:, None, None]
        convexes = convexes[(local.radii > 0) & np.isfinite(local.radii)]
        found = _hulls_in(normals, offsets, new_origins, new_axes, convexes)
        for k in found:
            origins[k], axes[k] = new_origins[k], new_axes[k]
    hulls.update(found)
    return {k: hulls[k] for k in sorted(hulls)}, origins, axes


def _hulls_in(
    normals: np.ndarray, offsets: np.ndarray, origins: np.ndarray, axes: np.ndarray, convexes: np.ndarray
) -> dict[int, DualHull]:
    """Dual hulls in the given frames, without those that are open or reach too far to be resolved."""
    hulls = {}
    for k, points in zip(convexes, _dual_points(normals, offsets, origins, axes, convexes)):
        hull = _hull(points) or _hull(_joggled(points, 0))
        if hull is not None and hull.equations[:, 3].max() <= -THINNEST:
            hulls[k] = hull
    return hulls


def _dual_points(
    normals: np.ndarray, offsets: np.ndarray, origins: np.ndarray, axes: np.ndarray, convexes: np.ndarray
) -> np.ndarray:
    """Dual points (len(convexes), H, 3); a duplicate of an earlier half-space is moved to the origin."""
    slack = -(offsets[convexes] + (normals[convexes] @ origins[convexes, :, None])[..., 0])
    directions = normals[convexes] @ axes[convexes]
    # Every plane is at least 1 away from the origin of its frame, and certainly 1/2 where rounding says otherwise.
    points = directions / np.maximum(slack, np.linalg.norm(directions, axis=2) / 2)[..., None]
    # Close points are close in every projection: the sorted projections tell where to look for them at all.
    spread = np.sort(points @ (0.36, 0.48, 0.8), axis=1)
    for i in np.flatnonzero((np.diff(spread, axis=1) <= _DUPLICATE).any(axis=1)):
        pairs = KDTree(points[i]).query_pairs(_DUPLICATE, output_type="ndarray")
        points[i, pairs[:, 1]] = 0.0
    return points


def _rounder_frame(origin: np.ndarray, axes: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The frame in which the principal box of the corners is a cube around their mean."""
    mean = corners.mean(axis=0)
    principal = np.linalg.svd(corners - mean, full_matrices=False)[2].T
    principal[:, 2] *= np.linalg.det(principal)  # a mirrored frame would turn the faces inside out
    half = np.ptp((corners - mean) @ principal, axis=0) / 2
    return origin + axes @ mean, axes @ principal * half


def _hull(points: np.ndarray) -> DualHull | None:
    """Convex hull with triangular facets, None where the points have no volume."""
    try:
        hull = ConvexHull(points, qhull_options="Qt")
    except (QhullError, ValueError):
        return None
    return DualHull(points, hull.simplices, hull.equations)


def _joggled(points: np.ndarray, attempt: int) -> np.ndarray:
    """Dual points of slightly shifted planes, which puts them in general position."""
    shifts = np.random.default_rng(attempt).uniform(-1, 1, (len(points), 1))
    return points * (1 + _JOGGLES[attempt] * shifts)


def _another_hull(hull: DualHull, attempt: int) -> DualHull | None:
    """A hull in place of one that did not close; None when out of attempts."""
    return _hull(_joggled(hull.points, attempt)) if attempt < len(_JOGGLES) else None
