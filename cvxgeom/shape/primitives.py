"""Simple solids as unions of one convex."""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from .._checks import check_finite, check_positive, check_tensor, describe
from .._sphere import spiral
from .convex_union import ConvexUnion
from .polytope import hull_planes

# Defaults relative to the size, because δ and σ scale as 1/length: edges are rounded by about a thousandth of the
# size, and the indicator falls from 0.9 to 0.1 over 6 % of it, as in CvxNet, where objects have unit size.
SMOOTHNESS_PER_SIZE = 1000.0
SHARPNESS_PER_SIZE = 75.0

Vector = Sequence[float] | Float[Tensor, "3"] | np.ndarray


def box(size: float | Vector = 1.0, center: Vector = (0.0, 0.0, 0.0)) -> ConvexUnion:
    """An axis-aligned box.

    Args:
        size: edge lengths along x, y, z, or one for all.
        center: its middle.

    Raises:
        ValueError: an edge length is not positive.

    Example:
        >>> cvxgeom.box(size=(1, 2, 3)).polytopes()[0].bounds.tolist()
        [[-0.5, -1.0, -1.5], [0.5, 1.0, 1.5]]
    """
    return cuboid(size, torch.eye(3), center)


def cuboid(
    size: float | Vector, rotation: Float[Tensor, "3 3"] | Sequence[Sequence[float]], center: Vector = (0.0, 0.0, 0.0)
) -> ConvexUnion:
    """A box in any pose.

    Args:
        size: edge lengths along its own axes, or one for all.
        rotation: matrix whose columns are its own axes in the object frame.
        center: its middle.

    Raises:
        ValueError: an edge length is not positive, or ``rotation`` is not a rotation.

    Example:
        >>> turned = cvxgeom.cuboid((1, 1, 2), [[0, -1, 0], [1, 0, 0], [0, 0, 1]])
        >>> turned.n_convexes
        1
    """
    # NumPy's numbers are Real, and type checkers do not know that Python's are.
    edges = _vector("size", torch.full((3,), float(size)) if isinstance(size, (int, float, Real)) else size)
    if not bool((edges > 0).all()):
        raise ValueError(f"size must be greater than 0 along each axis, got {edges.tolist()}")
    axes = torch.eye(3, dtype=torch.float64)
    normals = torch.cat([axes, -axes])
    upright = from_planes(normals, -torch.cat([edges, edges]) / 2, size=float(edges.max()))
    return _default(upright.rotate(rotation).translate(_vector("center", center)))


def tetrahedron(vertices: Float[Tensor, "4 3"] | Sequence[Sequence[float]] | np.ndarray | None = None) -> ConvexUnion:
    """A tetrahedron from its corners; without any, the regular one with corners on the unit sphere.

    Raises:
        ValueError: there are not four corners, or they lie in a plane.

    Example:
        >>> cvxgeom.tetrahedron().n_halfspaces
        4
    """
    if vertices is None:
        vertices = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)
    corners = torch.as_tensor(vertices)
    corners = corners if corners.is_floating_point() else corners.to(torch.get_default_dtype())
    if corners.shape != (4, 3):
        raise ValueError(f"vertices must have shape (4, 3), got {describe(vertices)}")
    return hull(corners)


def sphere(radius: float = 0.5, n_halfspaces: int = 32, center: Vector = (0.0, 0.0, 0.0)) -> ConvexUnion:
    """A ball approximated by a polytope of the same volume, with evenly spread faces.

    Args:
        radius: of the ball.
        n_halfspaces: number of faces, at least 4.
        center: its middle.

    Raises:
        ValueError: the radius is not positive, or there are fewer than 4 half-spaces.

    Example:
        >>> ball = cvxgeom.sphere(radius=1.0, n_halfspaces=100)
        >>> round(float(ball.polytopes()[0].volume), 3)
        4.189
    """
    check_positive("radius", radius)
    if n_halfspaces < 4:
        raise ValueError(f"n_halfspaces must be at least 4 to enclose a volume, got {n_halfspaces}")
    normals = _spread_directions(n_halfspaces)
    tangent = from_planes(normals, torch.full((n_halfspaces,), -1.0, dtype=torch.float64), size=2.0)
    ratio = float(tangent.polytopes()[0].volume) / (4 / 3 * math.pi)
    return _default(tangent.scale(float(radius) / ratio ** (1 / 3)).translate(_vector("center", center)))


def hull(
    points: Float[Tensor, "N 3"] | Sequence[Sequence[float]] | np.ndarray, max_planes: int | None = None
) -> ConvexUnion:
    """The convex hull of points; with ``max_planes`` a coarser convex that still contains them all.

    Args:
        points: at least four, not all in a plane.
        max_planes: cap on the number of half-spaces, at least 4.

    Raises:
        ValueError: the points enclose no volume, are not finite, or the cap is too small.

    Example:
        >>> cube = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
        >>> cvxgeom.hull(cube).n_halfspaces
        6
    """
    array = torch.as_tensor(points).detach().double().cpu().numpy()
    normals, offsets = hull_planes(array, max_planes)
    size = float((array.max(axis=0) - array.min(axis=0)).max())
    middle = (array.max(axis=0) + array.min(axis=0)) / 2
    centered = from_planes(torch.as_tensor(normals), torch.as_tensor(offsets + normals @ middle), size=size)
    shape = centered.translate(torch.as_tensor(middle))
    return shape.to(points.dtype) if isinstance(points, Tensor) and points.is_floating_point() else _default(shape)


def from_planes(
    normals: Float[Tensor, "*K H 3"], offsets: Float[Tensor, "*K H"], size: float | None = None
) -> ConvexUnion:
    """A union from half-spaces n·x + d ≤ 0 in the object frame: one convex, or K of them.

    Args:
        normals: outward normals; scaled to unit length together with their offsets.
        offsets: d.
        size: extent of the solid, from which the default smoothness and sharpness follow; by default estimated from
            the offsets.

    Raises:
        TypeError: ``normals`` is not a floating-point tensor, or ``offsets`` not a tensor.
        ValueError: shapes do not fit, a number is not finite, a normal is zero, or there is no half-space to estimate
            ``size`` from.

    Example:
        >>> cvxgeom.from_planes(torch.tensor([[0.0, 0, 2], [0, 0, -2]]), torch.tensor([-1.0, -1])).offsets
        tensor([[-0.5000, -0.5000]])
    """
    check_tensor("normals", normals, (None, 3))
    if not isinstance(offsets, Tensor):
        raise TypeError(f"offsets must be a torch tensor, got {describe(offsets)}")
    if normals.ndim > 3:
        raise ValueError(f"normals must have shape (H, 3) or (K, H, 3), got {describe(normals)}")
    if normals.ndim == 2:
        normals, offsets = normals[None], offsets[None]
    length = normals.norm(dim=-1)
    if offsets.shape != normals.shape[:-1]:
        raise ValueError(f"offsets must have shape {tuple(normals.shape[:-1])}, got {describe(offsets)}")
    check_finite("normals", normals.detach())
    check_finite("offsets", offsets.detach())
    if not bool((length > 0).all()):
        raise ValueError("normals must not be zero, got one of length 0")
    normals, offsets = normals / length[..., None], offsets / length
    if size is None:
        if not offsets.numel():
            raise ValueError(f"normals must hold a half-space to estimate size from, got {describe(normals)}")
        size = 2 * float(offsets.detach().abs().amax()) or 1.0
    check_positive("size", size)
    size = float(size)  # torch fills with Python's numbers alone
    k = normals.shape[0]
    return ConvexUnion(
        normals,
        offsets,
        normals.new_zeros(k, 3),
        normals.new_full((k,), SMOOTHNESS_PER_SIZE / size),
        normals.new_full((k,), SHARPNESS_PER_SIZE / size),
    )


def _spread_directions(n: int) -> Tensor:
    """n directions spread over the sphere (spherical Fibonacci lattice); regular for 4 and 6."""
    if n == 4:
        corners = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=torch.float64)
        return corners / math.sqrt(3)
    if n == 6:
        return torch.cat([torch.eye(3), -torch.eye(3)]).double()
    return torch.from_numpy(spiral(n))


def _default(shape: ConvexUnion) -> ConvexUnion:
    return shape.to(torch.get_default_dtype())


def _vector(name: str, value: Vector) -> Tensor:
    vector = torch.as_tensor(value).double()
    if vector.shape != (3,) or not bool(torch.isfinite(vector).all()):
        raise ValueError(f"{name} must be three finite numbers, got {describe(value)}")
    return vector
