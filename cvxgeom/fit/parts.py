"""Convexes of a fit as plain arrays: planes and vertices in one frame."""

from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy.spatial import ConvexHull, QhullError

from ..ops import points_within
from ..shape import ConvexUnion, from_planes
from ..shape.convex_union import FAR
from ..shape.polytope import hull_planes

_BOX = np.concatenate([np.eye(3), -np.eye(3)])
_FLAT = 1e-6  # of its longest extent: points within a layer this thin enclose no volume
_SAME = 1e-5  # rounding of the planes of one face, per unit of the longest side
_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], dtype=np.uint64)
_MIX = _MIX.astype(np.int64)  # odd numbers of 64 bits: different rows hardly ever have equal sums
_CLEARLY = 1e-3  # of its longest extent: a point that deep inside of a convex is fit to be its origin
_FARTHEST = 1e6  # times its nearest plane: what has a vertex that far away is not bounded when rounded
MOST_PLANES = 80  # of a hull, before samples choose among them


@dataclass(frozen=True, eq=False)
class Part:
    """One bounded convex.

    Args:
        normals: (H, 3) outward unit normals.
        offsets: (H,): n·x + d ≤ 0 inside.
        vertices: (V, 3).
    """

    normals: np.ndarray
    offsets: np.ndarray
    vertices: np.ndarray

    @classmethod
    def around(cls, points: np.ndarray, max_planes: int | None = None) -> "Part":
        """The hull of points, or with a cap on its planes a convex that encloses it.

        Raises:
            ValueError: the points enclose no volume.
        """
        return cls.of_hull(hull_of(points)).capped(max_planes)

    def capped(self, max_planes: int | None) -> "Part":
        """This convex, or if it has more planes than a cap one of fewer that encloses it."""
        if max_planes is None or len(self) <= max_planes:
            return self
        few = Part.of_planes(*hull_planes(self.vertices, max_planes), near=self.vertices)
        assert few is not None  # it encloses the hull, and `hull_planes` is bounded
        return few

    @classmethod
    def of_hull(cls, hull: ConvexHull) -> "Part":
        """A hull that Qhull made."""
        # Triangles of one face have one plane, up to rounding; no other vertex is above the plane of a triangle.
        first = np.unique(row_keys(hull.equations / _SAME), return_index=True)[1]
        normals = hull.equations[first, :3]
        heights = np.einsum("hci,hi->hc", hull.points[hull.simplices[first]], normals)
        return cls(normals, -heights.max(axis=1), hull.points[hull.vertices])

    @classmethod
    def of_planes(cls, normals: np.ndarray, offsets: np.ndarray, near: np.ndarray) -> "Part | None":
        """The convex of half-spaces n·x + d ≤ 0, without those that have no face; None if it is empty or unbounded.

        Args:
            normals: (H, 3).
            offsets: (H,).
            near: points about whose middle single precision is enough.
        """
        center = near.mean(axis=0)
        slack = -(normals @ center + offsets)
        if slack.min() > _CLEARLY * (near.max(axis=0) - near.min(axis=0)).max():
            with suppress(QhullError, ValueError):  # dual points in a plane, or as good as that
                return cls._about(center, normals, offsets, slack)
        found = parts_of(union_of([cls(normals, offsets, near)]))
        return found[0] if found else None

    @classmethod
    def _about(cls, center: np.ndarray, normals: np.ndarray, offsets: np.ndarray, slack: np.ndarray) -> "Part | None":
        """The convex around a point well inside of it: a plane has a face where its dual point is on the dual hull.

        Raises:
            QhullError: the dual points have no hull.
        """
        hull = ConvexHull(normals / slack[:, None])
        if hull.equations[:, 3].max() * slack.min() > -1 / _FARTHEST:
            return None
        vertices = center - hull.equations[:, :3] / hull.equations[:, 3:]
        faces = np.sort(hull.vertices)
        return cls(normals[faces], offsets[faces], vertices)

    def __len__(self) -> int:
        return len(self.normals)

    @cached_property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest corner of its vertices."""
        return self.vertices.min(axis=0), self.vertices.max(axis=0)

    @cached_property
    def _sides(self) -> tuple[torch.Tensor, np.ndarray]:
        """Normals in single precision and offsets of its box, which leaves out most points at once, and its planes."""
        low, high = self.bounds
        normals = np.concatenate([_BOX, self.normals]).astype(np.float32)
        return torch.from_numpy(normals), np.concatenate([-high, low, self.offsets])

    def inside(self, points: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """Indices of the points that it `holds`."""
        return self.holds(points, margin).nonzero()[0]

    def holds(self, points: np.ndarray, margin: float = 0.0) -> np.ndarray:
        """(N,) whether points (float32) lie in it, or out of it by no more than a margin."""
        if not len(points):
            return np.zeros(0, dtype=bool)
        normals, offsets = self._sides
        return points_within(
            torch.from_numpy(points), normals, torch.from_numpy((offsets - margin).astype(np.float32))
        ).numpy()

    def height(self, points: np.ndarray) -> np.ndarray:
        """(N, H) signed distance of points to its planes."""
        return points @ self.normals.T.astype(points.dtype) + self.offsets.astype(points.dtype)


def row_keys(rows: np.ndarray) -> np.ndarray:
    """One number for each row of up to four numbers, equal where rows are when rounded; they sort faster."""
    return rows.round().astype(np.int64) @ _MIX[: rows.shape[1]]


def hull_of(points: np.ndarray) -> ConvexHull:
    """The hull of points, which may be many and nearly coplanar.

    Raises:
        ValueError: they enclose no volume.
    """
    try:
        return ConvexHull(points)
    except (QhullError, ValueError):
        spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False) if len(points) >= 4 else np.zeros(3)
        if spread[-1] <= _FLAT * spread[0]:
            raise ValueError(f"points must enclose a volume, got {len(points)} that do not") from None
    # Many nearly coplanar points: moved at random, by about the rounding, they have a hull.
    return ConvexHull(points, qhull_options="QJ")


def parts_of(shape: ConvexUnion, sides: np.ndarray | None = None) -> list[Part]:
    """The bounded convexes of a single union, each with only those of its planes that have a face.

    Args:
        shape: a single union.
        sides: (2, 3) lowest and highest corner of a box at which those that are not bounded are cut; else they are
            left out.
    """
    normals = shape.normals.double().numpy()
    offsets = shape.offsets.double().numpy() - np.einsum("khi,ki->kh", normals, shape.translations.double().numpy())
    polytopes = shape.polytopes(clip_to=None if sides is None else torch.from_numpy(sides))
    if sides is not None:  # as planes after those of each convex
        k = len(normals)
        normals = np.concatenate([normals, np.broadcast_to(-_BOX, (k, 6, 3))], axis=1)
        offsets = np.concatenate([offsets, np.broadcast_to([*sides[0], *-sides[1]], (k, 6))], axis=1)
    found = []
    for k, polytope in enumerate(polytopes):
        if polytope.is_bounded:
            faces = sorted(set(polytope.face_planes))
            found.append(Part(normals[k, faces], offsets[k, faces], polytope.vertices.double().numpy()))
    return found


def union_of(parts: list[Part]) -> ConvexUnion:
    """Parts as a union in float32, each about the middle of its vertices.

    Args:
        parts: at least one. Those of fewer planes than others get far ones, as `concatenate` does it.
    """
    most = max(len(part) for part in parts)
    normals, offsets = np.empty((len(parts), most, 3)), np.empty((len(parts), most))
    centers = np.stack([part.vertices.mean(axis=0) for part in parts])
    for k, (part, center) in enumerate(zip(parts, centers, strict=True)):
        n = len(part)
        normals[k, :n], normals[k, n:] = part.normals, part.normals[0]
        offsets[k, :n] = part.offsets + part.normals @ center
        offsets[k, n:] = offsets[k, 0] - FAR * np.abs(offsets[k, :n]).max()
    union = from_planes(torch.from_numpy(normals), torch.from_numpy(offsets), size=1.0)
    return replace(union, translations=torch.from_numpy(centers)).to(torch.float32)


def cut_to(shape: ConvexUnion, bounds: np.ndarray, tolerance: float, max_planes: int) -> ConvexUnion:
    """The shape with the parts that stick out of a box cut at its sides; as it is if nothing would be left.

    Planes of a needle may round such that it is open at its end: it is cut there, too.

    Args:
        shape: a single union.
        bounds: (2, 3) of the box.
        tolerance: how far parts may stick out.
        max_planes: parts that stick out stay as they are if they would have more; an open one is enclosed by fewer.
    """
    parts = parts_of(shape)
    opened = len(parts) < shape.n_convexes
    if opened:
        parts = [_enclosed(part, max_planes) for part in parts_of(shape, bounds)]
    left = [kept for part in parts if (kept := _cut(part, bounds, tolerance, max_planes)) is not None] or parts
    return shape if not left or (left == parts and not opened) else union_of(left)


def _enclosed(part: Part, max_planes: int) -> Part:
    with suppress(ValueError):  # else it is too thin for a hull
        return part.capped(max_planes)
    return part


def _cut(part: Part, bounds: np.ndarray, tolerance: float, max_planes: int) -> Part | None:
    low, high = part.bounds
    if (low >= bounds[0] - tolerance).all() and (high <= bounds[1] + tolerance).all():
        return part
    planes = np.concatenate([part.normals, _BOX]), np.concatenate([part.offsets, -bounds[1], bounds[0]])
    cut = Part.of_planes(*planes, near=np.clip(part.vertices, *bounds))
    return part if cut is not None and len(cut) > max_planes else cut
