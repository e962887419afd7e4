"""What was promised, and whether it was met."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from .measure import Measurement

Results = dict[tuple[str, str], Measurement]  # (benchmark, contender)


@dataclass(frozen=True)
class Target:
    """A number that a run has to reach.

    Args:
        what: in words.
        wanted: the bound.
        value: the number from all measurements of the run; NaN or KeyError if something is missing.
        at_most: the number has to stay at or below the bound, not reach it.
        unit: printed behind numbers.
    """

    what: str
    wanted: float
    value: Callable[[Results], float]
    at_most: bool = False
    unit: str = "×"


@dataclass(frozen=True)
class Verdict:
    """A target with what was found; None if it was not measured."""

    target: Target
    found: float | None

    @property
    def word(self) -> str:
        """met, missed, or not measured."""
        if self.found is None:
            return "not measured"
        met = self.found <= self.target.wanted if self.target.at_most else self.found >= self.target.wanted
        return "met" if met else "missed"


def speed_up(benchmark: str, over: str = "eager", ours: str = "ours") -> Callable[[Results], float]:
    """How many times faster ours is."""
    return lambda results: results[benchmark, over].median / results[benchmark, ours].median


def ratio(ours: tuple[str, str], other: tuple[str, str]) -> Callable[[Results], float]:
    """Our seconds over another's."""
    return lambda results: results[ours].median / results[other].median


def _memory(benchmark: str, contender: str) -> Callable[[Results], float]:
    return lambda results: _number(results[benchmark, contender].memory)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _memory_share(over: str) -> Callable[[Results], float]:
    return lambda results: 100 * _memory("union", "ours")(results) / _memory("union", over)(results)


SURFACE = "ours, surface only"
FINE = ("grid-256", SURFACE)
TARGETS = (
    Target("N×K indicator forward, over eager", 40, speed_up("convex")),
    Target("union forward, sort included, over eager", 150, speed_up("union")),
    Target("union forward + backward to planes, over eager", 150, speed_up("union-backward")),
    Target("the same, over eager that recomputes nothing", 150, speed_up("union-backward", "eager, piece by piece")),
    Target("128³ grid, all nodes, per node over eager", 250, speed_up("grid-128", ours="ours, dense")),
    Target("256³ surface only, in times of 128³ dense", 3, ratio(FINE, ("grid-128", "ours, dense")), True),
    Target("256³ surface only, in times of 128³ surface only", 3, ratio(FINE, ("grid-128", SURFACE)), True),
    Target("training batch, forward + backward, over eager", 25, speed_up("training")),
    Target("union forward + backward, over KeOps", 10, speed_up("union-backward", "KeOps")),
    Target("union forward + backward, over torch.compile", 10, speed_up("union-backward", "torch.compile")),
    Target("memory of a union query, of eager in one piece", 3, _memory_share("eager, one piece"), True, " %"),
    Target("memory of a union query, of eager in pieces", 3, _memory_share("eager"), True, " %"),
    Target("memory of a 256³ surface extraction", 300, lambda r: _memory("extract-256", SURFACE)(r) / 1e6, True, " MB"),
    Target("exact parts, over the official route", 100, speed_up("extract", "official route", "ours, parts")),
    Target("exact union, over the official route", 10, speed_up("extract", "official route", "ours, union")),
    Target("raycast, over embree", 1, speed_up("raycast", "embree")),
    Target("raycast, over embree in threads", 1, speed_up("raycast", "embree, threads")),
    Target(
        "N×K forward, of the measured peak", 50, lambda r: 100 * _number(r["convex", "ours"].share_of_peak), unit=" %"
    ),
)


def judge(results: Results, targets: tuple[Target, ...] = TARGETS) -> list[Verdict]:
    """Each target with what the run found."""
    verdicts = []
    for target in targets:
        try:
            found = target.value(results)
        except (KeyError, ZeroDivisionError):
            found = math.nan
        verdicts.append(Verdict(target, None if math.isnan(found) else found))
    return verdicts
