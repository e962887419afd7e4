"""The frame that networks work in: what is seen, centered and of longest side 1, whatever the user's unit and place."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from ..depth import DepthViews, Evidence
from ..shape import ConvexUnion


@dataclass(frozen=True, eq=False)
class UnitViews:
    """Depth views of a batch of objects in the unit frame: ``unit = (x - center) / size``. Made by `UnitViews.of`.

    Attributes:
        views: their object frame is the unit frame; depth is still in the user's unit.
        center: middle of the box around the seen surface.
        size: its longest side.
    """

    views: DepthViews
    center: Float[Tensor, "B 3"]
    size: Float[Tensor, " B"]

    @classmethod
    def of(cls, views: DepthViews) -> "UnitViews":
        """The views of a batch, without gradients.

        Raises:
            ValueError: the views have not exactly one batch axis, or an object is not seen.

        Example:
            >>> camera = cvxgeom.render.Camera(position=(9, 0, 3), target=(9, 0, 0), size=(64, 64))
            >>> depth = cvxgeom.render.render_maps(cvxgeom.box().translate((9.0, 0, 0)), camera).depth
            >>> views = DepthViews(depth[None], camera.intrinsics[None].float(), camera.extrinsics[None].float())
            >>> UnitViews.of(views.unsqueeze()).center.round(decimals=2).tolist()
            [[9.0, 0.0, 0.5]]
        """
        if len(views.batch_size) != 1:
            raise ValueError(f"views must have one batch axis, got a batch of size {tuple(views.batch_size)}")
        with torch.no_grad():
            center, size = views.frame()
            if not bool((size > 0).all()):
                raise ValueError("views must show more than a single point of each object")
            matrix = torch.eye(4, dtype=center.dtype, device=center.device).repeat(len(center), 1, 1)
            matrix[:, :3, :3] /= size[:, None, None]
            matrix[:, :3, 3] = -center / size[:, None]
        return cls(views.moved(matrix), center, size)

    def evidence(self, points: Float[Tensor, "B N 3"]) -> Evidence:
        """`DepthViews.evidence` of points in the unit frame, as lengths of that frame."""
        found = self.views.evidence(points)
        return Evidence(found.hidden / self.size[:, None], found.surface / self.size[:, None])

    def to_unit(self, points: Float[Tensor, "B N 3"]) -> Float[Tensor, "B N 3"]:
        """Points of the user's frame in the unit frame."""
        return (points - self.center[:, None]) / self.size[:, None, None]

    def to_user(self, shape: ConvexUnion) -> ConvexUnion:
        """Unions of the unit frame in the user's frame."""
        size = self.size[:, None]
        return ConvexUnion(
            shape.normals,
            shape.offsets * size[..., None],
            shape.translations * size[..., None] + self.center[:, None],
            shape.smoothness / size,
            shape.sharpness / size,
        )
