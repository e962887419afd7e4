"""What a camera sees of a shape, pixel by pixel: depth, normals, part ids, silhouette; differentiable."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .. import ops
from .._types import PolytopeStatus
from ..shape import ConvexUnion, Polytope
from .camera import Camera, rays

# Distances that differ by less than this many roundings are equal: the part of lower index is seen. Faces of neighbors
# often coincide, and which one is seen should not change from pixel to pixel.
TIE = 64


class Maps(NamedTuple):
    """Images of a shape or mesh, row 0 at the top; leading axes are those of the shape."""

    depth: Float[Tensor, "*batch height width"]  #: z-depth, a length along the optical axis; +∞ in the background
    normals: Float[Tensor, "*batch height width 3"]  #: outward unit normal, object frame; 0 in the background
    part: Int[Tensor, "*batch height width"]  #: index of the convex; -1 in the background
    silhouette: Bool[Tensor, "*batch height width"]  #: whether anything is seen


class Sighting(NamedTuple):
    """Those pixels of one camera that see something, and what they see."""

    pixels: Int[Tensor, " n"]  #: numbered row by row, ascending
    distance: Float[Tensor, " n"]  #: a length along the ray
    normals: Float[Tensor, "n 3"]
    part: Int[Tensor, " n"]


class View(NamedTuple):
    """A camera, and which of its pixels matter."""

    camera: Camera
    pixels: Bool[Tensor, "height width"] | None = None  #: by default all

    def pixel_numbers(self) -> Int[Tensor, " n"]:
        """Numbers of the pixels that matter, row by row, ascending."""
        if self.pixels is None:
            return torch.arange(self.camera.size[0] * self.camera.size[1])
        return self.pixels.reshape(-1).nonzero().squeeze(-1)


# Sees one thing in several views, which costs less than one view after the other.
Caster = Callable[[Sequence[View]], list[Sighting]]


def render_maps(shape: ConvexUnion, camera: Camera) -> Maps:
    """Depth, normals, part ids and silhouette of the *exact* polytopes of a shape, sampled at pixel centers.

    Depth and normals are differentiable with respect to the shape, as in `cvxgeom.ops.raycast`: which part and which
    plane a pixel sees is a constant, so that outlines do not move; the gradient of `soft_silhouette` moves them.
    Unbounded parts are seen as far as the image reaches; empty and degenerate ones are not. Each part is cast only in
    the rectangle of pixels that holds it. All shapes of a batch are seen by the same camera.

    Args:
        shape: a single shape or a batch; half precision is computed in float32.
        camera: where from; inside a part the depth is 0.

    Returns:
        Maps of (height, width) pixels on the device of the shape.

    Example:
        >>> camera = Camera(position=(0, 0, 3), size=(9, 9))
        >>> maps = render_maps(cvxgeom.box(), camera)
        >>> round(float(maps.depth[4, 4]), 6), maps.normals[4, 4].tolist(), int(maps.part[0, 0])
        (2.5, [0.0, 0.0, 1.0], -1)
    """
    if shape.batch_size:
        each = [render_maps(shape[i], camera) for i in range(shape.batch_size[0])]
        return Maps(*(torch.stack(values) for values in zip(*each)))
    wide = shape.to(torch.promote_types(shape.dtype, torch.float32))
    seen = shape_caster(wide)([View(camera)])[0]
    if any(tensor.requires_grad for tensor in (wide.normals, wide.offsets, wide.translations)):
        distance, normals = seen.distance, seen.normals
        for k in seen.part.unique().tolist():
            mine = (seen.part == k).nonzero().squeeze(-1)
            origins, directions = rays(camera, seen.pixels[mine], dtype=wide.dtype, device=wide.device)
            hits = ops.raycast(origins, directions, *part_planes(wide, k))
            distance = distance.index_put((mine,), hits.distance)
            normals = normals.index_put((mine,), hits.normals)
        seen = seen._replace(distance=distance, normals=normals)
    maps = images(camera, seen)
    return maps._replace(depth=maps.depth.to(shape.dtype), normals=maps.normals.to(shape.dtype))


def images(camera: Camera, seen: Sighting) -> Maps:
    """What a camera sees, as images."""
    width, height = camera.size
    _, directions = rays(camera, seen.pixels, dtype=seen.distance.dtype, device=seen.pixels.device)
    depth = seen.distance * (directions @ camera._extrinsics[2, :3].to(directions))
    part = torch.full((height * width,), -1, device=seen.pixels.device)
    part[seen.pixels] = seen.part
    part = part.reshape(height, width)
    return Maps(
        depth.new_full((height * width,), float("inf")).index_put((seen.pixels,), depth).reshape(height, width),
        depth.new_zeros((height * width, 3)).index_put((seen.pixels,), seen.normals).reshape(height, width, 3),
        part,
        part >= 0,
    )


def shape_caster(shape: ConvexUnion) -> Caster:
    """What sees the exact polytopes of a single shape in float32 or float64, without gradients.

    The polytopes are computed once, and each part is cast only where its polytope may be seen.
    """
    shape = shape.detach()
    polytopes = shape.polytopes()

    def cast(views: Sequence[View]) -> list[Sighting]:
        pixels = [view.pixel_numbers() for view in views]
        pieces = [rays(v.camera, p, dtype=shape.dtype, device=shape.device) for v, p in zip(views, pixels)]
        origins, directions = (torch.cat(piece) for piece in zip(*pieces))
        windows = []
        start = 0
        for view, p in zip(views, pixels):
            ray = torch.full(view.camera.size[::-1], -1)
            ray.view(-1)[p] = torch.arange(start, start + len(p))
            windows.append(rays_in_windows(view.camera, ray, polytopes))
            start += len(p)
        distance = torch.full((start,), float("inf"), dtype=shape.dtype, device=shape.device)
        normals = torch.zeros_like(directions)
        part = torch.full((start,), -1, device=shape.device)
        for k, polytope in enumerate(polytopes):
            own = torch.cat([window[k] for window in windows]).to(shape.device)
            if len(own) == 0:
                continue
            hits = ops.raycast(origins[own], directions[own], *part_planes(shape, k, polytope))
            nearer = (hits.distance < distance[own] * (1 - TIE * torch.finfo(shape.dtype).eps)).nonzero().squeeze(-1)
            target = own[nearer]
            distance[target], normals[target], part[target] = hits.distance[nearer], hits.normals[nearer], k
        seen = []
        sizes = [len(p) for p in pixels]
        for p, d, n, k in zip(pixels, distance.split(sizes), normals.split(sizes), part.split(sizes)):
            hit = (k >= 0).nonzero().squeeze(-1)
            seen.append(Sighting(p.to(shape.device)[hit], d[hit], n[hit], k[hit]))
        return seen

    return cast


def rays_in_windows(
    camera: Camera, ray: Int[Tensor, "height width"], solids: Sequence[Polytope], margins: Sequence[float] | None = None
) -> list[Int[Tensor, " rays"]]:
    """For each polytope the rays through the smallest rectangle of pixels that shows it.

    Unbounded polytopes may be anywhere, empty and degenerate ones are nowhere.

    Args:
        camera: where from.
        ray: number of the ray through each pixel; -1 where there is none.
        solids: the polytopes.
        margins: lengths by which each is grown along each axis.
    """
    height, width = ray.shape
    clouds = [solid.vertices.detach() for solid in solids]
    if margins is not None:
        cube = torch.cartesian_prod(*torch.tensor([[-1.0, 1.0]] * 3, dtype=torch.float64))
        clouds = [(cloud[:, None] + margin * cube).reshape(-1, 3) for cloud, margin in zip(clouds, margins)]
    coordinates, depth = camera.project(torch.cat([torch.empty(0, 3), *clouds]))
    if camera.view_height is None:
        # What reaches beside or behind a pinhole has no finite projection: it may be anywhere.
        coordinates = torch.where(depth[:, None] > 0, coordinates, float("nan"))
    sizes = torch.tensor([len(cloud) for cloud in clouds], dtype=torch.long)
    owner = torch.arange(len(solids)).repeat_interleave(sizes)[:, None].expand(-1, 2)
    nothing = coordinates.new_zeros(len(solids), 2)
    low, high = (nothing.scatter_reduce(0, owner, coordinates, how, include_self=False) for how in ("amin", "amax"))
    largest = max(width, height)
    first = low.floor().nan_to_num(0).clamp(0, largest).int().tolist()
    last = high.ceil().nan_to_num(largest).clamp(0, largest).int().tolist()
    windows = []
    for solid, (left, top), (right, bottom) in zip(solids, first, last):
        whole = solid.status is PolytopeStatus.UNBOUNDED
        window = ray.reshape(-1) if whole else ray[top:bottom, left:right].reshape(-1)
        windows.append(window[window >= 0])
    return windows


def part_planes(shape: ConvexUnion, k: int, polytope: Polytope | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """One part as a union of one; without the half-spaces that form no face, where its bounded polytope is given."""
    kept = list(polytope.face_planes) if polytope is not None and polytope.is_bounded else slice(None)
    return shape.normals[k : k + 1, kept], shape.offsets[k : k + 1, kept], shape.translations[k : k + 1]
