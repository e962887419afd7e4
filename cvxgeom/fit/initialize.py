"""Where a fit starts: hulls of the components that are convex, and split pieces of all the rest."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull

from ..shape import ConvexUnion, box
from .deadline import NEVER, Deadline
from .parts import MOST_PLANES, Part, hull_of, row_keys, union_of
from .samples import VolumeSamples
from .split import InsidePoints, Splitter
from .target import Target

# A component stands as its own hull if this share of the hull is solid.
CONVEX_SHARE = 0.97
_PROBES = 400
_MOST_COMPONENTS = 500
_MOST_EXACT = 1000  # planes of a component's hull: what is that round is not exact in the end, and asking it takes long
PIECE_PLANES = 30  # of a piece; simplification leaves fewer
_TOLERANCE = 1e-3  # within which a point counts as covered, per unit of the longest side

Contains = Callable[[np.ndarray], np.ndarray]


def first_hull(target: Target, max_planes: int) -> ConvexUnion:
    """One convex around all of it: better than nothing, where there is no time for more.

    Args:
        target: what to cover.
        max_planes: cap.
    """
    try:
        return union_of([Part.around(target.inside.points, max_planes)])
    except ValueError:
        return _bounding_box(target)


def component_hulls(
    surface: trimesh.Trimesh, contains: Contains, rng: np.random.Generator, until: Deadline = NEVER
) -> list[Part]:
    """Hulls of the connected components that the solid fills, largest first.

    Args:
        surface: triangles, open or closed.
        contains: membership in the solid.
        rng: source of randomness.
        until: after that, further components are left out.
    """
    hulls = []
    for vertices in _components(surface):
        if until.passed:
            break
        try:
            hulls.append(hull_of(vertices))
        except ValueError:
            continue  # a flat component has no hull with a volume
    if not hulls:
        return []
    hulls = sorted(hulls, key=lambda hull: -hull.volume)[:_MOST_COMPONENTS]
    probes = np.concatenate([_in_hull(hull, _PROBES, rng) for hull in hulls])
    shares = contains(probes).reshape(len(hulls), _PROBES).mean(axis=1)
    found = [Part.of_hull(hull) for hull, share in zip(hulls, shares, strict=True) if share >= CONVEX_SHARE]
    return [part if len(part) <= _MOST_EXACT else part.capped(MOST_PLANES) for part in found]


def initialize(
    target: Target, samples: VolumeSamples, max_parts: int, rng: np.random.Generator, until: Deadline = NEVER
) -> ConvexUnion:
    """A first union: component hulls where they fit the solid, split pieces where they do not.

    Args:
        target: what to cover.
        samples: that decide between alternatives.
        max_parts: cap on convexes.
        rng: source of randomness.
        until: after that, pieces are left as they are.
    """
    hulls = component_hulls(target.surface, target.contains, rng, until) if target.surface is not None else []
    kept, covered = _most_useful(hulls, target.inside.points, max_parts)
    found = list(kept)
    if not covered.all() and len(found) < max_parts:
        found += pieces(target.inside[~covered], samples, max_parts - len(found), rng, until)
    candidates = [found] if found else []
    if kept and not until.passed and (not candidates or _iou(found, samples) < 0.95):
        candidates.append(pieces(target.inside, samples, max_parts, rng, until))
    candidates = [c for c in candidates if c]
    if not candidates:
        return _bounding_box(target)  # nothing has a hull with a volume of its own
    return union_of(max(candidates, key=lambda parts: _iou(parts, samples)))


def _bounding_box(target: Target) -> ConvexUnion:
    low, high = target.bounds
    return box(size=high - low, center=(high + low) / 2).to(torch.float32)


def _most_useful(hulls: list[Part], points: np.ndarray, most: int) -> tuple[list[Part], np.ndarray]:
    """Greedy choice of hulls that each add the most points; and which points they cover (within a small tolerance)."""
    inside = [hull.holds(points.astype(np.float32), _TOLERANCE) for hull in hulls]
    covered = np.zeros(len(points), dtype=bool)
    kept: list[Part] = []
    while len(kept) < min(most, len(hulls)):
        gains = [int((member & ~covered).sum()) for member in inside]
        best = int(np.argmax(gains))
        if gains[best] < 5e-4 * len(points):
            break
        kept.append(hulls[best])
        covered |= inside[best]
    return kept, covered


def pieces(
    inside: InsidePoints, samples: VolumeSamples, max_parts: int, rng: np.random.Generator, until: Deadline = NEVER
) -> list[Part]:
    """Convexes of split pieces of the inside points.

    Args:
        inside: what to cover.
        samples: of the solid.
        max_parts: cap.
        rng: source of randomness.
        until: two thirds of the time until then are for splitting; after that, pieces get boxes.
    """
    if len(inside) < 4 or max_parts < 1:
        return []
    found, late = [], False
    splitter = Splitter(inside, samples, rng)
    for piece in splitter.split(max_parts, until.within(2 / 3)):
        late = late or until.passed
        if (part := splitter.part(piece, 6 if late else PIECE_PLANES)) is not None:
            found.append(part)
    return found


def uncovered(inside: InsidePoints, shape: ConvexUnion, tolerance: float = _TOLERANCE) -> InsidePoints:
    """The inside points that a shape leaves out by more than a small tolerance, per unit of the longest side."""
    queries = torch.from_numpy(inside.points).float()
    grown = replace(shape, offsets=shape.offsets - tolerance)
    return inside[~grown.contains(queries).numpy()]


def _iou(parts: list[Part], samples: VolumeSamples) -> float:
    return samples.iou(union_of(parts).contains(samples.points))


def _components(surface: trimesh.Trimesh) -> list[np.ndarray]:
    """Vertices of each connected component, after merging vertices that coincide."""
    # Vertices that no face uses may lie anywhere, or nowhere.
    places = np.nan_to_num(surface.vertices / (surface.scale * 1e-6)).clip(-1e15, 1e15)
    _, vertex = np.unique(row_keys(places), return_inverse=True)
    corner = vertex[surface.faces]
    n = int(corner.max()) + 1
    rows, columns = corner[:, [0, 1]].ravel(), corner[:, [1, 2]].ravel()
    _, label = connected_components(coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n, n)), directed=False)
    face_label = label[corner[:, 0]]
    order = np.argsort(face_label, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(face_label[order])) + 1)
    return [surface.vertices[np.unique(surface.faces[group])] for group in groups]


def _in_hull(hull: ConvexHull, n: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform points in a hull: in random tetrahedra from its middle to its triangles, by volume."""
    center = hull.points[hull.vertices].mean(axis=0)
    corners = hull.points[hull.simplices] - center
    volumes = np.abs(np.linalg.det(corners))
    chosen = corners[rng.choice(len(corners), n, p=volumes / volumes.sum())]
    weights = rng.dirichlet(np.ones(4), n)[:, :3]
    return center + (chosen * weights[..., None]).sum(axis=1)
