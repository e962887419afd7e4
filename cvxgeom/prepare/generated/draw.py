"""Numbers drawn at random, in the words that shapes are described in."""

import math
from typing import TypeVar

import numpy as np

Value = TypeVar("Value")


class Draw:
    """Draws for one shape.

    Args:
        seed: whole numbers that everything follows from.

    Example:
        >>> draw = Draw(0, 1)
        >>> 1.0 <= draw.between(1.0, 2.0) <= 2.0, draw.one_of("red") == "red"
        (True, True)
    """

    def __init__(self, *seed: int) -> None:
        self._numbers = np.random.default_rng(seed)

    def between(self, low: float, high: float) -> float:
        """A number from a range, all alike."""
        return float(self._numbers.uniform(low, high))

    def size(self, low: float, high: float) -> float:
        """A number from a range, all ratios alike: half as large as often as twice as large."""
        return math.exp(self.between(math.log(low), math.log(high)))

    def count(self, low: int, high: int) -> int:
        """A whole number from ``low`` to ``high``, both included."""
        return int(self._numbers.integers(low, high + 1))

    def chance(self, share: float) -> bool:
        """True in this share of all draws."""
        return bool(self._numbers.random() < share)

    def one_of(self, *values: Value) -> Value:
        """One of some values, all alike."""
        return values[self.count(0, len(values) - 1)]
