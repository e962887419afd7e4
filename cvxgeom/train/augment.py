"""Changes of a sample that keep it true: exact moves of object and cameras together, and the noise of a sensor."""

import math

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

_QUARTERS = ((1, 0), (0, 1), (-1, 0), (0, -1))  # cosine and sine


def map_of(rng: np.random.Generator, yaw: str, mirror: bool, scale: tuple[float, float]) -> Float[np.ndarray, "4 4"]:
    """A random linear map of object space: a stretch of each axis, a mirror image in x, a turn about y; in this order.

    Args:
        rng: source of randomness; draws the same number of values whatever the options.
        yaw: ``"quarter"`` turns, ``"any"``, or ``"none"``.
        mirror: whether every second map mirrors.
        scale: range of the stretch, drawn evenly in the logarithm.

    Returns:
        The map, homogeneous. Quarter turns and mirror images are exact.

    Example:
        >>> map_of(np.random.default_rng(0), "none", mirror=False, scale=(1.0, 1.0)).tolist() == np.eye(4).tolist()
        True
    """
    draws = rng.random(5)
    stretch = np.exp(math.log(scale[0]) + (math.log(scale[1]) - math.log(scale[0])) * draws[:3])
    if mirror and draws[3] < 0.5:
        stretch[0] = -stretch[0]
    cosine, sine = 1.0, 0.0
    if yaw == "quarter":
        cosine, sine = _QUARTERS[int(4 * draws[4])]
    elif yaw == "any":
        cosine, sine = math.cos(2 * math.pi * draws[4]), math.sin(2 * math.pi * draws[4])
    matrix = np.eye(4)
    matrix[:3, :3] = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]]) * stretch
    return matrix


def noisy(depth: Float[Tensor, "V h w"], deviation: float, rng: np.random.Generator) -> Float[Tensor, "V h w"]:
    """Depth with a normal error on every measured pixel; background and gaps stay what they are.

    Args:
        depth: z-depth, a length.
        deviation: standard deviation, a length.
        rng: source of randomness.
    """
    found = depth.isfinite()
    error = torch.from_numpy(rng.standard_normal(int(found.sum()), dtype=np.float32)).to(depth)
    changed = depth.clone()
    # A depth must stay in front of the camera, whatever the noise.
    changed[found] = (depth[found] + deviation * error).clamp(min=1e-6)
    return changed


def flipped(seen: dict[str, Tensor]) -> dict[str, Tensor]:
    """Views with left and right exchanged, in the picture and in the camera frame: the same rays in the object frame.

    The cameras become improper, and an object mirrored by `DepthViews.moved` makes them proper again: what is left is
    what a real camera sees of the mirrored object.
    """
    width = seen["depth"].shape[-1]
    exchange = torch.eye(4).to(seen["extrinsics"])
    exchange[0, 0] = -1
    to_flipped = torch.eye(3).to(seen["intrinsics"])
    to_flipped[0, 0], to_flipped[0, 2] = -1, width
    pictures = {name: seen[name].flip(-1) for name in ("depth", "rgb", "mask") if name in seen}
    return pictures | {
        "intrinsics": to_flipped @ seen["intrinsics"] @ exchange[:3, :3],
        "extrinsics": exchange @ seen["extrinsics"],
    }
