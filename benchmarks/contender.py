"""What a contender is: a way to compute a workload's result, and how far it may be from the first one's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from .workloads import Inputs

Job = Callable[[], Any]
TOLERANCE = 1e-3


class Unavailable(RuntimeError):
    """A contender cannot run here; the message says why."""


def tensor_error(inputs: Inputs, found: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Largest difference of each result, relative to its largest number where that exceeds 1; the worst of them."""
    pairs = zip(found, wanted, strict=True)
    return max(float((f - w).abs().max() / w.abs().max().clamp(min=1)) for f, w in pairs)


@dataclass(frozen=True)
class Contender:
    """One way to compute the result of a workload.

    Args:
        name: as in tables.
        prepare: makes, from the inputs, what is timed; here belongs what a user does once. Raises `Unavailable`.
        note: what a reader has to know about it.
        error: how far a result is from the first contender's.
        tolerance: up to which error it counts as the same result.
        compiles: the first call of a size compiles; memory is that of a later one.
        sampled: it evaluates a grid's sampled nodes only; its time is scaled up to all of them.
    """

    name: str
    prepare: Callable[[Inputs], Job]
    note: str = ""
    error: Callable[[Inputs, Any, Any], float] = tensor_error
    tolerance: float = TOLERANCE
    compiles: bool = False
    sampled: bool = False

    def scale(self, inputs: Inputs) -> float:
        """By what its seconds are multiplied."""
        return inputs.resolution**3 / inputs.points.shape[-2] if self.sampled else 1.0
