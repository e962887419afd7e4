"""What is told about a step, and the clock that knows how long the rest will take."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

_WINDOW = 30  # steps that speeds are averaged over


@dataclass(frozen=True)
class TrainStep:
    """One step that was made.

    Args:
        step: steps done.
        of: how many there will be.
        loss: of this step's batch, over all processes.
        terms: that the loss is made of.
        learning_rate: of this step.
        gradient_norm: before it was clipped.
        seconds: since the run began, over all of its resumptions.
        data_wait: share of the time of the last steps that was spent waiting for batches.
        shapes_per_second: of the last steps, over all processes.
        seconds_left: at this speed, without validation.
        scores: of the validation that followed this step; empty where there was none.
        picture: of validation shapes after this step, where one was made.
    """

    step: int
    of: int
    loss: float
    terms: dict[str, float]
    learning_rate: float
    gradient_norm: float
    seconds: float
    data_wait: float
    shapes_per_second: float
    seconds_left: float
    scores: dict[str, float] = field(default_factory=dict)
    picture: Path | None = None


class Clock:
    """Time of a run.

    Args:
        seconds: that it took before it was resumed.
    """

    def __init__(self, seconds: float = 0.0) -> None:
        self._start = time.perf_counter() - seconds
        self._recent: deque[tuple[float, float]] = deque(maxlen=_WINDOW)

    @property
    def seconds(self) -> float:
        """Since the run began, over all of its resumptions."""
        return time.perf_counter() - self._start

    def add(self, seconds: float, waited: float) -> None:
        """Count a step, and the part of it spent waiting for its batch."""
        self._recent.append((seconds, waited))

    @property
    def per_step(self) -> float:
        """Seconds that a step takes."""
        return sum(seconds for seconds, _ in self._recent) / max(len(self._recent), 1)

    @property
    def waiting(self) -> float:
        """Share of that spent waiting for batches."""
        total = sum(seconds for seconds, _ in self._recent)
        return sum(waited for _, waited in self._recent) / total if total > 0 else 0.0
