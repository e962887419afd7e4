"""A picture of what came in and what came out, seen from the same side."""

import math

import torch
from jaxtyping import Bool, Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..color import ColorViews
from ..depth import DepthViews
from ..render import picture
from ..render.panels import LABEL_COLOR, LABEL_PLACE, LABEL_SIZE
from ..shape import ConvexUnion

MOST_VIEWS = 4
_ROOM = 1.12  # of the crop around what is seen
# Where the light comes from, camera frame (x right, y down, z forward).
_LIGHT = (-0.35, -0.65, -0.67)
_DARKEST = 0.3


def portrait(
    shape: ConvexUnion,
    views: DepthViews | ColorViews,
    *,
    size: tuple[int, int] = (480, 480),
    explode: float | int = 0.35,
) -> Image.Image:
    """Panels side by side: photos, or depth maps as a camera with a lamp would see them; the parts; the parts apart.

    Args:
        shape: a single shape in the frame of the views, whose y is up.
        views: of a single object; of more than four the first four are shown.
        size: (width, height) of each panel in pixels.
        explode: how far parts are pulled apart, see `cvxgeom.render.picture`; 0 leaves this panel out.

    Raises:
        ValueError: the views are of several objects, or `cvxgeom.render.picture` refuses.

    Example:
        >>> views = cvxgeom.read_depth(f"{cvxgeom.__path__[0]}/assets/chair_depth.png")
        >>> portrait(cvxgeom.box(float(views.frame()[1])), views, size=(64, 48)).size
        (192, 48)
    """
    shown_views = range(min(views.n_views, MOST_VIEWS))
    images = [_shaded(views, i) if isinstance(views, DepthViews) else _cut(views, i) for i in shown_views]
    shown = picture(shape, view=seen_from(views), size=size, explode=explode)
    panel = Image.new("RGB", size, "white")
    side = math.ceil(math.sqrt(len(images)))
    tile = (size[0] // side, size[1] // side)
    for i, image in enumerate(images):
        factor = min(tile[0] / image.width, tile[1] / image.height)
        width, height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
        left, top = (i % side) * tile[0], (i // side) * tile[1]
        fitted = image.resize((width, height), Image.Resampling.LANCZOS)
        panel.paste(fitted, (left + (tile[0] - width) // 2, top + (tile[1] - height) // 2))
    font = ImageFont.load_default(LABEL_SIZE)
    ImageDraw.Draw(panel).text(LABEL_PLACE, "input", fill=LABEL_COLOR, font=font)
    joined = Image.new("RGB", (size[0] + shown.width, size[1]), "white")
    joined.paste(panel, (0, 0))
    joined.paste(shown, (size[0], 0))
    return joined


def seen_from(views: DepthViews | ColorViews) -> tuple[float, float]:
    """(Azimuth, elevation) in degrees from which the first camera sees the middle of the object.

    The middle is that of what is seen, or of color views the origin.

    Example:
        >>> views = cvxgeom.read_depth(f"{cvxgeom.__path__[0]}/assets/chair_depth.png", view=(50, 10))
        >>> [round(angle) for angle in seen_from(views)]
        [50, 10]
    """
    middle = views.frame()[0] if isinstance(views, DepthViews) else torch.zeros_like(views.extrinsics[0, 0, :3])
    x, y, z = (torch.linalg.inv(views.extrinsics[0])[:3, 3] - middle).tolist()
    return math.degrees(math.atan2(x, z)), math.degrees(math.atan2(y, math.hypot(x, z)))


def _cut(views: ColorViews, view: int) -> Image.Image:
    """One photo without its background."""
    pixels = torch.where(views.mask[view], views.rgb[view], 1.0)
    return Image.fromarray((255 * pixels).round().byte().permute(1, 2, 0).cpu().numpy())


def _shaded(views: DepthViews, view: int) -> Image.Image:
    """One depth map, lit from beside its camera, on white; cropped to a square around what is seen."""
    one = views.select([view])
    pose = one.extrinsics[0]
    points = one.points()[0] @ pose[:3, :3].T + pose[:3, 3]
    normals = _normals(points)
    light = torch.nn.functional.normalize(torch.tensor(_LIGHT), dim=0).to(normals)
    gray = _DARKEST + (1 - _DARKEST) * (normals @ light).clamp(min=0)
    seen = one.seen[0]
    gray = torch.where(seen, 0.92 * gray, 1.0)
    left, top, right, bottom = _square(seen)
    image = Image.fromarray((255 * gray).round().byte().cpu().numpy()).convert("RGB")
    cut = Image.new("RGB", (right - left, bottom - top), "white")
    cut.paste(image, (-left, -top))
    return cut


def _normals(points: Float[Tensor, "h w 3"]) -> Float[Tensor, "h w 3"]:
    """Toward the camera, from the nearer of the two neighbors along each axis: across an edge there is no surface."""
    along = [_slope(points, axis) for axis in (0, 1)]
    normals = torch.nn.functional.normalize(torch.linalg.cross(along[0], along[1]), dim=-1)
    normals = torch.where((normals * points).sum(-1, keepdim=True) > 0, -normals, normals)
    # Depth in whole millimeters makes steps: the mean over 3 × 3 pixels evens them out.
    smooth = torch.nn.functional.avg_pool2d(normals.nan_to_num(0.0).movedim(-1, 0), 3, 1, 1).movedim(0, -1)
    return torch.nn.functional.normalize(smooth, dim=-1)


def _slope(points: Float[Tensor, "h w 3"], axis: int) -> Float[Tensor, "h w 3"]:
    after = torch.full_like(points, torch.nan)
    steps = points.diff(dim=axis)
    after.narrow(axis, 0, steps.shape[axis]).copy_(steps)
    before = torch.full_like(points, torch.nan)
    before.narrow(axis, 1, steps.shape[axis]).copy_(steps)
    lengths = [step.norm(dim=-1, keepdim=True).nan_to_num(torch.inf) for step in (before, after)]
    return torch.where(lengths[0] < lengths[1], before, after)


def _square(seen: Bool[Tensor, "h w"]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a square around the pixels that are set, with some room; of all if none is."""
    if not bool(seen.any()):
        return 0, 0, seen.shape[1], seen.shape[0]
    rows, columns = (seen.any(dim=axis).nonzero().squeeze(-1) for axis in (1, 0))
    (top, bottom), (left, right) = ((int(line[0]), int(line[-1]) + 1) for line in (rows, columns))
    side = math.ceil(_ROOM * max(bottom - top, right - left))
    x, y = (left + right - side) // 2, (top + bottom - side) // 2
    return x, y, x + side, y + side
