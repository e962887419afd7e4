"""Several fits at once."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .._checks import describe
from ..parallel import Died, run_tasks
from ..shape import ConvexUnion
from .config import FitConfig
from .pipeline import fit
from .reading import read_source
from .result import FitResult


@dataclass(frozen=True)
class FitOutcome:
    """What became of one of several sources.

    Args:
        index: of the source among all.
        result: of its fit; None if there is none.
        error: why there is none, in a sentence; else None.
    """

    index: int
    result: FitResult | None
    error: str | None = None


@dataclass(frozen=True)
class _Task:
    index: int
    source: Any
    config: FitConfig
    init: ConvexUnion | None


def fit_many(
    sources: Sequence[Any],
    config: FitConfig | None = None,
    *,
    init: Sequence[ConvexUnion | None] | None = None,
    n_workers: int | None = None,
    ray: str | None = None,
) -> Iterator[FitOutcome]:
    """Fit several sources, each in a process of its own; what is wrong with one does not stop the others.

    For folders of mesh files that are to be written, resumed and listed, see `fit_folder`.

    Args:
        sources: whatever `fit` takes, or the paths of files with such. They are sent to the processes; what cannot be
            pickled, such as a function defined in another one, takes ``n_workers=1``.
        config: budget of each; default `FitConfig()`. Results do not depend on how many are fitted at once.
        init: a union to start from for each source, or None.
        n_workers: number of processes; by default one for each core. 1 works in this process.
        ray: address of a Ray cluster that does the work ("auto", "local" or host:port) instead of processes here.

    Yields:
        An outcome for each source, in the order in which they are ready.

    Raises:
        ImportError: a package that this needs is missing.
        TypeError: ``sources`` is a single mesh or path.
        ValueError: ``init`` has another length than ``sources``.

    Example:
        >>> import trimesh
        >>> meshes = [trimesh.creation.box(), trimesh.Trimesh()]
        >>> outcomes = list(fit_many(meshes, cvxgeom.FitConfig(n_steps=0, n_samples=2000), n_workers=1))
        >>> [outcome.result is not None for outcome in outcomes], outcomes[1].error
        ([True, False], 'mesh must have faces, got an empty mesh')
    """
    if not isinstance(sources, Sequence) or isinstance(sources, (str, bytes)):
        raise TypeError(f"sources must be a sequence of sources, got {describe(sources)}")
    config = config or FitConfig()
    starts = [None] * len(sources) if init is None else list(init)
    if len(starts) != len(sources):
        raise ValueError(f"init must have one entry for each of the {len(sources)} sources, got {len(starts)}")
    tasks = [_Task(index, source, config, start) for index, (source, start) in enumerate(zip(sources, starts))]
    return _outcomes(tasks, n_workers, ray)


def _outcomes(tasks: list[_Task], n_workers: int | None, ray: str | None) -> Iterator[FitOutcome]:
    for task, outcome in run_tasks(_fit, tasks, n_workers=n_workers, ray=ray):
        yield FitOutcome(task.index, None, str(outcome)) if isinstance(outcome, Died) else outcome


def _fit(task: _Task) -> FitOutcome:
    try:
        source = task.source
        if isinstance(source, (str, os.PathLike)):
            source = read_source(source)
        return FitOutcome(task.index, fit(source, task.config, init=task.init))
    except ImportError:
        raise
    except Exception as error:  # whatever is wrong with one source is told of that source
        return FitOutcome(task.index, None, sentence(error))


def sentence(error: Exception) -> str:
    """What an error says, in one line; one that says nothing by its type.

    Example:
        >>> sentence(ValueError("no\\n volume"))
        'no volume'
    """
    text = " ".join(str(error).split())
    expected = isinstance(error, (ValueError, TypeError, OSError)) and text
    return text if expected else f"{type(error).__name__}: {text}".rstrip(": ")
