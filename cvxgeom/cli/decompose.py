"""``cvxgeom bench decompose``: decomposition into convexes, ours beside the tools that people use."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from .arguments import count, positive

Report = dict[str, Any]
CONTENDERS = ("balanced", "fast", "best", "coacd", "coacd-capped", "vhacd", "components", "box", "hull")
_SHOWN = {
    "IoU": ("iou", "{:.3f}"),
    "parts": ("parts", "{:.1f}"),
    "planes each": ("planes_per_part", "{:.1f}"),
    "processor s": ("cpu_seconds", "{:.2f}"),
    "failed": ("failed", "{:.0f}"),
    "of": ("shapes", "{:.0f}"),
}
SETS = ("furniture", "furniture-scan", "objects", "objects-scan")


def add(tasks: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the task."""
    command = tasks.add_parser(
        "decompose",
        parents=[common],
        help="decomposition of meshes into convexes",
        description="Decompose meshes with every contender, each in a process of its own on one thread, and measure "
        "the exact polytopes. A run that was cut short goes on where it stopped.",
    )
    command.add_argument("meshes", metavar="MESH", type=Path, nargs="*", help="meshes of your own")
    command.add_argument("-o", "--output", metavar="RESULTS", type=Path, required=True, help="folder for the results")
    command.add_argument("--furniture", metavar="DIR", type=Path, help="folder of .sh3f libraries: two sets")
    command.add_argument("--split-file", metavar="CSV", type=Path, help="tells the test shapes of --furniture")
    command.add_argument("--objects", metavar="DIR", type=Path, help="pybullet_data or its random_urdfs: two sets")
    command.add_argument("--set", metavar="NAME", action="append", choices=SETS, help=f"only these: {', '.join(SETS)}")
    command.add_argument(
        "--contender", metavar="NAME", action="append", choices=CONTENDERS, help=f"only these: {', '.join(CONTENDERS)}"
    )
    command.add_argument("--split", metavar="NAME", default="test", help="of the sources (test)")
    command.add_argument("--n", metavar="N", type=count(1), help="at most so many shapes of each set, spread over it")
    command.add_argument(
        "--limit", metavar="SECONDS", type=positive, default=240.0, help="of the processor, for each call (240)"
    )
    command.add_argument(
        "--again",
        metavar="NAME",
        action="append",
        default=[],
        choices=CONTENDERS,
        help="forget what this contender did in all sets, because it has changed since; repeatable",
    )
    command.add_argument("--no-pictures", action="store_true", help="draw no cases")
    command.add_argument("--report-only", action="store_true", help="measure nothing, write the report again")


def run(options: argparse.Namespace) -> Report:
    """Measure what is missing, write the report."""
    from ..decomposition import CONTENDERS as KNOWN
    from ..decomposition import measure, own_cases, source_cases, write_report
    from ..decomposition.run import forget, read_rows
    from ..decomposition.tables import figures
    from .progress import progress

    if not options.output.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(options.output.parent)!r} to write results to")
    options.output.mkdir(exist_ok=True)
    cases = {}
    if options.meshes:
        cases["meshes"] = own_cases(options.meshes)
    for name, path in (("furniture", options.furniture), ("objects", options.objects)):
        if path is not None and not options.report_only:
            split_file = options.split_file if name == "furniture" else None
            cases |= source_cases(name, path, split_file, options.split, options.set)
    if options.n:
        cases = {name: chosen[: options.n] for name, chosen in cases.items()}
    names = options.contender or list(CONTENDERS)
    missing = [name for name in names if not KNOWN[name].is_installed]
    names = [name for name in names if name not in missing]
    if not options.report_only:
        if not cases:
            raise ValueError("there must be something to decompose: MESH, --furniture or --objects")
        if options.again:
            forget(options.output, options.again)
        total = sum(map(len, cases.values())) * len(names)
        with progress() as told:
            for number, row in enumerate(measure(cases, names, options.output, options.limit), 1):
                iou = f"IoU {row.scores['iou']:.3f}" if row.scores else row.status
                told(f"{row.set} {row.shape}: {row.contender} {iou}", number, total)
    rows = read_rows(options.output)
    if not rows:
        raise ValueError(f"there must be rows to report, got none in {str(options.output)!r}")
    files = write_report(options.output, rows, [f"Made by `{_command(options)}`."], pictures=not options.no_pictures)
    sets = dict.fromkeys(row.set for row in rows)
    return {
        "contenders": list(dict.fromkeys(row.contender for row in rows)),
        "results": {name: figures([row for row in rows if row.set == name]) for name in sets},
        "skipped": [f"{name}: {KNOWN[name].package} is not installed" for name in missing],
        "rows": len(rows),
        "outputs": {"report": files[0], "numbers": options.output / "results.json"},
    }


def show(report: Report) -> None:
    """What matters most of each set, and the files."""
    from rich.table import Table

    from .show import console, print_outputs

    out = console()
    for name, contenders in report["results"].items():
        table = Table(name, *_SHOWN, box=None)
        for contender, known in contenders.items():
            cells = [form.format(known[key]) if key in known else "" for key, form in _SHOWN.values()]
            table.add_row(contender, *cells)
        out.print(table)
    for sentence in report["skipped"]:
        out.print(f"  skipped {sentence}")
    print_outputs(out, report["outputs"])


def _command(options: argparse.Namespace) -> str:
    words = ["cvxgeom", "bench", "decompose", *(path.name for path in options.meshes)]
    for flag in ("furniture", "split_file", "objects"):
        if (path := getattr(options, flag)) is not None:
            words += [f"--{flag.replace('_', '-')}", path.name]
    for flag in ("set", "contender"):
        words += [word for value in getattr(options, flag) or () for word in (f"--{flag}", value)]
    if options.n:
        words += ["--n", str(options.n)]
    return shlex.join([*words, "--limit", f"{options.limit:g}", "-o", options.output.name])
