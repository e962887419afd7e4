"""Times and memory of toy contenders: turns, comparison, refusals. No wall-clock time is judged."""

import time

import pytest
import torch

from benchmarks import formulas
from benchmarks.contender import Contender, Unavailable
from benchmarks.contenders import convex_contenders, training_contenders, union_backward_contenders, union_contenders
from benchmarks.geometry import extraction_contenders, raycast_contenders
from benchmarks.measure import OverBudget, limited, measure, share_of_peak
from benchmarks.workloads import WORKLOADS
from cvxgeom._memory import peak_during

INPUTS = WORKLOADS["random-points"].small().make()


class Clock:
    """Seconds that jobs advance."""

    now = 0.0

    def __call__(self):
        return self.now


def toy(name, clock, seconds, value=1.0, calls=None, **options):
    def job():
        clock.now += seconds
        if calls is not None:
            calls.append(name)
        return (torch.tensor([value]),)

    return Contender(name, lambda inputs: job, **options)


def run(contenders, clock, repeats=3):
    return measure("toy", "sizes", contenders, INPUTS, repeats, 60.0, clock, pause=lambda: None)


def test_contenders_take_turns_after_a_warm_up():
    clock, calls = Clock(), []
    rows = run([toy("a", clock, 2.0, calls=calls), toy("b", clock, 0.5, calls=calls)], clock)
    assert calls == ["a", "b"] * 4
    assert [row.seconds for row in rows] == [(2.0,) * 3, (0.5,) * 3]
    assert rows[0].median == 2.0


def test_what_takes_long_sits_out():
    clock, calls = Clock(), []
    rows = run([toy("a", clock, 11.0, calls=calls), toy("b", clock, 21.0, calls=calls)], clock, repeats=5)
    assert [row.seconds for row in rows] == [(11.0,) * 2, (21.0,)]
    assert (calls.count("a"), calls.count("b")) == (3, 2)


def test_a_contender_that_differs_is_wrong_and_not_timed():
    clock, calls = Clock(), []
    contenders = [
        toy("a", clock, 1.0),
        toy("b", clock, 1.0, value=1.1, calls=calls),
        toy("c", clock, 1.0, float("nan")),
    ]
    _, wrong, nan = run(contenders, clock)
    assert (wrong.status, wrong.seconds, nan.status) == ("wrong", (), "wrong")
    assert wrong.note == "differs from a by 1.0e-01" and calls == ["b"]


def test_a_contender_that_is_missing_says_why():
    def missing(inputs):
        raise Unavailable("not installed")

    clock = Clock()
    first, other = run([Contender("a", missing), toy("b", clock, 1.0)], clock)
    assert (first.status, first.note) == ("unavailable", "not installed")
    assert other.status == "ok"


def test_a_call_over_budget_is_stopped():
    with pytest.raises(OverBudget), limited(0.01):
        while True:
            time.sleep(0.001)


def test_seconds_of_a_sample_are_those_of_the_whole_grid():
    grid = WORKLOADS["grid-128"].make()
    assert Contender("a", lambda inputs: lambda: (), sampled=True).scale(grid) == pytest.approx(128**3 / 100_000)
    assert Contender("a", lambda inputs: lambda: ()).scale(grid) == 1


def test_peak_memory_counts_what_is_freed_again_and_what_is_kept():
    if not _has_high_water_mark():
        pytest.skip("this system does not let a process reset its high-water mark")

    def job():
        freed = torch.ones(8_000_000)
        return freed[:1_000_000] + 1

    assert 35e6 < (peak_during(job)[1] or 0) < 50e6
    assert (peak_during(lambda: None)[1] or 0) < 2e6


def _has_high_water_mark():
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def test_share_of_peak():
    # 100 planes at 4 of 400 per second and one of 100 per second: 2 s at best.
    peak = {"fma": 400.0, "exp": 100.0, "log": 50.0, "sigmoid": 25.0}
    assert share_of_peak(100, 0, 4.0, peak) == 0.5
    assert share_of_peak(0, 100, 8.0, peak) == 0.75


def test_what_does_not_fit_is_refused():
    with pytest.raises(Unavailable, match="more than half of the free memory"):
        formulas.check_memory(1 << 50)


@pytest.mark.parametrize(
    ("contenders", "workload"),
    [
        (convex_contenders, "random-points"),
        (union_contenders, "many-small"),
        (union_backward_contenders, "random-points"),
        (training_contenders, "training"),
        (extraction_contenders, "grid-128"),
        (raycast_contenders, "raycast-512"),
    ],
)
def test_contenders_that_need_no_compiler_agree(contenders, workload):
    some = [c for c in contenders() if not c.compiles]
    rows = measure("toy", "", some, WORKLOADS[workload].small().make(), 1, 60.0, pause=lambda: None)
    assert {row.contender: row.status for row in rows if row.status not in ("ok", "unavailable")} == {}
