"""Tangent planes of a point cloud, and which side of them is outside."""

import numpy as np

from .tetrahedra import Tetrahedra

_NEAREST = 8  # neighbors that a first plane goes through
_ROUNDS = 3  # of fitting planes, each to the neighbors near the one before
_MOST = 20_000  # neighborhoods looked at at once
_WALL, _OPEN = 0.7, 3.2  # radius, in spacings, of triangles that a flood does not pass, and that it passes freely
_STEEP = 2  # power with which they open in between
_LEAK = 1e-4  # openness of a wall
_DRAIN = 1e-4  # of a flood, for the volume of each tetrahedron of middle size
_SURE = 0.05  # least confidence in a side
_DOUBT = -0.2  # agreement with what is around, from which on a normal is turned
_TURNS = 3
STICK, FIRM = 0.5, 10.0  # how much neighbors want to be alike: where normals are in question, and where they are not
_WIDEST = 100  # radius, in spacings, of triangles; those of slivers have none


def tangent_planes(points: np.ndarray, neighbors: np.ndarray, spacing: np.ndarray) -> tuple[np.ndarray, float]:
    """Normals of the planes through the neighbors of each point, those on another face of an edge left out.

    Args:
        points: (n, 3).
        neighbors: (n, k) of each point, itself first, nearest first.
        spacing: (n,).

    Returns:
        Unit normals (n, 3), either way, and the noise: the distance of points from such planes, in the middle of all.
    """
    normals, heights = np.empty_like(points), np.empty(len(points))
    for first in range(0, len(points), _MOST):
        part = slice(first, first + _MOST)
        normals[part], heights[part] = _planes(points, points[part], neighbors[part], spacing[part])
    return normals, float(np.median(heights))


def _planes(
    points: np.ndarray, own: np.ndarray, neighbors: np.ndarray, spacing: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    offsets = points[neighbors] - own[:, None]
    near = 1 / (1 + (offsets**2).sum(axis=2) / (2 * spacing[:, None]) ** 2)
    weights = np.zeros(neighbors.shape)
    weights[:, : _NEAREST + 1] = 1
    normals, deviation = np.empty_like(own), np.empty(len(own))
    for turn in range(_ROUNDS + 1):
        share = weights / weights.sum(axis=1, keepdims=True)
        centered = offsets - np.einsum("nk,nki->ni", share, offsets)[:, None]
        spread, axes = np.linalg.eigh(np.einsum("nk,nki,nkj->nij", share, centered, centered))
        if not turn:
            deviation = np.sqrt(spread[:, 0].clip(0))
        normals = axes[:, :, 0]
        heights = np.einsum("nki,ni->nk", centered, normals)
        tolerance = 2 * np.median(deviation) + 0.1 * spacing[:, None]
        weights = near / (1 + (heights / tolerance) ** 2) ** 2
    return normals, deviation


def noise_along(points: np.ndarray, normals: np.ndarray, neighbors: np.ndarray) -> float:
    """Standard deviation of the points along their normals, as their neighbors on the same face betray it."""
    heights = np.einsum("nki,ni->nk", points[neighbors] - points[:, None], normals)[:, 1:]
    alike = np.einsum("nki,ni->nk", normals[neighbors], normals)[:, 1:] > 0.95
    return float(np.median(np.abs(heights[alike]))) / 0.6745 / 2**0.5 if alike.any() else 0.0


def flattened(
    points: np.ndarray, normals: np.ndarray, neighbors: np.ndarray, spacing: np.ndarray, noise: float
) -> np.ndarray:
    """The points moved along their normals to the middle of their neighbors that face the same way."""
    heights = np.einsum("nki,ni->nk", points[neighbors] - points[:, None], normals)
    alike = np.einsum("nki,ni->nk", normals[neighbors], normals)
    weights = ((alike - 0.7) / 0.3).clip(0, 1) * np.exp(-((heights / (3 * noise + 0.05 * spacing[:, None])) ** 2))
    return points + normals * ((weights * heights).sum(axis=1) / weights.sum(axis=1))[:, None]


def flooded_normals(space: Tetrahedra, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The normals turned to the side that a flood from outside reaches more easily.

    The flood seeps through triangles the more easily, the larger they are, and drains away on its way. So it is higher
    outside of a wall than behind it even where it comes around through a hole.

    Returns:
        The normals, and how sure each is, from 0 to 1.
    """
    volumes = space.volumes / np.median(space.volumes[space.volumes > 0])
    areas = space.areas / np.median(space.areas)
    openness = ((space.radius - _WALL) / (_OPEN - _WALL)).clip(0, 1) ** _STEEP * areas + _LEAK
    height = space.settle(openness, np.zeros(len(volumes)), _DRAIN * volumes + 1e-6)
    sides = space.sides(normals) * np.sqrt(volumes)[:, None]
    before, behind = sides.clip(0), -sides.clip(max=0)
    flood = []
    for side in (before, behind):
        total = space.at_corners(side)
        # Where there is no tetrahedron on a side, it is the space around all.
        flood.append(np.where(total > 1e-9, space.at_corners(side * height[:, None]) / (total + 1e-30), 1.0))
    difference = flood[0] - flood[1]
    return np.where((difference >= 0)[:, None], normals, -normals), np.abs(difference).clip(min=_SURE)


def inside_by(
    space: Tetrahedra, normals: np.ndarray, trust: np.ndarray | None, stick: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Which tetrahedra lie inside, by the votes of their corners and the labels of their neighbors.

    Args:
        space: the tetrahedra.
        normals: (n, 3) of their points, outward.
        trust: (n,) how sure that is, from 0 to 1; what contradicts its surroundings is turned. None: it is known.
        stick: how much neighbors want to be alike.

    Returns:
        (m,) bool, the normals, and how sure they are now.
    """
    # Far from all points tetrahedra are large, and open to each other: one that noise deceives does not stand alone.
    openness = stick * space.radius.clip(0.05, _WIDEST) ** 2
    size = np.cbrt(space.volumes / np.median(space.volumes)).clip(min=1)
    known = np.ones(len(normals)) if trust is None else trust
    inside = np.zeros(len(space.corners), dtype=bool)
    for _ in range(1 if trust is None else _TURNS):
        sides = space.sides(normals)
        votes = sides * known[space.corners]
        values = space.settle(openness, votes.sum(axis=1).clip(-1, 1), size * np.abs(votes).sum(axis=1) + 1e-9)
        inside = values < 0
        if trust is None:
            break
        agreed = sides * np.sqrt(space.volumes)[:, None] * np.where(inside, -1, 1)[:, None]
        share = space.at_corners(agreed) / (space.at_corners(np.abs(agreed)) + 1e-30)
        normals = np.where(share[:, None] < _DOUBT, -normals, normals)
        known = np.abs(share).clip(min=_SURE)
    return inside, normals, None if trust is None else known
