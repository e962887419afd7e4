"""V → H: the planes of a convex hull, exact or a few that enclose it tightly."""

from collections.abc import Sequence

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from .._checks import describe, is_whole
from .._sphere import spiral
from ._chebyshev import TETRAHEDRON
from ._halfspaces import THINNEST

_FLAT = 1e-7  # facets count as one plane when their vertices lie within this fraction of the extent of it
_N_CANDIDATES = 600  # directions that a capped set of planes is chosen from
_SINGLE = 4 * float(np.finfo(np.float32).eps)  # the same for points that single precision holds, per coordinate
_MOST_FLAT = 1e-4  # but never more than this fraction
_MOST_PRODUCTS = 1 << 22  # numbers held at once
_RAYS = spiral(500)  # along which the volume inside candidates is measured
_FARTHEST = 30.0  # where a ray ends that no plane stops, in half sizes of the hull
_SPIKE = 4.0  # a corner of the enclosure this far out, in half sizes of the hull, might be thinner than the rays see
_NO_PLANE = np.float32(2 * _FARTHEST**3)  # on each ray, before a plane is chosen
_OPEN = 1e6  # what reaches so many half sizes of the hull is not bounded
_ROUNDING = 1e-9  # of sums: what gains less than that gains nothing
_MAX_ROUNDS = 3  # of exchanges after the greedy choice; the gain is in the first


def hull_planes(
    points: np.ndarray | Sequence[Sequence[float | int]], max_planes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Half-spaces n·x + d ≤ 0 of the convex hull of points.

    Facets that are coplanar within 1e-7 of the extent, or within the rounding of points that single precision holds,
    become one plane, so that rounded points keep the few faces they had. Every plane touches the hull from outside:
    all points satisfy all half-spaces.

    With ``max_planes`` below the number of faces, the result encloses the hull: planes are chosen greedily, then
    exchanged one by one, so as to cut off the most volume. Measured excess of volume with 12 and 25 planes: 9 % and 1 %
    for hulls of 200 normal points, 32 % and 11 % for balls, 3 % and 0.6 % for a cylinder of 32 sides. Cost: 10 to 100
    ms.

    Args:
        points: (N, 3), in any order, inner and repeated points allowed.
        max_planes: cap on the number of planes, at least 4; None for the hull itself.

    Returns:
        Unit outward normals (H, 3) and offsets (H,), float64. The half-spaces always enclose a finite volume.

    Raises:
        TypeError: ``max_planes`` is not an integer.
        ValueError: ``points`` has another shape, an entry is NaN or infinite, there are fewer than four points, all of
            them lie in a plane, or the cap is below 4.

    Example:
        >>> cube = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)])
        >>> normals, offsets = hull_planes(cube)
        >>> len(normals), sorted((offsets.round(12) + 0).tolist())
        (6, [-1.0, -1.0, -1.0, 0.0, 0.0, 0.0])
    """
    array = np.asarray(points, dtype=np.float64)
    _check_arguments(points, array, max_planes)
    middle = array.mean(axis=0)
    local = array - middle
    axes = np.linalg.svd(local, full_matrices=False)[2].T
    half = np.ptp(local @ axes, axis=0) / 2
    if half.min() <= THINNEST * half.max():
        raise ValueError(f"points must not all lie in one plane, got {len(array)} points of extents {2 * half}")
    # In this frame the hull is as long as wide, whatever its aspect ratio.
    frame = axes / half
    try:
        hull = ConvexHull(local @ frame, qhull_options="Qt")
    except QhullError as error:
        raise ValueError(f"points must enclose a volume, got {len(array)} points without any") from error
    with np.errstate(over="ignore"):
        is_single = (array.astype(np.float32) == array).all()
    rounding = _SINGLE * np.abs(array).max() / half.min() if is_single else 0.0
    directions, single = _face_directions(hull, min(_FLAT + rounding, _MOST_FLAT))
    if max_planes is not None and len(directions) > max_planes:
        directions, single = _few_directions(hull, directions, max_planes), single[:0]
    normals = directions @ frame.T
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    n = len(single)
    own = np.einsum("fci,fi->fc", local[hull.simplices[single]], normals[:n]).max(axis=1)
    reach = np.concatenate([own, _support(local[hull.vertices], normals[n:])])
    return normals, -reach - normals @ middle


def _check_arguments(points: object, array: np.ndarray, max_planes: int | None) -> None:
    if array.ndim != 2 or array.shape[1] != 3:
        raise ValueError(f"points must have shape (N, 3), got {describe(points)}")
    if not np.isfinite(array).all():
        raise ValueError(f"points must be finite, got {int((~np.isfinite(array)).sum())} entries NaN or infinite")
    if len(array) < 4:
        raise ValueError(f"points must be at least 4 to enclose a volume, got {len(array)}")
    if max_planes is None:
        return
    if not is_whole(max_planes):
        raise TypeError(f"max_planes must be an integer or None, got {describe(max_planes)}")
    if max_planes < 4:
        raise ValueError(f"max_planes must be at least 4 to enclose a volume, got {max_planes}")


def _support(points: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """max over the points of n·x, for each direction."""
    step = max(1, _MOST_PRODUCTS // len(points))
    blocks = [(directions[i : i + step] @ points.T).max(axis=1) for i in range(0, len(directions), step)]
    return np.concatenate([np.empty(0), *blocks])


def _face_directions(hull: ConvexHull, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Unit normals of the faces, each grown from its largest triangle over all triangles that lie in the same plane.

    Returns:
        Normals (F, 3), and the triangles that are faces by themselves, whose normals come first.
    """
    normals, offsets, n = hull.equations[:, :3], hull.equations[:, 3], len(hull.simplices)
    a, b, c = hull.points[hull.simplices].transpose(1, 0, 2)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)

    def fits(triangles: np.ndarray, seed: np.ndarray | int) -> np.ndarray:
        corners = hull.points[hull.simplices[triangles]]
        return (np.einsum("tci,ti->tc", corners, normals[seed]) + offsets[seed, None] >= -tolerance).all(axis=1)

    # A triangle that fits in the plane of none of its neighbors is a face by itself.
    every = np.repeat(np.arange(n), 3)
    flat = fits(hull.neighbors.ravel(), every) | fits(every, hull.neighbors.ravel())
    taken = np.asarray(~flat.reshape(n, 3).any(axis=1))
    single = np.flatnonzero(taken)
    directions = [normals[single]]
    for seed in np.argsort(-area):
        if taken[seed]:
            continue
        face, rim = [seed], np.array([seed])
        taken[seed] = True
        while len(rim):
            rim = np.unique(hull.neighbors[rim])
            rim = rim[~taken[rim]]
            rim = rim[fits(rim, np.full(len(rim), seed))]
            taken[rim] = True
            face.extend(rim)
        total = area[face] @ normals[face]
        directions.append(total[None] / np.linalg.norm(total))
    return np.concatenate(directions), single


def _few_directions(hull: ConvexHull, faces: np.ndarray, n_planes: int) -> np.ndarray:
    """(n_planes, 3) directions whose tangent planes enclose the hull with little volume to spare."""
    rng = np.random.default_rng(0)
    corners = hull.points[hull.vertices]
    corners = corners - corners.mean(axis=0)
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    edges = _unit(hull.equations[:, None, :3] + hull.equations[hull.neighbors, :3]).reshape(-1, 3)
    more = np.concatenate([edges, _unit(corners)])
    more = more[rng.permutation(len(more))[:_N_CANDIDATES]]
    if len(faces) > _N_CANDIDATES:
        faces = faces[rng.permutation(len(faces))[:_N_CANDIDATES]]
    candidates = np.concatenate([axes, TETRAHEDRON, faces, more])

    # The volume inside some planes is the mean, over rays from the middle, of the cubed distance to the first plane.
    slope = _RAYS @ candidates.T
    distance = _support(corners, candidates) / np.maximum(slope, 1e-9)
    volume = np.minimum(distance, _FARTHEST).astype(np.float32) ** 3
    chosen = candidates[_covering(volume, [], n_planes)]
    exact, reach = _enclosed(corners, chosen)
    if reach > _SPIKE:  # it may leak between the rays; planes that enclose the hull by themselves cannot
        other = candidates[_covering(volume, list(range(6)) if n_planes >= 6 else list(range(6, 10)), n_planes)]
        if _enclosed(corners, other)[0] < exact:
            return other
    return chosen


def _enclosed(corners: np.ndarray, directions: np.ndarray) -> tuple[float, float]:
    """Volume between the tangent planes in some directions, and how far it reaches; both infinite when it is open.

    Args:
        corners: of the hull, around the origin.
        directions: (H, 3) unit vectors.
    """
    try:
        dual = ConvexHull(directions / _support(corners, directions)[:, None])
    except QhullError:  # all in a plane: open across it
        return np.inf, np.inf
    if dual.equations[:, 3].max() > -1 / _OPEN:
        return np.inf, np.inf
    vertices = -dual.equations[:, :3] / dual.equations[:, 3:]
    return float(ConvexHull(vertices).volume), float(np.abs(vertices).max())


def _covering(volume: np.ndarray, fixed: list[int], n_chosen: int) -> list[int]:
    """Columns of ``volume`` (rays, candidates) with the least sum over rays of the least entry among them.

    A choice concerns the rays on which it is the least, so their share of the sums is all that is summed anew.
    """
    chosen = list(fixed)
    least = volume[:, chosen].min(axis=1, initial=_NO_PLANE)
    totals = _sums(volume, least)

    def added(candidate: int, least: np.ndarray, totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lower = np.minimum(least, volume[:, candidate])
        return lower, totals + _change(volume, least, lower)

    while len(chosen) < n_chosen:
        chosen.append(int(totals.argmin()))
        least, totals = added(chosen[-1], least, totals)
    for _ in range(_MAX_ROUNDS):
        before = list(chosen)
        for i in range(len(fixed), n_chosen):
            others = volume[:, chosen[:i] + chosen[i + 1 :]].min(axis=1)
            without = totals + _change(volume, least, others)
            best = int(without.argmin())
            if without[best] < without[chosen[i]] - _ROUNDING * without[best]:
                chosen[i] = best
                least, totals = added(best, others, without)
        if chosen == before:
            break
    return chosen


def _change(volume: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(candidates,) what the sums over rays change by, if the least entries change."""
    rays = np.flatnonzero(before != after)
    own = volume[rays]
    return _sums(own, after[rays]) - _sums(own, before[rays])


def _sums(volume: np.ndarray, least: np.ndarray) -> np.ndarray:
    """(candidates,) sums over rays of the least entries, with each candidate besides."""
    return np.minimum(least[:, None], volume).sum(axis=0, dtype=np.float64)


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
