"""Points to learn and to measure with, and their labels; every sampler repeats itself for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import trimesh
from jaxtyping import Bool, Float
from torch import Tensor

from .._checks import check_finite, check_positive, check_tensor, describe, is_whole
from .solid import Solid

_BATCH = 200_000  # points drawn at once where points are drawn until enough are inside
_PATIENCE = 50  # batches without a point inside before giving up


@dataclass(frozen=True, eq=False)
class LabeledPoints:
    """Points with their true labels.

    Args:
        points: (N, 3) in the frame of the solid they were drawn for.
        occupancy: (N,) whether each is inside; ground truth, never a prediction.

    Raises:
        TypeError: ``points`` is not a floating-point tensor, or ``occupancy`` not a boolean one.
        ValueError: ``points`` is not (N, 3) or not finite, or ``occupancy`` not (N,).

    Example:
        >>> len(LabeledPoints(torch.zeros(5, 3), torch.ones(5, dtype=torch.bool)))
        5
    """

    points: Float[Tensor, "N 3"]
    occupancy: Bool[Tensor, " N"]

    def __post_init__(self) -> None:
        check_tensor("points", self.points, (None, 3))
        if self.points.ndim != 2:
            raise ValueError(f"points must have shape (N, 3), got {describe(self.points)}")
        check_finite("points", self.points)
        if not isinstance(self.occupancy, Tensor) or self.occupancy.dtype != torch.bool:
            raise TypeError(f"occupancy must be a tensor of dtype torch.bool, got {describe(self.occupancy)}")
        if self.occupancy.shape != self.points.shape[:1]:
            raise ValueError(
                f"occupancy must have shape ({len(self.points)},) as points, got {describe(self.occupancy)}"
            )

    def __len__(self) -> int:
        return len(self.points)

    @classmethod
    def concatenate(cls, parts: "Sequence[LabeledPoints]") -> "LabeledPoints":
        """All points of several sets, in order; for example half uniform and half near the surface.

        Raises:
            ValueError: ``parts`` is empty.
        """
        if not parts:
            raise ValueError("parts must hold at least one set of points, got none")
        return cls(torch.cat([part.points for part in parts]), torch.cat([part.occupancy for part in parts]))


def sample_uniform(
    solid: Solid, n: int, seed: int, bounds: np.ndarray | Sequence | None = None, dtype: torch.dtype = torch.float32
) -> LabeledPoints:
    """Points drawn evenly from a box, with their labels.

    Args:
        solid: gives the labels, and its bounding box if ``bounds`` is None.
        n: how many.
        seed: the same seed gives the same points.
        bounds: (2, 3) lowest and highest corner of the box.
        dtype: of the points; the labels are those of the rounded points.

    Raises:
        TypeError: ``n`` is not an integer.
        ValueError: ``n`` is negative, or ``bounds`` is not a finite (2, 3) box.

    Example:
        >>> from cvxgeom.data import solidify
        >>> labeled = sample_uniform(solidify(trimesh.creation.box()), 1000, seed=0, bounds=[[-1, -1, -1], [1, 1, 1]])
        >>> 0.08 < labeled.occupancy.float().mean().item() < 0.17
        True
    """
    _check_count(n)
    box = np.asarray(solid.bounds if bounds is None else bounds, dtype=np.float64)
    if box.shape != (2, 3) or not np.isfinite(box).all() or (box[0] > box[1]).any():
        raise ValueError(f"bounds must be a (2, 3) box of lowest and highest corner, got {describe(bounds)}")
    return _label(solid, np.random.default_rng(seed).uniform(box[0], box[1], (n, 3)), dtype)


def sample_near_surface(
    solid: Solid, n: int, seed: int, sigma: float = 0.01, dtype: torch.dtype = torch.float32
) -> LabeledPoints:
    """Points drawn evenly from the boundary, each moved by a Gaussian in all three coordinates, with their labels.

    Args:
        solid: its ``mesh`` is the boundary.
        n: how many.
        seed: the same seed gives the same points.
        sigma: standard deviation of each coordinate of the move, *in units of the longest side of the bounding box*.
        dtype: of the points; the labels are those of the rounded points.

    Raises:
        TypeError: ``n`` is not an integer, or ``sigma`` not a number.
        ValueError: ``n`` is negative, or ``sigma`` not finite and positive.

    Example:
        >>> from cvxgeom.data import solidify
        >>> labeled = sample_near_surface(solidify(trimesh.creation.box()), 1000, seed=0, sigma=0.02)
        >>> labeled.points.abs().amax(dim=1).sub(0.5).abs().mean().item() < 0.04
        True
    """
    _check_count(n)
    check_positive("sigma", sigma)
    rng = np.random.default_rng(seed)
    points, _ = _draw_surface(solid.mesh, n, rng)
    scale = sigma * float(np.ptp(solid.bounds, axis=0).max())
    return _label(solid, points + scale * rng.standard_normal(points.shape), dtype)


def sample_inside(solid: Solid, n: int, seed: int, dtype: torch.dtype = torch.float32) -> Float[Tensor, "N 3"]:
    """Points drawn evenly from the inside of a solid.

    They are drawn from small cubes that together hold the solid, and kept if they are inside, so that thin parts get
    their fair share and no time is lost on empty space.

    Args:
        solid: any.
        n: how many.
        seed: the same seed gives the same points.
        dtype: of the points; the rounded points are inside.

    Raises:
        TypeError: ``n`` is not an integer.
        ValueError: ``n`` is negative.
        RuntimeError: hardly any point inside could be found; the solid is thinner than rounding.

    Example:
        >>> from cvxgeom.data import solidify
        >>> sample_inside(solidify(trimesh.creation.box()), 1000, seed=0).abs().max().item() < 0.5
        True
    """
    _check_count(n)
    rng = np.random.default_rng(seed)
    found, misses = [torch.empty((0, 3), dtype=dtype)], 0
    while sum(map(len, found)) < n:
        size = min(_BATCH, 4 * n + 1000)
        drawn = _label(solid, draw_around(solid, size, rng), dtype)
        found.append(drawn.points[drawn.occupancy])
        misses = 0 if len(found[-1]) else misses + 1
        if misses > _PATIENCE:
            raise RuntimeError(f"no point inside the solid among {misses * size} drawn; it is thinner than rounding")
    return torch.cat(found)[:n]


def draw_around(solid: Solid, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, 3) points drawn evenly from the small cubes that together hold a solid."""
    corners, side = solid.cover
    return corners[rng.integers(len(corners), size=n)] + side * rng.random((n, 3))


def sample_surface(
    mesh: trimesh.Trimesh, n: int, seed: int, dtype: torch.dtype = torch.float32
) -> tuple[Float[Tensor, "N 3"], Float[Tensor, "N 3"]]:
    """Points drawn evenly from the triangles of a mesh, with the normals there.

    Args:
        mesh: any triangles; for the boundary of a solid without what is hidden inside, ``solid.mesh``.
        n: how many.
        seed: the same seed gives the same points.
        dtype: of both results.

    Returns:
        Points (n, 3) and unit normals (n, 3), both in the mesh's frame.

    Raises:
        TypeError: ``mesh`` is not a trimesh.Trimesh, or ``n`` not an integer.
        ValueError: ``n`` is negative, or the mesh has no area.

    Example:
        >>> points, normals = sample_surface(trimesh.creation.box(), 1000, seed=0)
        >>> torch.allclose((points * normals).sum(dim=1), torch.full((1000,), 0.5))
        True
    """
    if not isinstance(mesh, trimesh.Trimesh):
        raise TypeError(f"mesh must be a trimesh.Trimesh, got {describe(mesh)}")
    _check_count(n)
    points, normals = _draw_surface(mesh, n, np.random.default_rng(seed))
    return torch.from_numpy(points).to(dtype), torch.from_numpy(normals).to(dtype)


def _draw_surface(mesh: trimesh.Trimesh, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    corners = np.asarray(mesh.vertices, dtype=np.float64)[mesh.faces]
    one, two = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normals = np.cross(one, two)
    areas = np.linalg.norm(normals, axis=1)
    if not areas.sum() > 0:
        raise ValueError("mesh must have a surface, got zero area")
    face = np.searchsorted(np.cumsum(areas), rng.random(n) * areas.sum(), side="right").clip(max=len(areas) - 1)
    u, v = rng.random((2, n, 1))
    u, v = np.where(u + v > 1, 1 - u, u), np.where(u + v > 1, 1 - v, v)
    return corners[face, 0] + u * one[face] + v * two[face], normals[face] / areas[face, None]


def _label(solid: Solid, points: np.ndarray, dtype: torch.dtype) -> LabeledPoints:
    rounded = torch.from_numpy(points).to(dtype)
    return LabeledPoints(rounded, torch.from_numpy(solid.contains(rounded)))


def _check_count(n: int) -> None:
    if not is_whole(n):
        raise TypeError(f"n must be an integer, got {describe(n)}")
    if n < 0:
        raise ValueError(f"n must be 0 or more, got {n}")
