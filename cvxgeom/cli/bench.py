"""``cvxgeom bench``: any predictor on any prepared data set."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import decompose
from .arguments import count, distance

if TYPE_CHECKING:
    from ..depth import DepthViews
    from ..evaluate import Learned
    from ..shape import ConvexUnion

Report = dict[str, Any]
TASKS = {
    "depth-to-3d": "predictors of solids from depth views",
    "rgb-to-3d": "predictors of solids from one color view",
}
_MOST_PARTS = 24  # of what is fitted to views: a compact answer is what is asked for
PREDICTORS = ("box", "hull", "carving", "tuned-carving", "visual-hull", "mean", "retrieval")


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "bench",
        help="measure predictors on a prepared data set, or decomposition of meshes",
        description="Measure: tables, curves and pictures in a folder. A run that was cut short goes on where it "
        "stopped if it is started again.",
    )
    tasks = command.add_subparsers(dest="task", metavar="TASK", required=True)
    for task, what in TASKS.items():
        _add_predictors(tasks.add_parser(task, parents=[common], help=what, description=what))
    decompose.add(tasks, common)


def _add_predictors(command: argparse.ArgumentParser) -> None:
    command.add_argument("dataset", metavar="DATASET", type=Path, help="folder that cvxgeom prepare wrote")
    command.add_argument("-o", "--output", metavar="RESULTS", type=Path, required=True, help="folder for the results")
    command.add_argument(
        "--model",
        metavar="NAME=FILE[,FILE]",
        type=_model,
        action="append",
        default=[],
        help="a network under a name of your own: weights (.safetensors) or the name of weights that ship; or two of "
        "them, for one view and for several; repeatable",
    )
    command.add_argument(
        "--predictors",
        metavar="NAMES",
        type=_words(PREDICTORS),
        help=f"built-in ones, or none: {','.join(PREDICTORS)} (all of the task)",
    )
    command.add_argument(
        "--refine",
        action="store_true",
        help="also fit to the depth views alone, and completed by what each --model predicts of convexes: at most "
        f"{_MOST_PARTS} parts",
    )
    command.add_argument(
        "--encoder", metavar="NAME", action="append", default=[], help="also retrieve by the encoder of this --model"
    )
    command.add_argument(
        "--views", metavar="N,...", type=_list(count(1)), help="numbers of views (1,2,4,8,20; of pictures 1)"
    )
    command.add_argument(
        "--noise", metavar="F,...", type=_list(distance), help="of depth, in longest sides (0,0.005,0.01,0.02)"
    )
    command.add_argument(
        "--noisy-views", metavar="N,...", type=_list(count(1)), help="for which noise is tried (least and most views)"
    )
    command.add_argument("--split", metavar="NAME", default="test", help="that is measured (test)")
    command.add_argument("--limit", metavar="N", type=count(1), help="at most so many shapes, evenly spaced")
    command.add_argument("--furniture", action="store_true", help="only shapes that are marked as furniture")
    command.add_argument(
        "--surface-views",
        metavar="N,...",
        type=_list(count(1)),
        help="for which surfaces are compared, too (least and most views)",
    )
    command.add_argument(
        "--learn-from",
        choices=("furniture", "all"),
        help="training shapes that mean shape and retrieval know (furniture, if there is any)",
    )
    command.add_argument("--seed", metavar="N", type=count(0), help="of all samples (0)")
    command.add_argument("--no-pictures", action="store_true", help="draw no cases")


def run(options: argparse.Namespace) -> Report:
    """Load what is to be measured, then let the library do it."""
    if options.task == "decompose":
        return decompose.run(options)
    from ..evaluate import Plan, benchmark, load_learned
    from .progress import progress

    given = {
        "predictors": options.predictors,
        "views": options.views,
        "noise": options.noise,
        "noisy_views": options.noisy_views,
        "surface_views": options.surface_views,
        "furniture": options.furniture,
        "learn_from": options.learn_from,
        "seed": options.seed,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    pictures = not options.no_pictures
    plan = Plan(options.dataset, options.task, split=options.split, limit=options.limit, pictures=pictures, **stated)
    if options.refine and options.task != "depth-to-3d":
        raise ValueError("--refine fits to depth views, which only depth-to-3d has")
    names = [name for name, _ in options.model]
    for name in options.encoder:
        if name not in names:
            raise ValueError(f"--encoder {name} is none of the models: {', '.join(names) or 'no --model was given'}")
    if not options.output.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(options.output.parent)!r} to write results to")
    with progress() as show:
        show("loading")
        learned = [load_learned(name, place, name in options.encoder) for name, place in options.model]
        if options.refine:
            learned = _with_fits(learned)
        notes = [f"Made by `{_command(options)}`."]
        written = benchmark(plan, options.output, learned, notes=notes, report=show)
    group = written.summaries[0].group
    return {
        "group": group,
        "results": [
            {
                "predictor": s.predictor,
                "views": s.n_views,
                "noise": s.noise,
                "shapes": s.n_shapes,
                "failed": s.n_failed,
                **{metric: mean.value for metric, mean in s.means.items()},
            }
            for s in written.summaries
            if s.group == group
        ],
        "skipped": written.skipped,
        "outputs": {"report": options.output / "report.md", "numbers": options.output / "results.json"},
    }


def show(report: Report) -> None:
    """IoU of each predictor for each number of views, and the files."""
    if "contenders" in report:
        decompose.show(report)
        return
    from rich.table import Table

    from .show import console, print_outputs

    out = console()
    clean = [row for row in report["results"] if not row["noise"]]
    views = sorted({row["views"] for row in clean})
    out.print(f"IoU, {report['group']}, {clean[0]['shapes']} shapes")
    table = Table("", *(f"{n} view{'s' * (n > 1)}" for n in views), box=None)
    for name in dict.fromkeys(row["predictor"] for row in clean):
        cells = {row["views"]: f"{row['iou']:.3f}" for row in clean if row["predictor"] == name}
        table.add_row(name, *(cells.get(n, "") for n in views))
    out.print(table)
    for sentence in report["skipped"]:
        out.print(f"  skipped {sentence}")
    print_outputs(out, report["outputs"])


def _with_fits(learned: "list[Learned]") -> "list[Learned]":
    """The same, a refined one beside each that predicts convexes, and a fit to the views without a network."""
    from ..evaluate import ConvexPredictor, Learned
    from ..fit import FitConfig, Refined, fit

    budget = FitConfig(max_parts=_MOST_PARTS)

    def fitted(views: "DepthViews") -> "ConvexUnion":
        return fit(views, budget).shape

    found = []
    for entry in learned:
        found.append(entry)
        if isinstance(entry.predictor, ConvexPredictor):
            refined = Refined(entry.predictor.model, budget)
            name, only = f"{entry.predictor.name}, refined", entry.predictor.only_views
            found.append(Learned(ConvexPredictor(refined, name, only), f"{entry.identity} {budget}"))
    return [*found, Learned(ConvexPredictor(fitted, "fit to the views"), str(budget))]


def _command(options: argparse.Namespace) -> str:
    words = ["cvxgeom", "bench", options.task, options.dataset.name]
    for name, place in options.model:
        words += ["--model", f"{name}={','.join(Path(one).name for one in place.split(','))}"]
    for name in options.encoder:
        words += ["--encoder", name]
    for flag in ("views", "noise", "noisy_views", "surface_views", "predictors"):
        value = getattr(options, flag)
        if value is not None:
            words += [f"--{flag.replace('_', '-')}", ",".join(str(x) for x in value) or "none"]
    for flag in ("limit", "learn_from", "seed"):
        if getattr(options, flag) is not None:
            words += [f"--{flag.replace('_', '-')}", str(getattr(options, flag))]
    for flag in ("furniture", "refine"):
        if getattr(options, flag):
            words.append(f"--{flag}")
    if options.split != "test":
        words += ["--split", options.split]
    return shlex.join([*words, "-o", options.output.name])


def _model(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not equals or not name or not place:
        raise argparse.ArgumentTypeError(f"{text!r} must be NAME=FILE, such as ours=weights.safetensors")
    return name, place


def _words(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    def read(text: str) -> list[str]:
        words = [] if text == "none" else text.split(",")
        for word in words:
            if word not in choices:
                raise argparse.ArgumentTypeError(f"{word!r} must be one of {', '.join(choices)}")
        return words

    return read


def _list(read_one: Callable[[str], Any]) -> Callable[[str], list[Any]]:
    return lambda text: list(dict.fromkeys(read_one(part) for part in text.split(",")))
