"""``cvxgeom prepare``: from meshes to a dataset."""

import argparse
from pathlib import Path
from typing import Any

from .arguments import count

Report = dict[str, Any]

_LONGEST_LIST = 20


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "prepare",
        parents=[common],
        help="make a dataset of many meshes",
        description="Make a dataset for training and evaluation: points with labels, depth maps, pictures. A run that "
        "was interrupted goes on where it was.",
    )
    command.add_argument(
        "source",
        metavar="SOURCE",
        type=Path,
        help="a folder of meshes (class/mesh.obj), .sh3f libraries, a ShapeNet tree, Occupancy Networks' points, "
        "TFRecord files of CvxNet, pybullet's random objects, or generated:N for N pieces of furniture drawn at "
        "random; with --check a dataset",
    )
    command.add_argument("-o", "--output", metavar="DATASET", type=Path, help="folder of the dataset")
    command.add_argument("--split-file", type=Path, metavar="CSV", help="which shape belongs to which split")
    command.add_argument("--workers", type=count(1), metavar="N", help="number of processes (one for each core)")
    command.add_argument("--seed", type=count(0), metavar="N", help="seed of every random choice (0)")
    command.add_argument("--rgb", action="store_true", help="also render pictures, with materials; needs OpenGL (EGL)")
    command.add_argument("--views", type=count(0), metavar="N", help="depth maps of each shape, at most 20 (20)")
    command.add_argument("--limit", type=count(1), metavar="N", help="use only so many shapes, spread over all")
    command.add_argument("--check", action="store_true", help="look at every shape of the dataset SOURCE instead")
    command.add_argument(
        "--ray", metavar="ADDRESS", help='let a Ray cluster do the work: host:port, "auto", or "local" for one here'
    )


def run(options: argparse.Namespace) -> Report:
    """Prepare a dataset, or check one."""
    from ..prepare import PrepareConfig, check_dataset, prepare
    from .progress import progress

    if options.check:
        with progress() as show:
            return check_dataset(options.source, show)
    if options.output is None:
        raise ValueError("say with -o where to write the dataset")
    given = {"seed": options.seed, "rgb": options.rgb, "n_views": options.views}
    config = PrepareConfig(**{name: value for name, value in given.items() if value is not None})
    with progress() as show:
        show("looking for shapes")
        return prepare(
            options.source,
            options.output,
            config,
            split_file=options.split_file,
            n_workers=options.workers,
            limit=options.limit,
            ray=options.ray,
            progress=show,
        )


def show(report: Report) -> None:
    """What the dataset holds, what was refused and why."""
    from rich.markup import escape
    from rich.table import Table

    from .show import console, print_outputs

    out = console()
    if "problems" in report:
        out.print(f"[bold]{escape(str(report['dataset']))}[/]: {report['shapes']} shapes")
        for problem in report["problems"]:
            out.print(f"  [red]problem[/]: {escape(problem)}")
        if not report["problems"]:
            out.print("  every file and every shape is as it should be")
        return
    statistics = report["statistics"]
    out.print(
        f"[bold]{report['used']}[/] shapes used, {len(report['refused'])} refused; "
        f"{report['computed']} of them computed now, {report['seconds']:.0f} s"
    )
    for refusal in report["refused"][:_LONGEST_LIST]:
        out.print(f"  refused {escape(refusal['source'])}: {escape(refusal['reason'])}")
    if len(report["refused"]) > _LONGEST_LIST:
        out.print(f"  ... and {len(report['refused']) - _LONGEST_LIST} more; manifest.json lists all")
    if report["no_pictures"]:
        out.print(f"  [yellow]no pictures[/]: {escape(report['no_pictures'])}")
    for refusal in report["without_rgb"][:_LONGEST_LIST]:
        out.print(f"  no pictures of {escape(refusal['source'])}: {escape(refusal['reason'])}")
    splits = list(statistics["splits"])
    table = Table("class", *splits, box=None)
    for name, counts in statistics["classes"].items():
        table.add_row(escape(name), *(str(counts.get(split, 0)) for split in splits))
    table.add_row("[bold]all", *(str(statistics["splits"][split]) for split in splits))
    out.print(table)
    out.print(f"  closed surfaces, labels exact: {statistics['exact']}; thin: {statistics['thin']}")
    if statistics["volume"]:
        volume = ", ".join(f"{value:.4f}" for value in statistics["volume"].values())
        out.print(f"  volume in cubes of the longest side, deciles 1, 5, 9: {volume}")
    for license, n in statistics["licenses"].items():
        out.print(f"  license {escape(license or 'unknown')}: {n}")
    print_outputs(out, report["outputs"])
