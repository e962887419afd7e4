"""The public functions of a fit: from a mesh or labeled points to a compact union of convexes."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch

from .._types import FitStatus
from ..shape import ConvexUnion, concatenate
from .bound import inner, outer
from .config import FitConfig
from .constraints import mirrored, separated, thickened
from .initialize import initialize, pieces, uncovered
from .parts import union_of
from .refine import hardened, refine_steps
from .samples import VolumeSamples
from .simplify import simplify
from .snap import snap
from .split import InsidePoints
from .target import Source, Target, as_target

_REPORT_EVERY = 10  # gradient steps
_MORE = 2  # pieces at first, per part allowed
_POINTS_PER_SAMPLE = 0.36  # that pieces are cut from: more are no use where samples are few
_LAST = 0.1  # of what a part must be worth, after the last gradient step: nothing makes up for what is lost then
_BIAS = 5.0  # of samples on the side that a bound forbids to be wrong about
_SNAP = (0.006, 0.003)  # how far from the surface a plane may be that moves onto it, after each round
_APART = 0.005  # from all parts, per unit of the longest side: a point to be covered by a part of its own
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
            ``distance``: mean distance of the solid's surface from that of the shape, in the source's unit; NaN where
            the source has no surface.
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
        source: a mesh (made solid by `cvxgeom.data.solidify`), a solid, a `PointCloud`, an `OccupancyGrid`, a `Field`,
            labeled points, or depth views.
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
    target = as_target(source, config.seed, init)  # what is wrong with the source is said at once
    return _steps(target, config, init, start)


def _steps(target: Target, config: FitConfig, init: ConvexUnion | None, start: float) -> Iterator[FitStep]:
    rng = np.random.default_rng(config.seed)
    samples, held_out = target.samples(config.n_samples, rng), target.samples(_N_HELD_OUT, rng)
    biased = _biased(samples, config.bound)
    thinned = replace(target, inside=_some(target.inside, int(_POINTS_PER_SAMPLE * config.n_samples), rng))
    generator = torch.Generator().manual_seed(config.seed)
    history: list[float] = []

    def seconds() -> float:
        return time.perf_counter() - start

    def simplified(shape: ConvexUnion, worth: float) -> ConvexUnion:
        return simplify(shape, biased, worth, config.max_parts, config.most_planes)

    def score(shape: ConvexUnion) -> float:
        return held_out.iou(shape.contains(held_out.points))

    def is_good(shape: ConvexUnion, iou: float) -> bool:
        near = config.max_error is not None and _distance(shape, target) <= config.max_error
        return iou >= config.target_iou or near

    def step(shape: ConvexUnion, result: FitResult | None = None) -> FitStep:
        loss = history[-1] if history else math.nan
        return FitStep(len(history), config.n_steps, loss, target.to_source(shape), seconds(), result)

    begun = seconds()
    if init is None:
        shape = simplified(initialize(thinned, samples, _MORE * config.max_parts, rng), config.part_worth)
    else:
        shape = simplified(target.from_source(init), 0.0)
    # What comes after the gradient steps takes about as long as what came before them.
    deadline = math.inf if config.max_seconds is None else config.max_seconds - (seconds() - begun)
    initial_iou = best_iou = score(shape)
    best = shape
    yield step(best)
    for turn, n in enumerate((config.n_steps - config.n_steps // 3, config.n_steps // 3)):
        if is_good(best, best_iou) or seconds() >= deadline:
            break
        if turn and init is None:
            shape = simplified(_completed(shape, thinned, samples, config, rng), config.part_worth)
        for loss, refined in refine_steps(shape, biased, n, generator, first=0.5 * turn):
            shape = refined
            history.append(loss)
            if len(history) % _REPORT_EVERY == 0:
                yield step(shape)
            if seconds() >= deadline:
                break
        shape = snap(shape, target.inside, samples, _SNAP[turn])
        if (iou := score(shape)) >= best_iou:
            best, best_iou = shape, iou
    settled = is_good(best, best_iou) or _has_settled(history)
    shape = simplified(best, _LAST * config.part_worth)
    shape = hardened(_constrained(shape, target, samples, config))

    fresh = target.samples(_N_VERIFY, np.random.default_rng([config.seed, 1]))
    scores = {
        "iou": fresh.iou(shape.contains(fresh.points)),
        "iou_smooth": fresh.iou(shape.sdf(fresh.points) <= 0),
        "iou_initial": initial_iou,
        "distance": _distance(shape, target),
    }
    status = FitStatus.CONVERGED if settled else FitStatus.BUDGET_REACHED
    yield step(shape, FitResult(target.to_source(shape), status, tuple(history), scores, seconds()))


def _distance(shape: ConvexUnion, target: Target) -> float:
    """Mean distance of the solid's surface from that of the shape, in the source's unit; NaN if no surface is known."""
    surface = target.inside.points[target.inside.on_surface]
    if not len(surface):
        return math.nan
    points = torch.from_numpy(surface).float()
    return float(hardened(shape).sdf(points).abs().mean()) / target.normalization.scale


def _biased(samples: VolumeSamples, bound: str | None) -> VolumeSamples:
    """The samples with more weight for what must not happen."""
    if bound is None:
        return samples
    matters = samples.occupied if bound == "outer" else ~samples.occupied
    return replace(samples, weights=torch.where(matters, _BIAS * samples.weights, samples.weights))


def _constrained(shape: ConvexUnion, target: Target, samples: VolumeSamples, config: FitConfig) -> ConvexUnion:
    """The shape with what must hold, if something must."""
    if config.disjoint:
        return separated(shape, samples, config.most_planes)
    if config.symmetry is not None:
        return mirrored(shape, "xyz".index(config.symmetry), samples, config.max_parts, config.most_planes)
    if config.min_thickness is not None:
        return thickened(shape, config.min_thickness * target.normalization.scale)
    return shape if config.bound is None else _bounded(shape, target, samples, config)


def _bounded(shape: ConvexUnion, target: Target, samples: VolumeSamples, config: FitConfig) -> ConvexUnion:
    """The shape made one-sided."""
    more = target.samples(_N_VERIFY, np.random.default_rng([0, 2]))
    points, occupied = torch.cat([samples.points, more.points]), torch.cat([samples.occupied, more.occupied])
    if config.bound == "inner":
        return inner(shape, points[~occupied].numpy())
    within = target.inside.points.astype(np.float32)
    corners = [] if target.surface is None else [np.asarray(target.surface.vertices, dtype=np.float32)]
    all_of_it = np.concatenate([points[occupied].numpy(), within, *corners])
    found = [outer(shape, all_of_it)]
    # What stands apart from all parts may get parts of its own: else a whole board would grow for a knob.
    apart = uncovered(InsidePoints(all_of_it.astype(np.float64), np.zeros_like(all_of_it)), shape, _APART)
    rng = np.random.default_rng([config.seed, 2])
    if more := pieces(apart, samples, config.max_parts - shape.n_convexes, rng):
        found.append(outer(concatenate([shape, union_of(more)]), all_of_it))
    return max(found, key=lambda shape: samples.iou(shape.contains(samples.points)))


def _completed(
    shape: ConvexUnion, target: Target, samples: VolumeSamples, config: FitConfig, rng: np.random.Generator
) -> ConvexUnion:
    """The shape with new parts where it leaves out much of the solid."""
    missing = float(samples.weights[samples.occupied & ~shape.contains(samples.points)].sum())
    if missing < 2 * config.part_worth * float(samples.weights[samples.occupied].sum()):
        return shape
    more = pieces(uncovered(target.inside, shape), samples, config.max_parts, rng)
    return concatenate([shape, union_of(more)]) if more else shape


def _some(inside: InsidePoints, n: int, rng: np.random.Generator) -> InsidePoints:
    """At most n of the points, in their order."""
    return inside if len(inside) <= n else inside[np.sort(rng.choice(len(inside), n, replace=False))]


def _has_settled(history: list[float]) -> bool:
    """Whether the mean loss of the last tenth is within 2 % of that of the tenth before."""
    n = len(history) // 10
    if n < 10:
        return False
    last, before = float(np.mean(history[-n:])), float(np.mean(history[-2 * n : -n]))
    return before - last <= 0.02 * before
