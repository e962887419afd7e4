"""The training loop of any model."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from .batches import Batches
from .config import TrainConfig
from .distributed import team
from .estimated import estimated
from .run import BEST, MODEL, Objective, Preview, Run, Validate
from .steps import TrainStep


@dataclass(frozen=True)
class TrainResult:
    """What a run came to.

    Args:
        steps: done.
        loss: of the last one; None if this call made none.
        scores: of the last validation of this call.
        seconds: over all resumptions.
        model: file of the averaged weights; None where another process wrote it.
        best: file of the averaged weights with the best validation score; None if there was no validation.
    """

    steps: int
    loss: float | None
    scores: dict[str, float]
    seconds: float
    model: Path | None
    best: Path | None


def train(
    model: nn.Module,
    datasets: Any,
    objective: Objective,
    config: TrainConfig,
    folder: str | os.PathLike,
    *,
    validate: Validate | None = None,
    preview: Preview | None = None,
) -> TrainResult:
    """Train a model; goes on from the newest checkpoint in the folder if there is one.

    Arguments and errors as for `train_steps`. In the end the model holds the averaged weights.

    Args:
        model: to train.
        datasets: one, or a tuple of several.
        objective: what to make small.
        config: of the run.
        folder: of the run.
        validate: scores a model.
        preview: draws what a model makes of validation shapes.

    Returns:
        Where the run ended, and its files.
    """
    last, scores = None, {}
    for last in train_steps(model, datasets, objective, config, folder, validate=validate, preview=preview):
        scores = last.scores or scores
    return result_of(config, folder, last, scores)


def result_of(
    config: TrainConfig, folder: str | os.PathLike, last: TrainStep | None, scores: dict[str, float]
) -> TrainResult:
    """What a run came to, from the last of its steps that were made here (None: all were made before)."""
    model, best = Path(folder) / MODEL, Path(folder) / BEST
    return TrainResult(
        config.steps if last is None else last.step,
        None if last is None else last.loss,
        scores,
        0.0 if last is None else last.seconds,
        model if model.exists() else None,
        best if best.exists() else None,
    )


def train_steps(
    model: nn.Module,
    datasets: Any,
    objective: Objective,
    config: TrainConfig,
    folder: str | os.PathLike,
    *,
    validate: Validate | None = None,
    preview: Preview | None = None,
) -> Iterator[TrainStep]:
    """The steps of `train`, as they are made: for progress, or to stop early.

    Goes on from the newest checkpoint in the folder, and the steps are then the very ones that an uninterrupted run
    would have made: bit for bit on a CPU with the same number of threads and processes. Whatever ends it early, Ctrl-C
    included, leaves a checkpoint of the last step. After the last step ``model`` holds the averaged weights, and they
    are written to ``model.safetensors``. Started by ``torchrun``, each process has to call it with the same arguments.

    Args:
        model: to train, with its initial weights; they must be the same in all processes.
        datasets: `cvxgeom.data.Dataset` or any sequence of records; a tuple of them for several.
        objective: what to make small.
        config: of the run.
        folder: of the run; made if it is not there.
        validate: scores the averaged weights every so many steps; the best ones are kept in ``best.safetensors``.
        preview: draws what they make of validation shapes.

    Raises:
        ValueError: the folder holds a run of another config, model or data, or only damaged checkpoints; or inputs are
            "estimated" and the model does not estimate depth.
        NotFiniteError: loss or gradient became NaN or infinite.
        ImportError: safetensors is not installed.
    """
    if config.inputs == "estimated":
        datasets = estimated(model, datasets if isinstance(datasets, tuple) else (datasets,))
    with team(config.device) as mates:
        run = Run(model, Batches(datasets, config, mates.rank, mates.world), objective, Path(folder), mates)
        yield from run.steps(validate, preview)
