"""What a call costs before it computes anything: 64 points, one convex, six half-spaces, one thread.

python -m benchmarks.overhead
"""

import statistics
import timeit
from collections.abc import Callable

import torch

import cvxgeom
from cvxgeom import ops


def microseconds(job: Callable[[], object], calls: int = 500, repeats: int = 9) -> float:
    """Median over the repeats of the mean time of a call."""
    return 1e6 * statistics.median(timeit.repeat(job, number=calls, repeat=repeats)) / calls


def main() -> None:
    torch.set_num_threads(1)
    points, box = torch.rand(64, 3), cvxgeom.box()
    planes = (box.normals, box.offsets, box.translations, box.smoothness)
    assert isinstance(box.sharpness, torch.Tensor)
    sharp = (points, *planes, box.sharpness)
    leaf = box.normals.clone().requires_grad_()

    def backward() -> torch.Tensor:
        return torch.autograd.grad(ops.union_sdf(points, leaf, *planes[1:]).sum(), leaf)[0]

    labels = torch.ones(64)
    jobs: dict[str, Callable[[], object]] = {
        "convex_sdf": lambda: ops.convex_sdf(points, *planes),
        "convex_indicator": lambda: ops.convex_indicator(*sharp),
        "union_sdf": lambda: ops.union_sdf(points, *planes),
        "union_indicator": lambda: ops.union_indicator(*sharp),
        "union_contains": lambda: ops.union_contains(points, *planes[:3]),
        "raycast": lambda: ops.raycast(points, points, *planes[:3]),
        "training_indicators": lambda: ops.training_indicators(*sharp, labels),
        "sample_grid, 4³ nodes": lambda: ops.sample_grid((0.0, 0.0, 0.0), 0.1, (4, 4, 4), *planes),
        "union_sdf, sum, backward": backward,
    }
    print("| call on 64 points | µs |\n|---|---|")
    for name, job in jobs.items():
        print(f"| {name} | {microseconds(job):.1f} |", flush=True)


if __name__ == "__main__":
    main()
