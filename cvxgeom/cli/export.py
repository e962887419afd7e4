"""``cvxgeom export``: from a shape to the files of a simulator."""

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import check_extra, count, distance, positive

if TYPE_CHECKING:
    from ..simulation import CheckReport, ExportResult

Report = dict[str, Any]

# What reads a format, and the extra simulation installs.
_READERS = {"mjcf": "mujoco", "urdf": "yourdfpy", "usd": "pxr"}


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "export",
        parents=[common],
        help="write a shape as a rigid body for a simulator",
        description="Write a shape as a rigid body for a simulator: meters, kilograms, z up, one collision geometry "
        "per part; mass and inertia of the union of the parts.",
    )
    command.add_argument("input", metavar="SHAPE", type=Path, help="shape file (.npz)")
    command.add_argument("--index", type=count(0), metavar="N", help="which shape of a file that holds several")
    command.add_argument("-o", "--output", metavar="DIR", required=True, type=Path, help="folder to write to")
    command.add_argument(
        "--format",
        choices=("mjcf", "urdf", "usd"),
        default="mjcf",
        help="MuJoCo (default), ROS and Bullet, or Isaac Sim",
    )
    command.add_argument("--name", help="of the body and its files (that of the shape file)")
    command.add_argument(
        "--scale", type=positive, metavar="F", help="meters to the unit of the shape: 0.001 for millimeters (1)"
    )
    command.add_argument("--up", choices=("y", "z"), help="which axis of the shape points up (y)")
    command.add_argument(
        "--origin",
        choices=("keep", "base"),
        help="of the body: that of the shape (default), or the middle of the bottom of its bounding box",
    )
    weight = command.add_mutually_exclusive_group()
    weight.add_argument("--density", type=positive, metavar="F", help="kg/m³ (1000, that of water)")
    weight.add_argument("--mass", type=positive, metavar="F", help="kg, instead of the density")
    command.add_argument("--margin", type=distance, metavar="F", help="meters that the engine keeps bodies apart (0)")
    command.add_argument("--max-vertices", type=count(4), metavar="N", help="of a collision part (64)")
    command.add_argument("--max-faces", type=count(4), metavar="N", help="of a collision part (any number; usd: 64)")
    command.add_argument(
        "--visual",
        default="union",
        metavar="union|smooth|none|MESH",
        help="what is drawn: the union of the parts (default), the smooth surface, the parts, or a mesh in unit and "
        "frame of the shape",
    )
    command.add_argument(
        "--check", action="store_true", help="read the files by another library, and drop the body on a floor in MuJoCo"
    )


def run(options: argparse.Namespace) -> Report:
    """Write the files, and with --check look at them."""
    from ..data import read_mesh
    from ..simulation import check, export
    from .commands import load_shape
    from .progress import progress

    if options.check:
        for package in {_READERS[options.format], "mujoco"}:
            check_extra("simulation", package, "--check")
    if options.output.exists() and not options.output.is_dir():
        raise ValueError(f"{str(options.output)!r} is a file, and --output must be a folder")
    if not options.output.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(options.output.parent)!r} to make {options.output.name!r} in")
    shape = load_shape(options)
    given = {
        name: getattr(options, name)
        for name in ("density", "mass", "scale", "up", "origin", "margin", "max_vertices", "max_faces")
        if getattr(options, name) is not None
    }
    with progress() as show:
        visual: Any = options.visual
        if visual == "none":
            visual = None
        elif visual not in ("union", "smooth"):
            show("reading")
            visual = read_mesh(Path(visual))
        show("writing")
        name = options.name or _name_of(options.input)
        result = export(shape, options.output, options.format, name=name, visual=visual, **given)
        checked = None
        if options.check:
            show("dropping")
            checked = check(result)
    return {
        "input": options.input,
        "format": options.format,
        "scale": options.scale or 1.0,
        "up": options.up or "y",
        **_described(result),
        "checks": None if checked is None else _checked(checked),
        "problems": [] if checked is None else [found.sentence for found in checked.checks if not found.passed],
        "outputs": {options.format: result.path},
    }


def show(report: Report) -> None:
    """Size and weight, parts, what to know, what the check found."""
    from rich.markup import escape

    from .show import console, print_outputs

    out = console()
    extents = " x ".join(f"{side:.3g}" for side in report["extents"])
    unit = "1 m" if report["scale"] == 1 else f"{report['scale']:g} m"
    out.print(f"[bold]{escape(str(report['input']))}[/]: unit {unit}, {report['up']} up")
    out.print(f"  as [bold]{escape(report['name'])}[/]: {extents} m, z up, {report['mass']:.4g} kg")
    out.print(f"  volume {report['volume']:.4g} m³ of the union, {report['density']:.4g} kg/m³")
    written = [part for part in report["parts"] if part["exported"]]
    most = max(part["vertices"] for part in written)
    parts = "collision part" if len(written) == 1 else "collision parts"
    files = "1 file" if len(report["files"]) == 1 else f"{len(report['files'])} files"
    out.print(f"[bold]{len(written)}[/] {parts} of at most {most} vertices, {files}")
    for warning in report["warnings"]:
        out.print(f"  note: {escape(warning)}")
    for found in report["checks"] or []:
        mark = "[green]ok[/]    " if found["passed"] else "[bold red]failed[/]"
        out.print(f"  {mark} {found['name']:8}{escape(found['sentence'])}")
    print_outputs(out, report["outputs"])


def _name_of(path: Path) -> str:
    """The name of a file as a name that all formats take."""
    name = re.sub(r"\W", "_", path.stem, flags=re.ASCII)
    return name if name.isidentifier() else f"_{name}"


def _described(result: "ExportResult") -> Report:
    body = result.body
    return {
        "name": body.name,
        "extents": body.extents,
        "volume": body.volume,
        "density": body.density,
        "mass": body.mass,
        "center": body.center,
        "inertia": body.inertia,
        "margin": body.margin,
        "parts": [
            {
                "name": part.name,
                "exported": part.status.is_exported,
                "status": part.status,
                "message": part.message,
                "vertices": len(part.vertices),
                "faces": len(part.faces),
            }
            for part in body.parts
        ],
        "files": list(result.files),
        "warnings": list(result.warnings),
    }


def _checked(report: "CheckReport") -> list[Report]:
    return [{"name": found.name, "passed": found.passed, "sentence": found.sentence} for found in report.checks]
