"""Fewer vertices and faces for engines that have a limit, so that the part still lies inside its hull."""

from dataclasses import dataclass

import numpy as np
import torch
from trimesh import Trimesh
from trimesh.proximity import closest_point_naive

from .._checks import describe, is_whole
from ..shape import Polytope, hull


@dataclass(frozen=True)
class Limits:
    """What an engine takes as one convex.

    Args:
        vertices: corners.
        faces: planar faces; None is any number.
        per_face: corners of a face, and faces at a corner; None is any number.

    Raises:
        TypeError: a limit is not a whole number.
        ValueError: fewer than four vertices or faces, or fewer than three corners of a face.

    Example:
        >>> ball = cvxgeom.sphere(n_halfspaces=100).polytopes()[0]
        >>> Limits(64).fit(ball), Limits(200).fit(ball)
        (False, True)
    """

    vertices: int
    faces: int | None = None
    per_face: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("vertices", 4), ("faces", 4), ("per_face", 3)):
            value = getattr(self, name)
            if value is None and name != "vertices":
                continue
            if not is_whole(value):
                raise TypeError(f"{name} must be a whole number, got {describe(value)}")
            if value < least:
                raise ValueError(f"{name} must be at least {least}, got {value}")

    def fit(self, polytope: Polytope) -> bool:
        """Whether a bounded polytope is within the limits."""
        corners = [vertex for face in polytope.faces for vertex in face]
        longest = max(*map(len, polytope.faces), int(np.bincount(corners).max()))
        return (
            len(polytope.vertices) <= self.vertices
            and len(polytope.faces) <= (self.faces or len(polytope.faces))
            and longest <= (self.per_face or longest)
        )


# MuJoCo and Bullet take any hull, but the time of a collision grows with its corners. PhysX runs on a GPU only with
# hulls of at most 64 corners and 64 faces, and at most 32 of the one at any of the other.
LIMITS = {"mjcf": Limits(64), "urdf": Limits(64), "usd": Limits(64, 64, 32)}


def reduced(polytope: Polytope, limits: Limits) -> Polytope:
    """A polytope of fewer faces around a bounded one.

    Args:
        polytope: bounded.
        limits: what the result keeps to.

    Returns:
        The polytope itself if it is within the limits, else one that contains it.

    Example:
        >>> cylinder = cvxgeom.sphere(n_halfspaces=100).polytopes()[0]
        >>> len(reduced(cylinder, Limits(20)).vertices) <= 20
        True
    """
    # A polytope of n faces has at most 2 n - 4 corners.
    n_planes = (limits.vertices + 4) // 2
    if limits.faces is not None:
        n_planes = min(n_planes, limits.faces)
    found = polytope
    while not limits.fit(found):
        # A tetrahedron is within any limits, so this ends.
        found = hull(polytope.vertices.detach(), max_planes=n_planes).polytopes()[0]
        n_planes -= 1
    return found


def overhang(inner: Polytope, outer: Polytope) -> float:
    """How far one polytope reaches beyond another: the greatest distance of its corners from it, a length."""
    body = Trimesh(inner.vertices.detach().numpy(), inner.triangles, process=False)
    corners = outer.vertices.detach()
    # Only those outside: the nearest point of the surface to one that is inside says nothing.
    outside = corners[torch.from_numpy(_excess(inner, corners) > 0)]
    if not len(outside):
        return 0.0
    return float(closest_point_naive(body, outside.numpy())[1].max())


def _excess(polytope: Polytope, points: torch.Tensor) -> np.ndarray:
    """(N,) greatest signed distance of points to the planes of the faces; negative inside."""
    a, b, c = polytope.vertices.detach()[torch.from_numpy(polytope.triangles)].unbind(dim=1)
    normals = torch.linalg.cross(b - a, c - a)
    normals = normals / torch.linalg.vector_norm(normals, dim=1, keepdim=True)
    return ((points[:, None] - a) * normals).sum(dim=2).amax(dim=1).numpy()
