"""Does the shape explain the measurement? Seen again from the same cameras, without any learning."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from .._checks import check_positive
from ..color import ColorViews
from ..depth import DepthViews
from ..shape import ConvexUnion

# Rays a view: a small grid of an image tells as much, and costs milliseconds.
RAYS = 160**2


@dataclass(frozen=True)
class Agreement:
    """How a shape, seen from the cameras of a measurement, agrees with it; measured pixels only, all views together."""

    silhouette_iou: float  #: pixels that show both ÷ pixels that show either
    depth_error: float | None  #: median difference of depth where both are seen, a length; None if it is unknown
    relative_error: float | None  #: the same as a fraction of the longest side of what was seen

    @property
    def sentence(self) -> str:
        """One sentence for a person."""
        outline = f"the silhouette agrees with the input to an IoU of {self.silhouette_iou:.2f}"
        if self.depth_error is None or self.relative_error is None:
            return outline
        return f"{outline}, the depth to {self.depth_error:.3g} ({self.relative_error:.1%} of the size) in the median"


def agreement(shape: ConvexUnion, views: DepthViews | ColorViews, n_rays: int = RAYS) -> Agreement:
    """Cast the rays of the views against the exact polytopes of a shape, and compare.

    It tells when the shape contradicts what was measured; of what the cameras did not see it says nothing.

    Args:
        shape: a single shape in the frame of the views.
        views: of a single object; color views have a silhouette and no depth.
        n_rays: about how many pixels of each view are compared, evenly spaced; all of them if the view has no more.

    Raises:
        ValueError: the shape or the views have batch axes, or ``n_rays`` is not positive.

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
    check_positive("n_rays", n_rays)
    # Of color views, 0 stands for a depth that nobody knows.
    depth = views.depth if isinstance(views, DepthViews) else torch.where(views.mask, 0.0, torch.inf)
    planes = shape.detach().to(device=depth.device, dtype=torch.float32)
    given, predicted = [], []
    for view in range(views.n_views):
        h, w = depth.shape[-2:]
        pixels, origin, directions = _rays(views.intrinsics[view], views.extrinsics[view], (h, w), n_rays)
        hits = planes.raycast(origin.expand_as(directions), directions)
        # Directions have unit z in the camera's frame: depth is distance over length.
        predicted.append((hits.distance / directions.norm(dim=-1)).to(depth))
        given.append(depth[view].reshape(-1)[pixels])
    known, found = torch.cat(given), torch.cat(predicted)
    measured, hit = ~known.isnan(), found.isfinite()
    both, either = known.isfinite() & hit, (known.isfinite() | hit) & measured
    iou = float(both.sum()) / max(1, int(either.sum()))
    if not isinstance(views, DepthViews) or not bool(both.any()):
        return Agreement(iou, None, None)
    error, size = float((known - found)[both].abs().median()), float(views.frame()[1])
    return Agreement(iou, error, error / size if size > 0 else math.inf)


def _rays(
    intrinsics: Float[Tensor, "3 3"], extrinsics: Float[Tensor, "4 4"], size: tuple[int, int], n_rays: int
) -> tuple[Int[Tensor, " R"], Float[Tensor, "3"], Float[Tensor, "R 3"]]:
    """Numbers of evenly spaced pixels, and their rays: origin, and directions whose z in the camera's frame is 1."""
    h, w = size
    step = max(1, round(math.sqrt(h * w / n_rays)))
    like = {"dtype": torch.float64, "device": intrinsics.device}
    rows, columns = torch.meshgrid(torch.arange(step // 2, h, step), torch.arange(step // 2, w, step), indexing="ij")
    pixels = torch.stack([columns + 0.5, rows + 0.5, torch.ones_like(rows)], dim=-1).reshape(-1, 3).to(**like)
    pose = torch.linalg.inv(extrinsics.to(**like))
    directions = pixels @ (pose[:3, :3] @ torch.linalg.inv(intrinsics.to(**like))).T
    return (rows * w + columns).reshape(-1).to(intrinsics.device), pose[:3, 3].float(), directions.float()
