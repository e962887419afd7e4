"""What a score can be taken of: anything that tells inside from outside."""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
import trimesh

from .._checks import describe
from ..shape import ConvexUnion


@runtime_checkable
class SolidLike(Protocol):
    """Anything that tells inside from outside: `cvxgeom.data.Solid`, or your own class."""

    @property
    def bounds(self) -> Any:
        """(2, 3) corners (least, greatest) of a box that holds the solid."""
        ...

    def contains(self, points: Any) -> Any:
        """Which of the points (N, 3), float64, lie inside: (N,) bool."""
        ...


Solid = ConvexUnion | trimesh.Trimesh | SolidLike


def as_solid(name: str, value: Solid, smooth: bool = False) -> SolidLike:
    """See a shape or a mesh as something that tells inside from outside.

    Args:
        name: of the argument, for messages.
        value: what the user gave.
        smooth: take the level set of the smooth convexes of a ConvexUnion instead of its exact polytopes.

    Raises:
        TypeError: nothing that has an inside.
        ValueError: a mesh that is not closed, or a batch of shapes.
    """
    if isinstance(value, ConvexUnion):
        return UnionInside(name, value, smooth)
    if isinstance(value, trimesh.Trimesh):
        return MeshInside(name, value)
    if isinstance(value, SolidLike):
        return value
    raise TypeError(
        f"{name} must be a ConvexUnion, a closed trimesh.Trimesh or have contains(points) and bounds, "
        f"got {describe(value)}"
    )


def check_single(name: str, shape: ConvexUnion) -> None:
    """Demand one shape without batch axes.

    Raises:
        ValueError: it has batch axes.
    """
    if shape.batch_size:
        raise ValueError(f"{name} must be a single shape, got batch axes {tuple(shape.batch_size)}; index one first")


class UnionInside:
    """Inside of a ConvexUnion: of its exact polytopes, or of its smooth convexes. Bounded parts only.

    Args:
        name: of the argument, for messages.
        shape: a single shape.
        smooth: take the smooth convexes.
    """

    def __init__(self, name: str, shape: ConvexUnion, smooth: bool = False) -> None:
        check_single(name, shape)
        shape = shape.detach().to("cpu", torch.float64)
        boxes = {
            part: polytope.bounds.numpy() for part, polytope in enumerate(shape.polytopes()) if polytope.is_bounded
        }
        self._shape = shape.select(list(boxes))
        self._boxes = np.stack(list(boxes.values())) if boxes else np.zeros((0, 2, 3))
        self._smooth = smooth

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) box of the exact polytopes, which hold the smooth convexes; NaN if no part is bounded."""
        if not len(self._boxes):
            return np.full((2, 3), np.nan)
        return np.stack([self._boxes[:, 0].min(axis=0), self._boxes[:, 1].max(axis=0)])

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(N,) whether points (N, 3) lie in the union; its surface belongs to it."""
        points = np.asarray(points, dtype=np.float64)
        inside = np.zeros(len(points), dtype=bool)
        tensors = (self._shape.normals, self._shape.offsets, self._shape.translations)
        for (low, high), n, d, t in zip(self._boxes, *(tensor.numpy() for tensor in tensors)):
            near = np.flatnonzero(~inside & (points >= low).all(axis=1) & (points <= high).all(axis=1))
            inside[near] = ((points[near] - t) @ n.T + d <= 0).all(axis=1)
        if self._smooth:
            # The smooth convexes lie inside the exact polytopes: only what is inside those is left to decide.
            with torch.no_grad():
                inside[inside] = (self._shape.sdf(torch.from_numpy(points[inside])) <= 0).numpy()
        return inside


class MeshInside:
    """Inside of a closed mesh.

    Args:
        name: of the argument, for messages.
        mesh: closed and consistently wound.
    """

    def __init__(self, name: str, mesh: trimesh.Trimesh) -> None:
        if not mesh.is_watertight:
            raise ValueError(
                f"{name} must be a closed mesh to have an inside, got one with open edges; make it solid first with "
                "cvxgeom.data.solidify"
            )
        self._mesh = mesh

    @property
    def bounds(self) -> np.ndarray:
        """(2, 3) corners of the bounding box."""
        return self._mesh.bounds

    def contains(self, points: np.ndarray) -> np.ndarray:
        """(N,) whether points (N, 3) lie inside, by the parity of ray hits."""
        try:
            return self._mesh.contains(points)
        except ImportError as error:
            raise ImportError("rays against a mesh need embreex: pip install 'cvxgeom[render]'") from error
