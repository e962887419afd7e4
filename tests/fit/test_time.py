"""A fit ends when its time is over, wherever it is then, with the best shape until then; so it does on Ctrl-C."""

import itertools
from collections.abc import Callable

import pytest
import trimesh

from cvxgeom._types import FitStatus
from cvxgeom.data import solidify
from cvxgeom.fit import FitConfig, FitResult
from cvxgeom.fit.deadline import NEVER, Deadline
from cvxgeom.fit.pipeline import steps_until
from cvxgeom.fit.target import as_target

from .solids import table

CONFIG = FitConfig(n_steps=30, n_samples=5000, max_parts=6, max_halfspaces=12, max_seconds=100.0)


@pytest.fixture(autouse=True)
def few_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cvxgeom.fit.material._N_HELD_OUT", 3000)
    monkeypatch.setattr("cvxgeom.fit.material._N_VERIFY", 3000)


class Asked:
    """A clock that stands still until it was asked a number of times: from then on, time is over."""

    def __init__(self, times: float) -> None:
        self.times, self.count = times, 0

    def __call__(self) -> float:
        self.count += 1
        return 0.0 if self.count < self.times else 101.0


def rough() -> trimesh.Trimesh:
    """Of several pieces, none of them convex."""
    knot = trimesh.creation.torus(0.5, 0.1, major_sections=24, minor_sections=12)
    knot.apply_translation((0, 0, 1.5))
    return trimesh.Trimesh(
        [*table().vertices, *knot.vertices], [*table().faces, *(knot.faces + len(table().vertices))], process=False
    )


def check(result: FitResult) -> None:
    parts = result.shape.polytopes()
    assert 1 <= len(parts) <= CONFIG.max_parts and all(part.is_bounded for part in parts)
    assert max(len(part.faces) for part in parts) <= CONFIG.max_halfspaces
    assert 0 < result.scores["iou"] <= 1


def test_whenever_time_is_over_a_sound_shape_follows_soon() -> None:
    solid = solidify(rough())
    clock = Asked(float("inf"))
    *_, last = steps_until(Deadline.after(100.0, clock), solid, CONFIG)
    assert last.result is not None
    check(last.result)
    total, best = clock.count, last.result.scores["iou"]
    reached = []
    for share in (0.0, 0.05, 0.2, 0.5, 0.95):
        clock = Asked(3 + share * total)
        *_, last = steps_until(Deadline.after(100.0, clock), solid, CONFIG)
        assert last.result is not None
        check(last.result)
        assert last.result.status is not FitStatus.CONVERGED
        # Each phase that is left asks once or a few times, and does next to nothing.
        assert clock.count - clock.times < 60 + 2 * CONFIG.max_parts
        reached.append(last.result.scores["iou"])
    assert reached[0] < 0.5 < best and reached[-1] > best - 0.1


def test_what_ends_after_its_grace_is_out_of_time() -> None:
    for end, status in ((105.0, FitStatus.BUDGET_REACHED), (115.0, FitStatus.OUT_OF_TIME)):
        times = itertools.chain([0.0, 0.0], itertools.repeat(end))
        *_, last = steps_until(Deadline.after(100.0, lambda times=times: next(times)), solidify(rough()), CONFIG)
        assert last.result is not None and last.result.status is status


def test_of_a_solid_that_hardly_any_point_hits_few_are_enough() -> None:
    solid = solidify(trimesh.creation.box((1, 1e-3, 1e-5)))
    moments = iter(range(1000))
    target = as_target(solid, 0, until=Deadline(3.5, clock=lambda: next(moments)))
    assert next(moments) == 5, "four rounds, none after the end"
    assert 0 < len(target.inside) < 40_000


def test_time_is_shared_out() -> None:
    now = 0.0
    deadline = Deadline.after(10.0, lambda: now)
    assert deadline.within(0.25).left == 2.5 and deadline.within(0.25).earlier(1.0).left == 1.5
    now = 11.0
    assert deadline.passed and deadline.within(0.5).left == deadline.left == -1.0
    assert not NEVER.passed and NEVER.within(0.1).left == NEVER.earlier(5.0).left == float("inf")


def interrupt(where: str, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    """Ctrl-C when a function was called a number of times."""
    module, _, name = where.rpartition(".")
    function: Callable = getattr(__import__(module, fromlist=[name]), name)
    calls = itertools.count()

    def interrupted(*args, **options):
        if next(calls) == after:
            raise KeyboardInterrupt
        return function(*args, **options)

    monkeypatch.setattr(where, interrupted)


@pytest.mark.parametrize(
    ("where", "least"),
    [
        ("cvxgeom.fit.split.cut_excess", 0.0),
        ("cvxgeom.fit.pipeline.simplify", 0.0),
        ("cvxgeom.fit.refine.convex_sdf", 0.5),
        ("cvxgeom.fit.pipeline.snap", 0.5),
    ],
)
def test_ctrl_c_keeps_the_best_shape_so_far(where: str, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(where, monkeypatch)
    *_, last = steps_until(NEVER, rough(), CONFIG, keep=True)
    assert last.result is not None and last.result.status is FitStatus.CANCELED
    check(last.result)
    assert last.result.scores["iou"] > least


def test_ctrl_c_passes_where_nothing_is_to_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt("cvxgeom.fit.split.cut_excess", monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        list(steps_until(NEVER, rough(), CONFIG))


def test_ctrl_c_between_steps_keeps_the_best_shape_so_far() -> None:
    steps = steps_until(NEVER, rough(), CONFIG, keep=True)
    for step in steps:
        if step.step:
            break
    last = steps.throw(KeyboardInterrupt())
    assert last.result is not None and last.result.status is FitStatus.CANCELED
    assert last.result.scores["iou"] > 0.5
