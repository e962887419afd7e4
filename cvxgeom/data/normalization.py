"""The frame in which shapes are compared: bounding box centered at the origin, longest side 1."""

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
import trimesh
from jaxtyping import Float

from .._checks import check_positive, describe

Points = TypeVar("Points", np.ndarray, torch.Tensor)


@dataclass(frozen=True, eq=False)
class Normalization:
    """Move and scale to a unit frame, and back: ``unit = (points - center) * scale``.

    Args:
        center: (3,) point of the source frame that becomes the origin.
        scale: length 1 / ``scale`` of the source becomes 1.

    Raises:
        ValueError: ``center`` is not three finite numbers, or ``scale`` is not finite and positive.

    Example:
        >>> frame = Normalization(center=np.array([1.0, 2.0, 3.0]), scale=0.5)
        >>> frame.apply(np.array([[1.0, 2.0, 5.0]])).tolist()
        [[0.0, 0.0, 1.0]]
    """

    center: Float[np.ndarray, "3"]
    scale: float

    def __post_init__(self) -> None:
        center = np.array(self.center, dtype=np.float64)
        if center.shape != (3,) or not np.isfinite(center).all():
            raise ValueError(f"center must be three finite numbers, got {describe(self.center)}")
        center.flags.writeable = False
        object.__setattr__(self, "center", center)
        object.__setattr__(self, "scale", float(self.scale))
        check_positive("scale", self.scale)

    @classmethod
    def of_box(cls, bounds: np.ndarray) -> "Normalization":
        """The frame that centers a box (2, 3) of lowest and highest corner and makes its longest side 1.

        Raises:
            ValueError: the box has no positive finite longest side.
        """
        low, high = np.asarray(bounds, dtype=np.float64)
        longest = float((high - low).max())
        if not 0 < longest < np.inf:
            raise ValueError(
                f"bounds must have a finite longest side greater than 0, got {[low.tolist(), high.tolist()]}"
            )
        return cls((low + high) / 2, 1 / longest)

    @property
    def matrix(self) -> Float[np.ndarray, "4 4"]:
        """(4, 4) homogeneous matrix of :meth:`apply`."""
        matrix = np.diag([self.scale] * 3 + [1.0])
        matrix[:3, 3] = -self.scale * self.center
        return matrix

    def apply(self, points: Points) -> Points:
        """Points (..., 3) of the source frame in the unit frame; array or tensor, as they came, differentiable."""
        return (points - self._center_like(points)) * self.scale

    def invert(self, points: Points) -> Points:
        """Points (..., 3) of the unit frame in the source frame."""
        return points / self.scale + self._center_like(points)

    def _center_like(self, points: np.ndarray | torch.Tensor) -> Any:
        if isinstance(points, torch.Tensor):
            return torch.as_tensor(self.center.copy(), dtype=points.dtype, device=points.device)
        return self.center


def normalize(mesh: trimesh.Trimesh) -> tuple[trimesh.Trimesh, Normalization]:
    """Center a mesh's bounding box at the origin and make its longest side 1.

    Args:
        mesh: any frame and unit; it is not changed.

    Returns:
        The mesh in the unit frame, and the way from its own frame to that one and back.

    Raises:
        TypeError: ``mesh`` is not a trimesh.Trimesh.
        ValueError: the mesh is empty or a single point.

    Example:
        >>> unit, frame = normalize(trimesh.creation.box((2.0, 4.0, 1.0)))
        >>> unit.extents.tolist(), frame.scale
        ([0.5, 1.0, 0.25], 0.25)
    """
    if not isinstance(mesh, trimesh.Trimesh):
        raise TypeError(f"mesh must be a trimesh.Trimesh, got {describe(mesh)}")
    if mesh.is_empty:
        raise ValueError("mesh must have faces, got an empty mesh")
    frame = Normalization.of_box(mesh.bounds)
    unit = mesh.copy()
    unit.vertices = frame.apply(np.asarray(mesh.vertices, dtype=np.float64))
    return unit, frame
