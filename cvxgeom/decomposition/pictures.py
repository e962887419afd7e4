"""Plots of a set, and pictures of its worst cases."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image

from .._files import atomic_path
from ..evaluate.cases import draw_surface, write_caption
from ..render import save_picture
from ..render.camera import Camera
from ..shape import load
from .contenders import CONTENDERS
from .run import Row, parts_path
from .sets import mesh_path
from .tables import present

_AXES = (("parts", "parts"), ("planes", "planes"), ("cpu_seconds", "processor seconds"))
_N_WORST = 4
_PANEL, _CAPTION = 180, 22
_VIEW, _LENS = (-40.0, 18.0), 24.0


def plot_pareto(path: Path, rows: Sequence[Row]) -> None:
    """IoU against parts, planes and seconds: a dot for each shape, a large one at the median and the mean IoU.

    Args:
        path: picture to write.
        rows: of one set.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'cvxgeom[bench]'") from error
    figure = Figure(figsize=(13.5, 3.8), layout="constrained")
    panels = figure.subplots(1, len(_AXES), sharey=True)
    for panel, (key, label) in zip(panels, _AXES, strict=True):
        for number, contender in enumerate(CONTENDERS):
            good = [row for row in rows if row.contender == contender and row.scores]
            if not good:
                continue
            values = [row.cpu_seconds or 0.0 if key == "cpu_seconds" else row.scores[key] for row in good]
            values = np.maximum(values, 1e-3)  # the axis has no zero
            scores = [row.scores["iou"] for row in good]
            color = f"C{number}"
            panel.scatter(values, scores, s=6, color=color, alpha=0.35)
            panel.scatter(np.median(values), np.mean(scores), s=60, color=color, label=CONTENDERS[contender].title)
        panel.set(xscale="log", xlabel=label, ylim=(-0.02, 1.02))
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="IoU", title=f"{rows[0].set}: each shape, and median and mean")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize="small", frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def draw_worst(path: Path, folder: Path, rows: Sequence[Row]) -> bool:
    """The shapes on which the first contender is worst: the mesh, and what each contender made of it.

    Args:
        path: picture to write.
        folder: of the results.
        rows: of one set.

    Returns:
        Whether there is a mesh to be shown.

    Raises:
        ImportError: embreex is not installed.
    """
    names = present(rows)
    ranked = sorted((r for r in rows if r.contender == names[0]), key=lambda r: (r.scores.get("iou", 0.0), r.shape))
    shapes = [r.shape for r in ranked if mesh_path(folder, r.set, r.shape).exists()][:_N_WORST]
    if not shapes:
        return False
    by_key = {row.key: row for row in rows}
    sheet = Image.new("RGB", (_PANEL * (1 + len(names)), (_PANEL + _CAPTION) * len(shapes)), "white")
    for i, shape in enumerate(shapes):
        mesh = trimesh.load_mesh(mesh_path(folder, rows[0].set, shape), process=False)
        bounds = torch.from_numpy(np.array(mesh.bounds, dtype=np.float64))
        camera = Camera.looking_at(bounds, _VIEW, field_of_view=_LENS, size=(_PANEL, _PANEL))
        panels = [(draw_surface(mesh, camera), shape)]
        for name in names:
            row = by_key.get((rows[0].set, shape, name))
            parts = parts_path(folder, rows[0].set, shape, name)
            if row is None or not row.scores or not parts.exists():
                status = "not measured" if row is None else row.status
                panels.append((Image.new("RGB", camera.size, "white"), f"{name}: {status}"))
            else:
                n = int(row.scores["parts"])
                panels.append((draw_surface(load(parts), camera), f"{row.scores['iou']:.3f} {name}, {n}"))
        for column, (image, text) in enumerate(panels):
            place = column * _PANEL, i * (_PANEL + _CAPTION)
            sheet.paste(image, place)
            write_caption(sheet, text, (place[0] + 4, place[1] + _PANEL + 3), _PANEL - 8)
    save_picture(sheet, path)
    return True
