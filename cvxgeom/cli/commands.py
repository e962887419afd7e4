"""What each command does: checks first, then the library, then a report as plain values."""

import argparse
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import trimesh

from .. import metrics
from ..data import Solid, normalize, read_mesh, solidify
from ..mesh import export_mesh, to_trimesh
from ..render import picture, save_picture
from ..shape import ConvexUnion, load
from . import bench, export, fit, prepare, reconstruct, train
from .arguments import check_extra, check_outputs
from .progress import progress

Report = dict[str, Any]


def mesh(options: argparse.Namespace) -> Report:
    """Turn a shape into a mesh file."""
    check_outputs([options.output], options.input)
    # The library has a default resolution, and so cannot tell that one was given for another surface.
    if options.resolution is not None and options.surface != "grid":
        raise ValueError(f"--resolution counts cells, so --surface must be grid, got {options.surface}")
    if options.tolerance is not None and options.surface != "smooth":
        raise ValueError(
            f"--tolerance bounds the error of the smooth surface, so --surface must be smooth, got {options.surface}"
        )
    shape = load_shape(options)
    given = {"resolution": options.resolution, "tolerance": options.tolerance, "center_gap": options.center_gap or None}
    with progress() as show:
        show(f"meshing ({options.surface})")
        export_mesh(shape, options.output, options.surface, **_stated(given))
    return {
        "input": options.input,
        "surface": options.surface,
        "bytes": options.output.stat().st_size,
        "outputs": {"mesh": options.output},
    }


def info(options: argparse.Namespace) -> Report:
    """Say what a shape consists of."""
    shape = load_shape(options)
    polytopes = shape.polytopes()
    bounds = [polytope.bounds.detach() for polytope in polytopes if polytope.is_bounded]
    box = torch.stack(bounds) if bounds else None
    return {
        "input": options.input,
        "convexes": shape.n_convexes,
        "halfspaces": shape.n_halfspaces,
        "dtype": str(shape.dtype).removeprefix("torch."),
        "bounds": None if box is None else [box[:, 0].amin(dim=0), box[:, 1].amax(dim=0)],
        "volume": to_trimesh(shape, "union").volume if bounds else 0.0,
        "structure": asdict(metrics.structure(shape)),
        "parts": [
            {
                "part": index,
                "status": polytope.status,
                "message": polytope.message,
                "volume": polytope.volume.detach(),
                "centroid": polytope.centroid.detach(),
                "planes": len(polytope.faces),
                "vertices": len(polytope.vertices),
                "smoothness": shape.smoothness[index],
                "sharpness": torch.as_tensor(shape.sharpness)[index],
            }
            for index, polytope in enumerate(polytopes)
        ],
    }


def score(options: argparse.Namespace) -> Report:
    """Compare a shape with a mesh. Lengths are in units of the mesh's longest side, so that scores can be compared."""
    shape = load_shape(options)
    with progress() as show:
        show("reading")
        unit_mesh, normalization = normalize(read_mesh(options.mesh))
        show("making it solid")
        solid = solidify(unit_mesh)
        show("scoring")
        unit_shape = shape.to(torch.float64).transform(torch.from_numpy(normalization.matrix))
        given = {"n_points": options.points, "n_samples": options.points, "seed": options.seed}
        scores = metrics.score(unit_shape, solid, **_stated(given))
    return {
        "input": options.input,
        "mesh": options.mesh,
        "solid": _described(solid),
        "unit": "longest side of the mesh",
        "scores": scores.to_dict(),
    }


def render(options: argparse.Namespace) -> Report:
    """Draw a shape."""
    check_outputs([options.output], options.input, options.mesh)
    if options.mesh:
        check_extra("render", "embreex", "--mesh")
    shape = load_shape(options)
    given = {
        "size": options.size,
        "view": options.view and tuple(options.view),
        "explode": options.explode,
        "up": options.up,
    }
    with progress() as show:
        show("drawing")
        beside = read_mesh(options.mesh) if options.mesh else None
        size = _draw(options.output, shape, beside, **_stated(given))
    return {"input": options.input, "size": size, "outputs": {"picture": options.output}}


def _stated(given: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the library has the defaults of the others."""
    return {name: value for name, value in given.items() if value is not None}


def _described(solid: Solid) -> Report:
    return {"exact": solid.exact, "method": solid.method, "volume": solid.volume}


def load_shape(options: argparse.Namespace) -> ConvexUnion:
    """The shape that ``input`` and ``index`` name."""
    shape = load(options.input)
    if options.index is None:
        if shape.batch_size:
            raise ValueError(f"{options.input} holds {shape.batch_size.numel()} shapes; choose one with --index")
        return shape
    if len(shape.batch_size) != 1 or options.index >= shape.batch_size[0]:
        held = f"shapes 0 to {shape.batch_size[0] - 1}" if len(shape.batch_size) == 1 else "no list of shapes"
        raise ValueError(f"--index {options.index} is out of range: {options.input} holds {held}")
    return shape[options.index]


def _draw(path: Path, shape: ConvexUnion, mesh: trimesh.Trimesh | None, **options: Any) -> tuple[int, int]:
    image = picture(shape, mesh=mesh, **options)
    save_picture(image, path)
    return image.size


COMMANDS: dict[str, Callable[[argparse.Namespace], Report]] = {
    "fit": fit.run,
    "mesh": mesh,
    "info": info,
    "score": score,
    "render": render,
    "export": export.run,
    "reconstruct": reconstruct.run,
    "prepare": prepare.run,
    "train": train.run,
    "bench": bench.run,
}
