"""From a depth file and what a user knows about its camera to DepthViews."""

import logging
import os
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool

from ..depth import DepthViews
from .cameras import (
    FIELD_OF_VIEW,
    VIEW,
    Intrinsics,
    Lens,
    Number,
    View,
    check_fit,
    check_rigid,
    lens_of_angle,
    stated_lens,
    turned_to,
)
from .files import StoredDepth, read_stored_depth
from .gaps import to_meters
from .masks import read_mask

log = logging.getLogger("cvxgeom")

# A point is a stray if it lies this many longest sides outside the box that holds all but so many of the points. With
# half as much, the feet of armchairs seen from above would be strays.
_REACH, _TAIL = 0.5, 0.005


def read_depth(
    path: str | os.PathLike,
    *,
    view: View | None = None,
    intrinsics: Intrinsics | None = None,
    field_of_view: Number | None = None,
    mask: str | os.PathLike | Bool[np.ndarray, "h w"] | None = None,
    depth_scale: Number | None = None,
) -> DepthViews:
    """Read one or several depth maps of one object, for a model to make a shape of.

    A few pixels that lie far from all others, such as those of a wall at the edge of a mask, are left out with a
    warning.

    The object frame has y up and, if the camera is where ``view`` says, z to the object's front. Its unit is the meter
    and its origin the middle of the box around everything that is seen. A file with extrinsics has its own frame
    instead, which must have y up as well.

    Args:
        path: ``.png`` (16 bits), ``.npy``, ``.npz`` with the keys depth, intrinsics and extrinsics (object → camera,
            OpenCV axes, meters) for one or several views, or ``.exr``. Values are z-depth: lengths along the optical
            axis. Zero, NaN and infinity: see `cvxgeom.reconstruct.to_meters`.
        view: (azimuth, elevation) of the camera as seen from the object, degrees; azimuth 0 sees its front, 90 its
            right side from +x; by default that of the intrinsics' file, else (35, 20).
        intrinsics: fx, fy, cx, cy in pixels, a 3×3 matrix, or a file, see `cvxgeom.reconstruct.read_lens`; they replace
            those of the depth file.
        field_of_view: vertical, degrees, instead of intrinsics; 40 where nothing is known.
        mask: which pixels show the object: a picture or ``.npy`` file of the same size, bright where it is. Everything
            else counts as background.
        depth_scale: how many of the file's numbers make a meter; by default 1000 for whole numbers, 1 for others.

    Returns:
        The views in float32.

    Raises:
        FileNotFoundError: a file does not exist.
        ImportError: the file needs a package that is not installed.
        ValueError: a file is damaged, holds no depth, shows nothing, has another unit than assumed, or does not fit the
            camera or the mask.

    Example:
        >>> depth = np.zeros((60, 80), np.uint16)
        >>> depth[20:40, 30:50] = 1500
        >>> np.save("box.npy", depth)
        >>> views = read_depth("box.npy", view=(0, 0))
        >>> views.n_views, int(views.seen.sum()), round(float(views.centers()[0, 2]), 3)
        (1, 400, 1.5)
    """
    stored, name = read_stored_depth(path), repr(str(path))
    height, width = stored.numbers.shape[1:]
    marked = None if mask is None else read_mask(mask, (width, height), name)
    depth = to_meters(stored, name, depth_scale, None if marked is None else _for_each(marked, stored))
    stated = stated_lens(intrinsics, field_of_view, (width, height), name)
    lens = _lens_of_each(stored, stated, (width, height), name)
    matrices = np.stack([one.matrix for one in lens])
    if stored.extrinsics is not None:
        if view is not None:
            raise ValueError(f"{name} has extrinsics, which say where its cameras stand; leave view out")
        check_rigid(stored.extrinsics, name)
        return without_strays(_views(depth, matrices, stored.extrinsics), name).to(torch.float32)
    pose = turned_to(lens[0].view or VIEW if view is None else view)
    turned = without_strays(_views(depth, matrices, pose[None]), name)
    to_origin = torch.eye(4, dtype=torch.float64)
    to_origin[:3, 3] = -turned.frame()[0]
    return turned.moved(to_origin).to(torch.float32)


def without_strays(views: DepthViews, name: str) -> DepthViews:
    """The views without the few points that lie far outside of where nearly all are: they would set the frame.

    Args:
        views: of one object.
        name: what the warning calls them.

    Example:
        >>> depth = torch.full((1, 40, 40), 2.0)
        >>> depth[0, 0, 0] = 9.0
        >>> lens = torch.tensor([[[40.0, 0, 20], [0, 40.0, 20], [0, 0, 1]]])
        >>> without_strays(DepthViews(depth, lens, torch.eye(4)[None]), "a wall").depth[0, 0, :2]
        tensor([nan, 2.])
    """
    points = views.points()[views.seen]
    low, high = (torch.from_numpy(np.quantile(points.numpy(), q, axis=0)).to(points) for q in (_TAIL, 1 - _TAIL))
    reach = _REACH * (high - low).max()
    stray = ((points < low - reach) | (points > high + reach)).any(dim=-1)
    if not bool(stray.any()):
        return views
    log.warning("%s: %d of %d pixels lie far from the rest and are left out", name, int(stray.sum()), len(stray))
    depth = views.depth.clone()
    depth[views.seen] = torch.where(stray, torch.nan, depth[views.seen])
    return replace(views, depth=depth)


def _for_each(marked: np.ndarray, stored: StoredDepth) -> np.ndarray:
    if len(stored.numbers) > 1:
        raise ValueError(
            f"a mask belongs to one view, and there are {len(stored.numbers)}; mark the background by +inf"
        )
    return marked[None]


def _lens_of_each(stored: StoredDepth, stated: Lens | None, size: tuple[int, int], name: str) -> list[Lens]:
    """What is stated first, then those of the file, then the default angle."""
    if stated is not None:
        return [stated] * len(stored.numbers)
    if stored.intrinsics is None:
        log.info("%s: no intrinsics given, a field of view of %g degrees is assumed", name, FIELD_OF_VIEW)
        return [lens_of_angle(FIELD_OF_VIEW, size)] * len(stored.numbers)
    for matrix in stored.intrinsics:
        check_fit(matrix, size, name)
    return [Lens(matrix) for matrix in stored.intrinsics]


def _views(depth: np.ndarray, intrinsics: np.ndarray, extrinsics: np.ndarray) -> DepthViews:
    return DepthViews(*(torch.from_numpy(np.ascontiguousarray(array)) for array in (depth, intrinsics, extrinsics)))
