"""``cvxgeom train``: train a model on a prepared dataset, in one process or in those that ``torchrun`` started."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import count, positive
from .settings import changed, setting
from .watching import chosen, held_out, preview, scores_of

if TYPE_CHECKING:
    from ..train import Preview, TrainStep, Validate
    from ..train.named import NamedRun

Report = dict[str, Any]
log = logging.getLogger("cvxgeom")

_SHORTCUTS = ("steps", "batch_size", "learning_rate", "seed", "workers", "device")


def add(commands: argparse._SubParsersAction, common: argparse.ArgumentParser) -> None:
    """The options of the command."""
    command = commands.add_parser(
        "train",
        parents=[common],
        help="train a model on a prepared dataset",
        description="Train a model on a dataset that `cvxgeom prepare` wrote. A run that was stopped at any moment "
        "goes on by the same command. On several GPUs or machines: torchrun --nproc-per-node N -m cvxgeom train ...",
    )
    command.add_argument("datasets", metavar="DATASET", type=Path, nargs="+", help="prepared datasets; one or several")
    command.add_argument("-o", "--output", metavar="RUN", type=Path, required=True, help="folder of the run")
    command.add_argument("--preset", metavar="NAME", required=True, help="model and how it is trained")
    command.add_argument("--steps", type=count(1), metavar="N", help="gradient steps")
    command.add_argument("--batch-size", type=count(1), metavar="N", help="shapes in a step, over all processes")
    command.add_argument("--learning-rate", type=positive, metavar="F", help="its highest value")
    command.add_argument("--seed", type=count(0), metavar="N", help="seed of every random choice")
    command.add_argument("--workers", type=count(0), metavar="N", help="processes that prepare batches (0: a thread)")
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), help="where to compute")
    command.add_argument(
        "--set",
        metavar="FIELD=VALUE",
        action="append",
        default=[],
        type=setting,
        help="any field of cvxgeom.train.TrainConfig, such as --set views=1,4; may be given several times",
    )
    command.add_argument("--split", default="train", metavar="NAME", help="split to learn from (train)")
    command.add_argument("--validation", default="val", metavar="NAME", help="split to validate on (val)")
    command.add_argument("--furniture", action="store_true", help="learn from and validate on furniture alone")
    command.add_argument(
        "--init",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="weights to begin with, instead of random ones; of several files each fills what those before it lack",
    )
    command.add_argument("--cache", action="store_true", help="keep the data in memory, about 6 MB a shape")


def run(options: argparse.Namespace) -> Report:
    """Train; Ctrl-C leaves a checkpoint that the same command goes on from."""
    _check_folder(options.output)

    from ..data import Dataset
    from ..train import PRESETS
    from ..train.named import NamedRun, initialize, named_run

    if options.preset not in PRESETS:
        raise ValueError(f"--preset must be one of {', '.join(sorted(PRESETS))}, got {options.preset!r}")
    model, config, objective = named_run(options.preset)
    given = {name: value for name in _SHORTCUTS if (value := getattr(options, name)) is not None}
    config = changed(config, given, options.set)
    if options.init:
        initialize(model, options.init)
    datasets = tuple(
        chosen(Dataset(path, options.split, cache=options.cache), options.furniture) for path in options.datasets
    )
    shapes = held_out(options.datasets[0], options.validation, options.furniture) if config.validate_every else None
    leads = int(os.environ.get("RANK", "0")) == 0
    if not leads:
        # One process speaks for all.
        log.setLevel(logging.ERROR)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    validate = None if shapes is None else scores_of(objective, shapes, config)
    draw = preview(shapes, config) if shapes is not None and config.preview_every else None
    start = NamedRun(model, config, objective)
    last, scores, canceled = _trained(start, datasets, options.output, validate, draw, leads)
    outputs = {"model": options.output / "model.safetensors", "best": options.output / "best.safetensors"}
    return {
        "preset": options.preset,
        "status": "canceled" if canceled else "finished",
        "shapes": {"train": sum(map(len, datasets)), "validation": 0 if shapes is None else len(shapes)},
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "step": _kept(options.output) if canceled else config.steps if last is None else last.step,
        "steps": config.steps,
        "loss": last and last.loss,
        "seconds": last and last.seconds,
        "data_wait": last and last.data_wait,
        "scores": scores,
        "outputs": {"run": options.output} | {kind: path for kind, path in outputs.items() if path.exists()},
    }


def show(report: Report) -> None:
    """How far it came, how good it is, where it lies."""
    from datetime import timedelta

    from .show import console, print_outputs

    out = console()
    shapes = report["shapes"]
    out.print(
        f"[bold]{report['preset']}[/]: {report['parameters'] / 1e6:.2f} million weights, {shapes['train']} shapes to "
        f"learn from, {shapes['validation']} to validate on"
    )
    reached = f"{report['step'] or 0} of {report['steps']} steps"
    if report["seconds"] is None:
        out.print(f"  {reached}, none of them now")
    else:
        spent = timedelta(seconds=round(report["seconds"]))
        out.print(
            f"  {reached} in {spent}, loss {report['loss']:.4g}, {report['data_wait']:.0%} of it waiting for data"
        )
    for name, value in report["scores"].items():
        out.print(f"  {name.replace('_', ' '):28}{value:.4f}")
    if report["status"] == "canceled":
        out.print("  canceled; the same command goes on from here")
    print_outputs(out, report["outputs"])


def _check_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file; a run is a folder")
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to make {path.name!r} in")


def _trained(
    start: "NamedRun",
    datasets: tuple[Any, ...],
    folder: Path,
    validate: "Validate | None",
    preview: "Preview | None",
    leads: bool,
) -> "tuple[TrainStep | None, dict[str, float], bool]":
    """The last step that was made, the last scores, and whether it was canceled."""
    from ..train import train_steps
    from .progress import progress

    last, scores = None, {}
    model, config, objective = start
    steps = train_steps(model, datasets, objective, config, folder, validate=validate, preview=preview)
    with _termination_as_interrupt(), progress() as told:
        told("starting")
        try:
            for last in steps:
                scores = last.scores or scores
                if leads:
                    told(_line(last, scores), last.step, last.of)
                    if last.scores or last.step % 100 == 0:
                        log.info("step %d of %d: %s", last.step, last.of, _line(last, scores))
        except KeyboardInterrupt:
            return last, scores, True
    return last, scores, False


def _kept(folder: Path) -> int | None:
    """The step that a canceled run goes on from: Ctrl-C may come between the end of a step and the news of it."""
    from ..train.checkpoint import paths

    found = paths(folder / "checkpoints")
    return int(found[0].stem.removeprefix("step-")) if found else None


def _line(step: "TrainStep", scores: dict[str, float]) -> str:
    from datetime import timedelta

    left = timedelta(seconds=round(step.seconds_left))
    speed = f"{step.shapes_per_second:.3g} shapes/s, {step.data_wait:.0%} waiting for data"
    return f"loss {step.loss:.4g}, {speed}, {left} left" + "".join(
        f", {name} {value:.3f}" for name, value in list(scores.items())[:1]
    )


@contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """A cluster that ends a job asks by SIGTERM; that then leaves a checkpoint as Ctrl-C does."""

    def interrupt(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
