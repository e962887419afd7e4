"""The public functions of a fit: from a mesh or labeled points to a compact union of convexes."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from .._types import FitStatus
from ..shape import ConvexUnion
from .config import FitConfig
from .initialize import initialize
from .prune import prune
from .refine import hardened, refine_steps
from .target import Source, Target, as_target

_REPORT_EVERY = 10  # gradient steps
_N_HELD_OUT = 30_000  # samples that decide whether the refined shape is the better one
_N_VERIFY = 100_000  # fresh samples for the final scores


@dataclass(frozen=True)
class FitResult:
    """Outcome of a fit.

    Args:
        shape: the union, in the source's frame and unit.
        status: how the fit ended.
        history: loss after each gradient step.
        scores: ``iou`` of the exact polytopes (they are what is exported), ``iou_smooth`` of the smooth union, and
            ``iou_initial`` of the polytopes before refinement; volumetric, on samples that the fit has not seen.
        seconds: it took.
    """

    shape: ConvexUnion
    status: FitStatus
    history: tuple[float, ...]
    scores: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class FitStep:
    """Progress of a fit.

    Args:
        step: gradient steps done.
        n_steps: of how many at most.
        loss: of the last mini-batch: share of the solid's volume that is wrong, softly measured; NaN before the first.
        shape: current shape, in the source's frame and unit.
        seconds: since the start.
        result: what `fit` returns; only the last step has it.
    """

    step: int
    n_steps: int
    loss: float
    shape: ConvexUnion
    seconds: float
    result: FitResult | None = None


def fit(source: Source, config: FitConfig | None = None, *, init: ConvexUnion | None = None) -> FitResult:
    """Decompose a solid into a compact union of convexes.

    Starts from the hulls of the components that are convex and from recursively split pieces of the rest, refines the
    half-spaces by gradient descent, and prunes those that do nothing.

    Args:
        source: a mesh (made solid by `cvxgeom.data.solidify`), a solid, labeled points, or depth views.
        config: budget; default `FitConfig()`.
        init: a union to start from, in the source's frame, such as a prediction; without one the solid is taken apart.

    Returns:
        Shape, status, loss history and scores. The shape is in the source's own frame and unit.

    Raises:
        TypeError: the source is none of these.
        ValueError: the source encloses no volume.

    Example:
        >>> import trimesh
        >>> result = cvxgeom.fit(trimesh.creation.box((1, 2, 3)), cvxgeom.FitConfig(n_samples=2000))
        >>> result.shape.n_convexes, round(result.scores["iou"], 3)
        (1, 1.0)
    """
    *_, last = fit_steps(source, config, init=init)
    assert last.result is not None
    return last.result


def fit_steps(source: Source, config: FitConfig | None = None, *, init: ConvexUnion | None = None) -> Iterator[FitStep]:
    """The steps of `fit`, as they are made: for progress, a live view, or to stop early and keep the current shape.

    Arguments and errors as for `fit`. The last step carries the result.

    Args:
        source: as for `fit`.
        config: budget; default `FitConfig()`.
        init: a union to start from.

    Example:
        >>> import trimesh
        >>> steps = fit_steps(trimesh.creation.icosphere(2), cvxgeom.FitConfig(n_steps=20, n_samples=2000))
        >>> [step.result is not None for step in steps][-1]
        True
    """
    config = config or FitConfig()
    start = time.perf_counter()
    return _steps(as_target(source, config.seed), config, init, start)  # what is wrong with the source is said at once


def _steps(target: Target, config: FitConfig, init: ConvexUnion | None, start: float) -> Iterator[FitStep]:
    rng = np.random.default_rng(config.seed)
    samples, held_out = target.samples(config.n_samples, rng), target.samples(_N_HELD_OUT, rng)
    if init is None:
        shape = initialize(target, samples, config.max_parts, config.max_halfspaces, rng)
    else:
        shape = target.from_source(init)
    initial_iou = score = held_out.iou(shape.contains(held_out.points))
    history: list[float] = []

    def step(result: FitResult | None = None) -> FitStep:
        return FitStep(
            len(history),
            config.n_steps,
            history[-1] if history else math.nan,
            target.to_source(shape),
            time.perf_counter() - start,
            result,
        )

    yield step()
    good_enough = initial_iou >= config.target_iou
    if not good_enough:
        unrefined = shape
        generator = torch.Generator().manual_seed(config.seed)
        for loss, refined in refine_steps(unrefined, samples, config.n_steps, generator):
            shape = refined
            history.append(loss)
            if len(history) % _REPORT_EVERY == 0:
                yield step()
        score = held_out.iou(shape.contains(held_out.points))
        if score < initial_iou:
            shape, score = unrefined, initial_iou
    shape = hardened(prune(shape, samples))

    fresh = target.samples(_N_VERIFY, np.random.default_rng([config.seed, 1]))
    scores = {
        "iou": fresh.iou(shape.contains(fresh.points)),
        "iou_smooth": fresh.iou(shape.sdf(fresh.points) <= 0),
        "iou_initial": initial_iou,
    }
    settled = good_enough or score >= config.target_iou or _has_settled(history)
    status = FitStatus.CONVERGED if settled else FitStatus.BUDGET_REACHED
    yield step(FitResult(target.to_source(shape), status, tuple(history), scores, time.perf_counter() - start))


def _has_settled(history: list[float]) -> bool:
    """Whether the mean loss of the last tenth is within 2 % of that of the tenth before."""
    n = len(history) // 10
    if n < 10:
        return False
    last, before = float(np.mean(history[-n:])), float(np.mean(history[-2 * n : -n]))
    return before - last <= 0.02 * before
