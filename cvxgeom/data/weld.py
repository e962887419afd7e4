"""Does a triangle soup bound a volume, and with which orientation?"""

import numpy as np
import trimesh
from scipy import sparse
from scipy.sparse import csgraph

from .winding import WindingNumber

_THINNEST = 1e-4  # mean thickness of a volume, in longest sides


def weld(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The same surface with equal vertices merged, and without faces that are repeated or have a corner twice.

    Vertices closer than about 1e-8 of the longest side count as equal. Of faces on the same three vertices the first
    stays, whichever way the others are wound: a double-sided sheet becomes a single one. Two opposite faces without an
    area are no sheet, though: both go, as booleans leave such pairs where edges meet, and one alone would be a hole.

    Example:
        >>> double = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]], [[0, 1, 2], [2, 1, 0]], process=False)
        >>> weld(double).faces.tolist()
        [[0, 1, 2]]
    """
    used, faces = used_vertices(np.asarray(mesh.faces))
    vertices = np.asarray(mesh.vertices, dtype=np.float64)[used]
    scale = max(float(np.ptp(vertices, axis=0).max()), np.finfo(np.float64).tiny)
    keys = np.round((vertices - vertices.min(axis=0)) * (1e8 / scale))
    first, merged = _distinct(keys)
    faces = merged[faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    kept, group = _distinct(np.sort(faces, axis=1))
    if len(kept) < len(faces):
        opposite = np.flatnonzero(np.bincount(group, _parity(faces)) == 0)
        kept = np.delete(kept, opposite[_is_flat(vertices[first], faces[kept[opposite]])])
    return trimesh.Trimesh(vertices[first], faces[np.sort(kept)], process=False)


def _is_flat(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Whether the corners of a face lie on one line, to 1e-7 of its longest side: (F,) bool."""
    corners = vertices[faces]
    sides = np.roll(corners, -1, axis=1) - corners
    longest = np.linalg.norm(sides, axis=2).max(axis=1)
    return np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1) <= 1e-7 * longest**2


def _parity(faces: np.ndarray) -> np.ndarray:
    """+1 where the indices of a face ascend on their way around, -1 where they descend."""
    a, b, c = faces.T
    return np.where((a < b).astype(int) + (b < c) + (c < a) == 2, 1, -1)


def used_vertices(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The vertices that faces have as corners, ascending, and the faces as indices into these.

    Example:
        >>> [part.tolist() for part in used_vertices(np.array([[7, 2, 4]]))]
        [[2, 4, 7], [[2, 0, 1]]]
    """
    is_used = np.zeros(faces.max(initial=-1) + 1, dtype=bool)
    is_used[faces] = True
    return np.flatnonzero(is_used), (np.cumsum(is_used) - 1)[faces]


def is_one_piece(mesh: trimesh.Trimesh) -> bool:
    """Whether all faces hang together across edges that two of them share.

    Example:
        >>> is_one_piece(trimesh.creation.box())
        True
    """
    faces = np.asarray(mesh.faces)
    _, edge_of = _edges(faces)
    order = np.argsort(edge_of, kind="stable")
    one, two = order[np.bincount(edge_of)[edge_of[order]] == 2].reshape(-1, 2).T // 3
    return not _components(one, two, len(faces)).any()


def closed_surface(mesh: trimesh.Trimesh) -> trimesh.Trimesh | None:
    """The welded mesh, outward oriented, if it bounds a volume; None if some edge is open or there is hardly a volume.

    A surface is closed when every edge is run through as often one way as the other: then the winding number is a whole
    number everywhere. Faces wound against their neighbors are turned. A component that is inside out is turned too,
    unless it lies within other components: then it is a cavity. Double-sided sheets (mean thickness under 1e-4 of the
    longest side) do not count as a volume.

    Args:
        mesh: the result of :func:`weld`.

    Example:
        >>> box = trimesh.creation.box()
        >>> inside_out = trimesh.Trimesh(box.vertices, box.faces[:, ::-1], process=False)
        >>> float(inside_out.volume), float(closed_surface(weld(inside_out)).volume)
        (-1.0, 1.0)
    """
    faces = np.asarray(mesh.faces)
    directed, edge_of = _edges(faces)
    counts = np.bincount(edge_of)
    if (counts % 2).any():
        return None
    if np.bincount(edge_of, directed).any():
        faces = np.where(_turned(directed, edge_of, counts)[:, None], faces[:, ::-1], faces)
        directed, edge_of = _edges(faces)
        if np.bincount(edge_of, directed).any():
            return None
    closed = trimesh.Trimesh(mesh.vertices, _turn_outward(mesh.vertices, faces, edge_of), process=False)
    return closed if 2 * closed.volume > _THINNEST * closed.area * closed.extents.max() else None


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For the 3F sides of faces, in order: direction (+1 or -1) and index of the undirected edge."""
    ends = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    return np.where(ends[:, 0] < ends[:, 1], 1, -1), _distinct(np.sort(ends, axis=1))[1]


def _distinct(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First place of each distinct row, and for every row the number of the distinct one it equals."""
    order = np.lexsort(rows.T)
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (rows[order[1:]] != rows[order[:-1]]).any(axis=1)
    number = np.empty(len(rows), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    return order[new], number


def _turned(directed: np.ndarray, edge_of: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which faces to turn so that neighbors agree, across edges that no third face touches.

    Two copies of every face, as it is and turned, are linked across edges wherever the copies agree; what hangs
    together with an unturned first face is the answer.
    """
    n_faces = len(edge_of) // 3
    order = np.argsort(edge_of, kind="stable")
    pairs = order[counts[edge_of[order]] == 2].reshape(-1, 2)
    one, two = pairs.T // 3
    shift = np.where(directed[pairs[:, 0]] != directed[pairs[:, 1]], 0, n_faces)
    labels = _components(np.append(one, one + n_faces), np.append(two + shift, two + n_faces - shift), 2 * n_faces)
    return labels[:n_faces] > labels[n_faces:]


def _turn_outward(vertices: np.ndarray, faces: np.ndarray, edge_of: np.ndarray) -> np.ndarray:
    """Turn the components of negative volume that are not inside those of positive volume."""
    n_faces = len(faces)
    component = _components(np.repeat(np.arange(n_faces), 3), n_faces + edge_of, 4 * n_faces)[:n_faces]
    corners = vertices[faces] - vertices.mean(axis=0)
    volumes = np.bincount(component, np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))
    if volumes.sum() < 0:
        faces, volumes = faces[:, ::-1], -volumes
    inverted = volumes[component] < 0
    if inverted.any():
        # all corners of a cavity are inside the rest, but for a few that may touch it
        inside = WindingNumber(vertices, faces[~inverted])(vertices[faces[inverted]].mean(axis=1)) > 0
        shares = np.bincount(component[inverted], inside, len(volumes)) / np.bincount(component)
        inverted &= shares[component] < 0.95
    return np.where(inverted[:, None], faces[:, ::-1], faces)


def _components(one: np.ndarray, two: np.ndarray, n_nodes: int) -> np.ndarray:
    """Label of the connected component of each of ``n_nodes`` nodes, given links between pairs of them."""
    links = sparse.coo_matrix((np.ones(len(one), dtype=bool), (one, two)), shape=(n_nodes, n_nodes))
    return csgraph.connected_components(links, directed=False)[1]
