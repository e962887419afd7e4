"""The time that a fit has, which its phases ask themselves: nothing is interrupted from outside."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

_GRACE = 0.1  # of the time given: what is done by then is in time


@dataclass(frozen=True)
class Deadline:
    """When something must end.

    Args:
        end: on the clock; infinity: never.
        grace: seconds beyond the end that still count as in time.
        clock: tells the time, in seconds.

    Example:
        >>> now = 0.0
        >>> deadline = Deadline.after(10.0, clock=lambda: now)
        >>> deadline.left, deadline.earlier(2.0).left, deadline.within(0.5).left
        (10.0, 8.0, 5.0)
        >>> now = 10.5
        >>> deadline.passed, deadline.missed
        (True, False)
    """

    end: float
    grace: float = 0.0
    clock: Callable[[], float] = time.perf_counter

    @classmethod
    def after(cls, seconds: float | None, clock: Callable[[], float] = time.perf_counter) -> "Deadline":
        """The one that comes this many seconds from now; of None the one that never does."""
        if seconds is None:
            return cls(math.inf, clock=clock)
        return cls(clock() + seconds, _GRACE * seconds, clock)

    @property
    def left(self) -> float:
        """Seconds until then; negative afterwards."""
        return self.end - self.clock()

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.left <= 0

    @property
    def missed(self) -> bool:
        """Whether even the grace is over."""
        return self.left + self.grace < 0

    def earlier(self, seconds: float) -> "Deadline":
        """One that leaves this much time for what comes after."""
        return replace(self, end=self.end - seconds)

    def within(self, share: float) -> "Deadline":
        """One that leaves all but a share of the time from now on for what comes after."""
        return replace(self, end=self.end - (1 - share) * max(0.0, self.left)) if math.isfinite(self.end) else self


NEVER = Deadline(math.inf)
