"""Does a triangle soup bound a volume, and with which orientation?"""

import numpy as np
import trimesh
from scipy import sparse
from scipy.sparse import csgraph

from .winding import WindingNumber


def weld(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    """The same surface with equal vertices merged, and without faces that are repeated or have a corner twice.

    Vertices closer than about 1e-8 of the longest side count as equal. Of faces on the same three vertices the first
    stays, whichever way the others are wound: a double-sided sheet becomes a single one.

    Example:
        >>> double = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0.0]], [[0, 1, 2], [2, 1, 0]], process=False)
        >>> weld(double).faces.tolist()
        [[0, 2, 1]]
    """
    faces = np.asarray(mesh.faces)
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    scale = max(float(np.ptp(vertices, axis=0).max()), np.finfo(np.float64).tiny)
    keys = np.round((vertices - vertices.min(axis=0)) * (1e8 / scale))
    _, first, merged = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    faces = merged.reshape(-1)[faces]
    faces = faces[(faces != np.roll(faces, 1, axis=1)).all(axis=1)]
    _, kept = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return trimesh.Trimesh(vertices[first], faces[np.sort(kept)], process=False)


def closed_surface(mesh: trimesh.Trimesh) -> trimesh.Trimesh | None:
    """The welded mesh, outward oriented, if it bounds a volume; None if some edge is open.

    A surface is closed when every edge is run through as often one way as the other: then the winding number is a whole
    number everywhere. Faces wound against their neighbors are turned. A component that is inside out is turned too,
    unless it lies within other components: then it is a cavity.

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
        directed, _ = _edges(faces)
        if np.bincount(edge_of, directed).any():
            return None
    return trimesh.Trimesh(mesh.vertices, _turn_outward(mesh.vertices, faces, edge_of), process=False)


def _edges(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For the 3F sides of faces, in order: direction (+1 or -1) and index of the undirected edge."""
    ends = np.stack([faces, np.roll(faces, -1, axis=1)], axis=-1).reshape(-1, 2)
    _, edge_of = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    return np.where(ends[:, 0] < ends[:, 1], 1, -1), edge_of.reshape(-1)


def _pairs(edge_of: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pairs (P, 2) of sides that share an edge which no third face touches."""
    order = np.argsort(edge_of, kind="stable")
    return order[counts[edge_of[order]] == 2].reshape(-1, 2)


def _turned(directed: np.ndarray, edge_of: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Which faces to turn so that neighbors agree.

    Two copies of every face, as it is and turned, are linked across edges wherever the copies agree; what hangs
    together with an unturned first face is the answer.
    """
    n_faces = len(edge_of) // 3
    pairs = _pairs(edge_of, counts)
    one, two = pairs.T // 3
    agree = directed[pairs[:, 0]] != directed[pairs[:, 1]]
    other = np.where(agree, 0, n_faces)
    rows = np.concatenate([one, one + n_faces])
    columns = np.concatenate([two + other, two + (n_faces - other)])
    graph = sparse.coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(2 * n_faces, 2 * n_faces))
    _, labels = csgraph.connected_components(graph, directed=False)
    return labels[:n_faces] > labels[n_faces:]


def _turn_outward(vertices: np.ndarray, faces: np.ndarray, edge_of: np.ndarray) -> np.ndarray:
    """Turn the components of negative volume that are not inside those of positive volume."""
    n_faces = len(faces)
    owner = np.repeat(np.arange(n_faces), 3)
    links = sparse.coo_matrix(
        (np.ones(len(owner), dtype=bool), (owner, n_faces + edge_of)), shape=(2 * n_faces * 2,) * 2
    )
    _, component = csgraph.connected_components(links, directed=False)
    component = component[:n_faces]
    corners = vertices[faces] - vertices.mean(axis=0)
    volumes = np.bincount(component, np.einsum("fi,fi->f", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])))
    inverted = volumes[component] < 0
    if inverted.any() and not inverted.all():
        # a cavity has all its corners (or all but a few that touch) inside the rest
        inside = WindingNumber(vertices, faces[~inverted])(vertices[faces[inverted]].mean(axis=1)) > 0
        shares = np.bincount(component[inverted], inside, len(volumes)) / np.bincount(component, minlength=len(volumes))
        inverted &= shares[component] < 0.5
    return np.where(inverted[:, None], faces[:, ::-1], faces)
