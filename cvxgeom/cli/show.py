"""What a command says in the end, for a person; a machine asks for ``--json``."""

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from . import bench, export, fit, prepare, reconstruct, train

Report = dict[str, Any]

_LONGEST_TABLE = 60


def show_mesh(report: Report) -> None:
    """The file, its surface and size."""
    out = console()
    out.print(f"surface: {report['surface']}, {report['bytes'] / 1000:.1f} kB")
    print_outputs(out, report["outputs"])


def show_info(report: Report) -> None:
    """A line on the whole, a row for each part."""
    out = console()
    made = report["structure"]
    out.print(f"[bold]{escape(str(report['input']))}[/]: {made['n_parts']} solid parts, {made['n_left_out']} left out")
    out.print(f"  {report['convexes']} convexes of {report['halfspaces']} half-spaces, {report['dtype']}")
    out.print(f"  {made['n_planes']} planes, {made['n_vertices']} vertices, volume {report['volume']:.6g}")
    if report["bounds"] is not None:
        low, high = ("(" + ", ".join(f"{float(x):.4g}" for x in corner) + ")" for corner in report["bounds"])
        out.print(f"  from {low} to {high}")
    table = Table("part", "status", "volume", "planes", "vertices", "δ", "σ", box=None)
    for row in report["parts"][:_LONGEST_TABLE]:
        sizes = f"{float(row['volume']):.4g}", str(row["planes"]), str(row["vertices"])
        softness = f"{float(row['smoothness']):.4g}", f"{float(row['sharpness']):.4g}"
        table.add_row(str(row["part"]), row["status"].value, *sizes, *softness)
    out.print(table)
    if len(report["parts"]) > _LONGEST_TABLE:
        out.print(f"  ... and {len(report['parts']) - _LONGEST_TABLE} more; --json lists all")


def show_score(report: Report) -> None:
    """The scores, one a line."""
    out = console()
    out.print(f"[bold]{escape(str(report['input']))}[/] against {escape(str(report['mesh']))}")
    out.print(f"  inside and outside: {escape(report['solid']['method'])}; lengths in units of its longest side")
    volume, smooth, surface, made = (report["scores"][part] for part in ("iou", "iou_smooth", "surface", "structure"))
    lines = {
        "IoU": f"{volume['value']:.4f} ± {volume['standard_error']:.4f}",
        "IoU of the smooth shape": f"{smooth['value']:.4f} ± {smooth['standard_error']:.4f}",
        "outside of the mesh": f"{volume['over_coverage']:.2%} of the shape",
        "missed": f"{volume['under_coverage']:.2%} of the mesh",
        "Chamfer, L1 mean": f"{surface['chamfer_l1_mean']:.5f} (equal surfaces: {surface['sampling_floor']:.5f})",
        f"F-score at {surface['tau']:g}": f"{surface['f_score']:.4f}",
        "normal consistency": f"{surface['normal_consistency']:.4f}",
        "parts, planes, vertices": f"{made['n_parts']}, {made['n_planes']}, {made['n_vertices']}",
        "drawn": f"{volume['n_points']} points, {surface['n_samples']} on each surface, seed {surface['seed']}",
    }
    for name, value in lines.items():
        out.print(f"  {name:28}{value}")


def show_render(report: Report) -> None:
    """The picture and its size."""
    out = console()
    out.print("{} x {} pixels".format(*report["size"]))
    print_outputs(out, report["outputs"])


def show_doctor(report: Report) -> None:
    """Versions, what runs, what is missing."""
    out = console()
    for name, version in report["versions"].items():
        out.print(f"{name:14}{escape(version)}")
    for package in report["packages"]:
        if package["version"]:
            out.print(f"{package['name']:14}{package['version']}")
    out.print(f"\n[bold]runs on[/]       {escape(report['device'] or 'nothing: torch does not import')}")
    for name, sentence in report["backends"].items():
        out.print(f"[bold]{name:14}[/]{escape(sentence)}")
    for problem in report["problems"]:
        out.print(f"\n[bold red]problem[/]: {escape(problem)}")
    if report["advice"]:
        out.print("\n[bold]not installed[/], and not needed by the core:")
    for sentence in report["advice"]:
        out.print(f"  {escape(sentence)}")
    if not report["problems"]:
        out.print("\nEverything that the core needs is here.")


def console() -> Console:
    """Where results are written."""
    return Console(highlight=False, soft_wrap=True)


def print_outputs(out: Console, outputs: Report) -> None:
    """The files that were written, one a line."""
    for kind, path in outputs.items():
        out.print(f"{kind:8}[bold]{escape(str(path))}[/]")


SHOW: dict[str, Callable[[Report], None]] = {
    "fit": fit.show,
    "mesh": show_mesh,
    "info": show_info,
    "score": show_score,
    "render": show_render,
    "export": export.show,
    "reconstruct": reconstruct.show,
    "prepare": prepare.show,
    "train": train.show,
    "bench": bench.show,
    "doctor": show_doctor,
}
