"""How far the surface of each smooth convex lies inside its exact polytope."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..shape import ConvexUnion
from .build import check_single_shape
from .smooth import length_tolerance, smooth_parts


@dataclass(frozen=True)
class SurfaceGap:
    """Depth of the smooth surface Φ = 0 below the faces of the exact polytope, part by part, in length units.

    The depth at x is −max_h L_h(x), between 0 and log(H)/δ: least in the middle of large faces, greatest at corners.
    A part without a smooth or an exact surface has NaN in all three.

    Args:
        least: (K,) smallest depth measured.
        mean: (K,) mean over the area of the smooth surface.
        greatest: (K,) greatest depth measured.
        bound: (K,) log(H)/δ, which no depth exceeds.
    """

    least: np.ndarray
    mean: np.ndarray
    greatest: np.ndarray
    bound: np.ndarray

    @property
    def center(self) -> np.ndarray:
        """(K,) halfway between least and greatest: how far to move the exact planes inward to center the gap."""
        return (self.least + self.greatest) / 2


def surface_gap(shape: ConvexUnion, tolerance: float | None = None) -> SurfaceGap:
    """Measure the gap between the exact polytopes and the surfaces of the smooth convexes.

    Args:
        shape: a single shape.
        tolerance: how finely the smooth surfaces are followed, a length; by default 5e-4 of the shape's longest side.

    Returns:
        Smallest, mean and greatest depth of every part.

    Raises:
        TypeError: ``shape`` is not a ConvexUnion.
        ValueError: the shape has batch axes, or the tolerance is not positive or far too small.

    Example:
        >>> gap = cvxgeom.mesh.surface_gap(cvxgeom.box())
        >>> bool(0 <= gap.least[0] < gap.mean[0] < gap.greatest[0] <= gap.bound[0])
        True
    """
    check_single_shape(shape, "surface_gap")
    shape = shape.detach().to("cpu", torch.float64)
    polytopes = shape.polytopes()
    tolerance = length_tolerance(polytopes, tolerance)
    measured = np.full((shape.n_convexes, 3), np.nan)
    tensors = (shape.normals, shape.offsets, shape.translations)
    normals, offsets, translations = (tensor.numpy() for tensor in tensors)
    for smooth in smooth_parts(shape, polytopes, tolerance):
        if not len(smooth.triangles):
            continue
        k = smooth.part
        depth = -((smooth.vertices - translations[k]) @ normals[k].T + offsets[k]).max(axis=1)
        depth = depth.clip(min=0)  # in the middle of a face it is a rounding error
        corners = smooth.vertices[smooth.triangles]
        area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
        measured[k] = depth.min(), np.average(depth[smooth.triangles].mean(axis=1), weights=area), depth.max()
    bound = np.log(shape.n_halfspaces) / shape.smoothness.numpy()
    return SurfaceGap(measured[:, 0], measured[:, 1], measured[:, 2], bound)


def centered(shape: ConvexUnion) -> ConvexUnion:
    """The shape with the planes of each part moved inward by the center of its gap; parts without one stay."""
    shift = np.nan_to_num(surface_gap(shape).center)
    moved = shape.offsets + torch.from_numpy(shift).to(shape.offsets)[:, None]
    return replace(shape, offsets=moved)
