"""Where a fit starts: hulls of the components that are convex, and split pieces of all the rest."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ..shape import ConvexUnion, Polytope, box, concatenate, from_planes, hull
from .samples import VolumeSamples
from .split import InsidePoints, Splitter
from .target import Target

# A component stands as its own hull if this share of the hull is solid.
CONVEX_SHARE = 0.97
_PROBES = 400

Contains = Callable[[np.ndarray], np.ndarray]


def component_hulls(
    surface: trimesh.Trimesh, contains: Contains, max_halfspaces: int, rng: np.random.Generator
) -> list[ConvexUnion]:
    """Convexes of the connected components whose hull the solid fills, largest first.

    Args:
        surface: triangles, open or closed.
        contains: membership in the solid.
        max_halfspaces: cap per convex.
        rng: source of randomness.
    """
    hulls: list[tuple[float, ConvexUnion]] = []
    for vertices in _components(surface):
        try:
            convex = hull(torch.from_numpy(vertices), max_planes=max_halfspaces)
        except ValueError:
            continue  # a flat component has no hull with a volume
        polytope = convex.polytopes()[0]
        if polytope.is_bounded and contains(_in_polytope(polytope, _PROBES, rng)).mean() >= CONVEX_SHARE:
            hulls.append((float(polytope.volume), convex))
    hulls.sort(key=lambda pair: -pair[0])
    return [convex for _, convex in hulls]


def initialize(
    target: Target, samples: VolumeSamples, max_parts: int, max_halfspaces: int, rng: np.random.Generator
) -> ConvexUnion:
    """A first union: component hulls where they fit the solid, split pieces where they do not.

    Args:
        target: what to cover.
        samples: that decide between alternatives.
        max_parts: cap on convexes.
        max_halfspaces: cap on half-spaces per convex.
        rng: source of randomness.
    """
    hulls = component_hulls(target.surface, target.contains, max_halfspaces, rng) if target.surface is not None else []
    kept, covered = _most_useful(hulls, target.inside.points, max_parts)
    volume = float(samples.weights[samples.occupied].sum())
    found = list(kept)
    if not covered.all() and len(found) < max_parts:
        rest = target.inside[~covered]
        found += _pieces(rest, target.contains, volume, max_parts - len(found), max_halfspaces, rng)
    candidates = [found] if found else []
    if kept and (not candidates or _iou(found, samples) < 0.95):
        candidates.append(_pieces(target.inside, target.contains, volume, max_parts, max_halfspaces, rng))
    candidates = [c for c in candidates if c]
    if not candidates:
        # Nothing has a hull with a volume of its own: the bounding box is a start, too.
        low, high = target.bounds
        candidates = [[box(size=high - low, center=(high + low) / 2)]]
    return concatenate(max(candidates, key=lambda convexes: _iou(convexes, samples))).to(torch.float32)


def _most_useful(hulls: list[ConvexUnion], points: np.ndarray, most: int) -> tuple[list[ConvexUnion], np.ndarray]:
    """Greedy choice of hulls that each add the most points; and which points they cover (within a small tolerance)."""
    queries = torch.from_numpy(points)
    inside = [_grown(h, 1e-3).contains(queries).numpy() for h in hulls]
    covered = np.zeros(len(points), dtype=bool)
    kept: list[ConvexUnion] = []
    while len(kept) < min(most, len(hulls)):
        gains = [int((member & ~covered).sum()) for member in inside]
        best = int(np.argmax(gains))
        if gains[best] < 5e-4 * len(points):
            break
        kept.append(hulls[best])
        covered |= inside[best]
    return kept, covered


def _pieces(
    inside: InsidePoints,
    contains: Contains,
    volume: float,
    max_parts: int,
    max_halfspaces: int,
    rng: np.random.Generator,
) -> list[ConvexUnion]:
    """Convexes of split pieces of the inside points."""
    if len(inside) < 4:
        return []
    found = []
    splitter = Splitter(inside, contains, volume, rng)
    for piece in splitter.split(max_parts):
        try:
            normals, offsets = splitter.planes(piece, max_halfspaces)
        except ValueError:
            continue  # fewer than four points, or all in a plane: nothing to stand on
        center = piece.points.mean(axis=0)
        around = from_planes(torch.from_numpy(normals), torch.from_numpy(offsets + normals @ center), size=1.0)
        found.append(around.translate(torch.from_numpy(center)))
    return found


def _iou(convexes: list[ConvexUnion], samples: VolumeSamples) -> float:
    return samples.iou(concatenate(convexes).contains(samples.points))


def _grown(shape: ConvexUnion, by: float) -> ConvexUnion:
    return replace(shape, offsets=shape.offsets - by)


def _components(surface: trimesh.Trimesh) -> list[np.ndarray]:
    """Vertices of each connected component, after merging vertices that coincide."""
    _, vertex = np.unique(np.round(surface.vertices / (surface.scale * 1e-6)), axis=0, return_inverse=True)
    corner = vertex.reshape(-1)[surface.faces]
    n = int(corner.max()) + 1
    rows, columns = corner[:, [0, 1]].ravel(), corner[:, [1, 2]].ravel()
    _, label = connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n)), directed=False)
    face_label = label[corner[:, 0]]
    order = np.argsort(face_label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(face_label[order])) + 1)
    return [surface.vertices[np.unique(surface.faces[group])] for group in groups]


def _in_polytope(polytope: Polytope, n: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform points in a convex: in random tetrahedra from its center to its triangles, by volume."""
    center = polytope.interior_point.numpy()
    corners = polytope.vertices.numpy()[polytope.triangles] - center
    volumes = np.abs(np.linalg.det(corners))
    chosen = corners[rng.choice(len(corners), n, p=volumes / volumes.sum())]
    weights = rng.dirichlet(np.ones(4), n)[:, :3]
    return center + (chosen * weights[..., None]).sum(axis=1)
