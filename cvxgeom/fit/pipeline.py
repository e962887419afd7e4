"""The public functions of a fit: from a mesh or labeled points to a compact union of convexes."""

import inspect
import math
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial

import numpy as np
import torch

from .._checks import describe
from .._types import FitStatus
from ..shape import ConvexUnion, concatenate
from .config import FitConfig
from .deadline import Deadline
from .grow import grown
from .guarantees import guaranteed
from .initialize import first_hull, initialize, pieces, uncovered
from .material import Material
from .parts import cut_to, parts_of, union_of
from .refine import hardened, refine_steps
from .result import FitResult, FitStep
from .seams import seamless
from .simplify import simplify
from .snap import snap
from .start import checked_init
from .target import Source, Target, as_target

_REPORT_EVERY = 10  # gradient steps
# Pieces at first, at least, and per part allowed: however few parts there may be, many pieces show what goes together.
_FEWEST_PIECES, _MORE = 256, 2
_PRICE = 0.5  # of a part, per what it must be worth: a shape of fewer parts is the better one if it scores hardly less
_LAST = 0.5  # of what a part must be worth, after the last gradient step: nothing makes up for what is lost then
_OVERHANG = 0.02  # how far a part may stick out of the solid's box: where there are no samples, nothing pulls it back
_SNAP = (0.006, 0.003)  # how far from the surface a plane may be that moves onto it, after each round
# Where time is limited: gradient steps and pieces per second; and shares of it until the source is read, the first
# shape is there, and is simplified. Steps that end halfway leave the shape soft.
_STEPS_PER_SECOND = 40
_PIECES_PER_SECOND = 30
_READ, _FOUND, _SIMPLIFIED = 0.3, 0.4, 0.55
_LAST_SIMPLIFIED = 1.5  # times as long as the first simplification, snapping included; but at most half of what is left
_GUARANTEE = 4  # times as long as scores it may take to make sure of what must hold


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
        TypeError: the source is none of these, or another argument is of another kind.
        ValueError: the source encloses no volume, or ``init`` is no single shape with a solid part.

    Example:
        >>> import trimesh
        >>> result = cvxgeom.fit(trimesh.creation.box((1, 2, 3)), cvxgeom.FitConfig(n_samples=2000))
        >>> result.shape.n_convexes, round(result.scores["iou"], 3)
        (1, 1.0)
    """
    *_, last = fit_steps(source, config, init=init)
    assert last.result is not None
    return last.result


def fit_steps(
    source: Source, config: FitConfig | None = None, *, init: ConvexUnion | None = None
) -> Generator[FitStep]:
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
    config = FitConfig() if config is None else config
    if not isinstance(config, FitConfig):
        raise TypeError(f"config must be a FitConfig, such as FitConfig.preset(...), got {describe(config)}")
    return steps_until(Deadline.after(config.max_seconds), source, config, init)


def steps_until(
    deadline: Deadline, source: Source, config: FitConfig, init: ConvexUnion | None = None, keep: bool = False
) -> Generator[FitStep]:
    """The steps of `fit` by a deadline that began to run before.

    Args:
        deadline: of all steps together.
        source: as for `fit`.
        config: budget, but for its seconds.
        init: a union to start from.
        keep: on Ctrl-C the last step comes at once, with the best shape found until then, instead of the interruption.
    """
    begun = deadline.clock()
    with _ordinary():
        if init is not None:
            init = checked_init(init)
        # What is wrong with the source is said at once.
        target = as_target(source, config.seed, init, deadline.within(_READ))
    return _ordinarily(_steps(target, config, deadline, begun, init, keep))


@contextmanager
def _ordinary() -> Iterator[None]:
    """Tensors that can learn, on the CPU, whatever the caller has set for its own."""
    elsewhere = torch.get_default_device().type != "cpu"
    with torch.inference_mode(False), torch.device("cpu") if elsewhere else nullcontext():
        yield


def _ordinarily(steps: Generator[FitStep]) -> Generator[FitStep]:
    """The steps, each made in `_ordinary` surroundings, which the caller does not meet between them."""
    onward: Callable[[], FitStep] = partial(next, steps)
    while True:
        try:
            with _ordinary():
                step = onward()
            yield step
        except StopIteration:
            return
        except GeneratorExit:
            steps.close()
            raise
        except BaseException as error:
            if inspect.getgeneratorstate(steps) == inspect.GEN_CLOSED:  # it ended by that
                raise
            onward = partial(steps.throw, error)  # Ctrl-C between two steps: the best shape may have to be kept
        else:
            onward = partial(next, steps)


def _steps(
    target: Target, config: FitConfig, deadline: Deadline, begun: float, init: ConvexUnion | None, keep: bool
) -> Generator[FitStep]:
    rng = np.random.default_rng(config.seed)
    search = _Search(Material.drawn(target, config, deadline, rng), deadline, begun, rng)
    canceled = False
    try:
        yield from search.steps(init)
    except KeyboardInterrupt:
        if not keep or search.best is None:
            raise
        canceled = True
    yield search.finish(canceled)


class _Search:
    """What a fit has found so far.

    Args:
        material: samples of what is to be covered.
        deadline: of the fit.
        begun: when it began, by the clock of the deadline.
        rng: source of randomness.
    """

    def __init__(self, material: Material, deadline: Deadline, begun: float, rng: np.random.Generator) -> None:
        self.material, self.deadline, self.begun, self.rng = material, deadline, begun, rng
        self.target, self.config = material.target, material.config
        self.n_steps, seconds = self.config.n_steps, self.config.max_seconds
        if seconds is not None:
            self.n_steps = min(self.n_steps, math.ceil(_STEPS_PER_SECOND * seconds))
        # until when it may be searched, and refined
        verifying = material.seconds_to_verify * (_GUARANTEE if self.config.is_strict else 1)
        self.work = self.refining = deadline.earlier(verifying)
        self.history: list[float] = []
        self.best: tuple[float, ConvexUnion] | None = None  # the shape and its score
        self.current: ConvexUnion | None = None  # not scored yet
        self.initial_iou = math.nan
        self.simplify_seconds = 0.0  # that the last simplification took
        self.shown = False  # whether samples show enough of the solid to judge by

    def steps(self, init: ConvexUnion | None) -> Generator[FitStep]:
        """From the start to the end of refinement; `finish` makes the last step."""
        target, config, material = self.target, self.config, self.material
        first = first_hull(target, config.most_planes) if init is None else target.from_source(init)
        self.shown = material.shows(first)
        if init is None or not self.shown:
            self.best = material.score(first), first
            yield self._step(first)
            if not self.shown:
                self.initial_iou = self.best[0]
                return
        found, simplified = self.work.within(_FOUND), self.work.within(_SIMPLIFIED)
        if init is not None:
            shape = self._simplified(first, 0.0, simplified)
        elif self.work.passed:
            shape = first
        else:
            shape = initialize(material.thinned, material.cut_by, self._n_pieces(), self.rng, found)
            shape = self._simplified(shape, config.part_worth, simplified)
        last = min(_LAST_SIMPLIFIED * self.simplify_seconds, max(0.0, self.work.left) / 2)
        self.refining = self.work.earlier(last)
        self.initial_iou = material.score(shape)
        self._keep_better(shape)  # or the hull is better: of needles samples show little, and a box is one part
        assert self.best is not None
        yield self._step(self.best[1])
        yield from self._refined(shape, init is None)

    def _n_pieces(self) -> int:
        fewest, seconds = _FEWEST_PIECES, self.config.max_seconds
        if seconds is not None:  # all of them must be joined in time
            fewest = min(fewest, math.ceil(_PIECES_PER_SECOND * seconds))
        return max(fewest, _MORE * self.config.max_parts)

    def _refined(self, shape: ConvexUnion, may_grow: bool) -> Generator[FitStep]:
        config, material = self.config, self.material
        generator = torch.Generator().manual_seed(config.seed % 2**64)
        pulling = None
        for turn, n in enumerate((self.n_steps - self.n_steps // 3, self.n_steps // 3)):
            if self._is_good() or self.refining.passed:
                break
            if turn and may_grow:
                half = self.refining.within(0.5)
                shape = self._completed(shape, half)
                # Where nobody knows what is there, there are no samples that would hold a plane back.
                if not config.disjoint and self.target.certainty is None:
                    shape = grown(shape, material.grown_by, half)
                shape = self._simplified(shape, config.part_worth, half)
            before, pulling = shape, pulling or material.pulling(self.refining)
            for loss, refined in refine_steps(shape, pulling, n, generator, first=0.5 * turn):
                self.current = shape = refined
                self.history.append(loss)
                if len(self.history) % _REPORT_EVERY == 0:
                    yield self._step(shape)
                if self.refining.passed:
                    break
            shape = snap(shape, self.target.inside, material.judging, _SNAP[turn], self.work.within(0.3), before)
            self._keep_better(shape)

    def finish(self, canceled: bool) -> FitStep:
        """The last step, with the best shape and its scores.

        Args:
            canceled: whether what was found is to be returned at once.
        """
        target, config, material = self.target, self.config, self.material
        if canceled and self.current is not None and (parts := parts_of(self.current)):
            self._keep_better(union_of(parts))
        assert self.best is not None
        settled = self._is_good() or (_has_settled(self.history) and not self.refining.passed)
        _, shape = self.best
        if not canceled and self.shown:
            shape = self._simplified(shape, _LAST * config.part_worth, self.work)
        shape = cut_to(shape, target.known_bounds, _OVERHANG, config.most_planes)
        if not config.disjoint:
            shape = seamless(shape, target.contains, material.samples.volume, self.work, material.score_seconds)
        shape = guaranteed(shape, target, material.samples, config, self.work)
        if not parts_of(shape):  # too thin for what it went through
            shape = first_hull(target, config.most_planes)
        shape = hardened(shape)

        fresh = material.fresh(self.deadline)
        scores = {
            "iou": fresh.iou(shape.contains(fresh.points)),
            "iou_smooth": fresh.iou(shape.sdf(fresh.points) <= 0),
            "iou_initial": self.initial_iou,
            "distance": _distance(shape, target),
        }
        found = target.to_source(shape, config.is_strict)
        status = FitStatus.CONVERGED if settled else FitStatus.BUDGET_REACHED
        seconds = self._seconds()  # before the deadline is asked: what is late by these is late by that, too
        if canceled:
            status = FitStatus.CANCELED
        elif self.deadline.missed:
            status = FitStatus.OUT_OF_TIME
        return self._told(found, FitResult(found, status, tuple(self.history), scores, seconds))

    def _seconds(self) -> float:
        return self.deadline.clock() - self.begun

    def _step(self, shape: ConvexUnion) -> FitStep:
        return self._told(self.target.to_source(shape))

    def _told(self, found: ConvexUnion, result: FitResult | None = None) -> FitStep:
        """A step with a shape in the source's frame."""
        loss = self.history[-1] if self.history else math.nan
        return FitStep(len(self.history), self.n_steps, loss, found, self._seconds(), result)

    def _simplified(self, shape: ConvexUnion, worth: float, until: Deadline) -> ConvexUnion:
        before = self.deadline.clock()
        config, material, solid = self.config, self.material, self.target.inside
        caps = config.max_parts, config.most_planes
        shape = simplify(shape, material.biased, worth, *caps, until, material.skin, solid, config.disjoint)
        self.simplify_seconds = self.deadline.clock() - before
        return shape

    def _keep_better(self, shape: ConvexUnion) -> None:
        found = self.material.score(shape), shape
        if self.best is None or self._merit(*found) >= self._merit(*self.best):
            self.best = found

    def _merit(self, iou: float, shape: ConvexUnion) -> tuple[bool, float]:
        return iou >= self.config.target_iou, iou - _PRICE * self.config.part_worth * shape.n_convexes

    def _is_good(self) -> bool:
        """Whether the best shape needs no more refinement."""
        if self.best is None:
            return False
        iou, shape = self.best
        most = self.config.max_error
        return iou >= self.config.target_iou or (most is not None and _distance(shape, self.target) <= most)

    def _completed(self, shape: ConvexUnion, until: Deadline) -> ConvexUnion:
        """The shape with new parts where it leaves out much of the solid."""
        material, config = self.material, self.config
        if material.missing(shape) < 2 * config.part_worth:
            return shape
        inside = uncovered(material.thinned.inside, shape)
        more = pieces(inside, material.cut_by, config.max_parts, self.rng, until)
        return concatenate([shape, union_of(more)]) if more else shape


def _distance(shape: ConvexUnion, target: Target) -> float:
    """Mean distance of the solid's surface from that of the shape, in the source's unit; NaN if no surface is known."""
    surface = target.inside.surface.points
    if not len(surface):
        return math.nan
    points = torch.from_numpy(surface).float()
    return float(hardened(shape).sdf(points).abs().mean()) / target.normalization.scale


def _has_settled(history: list[float]) -> bool:
    """Whether the mean loss of the last tenth is within 2 % of that of the tenth before."""
    n = len(history) // 10
    if n < 10:
        return False
    last, before = float(np.mean(history[-n:])), float(np.mean(history[-2 * n : -n]))
    return before - last <= 0.02 * before
