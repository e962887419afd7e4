"""Does the shape explain the measurement? Seen again from the same cameras, without any learning."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..depth import DepthViews
from ..shape import ConvexUnion

# Rays a view: a small grid of an image tells as much, and costs milliseconds.
RAYS = 160**2


@dataclass(frozen=True)
class Agreement:
    """How a shape, seen from the cameras of a measurement, agrees with it; measured pixels only, all views together."""

    silhouette_iou: float  #: pixels that show both ÷ pixels that show either
    depth_error: float  #: median difference of depth where both are seen, a length; NaN where they never are
    relative_error: float  #: the same as a fraction of the longest side of what was seen

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        outline = f"its silhouette agrees with the input to an IoU of {self.silhouette_iou:.2f}"
        if math.isnan(self.depth_error):
            return f"{outline}, its depth nowhere"
        length = f"{self.depth_error:.3g} ({self.relative_error:.1%} of its size)"
        return f"{outline}, its depth to {length} in the median"


def agreement(shape: ConvexUnion, views: DepthViews, n_rays: int = RAYS) -> Agreement:
    """Cast the rays of the views against the exact polytopes of a shape, and compare.

    It tells when the shape contradicts what was measured; of what the cameras did not see it says nothing.

    Args:
        shape: a single shape in the frame of the views.
        views: of a single object.
        n_rays: about how many pixels of each view are compared, evenly spaced; all of them if the view has no more.

    Raises:
        ValueError: the shape or the views have batch axes.

    Example:
        >>> from cvxgeom.render import Camera, render_maps
        >>> camera = Camera((0, 0, 3), size=(32, 32))
        >>> depth = render_maps(cvxgeom.box(), camera).depth[None]
        >>> views = DepthViews(depth, camera.intrinsics[None].float(), camera.extrinsics[None].float())
        >>> agreement(cvxgeom.box(), views).silhouette_iou, round(agreement(cvxgeom.box(0.9), views).depth_error, 3)
        (1.0, 0.05)
    """
    if shape.batch_size or views.batch_size:
        raise ValueError(f"agreement needs one shape and one object, got {shape!r} and views of {views.batch_size}")
    depth, predicted = [], []
    planes = shape.detach().to(device=views.depth.device, dtype=torch.float32)
    for view in range(views.n_views):
        pixels, directions = _rays(views, view, n_rays)
        origin = views.centers()[view].to(directions)
        hits = planes.raycast(origin.expand_as(directions), directions)
        # Directions have unit z in the camera's frame: depth is distance over length.
        predicted.append((hits.distance / directions.norm(dim=-1)).to(views.depth))
        depth.append(views.depth[view].reshape(-1)[pixels])
    _, size = views.frame()
    return _compared(torch.cat(depth), torch.cat(predicted), float(size))


def _rays(views: DepthViews, view: int, n_rays: int) -> tuple[Tensor, Float[Tensor, "R 3"]]:
    """Numbers of evenly spaced pixels, and their rays in the object frame, whose z in the camera's is 1."""
    h, w = views.depth.shape[-2:]
    step = max(1, round(math.sqrt(h * w / n_rays)))
    rows, columns = torch.meshgrid(torch.arange(step // 2, h, step), torch.arange(step // 2, w, step), indexing="ij")
    pixels = torch.stack([columns + 0.5, rows + 0.5, torch.ones_like(rows) * 1.0], dim=-1).reshape(-1, 3)
    matrix = torch.linalg.inv((views.intrinsics[view] @ views.extrinsics[view, :3, :3]).double())
    return (rows * w + columns).reshape(-1), (pixels.to(matrix) @ matrix.T).float()


def _compared(depth: Float[Tensor, " R"], predicted: Float[Tensor, " R"], size: float) -> Agreement:
    measured = ~depth.isnan()
    seen: Bool[Tensor, " R"] = depth.isfinite()
    hit = predicted.isfinite() & measured
    both, either = seen & hit, (seen | hit) & measured
    iou = float(both.sum()) / max(1, int(either.sum()))
    if not bool(both.any()):
        return Agreement(iou, math.nan, math.nan)
    error = float((depth - predicted)[both].abs().median())
    return Agreement(iou, error, error / size if size > 0 else math.inf)
