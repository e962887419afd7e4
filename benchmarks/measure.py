"""Times of contenders, in turns, after their results were compared."""

import signal
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from cvxgeom.ops import _native

from .contender import Contender, Job, Unavailable
from .memory import peak_on_gpu
from .workloads import Inputs

ALLOWANCE = 20.0  # seconds of timed calls, after which a contender sits out further rounds
PAUSE = 0.1  # seconds before each call
POINTS_PER_BLOCK = 64  # of the kernels, for their counters


@dataclass(frozen=True)
class Measurement:
    """What is known about one contender on one workload.

    Args:
        benchmark: its name.
        workload: sizes in words.
        contender: its name.
        seconds: one number per repeat.
        status: ``ok``, or why there are no seconds: ``wrong``, ``unavailable``, ``over budget``.
        note: what a reader has to know, or the reason of a status.
        error: how far the result is from the first contender's.
        memory: peak in bytes above the inputs; None if not measured.
        share_of_peak: of the machine's measured throughput, None if it does not apply.
    """

    benchmark: str
    workload: str
    contender: str
    seconds: tuple[float, ...] = ()
    status: str = "ok"
    note: str = ""
    error: float = 0.0
    memory: int | None = None
    share_of_peak: float | None = None

    @property
    def median(self) -> float:
        """Seconds; NaN if there are none."""
        return statistics.median(self.seconds) if self.seconds else float("nan")


class OverBudget(Exception):
    """A contender took longer than it may."""


@dataclass
class _Runner:
    contender: Contender
    job: Job
    error: float
    seconds: list[float] = field(default_factory=list)


def measure(
    benchmark: str,
    workload: str,
    contenders: Sequence[Contender],
    inputs: Inputs,
    repeats: int,
    budget: float,
    clock: Callable[[], float] = time.perf_counter,
    pause: Callable[[], None] = lambda: time.sleep(PAUSE),
) -> list[Measurement]:
    """Compare the results of all contenders with the first one's, then time those that agree in turns.

    The comparing call is the warm-up. A contender whose timed calls have taken 20 s sits out the remaining rounds.

    Args:
        benchmark: name, for the result.
        workload: sizes in words, for the result.
        contenders: the first is the truth.
        inputs: given to each.
        repeats: rounds, each with one call of each contender.
        budget: seconds that a call may take.
        clock: seconds now.
        pause: called before each call on the CPU, so that threads of the contender before, which wait actively for more
            work for a while, are asleep. On a GPU a call that is not timed goes before instead.
    """
    runners: list[_Runner] = []
    failed: dict[str, Measurement] = {}
    truth = None
    for contender in contenders:
        blank = Measurement(benchmark, workload, contender.name, note=contender.note)
        try:
            with limited(budget):
                job = contender.prepare(inputs)
                found = job()
        except Unavailable as reason:
            failed[contender.name] = replace(blank, status="unavailable", note=str(reason))
            continue
        except OverBudget:
            failed[contender.name] = replace(blank, status="over budget", note=f"one call takes over {budget:.0f} s")
            continue
        truth = found if truth is None else truth
        error = contender.error(inputs, found, truth)
        if not error <= contender.tolerance:
            reason = f"differs from {contenders[0].name} by {error:.1e}"
            failed[contender.name] = replace(blank, status="wrong", error=error, note=reason)
            continue
        runners.append(_Runner(contender, job, error))
        del found
    for _ in range(repeats):
        for runner in runners:
            if sum(runner.seconds) < ALLOWANCE:
                if inputs.points.is_cuda:
                    runner.job()  # a GPU that has rested is slow at first
                else:
                    pause()
                synchronize(inputs)
                start = clock()
                runner.job()
                synchronize(inputs)
                runner.seconds.append(clock() - start)
    done = {}
    for r in runners:
        scale, name = r.contender.scale(inputs), r.contender.name
        seconds = tuple(s * scale for s in r.seconds)
        memory = peak_on_gpu(r.job) if inputs.points.is_cuda else None
        done[name] = Measurement(
            benchmark, workload, name, seconds, note=r.contender.note, error=r.error, memory=memory
        )
    return [failed.get(c.name) or done[c.name] for c in contenders]


def synchronize(inputs: Inputs) -> None:
    """Wait for a GPU to finish what was asked of it."""
    if inputs.points.is_cuda:
        torch.cuda.synchronize()


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OverBudget` in the block once it takes longer; a call into compiled code ends first."""

    def stop(*_: Any) -> None:
        raise OverBudget

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


SHARE_FORMULA = (
    "Share of peak = (planes × (4 / FMA rate + 1 / exponential rate) + values × (1 / logarithm rate + 1 / sigmoid "
    "rate)) / seconds: each plane at each point takes three fused multiply-adds, one maximum and one exponential, and "
    "each value of N×K (a union need not finish them: 0 there) one logarithm and one sigmoid. Planes and values are 64 "
    "per block of points × what the kernels count; the rates are measured in the same run."
)


def work_of(job: Job, finishes_values: bool) -> tuple[int, int]:
    """How many (point, plane) pairs and how many values the compiled kernels evaluate in a call."""
    with _native.count_work() as work:
        job()
    return POINTS_PER_BLOCK * work.kept, POINTS_PER_BLOCK * work.visited * finishes_values


def share_of_peak(planes: int, values: int, seconds: float, peak: dict[str, float]) -> float:
    """As `SHARE_FORMULA` says, from rates in numbers per second."""
    least = planes * (4 / peak["fma"] + 1 / peak["exp"]) + values * (1 / peak["log"] + 1 / peak["sigmoid"])
    return least / seconds
