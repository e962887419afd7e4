"""Integrals over solids from their boundary triangles, many solids at once, differentiable in the vertices."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def mass_properties(
    points: Float[Tensor, "P 3"],
    triangles: Int[Tensor, "T 3"],
    solids: Int[Tensor, " T"],
    centers: Float[Tensor, "K 3"],
    axes: Float[Tensor, "K 3 3"],
) -> tuple[Float[Tensor, " K"], Float[Tensor, "K 3"], Float[Tensor, "K 3 3"]]:
    """Volume, centroid and inertia at unit density of the solids inside closed surfaces.

    Sums over the tetrahedra between each triangle and a center of its solid, in a frame of its own: far from the origin
    a center inside the solid keeps full accuracy, and in a needle so do axes in which it is about as long as wide.

    Args:
        points: vertices of all surfaces.
        triangles: numbers of their vertices, counter-clockwise seen from outside.
        solids: which of the K solids each triangle belongs to.
        centers: a point of each solid.
        axes: columns of a right-handed frame of each solid, of any length.

    Returns:
        Volumes, centroids (NaN without volume), and inertia tensors about the centroids.

    Example:
        >>> points = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
        >>> triangles = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
        >>> solids = torch.zeros(4, dtype=torch.int64)
        >>> axes = torch.eye(3, dtype=torch.float64)[None]
        >>> volumes, centroids, _ = mass_properties(points, triangles, solids, points[:1], axes)
        >>> (6 * volumes).tolist(), centroids.tolist()
        ([1.0], [[0.25, 0.25, 0.25]])
    """
    inverse = torch.linalg.inv(axes).transpose(1, 2)
    a, b, c = ((points[triangles] - centers[solids, None]) @ inverse[solids]).unbind(dim=1)
    total = a + b + c
    parts = (a * torch.linalg.cross(b, c)).sum(dim=1) / 6
    corners = torch.stack([total, a, b, c], dim=1)
    firsts = parts[:, None] * total / 4
    seconds = parts[:, None, None] / 20 * (corners.transpose(1, 2) @ corners)

    n = len(centers)
    volumes = parts.new_zeros(n).index_add(0, solids, parts)
    means = parts.new_zeros(n, 3).index_add(0, solids, firsts) / volumes[:, None]
    second = parts.new_zeros(n, 3, 3).index_add(0, solids, seconds)
    second = second - volumes[:, None, None] * means[:, :, None] * means[:, None, :]

    unit_volumes = torch.linalg.det(axes)
    second = unit_volumes[:, None, None] * (axes @ second @ axes.transpose(1, 2))
    identity = torch.eye(3, dtype=points.dtype, device=points.device)
    inertias = second.diagonal(dim1=1, dim2=2).sum(dim=1)[:, None, None] * identity - second
    return unit_volumes * volumes, centers + (axes @ means[:, :, None])[..., 0], inertias


def surface_areas(
    points: Float[Tensor, "P 3"],
    triangles: Int[Tensor, "T 3"],
    faces: Int[Tensor, " T"],
    solids: Int[Tensor, " F"],
    n_solids: int,
) -> Float[Tensor, " K"]:
    """Areas of surfaces of planar faces.

    Triangles of one face are added as vectors before the length is taken, so that a needle among them does no harm to
    the derivative.

    Args:
        points: vertices of all surfaces.
        triangles: numbers of their vertices, counter-clockwise seen from outside.
        faces: which of the F faces each triangle is part of.
        solids: which solid each face belongs to.
        n_solids: K.

    Example:
        >>> square = torch.tensor([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], dtype=torch.float64)
        >>> zeros = torch.zeros(2, dtype=torch.int64)
        >>> surface_areas(square, torch.tensor([[0, 1, 2], [0, 2, 3]]), zeros, zeros[:1], 1).tolist()
        [1.0]
    """
    a, b, c = points[triangles].unbind(dim=1)
    vectors = torch.linalg.cross(b - a, c - a) / 2
    sums = vectors.new_zeros(len(solids), 3).index_add(0, faces, vectors)
    return vectors.new_zeros(n_solids).index_add(0, solids, torch.linalg.vector_norm(sums, dim=1))
