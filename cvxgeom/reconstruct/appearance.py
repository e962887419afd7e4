"""What an input looks like to a network, in a few hundred numbers."""

import torch
from jaxtyping import Float
from torch import Tensor

from ..color import ColorViews
from ..depth import DepthViews

# Of depth views: cells along each axis of a cube about the object, in longest sides; pooled to so many boxes.
_CELLS, _HALF, _BOXES = 16, 0.6, 4
# Of color views: pooled to so many tiles along each side.
_TILES = 8


def appearance(views: DepthViews | ColorViews) -> Float[Tensor, " L"]:
    """A description of views that does not depend on place and unit, for `likeness`.

    Depth views: where in the frame of what is seen is space hidden (on two scales), near a surface, or unknown to all
    views; averages over 4 × 4 × 4 boxes. Color views: colors and silhouette, averages over 8 × 8 tiles and all views.

    These are averages of what an encoder reads, not what it makes of it. The latent vector of a trained encoder tells
    less: it is trained to forget what does not matter for furniture, and puts an object that lies on its side, or a
    scene of random disks, among the furniture.

    Args:
        views: of a single object.

    Returns:
        256 numbers of size about 1.

    Raises:
        ValueError: the views are of several objects, or show nothing.

    Example:
        >>> path = f"{cvxgeom.__path__[0]}/assets/chair_depth.png"
        >>> one, other = appearance(cvxgeom.read_depth(path)), appearance(cvxgeom.read_depth(path, depth_scale=100))
        >>> one.shape, bool((one - other).abs().max() < 1e-3)
        (torch.Size([256]), True)
    """
    if views.batch_size:
        raise ValueError(f"views must be of one object, got batch axes {tuple(views.batch_size)}")
    if isinstance(views, ColorViews):
        shown = views.mask[:, None].to(views.rgb)
        tiles = torch.nn.functional.adaptive_avg_pool2d(torch.cat([views.rgb * shown, shown], dim=1), _TILES)
        return tiles.mean(dim=0).flatten()
    center, size = views.frame()
    if not bool(size > 0):
        raise ValueError("views must show more than a single point")
    axis = ((torch.arange(_CELLS, dtype=center.dtype, device=center.device) + 0.5) / _CELLS * 2 - 1) * _HALF
    hidden, surface = views.evidence(center + size * torch.cartesian_prod(axis, axis, axis))
    hidden, surface = hidden / size, surface / size
    channels = (
        (hidden / 0.15).clamp(-1, 1),
        (hidden / 0.03).clamp(-1, 1),
        (-surface / 0.05).exp(),
        (hidden == torch.inf).to(hidden),
    )
    cells = torch.stack(channels).unflatten(-1, (_CELLS,) * 3)
    return torch.nn.functional.avg_pool3d(cells, _CELLS // _BOXES).flatten()
