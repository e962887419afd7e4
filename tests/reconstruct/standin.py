"""A model without learning that has the interface of one, and inputs to give it."""

import itertools

import torch

import cvxgeom
from cvxgeom import ConvexUnion, DepthViews
from cvxgeom.render import Camera, render_maps

N_SLICES = 5


class Slices(torch.nn.Module):
    """Boxes around the seen points of each of five slices from bottom to top, and of each quarter of a slice."""

    def forward(self, views: DepthViews) -> ConvexUnion:
        if views.batch_size:
            return cvxgeom.stack([self(one) for one in unbound(views)])
        points = views.points().reshape(-1, 3)
        points = points[points.isfinite().all(dim=1)]
        edges = torch.linspace(float(points[:, 1].min()), float(points[:, 1].max()), N_SLICES + 1)
        boxes = []
        middle = (points.amin(dim=0) + points.amax(dim=0)) / 2
        for (low, high), left, back in itertools.product(itertools.pairwise(edges), (True, False), (True, False)):
            in_slice = (points[:, 1] >= low) & (points[:, 1] <= high)
            in_quarter = ((points[:, 0] < middle[0]) == left) & ((points[:, 2] < middle[2]) == back)
            inside = points[in_slice & in_quarter]
            if len(inside) > 3:
                least, most = inside.amin(dim=0), inside.amax(dim=0)
                size = (most - least).clamp(min=1e-3)
                boxes.append(cvxgeom.box(tuple(size.tolist()), center=tuple(((least + most) / 2).tolist())))
        return cvxgeom.concatenate(boxes)


def unbound(views: DepthViews) -> list[DepthViews]:
    return [DepthViews(*one) for one in zip(views.depth, views.intrinsics, views.extrinsics)]


def table() -> ConvexUnion:
    """A table of 1.2 x 0.75 x 0.8 m, its box about the origin."""
    legs = [cvxgeom.box((0.08, 0.7, 0.08), center=(x, -0.025, z)) for x in (-0.5, 0.5) for z in (-0.3, 0.3)]
    return cvxgeom.concatenate([cvxgeom.box((1.2, 0.05, 0.8), center=(0, 0.35, 0)), *legs])


def camera_at(view: tuple[float, float], size: tuple[int, int] = (80, 64), field_of_view: float = 40.0) -> Camera:
    return Camera.looking_at([[-0.6, -0.4, -0.4], [0.6, 0.4, 0.4]], view, size=size, field_of_view=field_of_view)


def seen_by(cameras: list[Camera], shape: ConvexUnion | None = None) -> DepthViews:
    """Depth maps of a shape, the table if none is given."""
    depth = torch.stack([render_maps(shape or table(), camera).depth for camera in cameras])
    matrices = (torch.stack([getattr(camera, name) for camera in cameras]) for name in ("intrinsics", "extrinsics"))
    return DepthViews(depth, *(matrix.to(depth) for matrix in matrices))
