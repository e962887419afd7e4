"""Vertices where more than three faces meet, as a fan of corners of three faces each.

A vertex computed from three of its m > 3 planes does not feel the others, so a volume summed over such vertices has the
right value and a wrong derivative. Moving the planes a little splits the vertex into m - 2 corners that coincide
now. The volume of the split polytope is a polynomial in the corners that agrees with the true volume to second order,
whichever way the vertex is split, so its derivative is exact.
"""

from dataclasses import dataclass

import numpy as np

from ._halfspaces import Enclosure

_MOST_CENTERS = 16  # fans tried per vertex


@dataclass(frozen=True)
class Split:
    """Corners and faces of a convex in which no more than three faces meet in any corner.

    Attributes:
        planes: (C, 3) the three half-spaces of each corner; the first V corners are the vertices themselves.
        vertex_of: (C,) the vertex at which each corner lies.
        loops: corners around each face; vertices that were split are in no loop.
    """

    planes: np.ndarray
    vertex_of: np.ndarray
    loops: list[list[int]]


def split_vertices(convex: Enclosure, normals: np.ndarray) -> Split:
    """Split every vertex where more than three faces meet.

    Args:
        convex: a convex with its vertices and faces; nothing is split where there are none.
        normals: (H, 3) normals of its half-spaces.

    Returns:
        The vertices, the added corners and the faces around them.
    """
    loops = [[[v] for v in face] for face in convex.faces]
    halfspaces = np.array(convex.face_planes, dtype=np.int64)
    directions = normals @ convex.axes
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    planes, vertex_of = [convex.vertex_planes], [np.arange(len(convex.vertex_planes))]
    number = len(convex.vertex_planes)
    for vertex, ring in _rings(convex).items():
        faces = [face for face, _ in ring]
        center, corners = _best_fan(halfspaces[faces], directions)
        planes.append(corners)
        vertex_of.append(np.full(len(corners), vertex))
        numbers = list(range(number, number + len(corners)))
        number += len(corners)
        (hub, place), *rim = ring[center:] + ring[:center]
        loops[hub][place] = numbers
        for j, (face, place) in enumerate(rim):  # it lies between corners j - 1 and j of the fan and meets j first
            loops[face][place] = numbers[max(j - 1, 0) : j + 1][::-1]
    flat = [[corner for group in loop for corner in group] for loop in loops]
    return Split(np.concatenate(planes), np.concatenate(vertex_of), flat)


def _rings(convex: Enclosure) -> dict[int, list[tuple[int, int]]]:
    """Every vertex where more than three faces meet: those faces counter-clockwise, and its place in their loops."""
    valence = np.bincount([v for face in convex.faces for v in face] or [0])
    crowded = set(np.flatnonzero(valence > 3).tolist())
    leaving: dict[tuple[int, int], tuple[int, int, int]] = {}  # edge leaving a vertex: its face, place, vertex before
    start: dict[int, int] = {}
    for f, face in enumerate(convex.faces):
        for i, v in enumerate(face):
            if v in crowded:
                start[v] = face[(i + 1) % len(face)]
                leaving[v, start[v]] = f, i, face[i - 1]
    rings = {}
    for v, after in start.items():
        ring: list[tuple[int, int]] = []
        for _ in range(int(valence[v])):
            f, i, after = leaving[v, after]
            ring.append((f, i))
        rings[v] = ring
    return rings


def _best_fan(planes: np.ndarray, directions: np.ndarray) -> tuple[int, np.ndarray]:
    """Of the fans of a ring of m planes that whose flattest corner is least flat: center and corners (m - 2, 3)."""
    n = len(planes)
    centers = np.unique(np.linspace(0, n - 1, min(n, _MOST_CENTERS)).astype(int))
    rim = np.arange(1, n - 1)
    index = (centers[:, None, None] + np.stack([0 * rim, rim, rim + 1], axis=1)) % n
    best = int(np.abs(np.linalg.det(directions[planes[index]])).min(axis=1).argmax())
    return int(centers[best]), planes[index[best]]
