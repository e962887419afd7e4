"""From a mesh file to a shape, and to what there is to say about the way."""

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import trimesh

from .. import metrics
from ..data import Solid, read_mesh, solidify
from ..shape import ConvexUnion
from .config import FitConfig
from .deadline import Deadline
from .pipeline import steps_until
from .result import FitResult
from .start import starting_union

log = logging.getLogger(__name__)

_LEAST_SECONDS = 1e-3  # for a start, where reading took all of the time


@dataclass(frozen=True)
class FittedFile:
    """A mesh file, what was made of it, and what of that.

    Args:
        mesh: as it was read.
        solid: that was fitted.
        result: in the mesh's frame and unit.
    """

    mesh: trimesh.Trimesh
    solid: Solid
    result: FitResult

    def report(self) -> dict[str, Any]:
        """The facts, as plain values: faces, solid, status and its sentence, structure, scores, seconds."""
        solid, result = self.solid, self.result
        return {
            "faces": len(self.mesh.faces),
            "solid": {"exact": solid.exact, "method": solid.method, "volume": solid.volume},
            "status": result.status.value,
            "message": result.status.sentence,
            "structure": asdict(metrics.structure(result.shape)),
            "scores": {name: score if math.isfinite(score) else None for name, score in result.scores.items()},
            "seconds": result.seconds,
        }


def fit_file(
    path: str | os.PathLike,
    config: FitConfig | None = None,
    *,
    start: str | os.PathLike | None = None,
    keep: bool = False,
    progress: Callable[..., None] | None = None,
) -> FittedFile:
    """Read a mesh, make it solid, and fit it; all of that within the config's time.

    Args:
        path: a mesh file.
        config: budget; default `FitConfig()`.
        start: where to start, see `starting_union`.
        keep: on Ctrl-C return the shape that was reached, instead of passing the interruption on.
        progress: called with a description and, where they are known, a step and the number of steps.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a package that this needs is missing.
        ValueError: the file cannot be read, or its mesh encloses no volume; or the same of ``start``.
    """
    config = config or FitConfig()
    began, deadline = time.perf_counter(), Deadline.after(config.max_seconds)
    show = progress or (lambda *_: None)
    show("reading")
    mesh = read_mesh(path)
    show("making it solid")
    solid = solidify(mesh)
    log.info("%s: %s", path, solid.method)
    if start is not None:
        show("looking for a start")
    init = starting_union(start, solid, _with_time_left(config, deadline))
    show("finding parts")
    result = _fitted(solid, config, init, deadline, keep, show)
    return FittedFile(mesh, solid, replace(result, seconds=time.perf_counter() - began))


def _with_time_left(config: FitConfig, deadline: Deadline) -> FitConfig:
    if config.max_seconds is None:
        return config
    return replace(config, max_seconds=max(_LEAST_SECONDS, deadline.left))


def _fitted(
    solid: Solid, config: FitConfig, init: ConvexUnion | None, deadline: Deadline, keep: bool, show: Callable[..., None]
) -> FitResult:
    result = None
    steps = steps_until(deadline, solid, config, init, keep)
    try:
        for step in steps:
            result = step.result
            if step.step:
                show("refining", step.step, step.n_steps)
            log.info("step %d of %d, loss %.4g", step.step, step.n_steps, step.loss)
    except KeyboardInterrupt:
        if not keep:
            raise
        result = steps.throw(KeyboardInterrupt()).result  # where Ctrl-C came between two steps
    assert result is not None
    return result
