"""Runs by name: a model with fresh weights, how it is trained, and on what it begins."""

import logging
import os
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from .._checks import check_choice
from ..models import CvxNet, FieldNet, preset
from ..models.weights import read_state
from .config import TrainConfig
from .objectives import objective_of
from .presets import MODEL_OF, PRESETS
from .run import Objective

log = logging.getLogger("cvxgeom")


class NamedRun(NamedTuple):
    """What `cvxgeom.train.train` needs besides data and a folder."""

    model: CvxNet | FieldNet
    config: TrainConfig
    objective: Objective


def named_run(name: str) -> NamedRun:
    """Model, config and objective of a preset; the fresh weights are equal each time, and in all processes.

    Args:
        name: one of `cvxgeom.train.PRESETS`.

    Raises:
        ValueError: there is no such preset.

    Example:
        >>> run = named_run("voxel-depth1")
        >>> run.model.config["decoder"], run.config.views
        ('voxel', (1, 1))
    """
    check_choice("name", name, tuple(sorted(PRESETS)))
    with torch.random.fork_rng():
        torch.manual_seed(PRESETS[name].seed)
        return NamedRun(preset(MODEL_OF.get(name, name)), PRESETS[name], objective_of(name))


def initialize(model: nn.Module, paths: Sequence[str | os.PathLike]) -> None:
    """Give a model weights to begin with, part by part: each file fills those parts that the files before have not.

    A part is what stands before the first dot of a weight's name, such as ``encoder``. Parts that no file has keep
    their weights, with a warning.

    Args:
        model: which.
        paths: files of weights, of this model or of another one that shares parts with it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file is damaged, fills no part, or has other weights for a part than the model.
    """
    own = model.state_dict()
    parts = {_part(name) for name in own}
    empty = set(parts)
    for path in paths:
        state = read_state(path)[0]
        fresh = {_part(name) for name in state} - (parts - empty)  # with those that the model lacks
        if not fresh:
            raise ValueError(f"{str(path)!r} has no weights that the model does not have from the files before it")
        for name in sorted(name for name in {*own, *state} if _part(name) in fresh):
            if name not in own or name not in state or own[name].shape != state[name].shape:
                raise ValueError(f"the weights in {str(path)!r} are those of another model, such as {name}")
        own |= {name: value for name, value in state.items() if _part(name) in fresh}
        empty -= fresh
    if empty:
        log.warning("no file has weights for %s, which begins with random ones", ", ".join(sorted(empty)))
    model.load_state_dict(own)


def _part(name: str) -> str:
    return name.split(".")[0]
