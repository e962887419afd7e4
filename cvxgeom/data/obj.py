"""Wavefront OBJ: the polygons of a file, triangulated so that concave ones keep their shape."""

import manifold3d
import numpy as np


def parse_obj(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Vertices and triangles of all objects in an OBJ file; materials, normals, lines and groups are dropped.

    A polygon that a fan from its first corner would fill wrongly (a concave one) is projected to its plane and cut by
    ear clipping. Negative (relative) indices, colored vertices, ``\\`` continuations and comments are understood.

    Args:
        text: the content of the file.

    Returns:
        vertices (V, 3) float64 and triangles (F, 3) int64, in the order of the file.

    Raises:
        ValueError: a line cannot be read (the message says which), or a face names a vertex that does not exist.

    Example:
        >>> vertices, triangles = parse_obj("v 0 0 0\\nv 1 0 0\\nv 1 1 0\\nv 0 1 0\\nf 1 2 3 4")
        >>> triangles.tolist()
        [[0, 1, 2], [0, 2, 3]]
    """
    if "\\\n" in text or "\\\r\n" in text:
        text = text.replace("\\\r\n", " ").replace("\\\n", " ")
    coordinates: list[list[float]] = []
    polygons: list[list[int]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words or words[0] not in ("v", "f"):
            continue
        try:
            if words[0] == "v":
                x, y, z = words[1:4]
                coordinates.append([float(x), float(y), float(z)])
            else:
                corners = [int(word.partition("/")[0]) for word in words[1:]]
                polygons.append([i - 1 if i > 0 else len(coordinates) + i if i < 0 else -1 for i in corners])
        except ValueError:
            raise ValueError(f"line {number} is not a vertex or face: {line.strip()[:60]!r}") from None

    vertices = np.array(coordinates, dtype=np.float64).reshape(-1, 3)
    highest = max(map(max, filter(None, polygons)), default=-1)
    if highest >= len(vertices):
        raise ValueError(f"a face names vertex {highest + 1}, but the file has {len(vertices)} vertices")
    if min(map(min, filter(None, polygons)), default=0) < 0:
        raise ValueError("a face names a vertex before the first one; vertices are numbered from 1")
    return vertices, triangulate_polygons(vertices, polygons)


def triangulate_polygons(vertices: np.ndarray, polygons: list[list[int]]) -> np.ndarray:
    """Triangles of polygons given as lists of vertex indices; those with fewer than three corners vanish.

    Args:
        vertices: (V, 3), any frame and unit.
        polygons: one list of corners each, in order around the (nearly planar) polygon.

    Returns:
        (F, 3) int64, wound like the polygons and in their order.

    Example:
        >>> dart = np.array([[0, 0, 0], [2, 0, 0], [0.5, 0.5, 0], [0, 2, 0.0]])
        >>> triangulate_polygons(dart, [[0, 1, 2, 3], [1, 2, 3, 0]]).tolist()
        [[0, 1, 2], [0, 2, 3], [2, 3, 0], [0, 1, 2]]
    """
    sizes = np.array([len(polygon) for polygon in polygons], dtype=np.int64)
    blocks, owners = [], []
    for size in np.unique(sizes[sizes >= 3]):
        which = np.flatnonzero(sizes == size)
        corners = np.array([polygons[i] for i in which], dtype=np.int64)
        fans = np.stack([np.repeat(corners[:, :1], size - 2, axis=1), corners[:, 1:-1], corners[:, 2:]], axis=-1)
        if size > 3 and np.isfinite(vertices).all():
            a, b, c = np.moveaxis(vertices[fans], 2, 0)
            areas = np.cross(b - a, c - a)
            normals = areas.sum(axis=1)
            # a simple polygon is filled by its fan exactly when no triangle of the fan is turned over
            turned = np.einsum("pti,pi->pt", areas, normals) < -1e-9 * (normals**2).sum(axis=1, keepdims=True)
            for i in np.flatnonzero(turned.any(axis=1)):
                fans[i] = _clip_ears(vertices, corners[i], normals[i], fans[i])
        blocks.append(fans.reshape(-1, 3))
        owners.append(np.repeat(which, size - 2))
    if not blocks:
        return np.zeros((0, 3), dtype=np.int64)
    return np.concatenate(blocks)[np.argsort(np.concatenate(owners), kind="stable")]


def _clip_ears(vertices: np.ndarray, corners: np.ndarray, normal: np.ndarray, fan: np.ndarray) -> np.ndarray:
    """Triangulate one polygon in its own plane; the fan stays where the polygon cannot be cut."""
    axis = np.eye(3)[np.abs(normal).argmin()]
    u = np.cross(axis, normal)
    u /= np.linalg.norm(u)
    v = np.cross(normal / np.linalg.norm(normal), u)
    flat = vertices[corners] @ np.stack([u, v], axis=1)
    triangles = corners[manifold3d.triangulate([flat])]
    return triangles if len(triangles) == len(fan) else fan
