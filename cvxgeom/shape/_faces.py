"""From dual hulls to faces: which three planes meet in each vertex, which vertices go around each face.

Everything here is combinatorial. The triangles of a dual hull are the corners of the convex, neighboring triangles are
joined by its edges, and the triangles around a dual point are the corners around a face. Corners that coincide are
one vertex: edges shorter than a tolerance are contracted, which leaves the surface closed whatever rounding did.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

MERGED = 1e-9  # corners closer than this fraction of the extent, in a frame where the convex is round, are one vertex


@dataclass(frozen=True)
class DualHull:
    """Convex hull of the dual points of one convex: points (H, 3), triangles (T, 3), facet equations (T, 4)."""

    points: np.ndarray
    triangles: np.ndarray
    equations: np.ndarray

    @cached_property
    def corners(self) -> np.ndarray:
        """(T, 3) the corner of the convex that each triangle stands for."""
        return -self.equations[:, :3] / self.equations[:, 3:]


@dataclass(frozen=True)
class Skeleton:
    """Vertices and faces of one convex.

    Attributes:
        corners: (V, 3) positions of the vertices in the frame of the dual hull.
        vertex_planes: (V, 3) for each vertex the three half-spaces, of those that meet there, that determine it best.
        faces: vertices around each face, counter-clockwise seen from outside.
        face_planes: the half-space of each face, ascending.
    """

    corners: np.ndarray
    vertex_planes: np.ndarray
    faces: tuple[tuple[int, ...], ...]
    face_planes: tuple[int, ...]


def skeletons(hulls: Sequence[DualHull], retry: Callable[[DualHull, int], DualHull | None]) -> list[Skeleton | None]:
    """Vertices and faces of many convexes at once.

    Args:
        hulls: dual hull of each convex, all with the same number H of half-spaces.
        retry: gives another hull in place of one whose triangles do not close, by attempt number; None to give up.

    Returns:
        For each hull a closed skeleton (every edge twice in opposite directions, V - E + F = 2), or None.
    """
    usable = dict(enumerate(hulls))
    attempt = 0
    while usable:
        triangles = _Triangles(list(usable.values()))
        broken = [k for k, is_closed in zip(list(usable), triangles.is_closed) if not is_closed]
        if not broken:
            built = dict(zip(usable, _assembled(triangles)))
            return [built.get(k) for k in range(len(hulls))]
        for k in broken:
            other = retry(usable.pop(k), attempt)
            if other is not None:
                usable[k] = other
        attempt += 1
    return [None] * len(hulls)


class _Triangles:
    """The triangles of several dual hulls in one list, joined along their edges.

    Half-space h of hull k is number k H + h. The directed edge number 3 t + i runs from ``planes[t, i]`` to
    ``planes[t, i + 1]``; it also stands for the corner that triangle t is of the face on half-space ``planes[t, i]``.
    """

    def __init__(self, hulls: Sequence[DualHull]) -> None:
        self.n_hulls, self.n_planes = len(hulls), len(hulls[0].points)
        counts = [len(hull.triangles) for hull in hulls]
        self.hull_of = np.repeat(np.arange(self.n_hulls), counts)
        self.points = np.concatenate([hull.points for hull in hulls])
        self.corners = np.concatenate([hull.corners for hull in hulls])
        self.extents = np.array([np.abs(hull.corners).max() for hull in hulls])
        planes = np.concatenate([hull.triangles for hull in hulls]).astype(np.int64)
        planes += self.n_planes * self.hull_of[:, None]
        # qhull's triangles come in either orientation; its equations point outward.
        first, second, third = self.points[planes].transpose(1, 0, 2)
        outward = np.concatenate([hull.equations[:, :3] for hull in hulls])
        inverted = np.einsum("ti,ti->t", np.cross(second - first, third - first), outward) < 0
        planes[inverted] = planes[inverted, ::-1]
        self.planes = planes
        self.twins = twin_edges(planes.ravel(), np.roll(planes, -1, axis=1).ravel())

    @property
    def is_closed(self) -> np.ndarray:
        """(hulls,) whether the triangles of each hull form one closed surface without handles."""
        lonely = self.hull_of[np.flatnonzero(self.twins < 0) // 3]
        n_used = np.bincount(np.unique(self.planes) // self.n_planes, minlength=self.n_hulls)
        n_triangles = np.bincount(self.hull_of, minlength=self.n_hulls)
        return (np.bincount(lonely, minlength=self.n_hulls) == 0) & (n_triangles == 2 * n_used - 4)

    def vertices(self, tolerance: np.ndarray) -> np.ndarray:
        """(T,) the vertex of each corner, named by its first corner: edges of at most ``tolerance`` are contracted."""
        neighbors = self.twins.reshape(-1, 3) // 3
        gaps = np.linalg.norm(self.corners[neighbors] - self.corners[:, None], axis=2)
        short, side = np.nonzero(gaps <= tolerance[self.hull_of, None])
        n_corners = len(self.planes)
        if not len(short):
            return np.arange(n_corners)
        links = coo_array((np.ones(len(short)), (short, neighbors[short, side])), shape=(n_corners, n_corners))
        labels = connected_components(links, directed=False)[1]
        return np.unique(labels, return_index=True)[1][labels]

    def loops(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Corners around each face, counter-clockwise from outside, ascending by half-space.

        Returns:
            Triangle numbers loop after loop, the length of each loop, and its half-space.
        """
        # Around a dual point the previous triangle lies across the edge that leaves it. All loops are walked at once in
        # leaps of doubling length: first to find the lowest corner of each loop, then the distance from that corner.
        corner = np.arange(self.planes.size)
        behind = self.twins - self.twins % 3 + (self.twins + 1) % 3
        lowest, leap, previous = np.minimum(corner, behind), behind[behind], None
        while previous is None or (lowest != previous).any():
            previous, lowest, leap = lowest, np.minimum(lowest, lowest[leap]), leap[leap]
        is_lowest = lowest == corner
        distance, leap = np.where(is_lowest, 0, 1), np.where(is_lowest, corner, behind)
        while (distance[leap] > 0).any():
            distance, leap = distance + distance[leap], leap[leap]
        plane = self.planes.ravel()
        order = np.lexsort((distance, plane))
        halfspaces, lengths = np.unique(plane, return_counts=True)
        return order // 3, lengths, halfspaces


def twin_edges(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """For each directed edge the number of the opposite one, -1 where that is missing or the edge is not unique."""
    size = int(max(starts.max(), ends.max())) + 1
    forward, backward = starts * size + ends, ends * size + starts
    order = np.argsort(forward)
    ordered = forward[order]
    place = np.minimum(np.searchsorted(ordered, backward), len(order) - 1)
    twins = np.where(ordered[place] == backward, order[place], -1)
    repeated = np.flatnonzero(ordered[1:] == ordered[:-1])
    twins[order[repeated]] = -1
    return twins


def _assembled(triangles: _Triangles) -> list[Skeleton]:
    """The skeleton of each hull, all of them closed."""
    corners, lengths, planes = triangles.loops()
    tolerance = MERGED * triangles.extents
    while True:
        vertices = triangles.vertices(tolerance)
        vertex = vertices[corners]
        if (vertices != np.arange(len(vertices))).any():
            vertex, lengths, planes = _without_slivers(vertex, lengths, planes)
        unclosed = _unclosed(vertex, lengths, triangles.hull_of, triangles.n_hulls)
        if not unclosed.any():
            break
        tolerance[unclosed] = -1.0  # nothing is contracted there: the corners themselves always close
        corners, lengths, planes = triangles.loops()

    names, vertex = np.unique(vertex, return_inverse=True)
    best = _best_planes(vertex, np.repeat(planes, lengths), triangles.points)
    corners, best = triangles.corners[names], best % triangles.n_planes
    hulls = np.arange(triangles.n_hulls + 1)
    vertex_starts = np.searchsorted(triangles.hull_of[names], hulls)
    face_starts = np.searchsorted(planes // triangles.n_planes, hulls).tolist()
    local = (vertex - vertex_starts[triangles.hull_of[names[vertex]]]).tolist()
    ends = np.cumsum(lengths).tolist()
    faces = [tuple(local[end - n : end]) for n, end in zip(lengths.tolist(), ends)]
    halfspaces = (planes % triangles.n_planes).tolist()
    return [
        Skeleton(corners[v:w], best[v:w], tuple(faces[a:b]), tuple(halfspaces[a:b]))
        for v, w, a, b in zip(vertex_starts[:-1], vertex_starts[1:], face_starts[:-1], face_starts[1:])
    ]


def _without_slivers(
    vertex: np.ndarray, lengths: np.ndarray, planes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Faces after contraction, without those that collapsed to a line or a point and without vertices on an edge."""
    around = np.split(vertex, np.cumsum(lengths)[:-1])
    faces = [(loop, plane) for walk, plane in zip(around, planes.tolist()) for loop in _simple_loops(walk.tolist())]
    while True:
        count = np.bincount([v for loop, _ in faces for v in loop])
        idle = set(np.flatnonzero((count == 1) | (count == 2)).tolist())
        if not idle:
            break
        pruned = [([v for v in loop if v not in idle], plane) for loop, plane in faces]
        faces = [(loop, plane) for loop, plane in pruned if len(loop) >= 3]
    flat = np.array([v for loop, _ in faces for v in loop], dtype=np.int64)
    return flat, np.array([len(loop) for loop, _ in faces]), np.array([plane for _, plane in faces])


def _simple_loops(walk: list[int]) -> list[list[int]]:
    """A closed walk as loops of three or more different vertices; what collapsed to a point or a line is dropped."""
    if len(set(walk)) == len(walk):
        return [walk]
    loops, path = [], []
    for vertex in walk:
        if vertex in path:
            start = path.index(vertex)
            loops.append(path[start:])
            del path[start:]
        path.append(vertex)
    return [loop for loop in (*loops, path) if len(loop) >= 3]


def _unclosed(vertex: np.ndarray, lengths: np.ndarray, hull_of: np.ndarray, n_hulls: int) -> np.ndarray:
    """(hulls,) whether the faces of each hull fail to use each edge once in either direction, or to form a sphere."""
    ends = np.roll(vertex, -1)
    last = np.cumsum(lengths) - 1
    ends[last] = vertex[last - lengths + 1]
    hulls = hull_of[vertex]
    n_lonely = np.bincount(hulls[twin_edges(vertex, ends) < 0], minlength=n_hulls)
    n_vertices = np.bincount(hull_of[np.unique(vertex)], minlength=n_hulls)
    n_edges = np.bincount(hulls, minlength=n_hulls) // 2
    n_faces = np.bincount(hulls[last], minlength=n_hulls)
    return (n_lonely > 0) | (n_vertices - n_edges + n_faces != 2)


def _best_planes(vertex: np.ndarray, plane: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(V, 3) of the planes of each vertex three that are well spread, from pairs (vertex, plane), vertices 0..V-1."""
    plane = plane[np.argsort(vertex, kind="stable")]
    valence = np.bincount(vertex)
    start = np.cumsum(valence) - valence
    best = np.empty((len(valence), 3), dtype=np.int64)
    for n in np.unique(valence):
        which = np.flatnonzero(valence == n)
        candidates = plane[start[which, None] + np.arange(n)]
        chosen = np.tile(np.arange(3), (len(which), 1))
        if n > 3:  # the one most at right angles to the first, then the one most across both
            directions = points[candidates]
            across = np.cross(directions[:, :1], directions)
            chosen[:, 1] = np.linalg.norm(across, axis=2).argmax(axis=1)
            axis = across[np.arange(len(which)), chosen[:, 1]]
            chosen[:, 2] = np.abs((directions @ axis[:, :, None])[..., 0]).argmax(axis=1)
        best[which] = np.take_along_axis(candidates, chosen, axis=1)
    return best
