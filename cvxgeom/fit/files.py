"""From a file to a shape, and to what there is to say about the way."""

import logging
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import trimesh

from .. import metrics
from ..data import Solid, solidify
from ..shape import ConvexUnion
from .config import FitConfig
from .deadline import Deadline
from .pipeline import steps_until
from .reading import FileSource, read_source
from .result import FitResult
from .sources import OccupancyGrid, PointCloud
from .start import starting_union
from .target import Source

log = logging.getLogger(__name__)

_LEAST_SECONDS = 1e-3  # for a start, where reading took all of the time


@dataclass(frozen=True)
class FittedFile:
    """A file, what was made of it, and what of that.

    Args:
        read: what it holds.
        solid: that was fitted; None if it does not hold a mesh.
        result: in the file's frame and unit.
    """

    read: FileSource
    solid: Solid | None
    result: FitResult

    @property
    def mesh(self) -> trimesh.Trimesh | None:
        """The mesh, if it holds one."""
        return self.read if isinstance(self.read, trimesh.Trimesh) else None

    def report(self) -> dict[str, Any]:
        """The facts, as plain values: size, solid of a mesh, status and its sentence, structure, scores, seconds."""
        result = self.result
        return {
            **self._size(),
            "status": result.status.value,
            "message": result.status.sentence,
            "structure": asdict(metrics.structure(result.shape)),
            "scores": {name: score if math.isfinite(score) else None for name, score in result.scores.items()},
            "seconds": result.seconds,
        }

    def _size(self) -> dict[str, Any]:
        if isinstance(self.read, PointCloud):
            return {"points": len(self.read.points), "normals": self.read.normals is not None}
        if isinstance(self.read, OccupancyGrid):
            return {"cells": list(self.read.values.shape)}
        solid = self.solid
        assert solid is not None
        return {
            "faces": len(self.read.faces),
            "solid": {"exact": solid.exact, "method": solid.method, "volume": solid.volume},
        }


def fit_file(
    path: str | os.PathLike,
    config: FitConfig | None = None,
    *,
    start: str | os.PathLike | None = None,
    keep: bool = False,
    progress: Callable[..., None] | None = None,
) -> FittedFile:
    """Read a file, make a mesh solid, and fit it; all of that within the config's time.

    Args:
        path: of a mesh, a point cloud or an occupancy grid, see `read_source`.
        config: budget; default `FitConfig()`.
        start: where to start, see `starting_union`.
        keep: on Ctrl-C return the shape that was reached, instead of passing the interruption on.
        progress: called with a description and, where they are known, a step and the number of steps.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: a package that this needs is missing.
        ValueError: the file cannot be read, or what it holds encloses no volume; or the same of ``start``.
    """
    config = config or FitConfig()
    began, deadline = time.perf_counter(), Deadline.after(config.max_seconds)
    show = progress or (lambda *_: None)
    show("reading")
    read = read_source(path)
    solid = None
    if isinstance(read, trimesh.Trimesh):
        show("making it solid")
        solid = solidify(read)
        log.info("%s: %s", path, solid.method)
    if start is not None:
        show("looking for a start")
    init = starting_union(start, solid, _with_time_left(config, deadline))
    show("finding parts")
    result = _fitted(solid or read, config, init, deadline, keep, show)
    return FittedFile(read, solid, replace(result, seconds=time.perf_counter() - began))


def _with_time_left(config: FitConfig, deadline: Deadline) -> FitConfig:
    if config.max_seconds is None:
        return config
    return replace(config, max_seconds=max(_LEAST_SECONDS, deadline.left))


def _fitted(
    source: Source,
    config: FitConfig,
    init: ConvexUnion | None,
    deadline: Deadline,
    keep: bool,
    show: Callable[..., None],
) -> FitResult:
    result = None
    steps = steps_until(deadline, source, config, init, keep)
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
