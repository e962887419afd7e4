"""The compiled CPU kernels against the plain PyTorch reference, in one run, alternating.

    python -m benchmarks.bench_ops [--points 100000] [--convexes 50] [--halfspaces 25] [--repeats 3]

Uniform random points in the unit cube, float32. Times are medians over the repeats, after one warm-up; the error is the
largest difference between the two.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from cvxgeom import ops


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--convexes", type=int, default=50)
    parser.add_argument("--halfspaces", type=int, default=25)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    generator = torch.Generator().manual_seed(0)
    k, h = args.convexes, args.halfspaces
    points = torch.rand(args.points, 3, generator=generator) - 0.5
    normals = torch.nn.functional.normalize(torch.randn(k, h, 3, generator=generator), dim=-1)
    offsets = -0.05 - 0.2 * torch.rand(k, h, generator=generator)
    translations = torch.rand(k, 3, generator=generator) - 0.5
    planes = (normals, offsets, translations, torch.full((k,), 100.0))

    def backward() -> torch.Tensor:
        leaf = normals.clone().requires_grad_()
        ops.union_sdf(points, leaf, *planes[1:]).sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    jobs: dict[str, Callable[[], torch.Tensor]] = {
        "convex_sdf, N×K": lambda: ops.convex_sdf(points, *planes),
        "union_sdf": lambda: ops.union_sdf(points, *planes),
        "union_sdf + backward to planes": backward,
    }
    print(f"N = {args.points}, K = {k}, H = {h}, {torch.get_num_threads()} threads, {ops.available_backends()['cpu']}")
    print("| op | reference ms | compiled ms | times faster | largest difference |\n|---|---|---|---|---|")
    for name, job in jobs.items():
        seconds: dict[str, list[float]] = {"reference": [], "cpu": []}
        values = {}
        for _ in range(args.repeats + 1):
            for backend in seconds:
                with ops.backend(backend):
                    start = time.perf_counter()
                    values[backend] = job()
                    seconds[backend].append(time.perf_counter() - start)
        slow, fast = (1000 * statistics.median(seconds[backend][1:]) for backend in seconds)
        error = float((values["cpu"] - values["reference"]).abs().max())
        print(f"| {name} | {slow:.0f} | {fast:.1f} | {slow / fast:.0f} | {error:.1e} |")


if __name__ == "__main__":
    main()
