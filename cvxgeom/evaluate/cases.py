"""Pictures of cases: what was seen, what was predicted, and the truth."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import trimesh
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ..color import ColorViews
from ..depth import DepthViews
from ..render.camera import Camera
from ..render.maps import shape_caster
from ..render.mesh_maps import mesh_caster
from ..render.shading import shaded
from ..shape import ConvexUnion
from ..shape.palette import part_color
from .prediction import Predictor, Surface
from .score import Row
from .summary import in_group, main_group
from .voxels import VoxelShape

_COLOR = (0.84, 0.83, 0.81)
_TEXT, _TEXT_SIZE, _CAPTION = (90, 92, 96), 13, 22
# Not where the first camera of a data set stands: what it did not see should show.
_VIEW, _LENS = (-40.0, 18.0), 24.0
_MOST_IMAGES = 4


def pick_cases(rows: Sequence[Row], quantiles: Sequence[float] = (1.0, 0.5, 0.0)) -> list[Row]:
    """The best, the median and the worst of one predictor's rows by IoU, among the main group.

    Args:
        rows: of one predictor under one condition.
        quantiles: others, from 0 (worst) to 1 (best).

    Returns:
        The cases, none of them twice.
    """
    group = main_group(rows)
    ranked = sorted((row for row in rows if in_group(row, group)), key=lambda row: (row.iou, row.shape))
    places = dict.fromkeys(round(quantile * (len(ranked) - 1)) for quantile in quantiles)
    return [ranked[place] for place in places] if ranked else []


def draw_cases(
    cases: Sequence[tuple[Any, str]],
    predictors: Sequence[Predictor],
    see: Callable[[Any], Any],
    scores: Mapping[tuple[str, str], float] | None = None,
    size: int = 240,
) -> Image.Image:
    """A sheet with a row for each case: what is seen, what each predictor makes of it, the truth.

    Args:
        cases: records, each with a caption for its input.
        predictors: a column each.
        see: record → what predictors see of it.
        scores: (predictor, id of the record) → IoU, to be written under its panel.
        size: of each panel, pixels.

    Raises:
        ImportError: embreex is not installed.
        ValueError: there is no case.
    """
    if not cases:
        raise ValueError("cases must hold at least one, got none")
    sheet = Image.new("RGB", (size * (2 + len(predictors)), (size + _CAPTION) * len(cases)), "white")
    for i, (record, caption) in enumerate(cases):
        views = see(record)
        truth = VoxelShape.of_unit_cube(record.grid).mesh()
        camera = Camera.looking_at(record.bounds.double(), _VIEW, field_of_view=_LENS, size=(size, size))
        panels = [(seen_image(views, size), caption)]
        for predictor in predictors:
            drawn, note = _predicted(predictor, views, camera)
            score = (scores or {}).get((predictor.name, record.id))
            panels.append((drawn, ("" if score is None else f"{score:.2f} ") + predictor.name + note))
        panels.append((draw_surface(truth, camera), "truth"))
        for column, (image, text) in enumerate(panels):
            place = column * size, i * (size + _CAPTION)
            sheet.paste(image, place)
            write_caption(sheet, text, (place[0] + 6, place[1] + size + 3), size - 10)
    return sheet


def write_caption(sheet: Image.Image, text: str, place: tuple[int, int], width: int) -> None:
    """Text in a picture, cut where its room ends."""
    font = ImageFont.load_default(_TEXT_SIZE)
    while font.getlength(text) > width:
        text = text.removesuffix("…")[:-1] + "…"
    ImageDraw.Draw(sheet).text(place, text, fill=_TEXT, font=font)


def _predicted(predictor: Predictor, views: Any, camera: Camera) -> tuple[Image.Image, str]:
    try:
        return draw_surface(predictor.predict(views).surface(), camera), ""
    except ImportError:
        raise
    except Exception as error:
        return Image.new("RGB", camera.size, "white"), f": {type(error).__name__}"


def draw_surface(surface: Surface, camera: Camera) -> Image.Image:
    """A shape in the colors of its parts, or a mesh in gray, by the ray caster of `cvxgeom.render`.

    Raises:
        ValueError: nothing of the shape is bounded.
        ImportError: a mesh is to be shown, and embreex is not installed.
    """
    up = torch.tensor([0.0, 1.0, 0.0])
    if isinstance(surface, trimesh.Trimesh):
        corners = torch.from_numpy(np.array(surface.vertices, dtype=np.float32))
        return _shaded(mesh_caster(surface, smooth=True), camera, corners, torch.tensor([_COLOR]), up)
    bounded = [k for k, polytope in enumerate(surface.polytopes()) if polytope.is_bounded]
    if not bounded:
        raise ValueError(f"surface must have a bounded part to be seen, got none of {surface.n_convexes}")
    colors = torch.tensor([part_color(k) for k in bounded]) / 255
    shape: ConvexUnion = surface.detach().to("cpu", torch.float32).select(bounded)
    corners = torch.cat([polytope.vertices for polytope in shape.polytopes()]).float()
    return _shaded(shape_caster(shape), camera, corners, colors, up)


def _shaded(cast: Any, camera: Camera, corners: Tensor, colors: Tensor, up: Tensor) -> Image.Image:
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)  # thousands of small operations: threads would wait for each other
    try:
        return Image.fromarray(shaded(cast, camera, corners, colors, up))
    finally:
        torch.set_num_threads(n_threads)


def seen_image(views: DepthViews | ColorViews, size: int) -> Image.Image:
    """What a predictor sees: up to four depth maps, near is dark and the background white, or color images."""
    maps = _gray(views) if isinstance(views, DepthViews) else _colors(views)
    per_side = 1 if len(maps) == 1 else 2
    side = size // per_side
    image = Image.new("RGB", (size, size), "white")
    for i, one in enumerate(maps[:_MOST_IMAGES]):
        place = (i % per_side) * side, (i // per_side) * side
        image.paste(Image.fromarray(one).convert("RGB").resize((side, side)), place)
    return image


def _gray(views: DepthViews) -> list[np.ndarray]:
    shown = []
    for depth in views.depth[:_MOST_IMAGES].float().numpy():
        seen = np.isfinite(depth)
        near, far = (depth[seen].min(), depth[seen].max()) if seen.any() else (0.0, 1.0)
        value = 40 + 180 * (np.where(seen, depth, far) - near) / max(far - near, 1e-6)
        shown.append(np.where(seen, value, 255).astype(np.uint8))
    return shown


def _colors(images: ColorViews) -> list[np.ndarray]:
    shown = images.rgb.masked_fill(~images.mask[:, None], 1.0)[:_MOST_IMAGES]
    return [(255 * one).round().byte().permute(1, 2, 0).numpy() for one in shown]
