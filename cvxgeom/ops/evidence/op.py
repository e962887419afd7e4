"""Public function: checks and dispatch."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..._checks import check_same_device, check_tensor, describe
from .._dispatch import launcher_for
from . import cpu, reference


def depth_evidence(
    points: Float[Tensor, "*#batch N 3"],
    depth: Float[Tensor, "*#batch V h w"],
    cameras: Float[Tensor, "*#batch V 3 4"],
) -> tuple[Float[Tensor, "*batch N"], Float[Tensor, "*batch N"]]:
    """What depth views say about points: how far hidden at least, and how far from a seen surface at most.

    A point is projected into each view, and its z-depth compared with that of the pixel it falls into. A view that does
    not have the point in its image, has it behind the camera, or measured nothing there (NaN) is not counted. Cost is
    proportional to V · N; not differentiable (the result is detached).

    Args:
        points: object frame.
        depth: z-depth of each pixel, a length; +∞ where the ray met nothing, NaN where nothing was measured.
        cameras: object frame → homogeneous pixels, K · [R | t].

    Returns:
        ``hidden``: the least of (z of the point − depth seen) over the views. Negative: some view looked through the
        point; −∞ if it saw nothing behind it either; +∞: no view knows. ``surface``: the least absolute value of the
        same difference.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes, dtypes or devices do not fit.

    Example:
        >>> camera = torch.tensor([[[1.0, 0, 0.5, 0], [0, 1.0, 0.5, 0], [0, 0, 1.0, 0]]])  # one pixel, along +z
        >>> hidden, surface = depth_evidence(torch.tensor([[0.0, 0, 1], [0, 0, 5]]), torch.full((1, 1, 1), 2.0), camera)
        >>> hidden.tolist(), surface.tolist()
        ([-1.0, 3.0], [1.0, 3.0])
    """
    check_tensor("points", points, (None, 3))
    check_tensor("depth", depth, (None, None, None))
    check_tensor("cameras", cameras, (depth.shape[-3], 3, 4))
    check_same_device(points=points, depth=depth, cameras=cameras)
    if not points.dtype == depth.dtype == cameras.dtype or points.dtype not in (torch.float32, torch.float64):
        got = ", ".join(describe(value) for value in (points, depth, cameras))
        raise ValueError(f"points, depth and cameras must have one dtype, float32 or float64, got {got}")
    batch = torch.broadcast_shapes(points.shape[:-2], depth.shape[:-3], cameras.shape[:-3])
    inputs = (
        points.detach().expand(*batch, *points.shape[-2:]),
        depth.detach().expand(*batch, *depth.shape[-3:]),
        cameras.detach().expand(*batch, *cameras.shape[-3:]),
    )
    is_empty = 0 in inputs[0].shape or 0 in inputs[1].shape
    if not is_empty and (launcher := launcher_for(points)):
        return cpu.depth_evidence(launcher, *inputs)
    return reference.depth_evidence(*inputs)
