"""Integrals over polytopes, many at once, with the exact derivatives that integrals have.

A volume changes by the area of a face times its displacement, whatever happens to the vertices. So the derivative of an
integral over a solid is an integral over its faces, that of the surface area an integral over its edges. Going through
the vertices instead would be wrong where more than three faces meet (a vertex follows three of its planes only) and
worthless where planes are nearly parallel. Vertices matter for second derivatives alone.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor


class _Moments(torch.autograd.Function):
    """(K, 4, 4) integrals of X Xᵀ over the solids, X = (x, 1)."""

    @staticmethod
    def forward(
        ctx: Any, planes: Tensor, points: Tensor, triangles: Tensor, sides: Tensor, solids: Tensor, n_solids: int
    ) -> Tensor:
        ctx.save_for_backward(planes, points)
        ctx.layout = triangles, sides, solids
        corners = points[triangles]
        a, b, c = corners.unbind(dim=1)
        volumes = (a * torch.linalg.cross(b, c)).sum(dim=1) / 6
        total = corners.sum(dim=1)
        moments = points.new_zeros(len(triangles), 4, 4)
        moments[:, :3, :3] = total[:, :, None] * total[:, None, :] + corners.transpose(1, 2) @ corners
        moments[:, :3, 3] = moments[:, 3, :3] = 5 * total
        moments[:, 3, 3] = 20
        return points.new_zeros(n_solids, 4, 4).index_add(0, solids, volumes[:, None, None] / 20 * moments)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        planes, points = ctx.saved_tensors
        triangles, sides, solids = ctx.layout
        corners = points[triangles]
        a, b, c = corners.unbind(dim=1)
        normals = planes[sides, :3]
        # Area of each triangle per length of its normal: a plane moves by -(δn·x + δd) / |n|.
        areas = (torch.linalg.cross(b - a, c - a) * normals).sum(dim=1) / (2 * (normals * normals).sum(dim=1))
        # ∫ X (Xᵀ G X) over a triangle of corners X_a, with q_ab = X_aᵀ G X_b, is area / 60 times
        # Σ_abc (1 + δ_ab + δ_ac + δ_bc + 2 δ_abc) X_a q_bc.
        wide = torch.cat([corners, torch.ones_like(corners[:, :, :1])], dim=2)
        symmetric = (gradient + gradient.transpose(1, 2)) / 2
        q = wide @ symmetric[solids] @ wide.transpose(1, 2)
        diagonal = q.diagonal(dim1=1, dim2=2)
        weights = q.sum(dim=(1, 2))[:, None] + 2 * q.sum(dim=2) + diagonal.sum(dim=1)[:, None] + 2 * diagonal
        pulls = (weights[:, :, None] * wide).sum(dim=1)
        return torch.zeros_like(planes).index_add(0, sides, -areas[:, None] / 60 * pulls), *[None] * 5


class _Areas(torch.autograd.Function):
    """(K,) areas of the surfaces of the solids."""

    @staticmethod
    def forward(
        ctx: Any,
        planes: Tensor,
        points: Tensor,
        triangles: Tensor,
        sides: Tensor,
        edges: Tensor,
        edge_sides: Tensor,
        side_solids: Tensor,
        n_solids: int,
    ) -> Tensor:
        ctx.save_for_backward(planes, points)
        ctx.layout = edges, edge_sides, side_solids
        a, b, c = points[triangles].unbind(dim=1)
        vectors = planes.new_zeros(len(planes), 3).index_add(0, sides, torch.linalg.cross(b - a, c - a) / 2)
        return planes.new_zeros(n_solids).index_add(0, side_solids, torch.linalg.vector_norm(vectors, dim=1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        planes, points = ctx.saved_tensors
        edges, edge_sides, side_solids = ctx.layout
        own, other = edge_sides.unbind(dim=1)
        lengths = torch.linalg.vector_norm(planes[:, :3], dim=1)
        units = planes[:, :3] / lengths[:, None]
        # A face that moves out by 1 loses cot θ and its neighbor gains 1 / sin θ per length of their edge, θ the angle
        # between their normals: tan(θ / 2) in all.
        sine = torch.linalg.vector_norm(torch.linalg.cross(units[own], units[other]), dim=1)
        tangent = sine / (1 + (units[own] * units[other]).sum(dim=1))
        start, end = points[edges].unbind(dim=1)
        weights = -gradient[side_solids[own]] * tangent * torch.linalg.vector_norm(end - start, dim=1) / lengths[own]
        middles = torch.cat([(start + end) / 2, torch.ones_like(start[:, :1])], dim=1)
        return torch.zeros_like(planes).index_add(0, own, weights[:, None] * middles), *[None] * 7


def mass_properties(
    planes: Float[Tensor, "S 4"],
    points: Float[Tensor, "P 3"],
    triangles: Int[Tensor, "T 3"],
    sides: Int[Tensor, " T"],
    solids: Int[Tensor, " T"],
    n_solids: int,
) -> tuple[Float[Tensor, " K"], Float[Tensor, "K 3"], Float[Tensor, "K 3 3"]]:
    """Volume, centroid and second moments about the centroid of K convex solids, each in a frame of its own.

    Most accurate in a frame whose origin is inside the solid and in which that is about as long as wide.

    Args:
        planes: half-spaces n·x + d ≤ 0 of all solids, as rows (n, d); first derivatives go here.
        points: vertices of all solids; second derivatives go here.
        triangles: numbers of the vertices of the triangles of the faces, counter-clockwise seen from outside.
        sides: the plane of each triangle.
        solids: the solid of each triangle.
        n_solids: K.

    Returns:
        Volumes, centroids (NaN without volume), and the integrals of x xᵀ about the centroids.

    Example:
        >>> points = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
        >>> planes = torch.tensor([[0, 0, -1, 0], [0, -1, 0, 0], [1, 1, 1, -1], [-1, 0, 0, 0]], dtype=torch.float64)
        >>> triangles = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
        >>> one = torch.zeros(4, dtype=torch.int64)
        >>> volumes, centroids, _ = mass_properties(planes, points, triangles, torch.arange(4), one, 1)
        >>> round(float(volumes) * 6, 12), centroids.tolist()
        (1.0, [[0.25, 0.25, 0.25]])
    """
    moments = _Moments.apply(planes, points, triangles, sides, solids, n_solids)
    volumes, firsts, seconds = moments[:, 3, 3], moments[:, :3, 3], moments[:, :3, :3]
    centroids = firsts / volumes[:, None]
    return volumes, centroids, seconds - firsts[:, :, None] * centroids[:, None, :]


def surface_areas(
    planes: Float[Tensor, "S 4"],
    points: Float[Tensor, "P 3"],
    triangles: Int[Tensor, "T 3"],
    sides: Int[Tensor, " T"],
    edges: Int[Tensor, "E 2"],
    edge_sides: Int[Tensor, "E 2"],
    side_solids: Int[Tensor, " S"],
    n_solids: int,
) -> Float[Tensor, " K"]:
    """Surface areas of K convex solids.

    Args:
        planes: half-spaces n·x + d ≤ 0 of all solids, as rows (n, d); first derivatives go here.
        points: vertices of all solids; second derivatives go here.
        triangles: numbers of the vertices of the triangles of the faces, counter-clockwise seen from outside.
        sides: the plane of each triangle.
        edges: vertices of the edges of each face, every edge twice.
        edge_sides: the plane of that face and the plane on the other side of the edge.
        side_solids: the solid of each plane.
        n_solids: K.

    Example:
        >>> points = torch.tensor([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)
        >>> planes = torch.tensor([[0, 0, -1, 0], [0, -1, 0, 0], [1, 1, 1, -1], [-1, 0, 0, 0]], dtype=torch.float64)
        >>> triangles = torch.tensor([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
        >>> no_edges, solids = torch.zeros(0, 2).long(), torch.zeros(4).long()
        >>> areas = surface_areas(planes, points, triangles, torch.arange(4), no_edges, no_edges, solids, 1)
        >>> round(float(areas), 6)
        2.366025
    """
    return _Areas.apply(planes, points, triangles, sides, edges, edge_sides, side_solids, n_solids)
