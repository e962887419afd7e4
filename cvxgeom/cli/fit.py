"""``cvxgeom fit``: from meshes to unions of convex parts."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .._files import EXPORT_ENDINGS
from .arguments import check_extra, check_outputs, count, path_ending, positive

if TYPE_CHECKING:
    from ..fit import FitConfig

Report = dict[str, Any]

COACD = "coacd"
_LONGEST_LIST = 50


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "fit",
        parents=[common],
        help="decompose meshes into convex parts",
        description="Decompose a mesh into convex parts; or several, or all in a folder, each in a process of its own, "
        "with a line for each in OUT/fits.jsonl. A run over a folder that was cut short goes on where it stopped.",
    )
    command.add_argument(
        "input",
        metavar="MESH",
        type=Path,
        nargs="+",
        help="any triangle mesh, it need not be closed; a point cloud (.ply, .xyz, .npz, .npy); an occupancy grid "
        "(.npz, .npy, .binvox); or a folder",
    )
    command.add_argument(
        "-o", "--output", metavar="OUT", required=True, type=_output, help="shape to write (.npz), or a folder for them"
    )
    command.add_argument(
        "--mesh",
        type=_file_or_ending(*EXPORT_ENDINGS),
        metavar="OUT.glb",
        help="also write the parts as a mesh; .glb alone names it like the shape",
    )
    command.add_argument(
        "--picture",
        type=_file_or_ending(".png"),
        metavar="OUT.png",
        help="also draw input and parts; .png alone names it like the shape",
    )
    effort = command.add_argument_group("effort and limits, for each mesh")
    effort.add_argument("--quality", choices=("fast", "balanced", "best"), help="time against accuracy (balanced)")
    effort.add_argument("--max-error", type=positive, metavar="F", help="good enough: mean distance of the surfaces")
    effort.add_argument("--max-parts", "--parts", type=count(1), metavar="N", help="at most this many convex parts")
    effort.add_argument(
        "--max-planes", "--halfspaces", type=count(6), metavar="N", help="at most this many planes per part"
    )
    effort.add_argument("--max-vertices", type=count(8), metavar="N", help="at most this many corners per part")
    effort.add_argument("--time", type=positive, metavar="SECONDS", help="return the best shape until then")
    effort.add_argument("--steps", type=count(0), metavar="N", help="steps of gradient refinement")
    effort.add_argument(
        "--bound", choices=("inner", "outer"), help="inner: stay within the solid; outer: cover all of it"
    )
    effort.add_argument("--symmetry", choices=("x", "y", "z"), help="make it its own mirror image")
    effort.add_argument("--min-thickness", type=positive, metavar="F", help="a ball this wide fits into each part")
    effort.add_argument("--disjoint", action="store_true", help="let no two parts overlap")
    effort.add_argument("--seed", type=count(0), metavar="N", help="seed of every random choice")
    command.add_argument(
        "--init",
        metavar="FILE|coacd",
        help="start from a shape (.npz), from a folder of shapes named like the meshes, or from CoACD's parts",
    )
    command.add_argument(
        "--refine", action="store_true", help="start from the shape that OUT holds already, unless --init names another"
    )
    command.add_argument("--keep", action="store_true", help="on Ctrl-C write the shape reached so far")
    command.add_argument("--workers", type=count(1), metavar="N", help="number of processes (one for each core)")
    command.add_argument(
        "--ray", metavar="ADDRESS", help='let a Ray cluster do the work: host:port, "auto", or "local" for one here'
    )


def run(options: argparse.Namespace) -> Report:
    """Fit one mesh to a file, or several to a folder."""
    if options.picture:
        check_extra("render", "embreex", "--picture")
    if options.init == COACD:
        check_extra("bench", "coacd", "--init coacd")
    elif options.init and not Path(options.init).exists():
        raise FileNotFoundError(f"there is no file {options.init!r} to start from")
    if options.output.suffix == ".npz":
        return _one(options)
    return _several(options)


def show(report: Report) -> None:
    """What came out; of several what they have in common, and which failed."""
    from .show import console

    if "folder" in report:
        _show_several(report, console())
    else:
        _show_one(report, console())


def _one(options: argparse.Namespace) -> Report:
    path, output = options.input[0], options.output
    if len(options.input) > 1 or path.is_dir():
        raise ValueError(f"{str(output)!r} is one file; say with -o which folder gets the shapes of several meshes")
    outputs = {"shape": output, "mesh": _beside(output, options.mesh), "picture": _beside(output, options.picture)}
    check_outputs(list(outputs.values()), path)
    for option, given in (("--ray", options.ray), ("--workers", options.workers)):
        if given:
            raise ValueError(f"{option} is for several meshes; say with -o which folder gets their shapes")
    saved = output if options.refine and not options.init else None
    if saved and not saved.is_file():
        raise FileNotFoundError(f"there is no shape {str(output)!r} to refine; name another one with --init")

    from ..fit.files import fit_file
    from ..mesh import export_mesh
    from ..render import picture, save_picture
    from .progress import progress

    with progress() as show:
        fitted = fit_file(path, _config(options), start=saved or options.init, keep=options.keep, progress=show)
        shape = fitted.result.shape
        show("writing")
        shape.save(output)
        if outputs["mesh"]:
            export_mesh(shape, outputs["mesh"])
        if outputs["picture"]:
            save_picture(picture(shape, mesh=fitted.mesh), outputs["picture"])
    return {
        "input": path,
        **fitted.report(),
        "outputs": {kind: place for kind, place in outputs.items() if place},
    }


def _several(options: argparse.Namespace) -> Report:
    for option, given in (("--mesh", options.mesh), ("--picture", options.picture)):
        if isinstance(given, Path):
            raise ValueError(f"{option} {given} is one file; {option} {given.suffix} writes one beside each shape")
    if options.keep:
        raise ValueError("--keep is for a single mesh; in a folder, what is finished is kept anyway")

    from ..fit.folder import REFINE, fit_folder
    from .progress import progress

    with progress() as show:
        show("looking for meshes")
        return fit_folder(
            options.input,
            options.output,
            _config(options),
            start=options.init or (REFINE if options.refine else None),
            mesh_ending=options.mesh,
            pictures=options.picture is not None,
            n_workers=options.workers,
            ray=options.ray,
            progress=show,
        )


def _config(options: argparse.Namespace) -> "FitConfig":
    from ..fit import FitConfig

    given = {
        "max_parts": options.max_parts,
        "max_halfspaces": options.max_planes,
        "max_vertices": options.max_vertices,
        "max_error": options.max_error,
        "max_seconds": options.time,
        "n_steps": options.steps,
        "bound": options.bound,
        "symmetry": options.symmetry,
        "min_thickness": options.min_thickness,
        "disjoint": options.disjoint or None,
        "seed": options.seed,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    return FitConfig.preset(options.quality or "balanced", **stated)


def _output(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".npz", "") and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} must end in .npz, or be a folder")
    return path


def _file_or_ending(*suffixes: str) -> Any:
    """A path with one of these endings, or the ending alone (as text)."""
    read = path_ending(*suffixes)
    return lambda text: text if text in suffixes else read(text)


def _beside(output: Path, given: Path | str | None) -> Path | None:
    return output.with_suffix(given) if isinstance(given, str) else given


def _show_one(report: Report, out: Any) -> None:
    from rich.markup import escape

    from .show import print_outputs

    name = f"[bold]{escape(str(report['input']))}[/]"
    if "points" in report:
        out.print(f"{name}: {report['points']} points {'with' if report['normals'] else 'without'} normals")
    elif "cells" in report:
        out.print(f"{name}: a grid of {' × '.join(map(str, report['cells']))} cells")
    else:
        solid = report["solid"]
        out.print(f"{name}: {report['faces']} triangles, volume {solid['volume']:.4g}")
        out.print(f"  inside and outside: {escape(solid['method'])}")
    made = report["structure"]
    out.print(f"[bold]{made['n_parts']}[/] convex parts with {made['n_planes']} planes, {report['seconds']:.1f} s")
    out.print(f"  {report['message']}")
    for name, value in report["scores"].items():
        if value is None:  # of what the source does not tell, such as a surface
            continue
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        out.print(f"  {name.replace('_', ' '):28}{text}")
    print_outputs(out, report["outputs"])


def _show_several(report: Report, out: Any) -> None:
    from rich.markup import escape

    from .show import print_outputs

    out.print(
        f"[bold]{report['shapes']}[/] meshes fitted, {report['failed']} failed; "
        f"{report['fitted']} of them worked on now, {report['seconds']:.0f} s"
    )
    if means := report["means"]:
        out.print(
            f"  in the mean: IoU {means['iou']:.4f}, {means['parts']:.1f} parts with {means['planes']:.0f} planes, "
            f"{means['seconds']:.1f} s"
        )
    print_outputs(out, report["outputs"])
    for problem in report["problems"][:_LONGEST_LIST]:
        out.print(f"  [red]failed[/] {escape(problem)}")
    if len(report["problems"]) > _LONGEST_LIST:
        out.print(f"  ... and {len(report['problems']) - _LONGEST_LIST} more; fits.jsonl lists all")
