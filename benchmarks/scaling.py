"""How time grows with N, K, H and threads: one axis at a time from the workload of random points."""

from collections.abc import Iterator
from dataclasses import replace

import torch

from .contenders import eager_and_ours, indicator_values, union_values
from .measure import Measurement, measure
from .workloads import WORKLOADS, Workload

AXES = {"n": (1_000, 10_000, 100_000, 1_000_000), "k": (8, 50, 200, 800), "h": (6, 12, 25, 50, 100)}
SMALL_AXES = {"n": (100, 400), "k": (4, 8), "h": (6, 12)}
EAGER_PAIRS = 2.6e8  # (point, plane) pairs that eager PyTorch evaluates within a few seconds


def scaling(quick: bool, repeats: int, budget: float, device: str) -> Iterator[Measurement]:
    """Union forward and N×K forward along each axis; ``workload`` is "N = 1000" and the like."""
    base = WORKLOADS["random-points"].small() if quick else WORKLOADS["random-points"]
    for axis, numbers in (SMALL_AXES if quick else AXES).items():
        for number in numbers:
            yield from _point(replace(base, **{axis: number}), f"{axis.upper()} = {number}", repeats, budget, device)
    if device != "cpu":
        return
    threads = torch.get_num_threads()
    try:
        for number in sorted({1 << i for i in range(threads.bit_length())} | {threads}):
            torch.set_num_threads(number)
            yield from _point(base, f"threads = {number}", repeats, budget, device)
    finally:
        torch.set_num_threads(threads)


def _point(workload: Workload, where: str, repeats: int, budget: float, device: str) -> Iterator[Measurement]:
    inputs = workload.make(device=device)
    for name, values in (("union", union_values), ("convex", indicator_values)):
        eager, ours = eager_and_ours(values)
        affordable = workload.n * workload.k * workload.h <= EAGER_PAIRS
        contenders = [eager, ours] if affordable else [ours]
        yield from measure(f"scaling-{name}", where, contenders, inputs, repeats, budget)
