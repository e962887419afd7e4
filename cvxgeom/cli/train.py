"""``cvxgeom train``: train a model on a prepared dataset, in one process or in those that ``torchrun`` started."""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import check_extra, count, positive

if TYPE_CHECKING:
    from ..data import Dataset, Record
    from ..train import TrainConfig, TrainStep

Report = dict[str, Any]
log = logging.getLogger("cvxgeom")

_N_PREVIEWS = 4  # validation shapes in a picture
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
        type=_setting,
        help="any field of cvxgeom.train.TrainConfig, such as --set views=1,4; may be given several times",
    )
    command.add_argument("--split", default="train", metavar="NAME", help="split to learn from (train)")
    command.add_argument("--validation", default="val", metavar="NAME", help="split to validate on (val)")
    command.add_argument("--furniture", action="store_true", help="learn from and validate on furniture alone")
    command.add_argument("--init", type=Path, metavar="FILE", help="weights to begin with, instead of random ones")
    command.add_argument("--cache", action="store_true", help="keep the data in memory, about 6 MB a shape")


def run(options: argparse.Namespace) -> Report:
    """Train; Ctrl-C leaves a checkpoint that the same command goes on from."""
    _check_folder(options.output)

    from ..data import Dataset

    model, config, objective = _preset(options.preset)
    config = changed(config, options)
    if options.init is not None:
        initialize(model, options.init)
    datasets = tuple(
        _chosen(Dataset(path, options.split, cache=options.cache), options.furniture) for path in options.datasets
    )
    validation = _validation(options, config)
    leads = int(os.environ.get("RANK", "0")) == 0
    if not leads:
        # One process speaks for all.
        log.setLevel(logging.ERROR)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    last, scores, canceled = _trained(model, datasets, objective, config, options.output, validation, leads)
    outputs = {"model": options.output / "model.safetensors", "best": options.output / "best.safetensors"}
    return {
        "preset": options.preset,
        "status": "canceled" if canceled else "finished",
        "shapes": {"train": sum(map(len, datasets)), "validation": 0 if validation is None else len(validation)},
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


def changed(config: "TrainConfig", options: argparse.Namespace) -> "TrainConfig":
    """A preset with the fields that the command line gives.

    Raises:
        ValueError: there is no such field, or a value cannot be read or is out of range.
    """
    from dataclasses import fields, replace

    kinds = {field.name: type(getattr(config, field.name)) for field in fields(config)}
    given = {name: value for name in _SHORTCUTS if (value := getattr(options, name)) is not None}
    for name, text in options.set:
        if name not in kinds:
            raise ValueError(f"--set {name} must be a field of TrainConfig, one of {', '.join(kinds)}")
        given[name] = _value(name, text, getattr(config, name))
    return replace(config, **given)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} must be FIELD=VALUE")
    return name.replace("-", "_"), value


def _value(name: str, text: str, like: Any) -> Any:
    """A value of the type of another one."""
    try:
        if isinstance(like, bool):
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        if isinstance(like, tuple):
            return tuple(type(entry)(part) for entry, part in zip(like, text.split(","), strict=True))
        return type(like)(text)
    except (ValueError, KeyError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number", tuple: "two numbers, A,B"}
        raise ValueError(f"--set {name} must be {wanted[type(like)]}, got {text!r}") from None


def _check_folder(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise ValueError(f"{str(path)!r} is a file; a run is a folder")
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to make {path.name!r} in")


def _preset(name: str) -> tuple[Any, "TrainConfig", Any]:
    """Model, config and objective of a name; equal weights in all processes."""
    import torch

    from ..models import preset
    from ..train import PRESETS
    from ..train.objectives import objective_of
    from ..train.presets import MODEL_OF

    if name not in PRESETS:
        raise ValueError(f"--preset must be one of {', '.join(sorted(PRESETS))}, got {name!r}")
    with torch.random.fork_rng():
        torch.manual_seed(PRESETS[name].seed)
        return preset(MODEL_OF.get(name, name)), PRESETS[name], objective_of(name)


def initialize(model: Any, path: Path) -> None:
    """Weights of a file for a model, or for all of it but some parts of its own, such as one that looks at colors.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file has weights that the model lacks, or of other sizes.
    """
    weights, own = type(model).load(path).state_dict(), model.state_dict()
    odd = [name for name, value in weights.items() if name not in own or own[name].shape != value.shape]
    if odd:
        raise ValueError(f"the weights in {str(path)!r} are those of another model than the preset's, such as {odd[0]}")
    if fresh := sorted({name.split(".")[0] for name in own.keys() - weights.keys()}):
        log.warning("%s has no weights for %s, which begins with random ones", path, ", ".join(fresh))
    model.load_state_dict(weights, strict=False)


def _validation(options: argparse.Namespace, config: "TrainConfig") -> "Dataset | Sequence[Record] | None":
    """The split to validate on, of the first dataset; None where there is none or nobody wants it."""
    from ..data import Dataset

    if not config.validate_every:
        return None
    try:
        found = Dataset(options.datasets[0], options.validation)
    except ValueError as error:
        if "split must be one of" not in str(error):
            raise
        log.warning("%s; nothing is validated", error)
        return None
    found = _chosen(found, options.furniture)
    return found if len(found) else None


def _chosen(dataset: "Dataset", furniture: bool) -> "Dataset | Sequence[Record]":
    """All shapes of a dataset, or those that are marked as furniture."""
    return [record for record in dataset if record.furniture] if furniture else dataset


def _trained(
    model: Any,
    datasets: "tuple[Dataset | Sequence[Record], ...]",
    objective: Any,
    config: "TrainConfig",
    folder: Path,
    validation: "Dataset | Sequence[Record] | None",
    leads: bool,
) -> "tuple[TrainStep | None, dict[str, float], bool]":
    """The last step that was made, the last scores, and whether it was canceled."""
    from ..train import MeanIoU, train_steps
    from ..train.monocular import DepthObjective, MeanDepthError
    from .progress import progress

    validate = preview = None
    if validation is not None:
        validate = MeanIoU(validation, config.views[1], depth_stride=config.depth_stride, inputs=config.inputs)
        if isinstance(objective, DepthObjective):
            validate = MeanDepthError(validation, n_views=4)
        preview = _preview(validation, config) if config.preview_every else None
    last, scores = None, {}
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


def _preview(validation: "Dataset | Sequence[Record]", config: "TrainConfig") -> Any:
    """Draws what a model makes of a few validation shapes, beside the truth.

    Raises:
        ImportError: embreex is not installed.
    """
    from ..color import ColorViews
    from ..depth import DepthViews
    from ..evaluate.cases import draw_cases
    from ..evaluate.learned import ConvexPredictor, FieldPredictor
    from ..shape import ConvexUnion
    from ..train.validation import first_views

    check_extra("render", "embreex", "--set preview_every")
    chosen = sorted({i * len(validation) // _N_PREVIEWS for i in range(_N_PREVIEWS)})
    cases = [(validation[i], validation[i].label) for i in chosen]

    def see(record: Any) -> Any:
        views = first_views([record], config.views[1], config.depth_stride, config.inputs)
        if isinstance(views, DepthViews):
            return DepthViews(views.depth[0], views.intrinsics[0], views.extrinsics[0])
        return ColorViews(views.rgb[0], views.mask[0], views.intrinsics[0], views.extrinsics[0])

    def draw(model: Any, progress: float) -> Any:
        def predict(views: Any) -> Any:
            device = next(model.parameters()).device
            return model(views.to(device))

        predictor = ConvexPredictor if isinstance(predict(see(cases[0][0])), ConvexUnion) else FieldPredictor
        return draw_cases(cases, [predictor(predict, f"after {progress:.0%}")], see)

    return draw


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
