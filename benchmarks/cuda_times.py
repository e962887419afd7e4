"""How long every Triton kernel takes on the GPU of this machine, and under which launch configuration it is quickest.

    python -m benchmarks.cuda_times [--all] [--workers 8]

Prints a Markdown table: the median device time of each kernel under the configuration that ships, on the workload of
the roofline in `benchmarks.cuda_kernels` and on a training batch; with ``--all`` also under all of `CANDIDATES`, which
are compiled beforehand by so many processes at once. Times are the profiler's, of kernels alone: what Python and
launches cost is not in them, but in those of whole calls, forward and backward where an op has a derivative, once as
they are and once captured as a CUDA graph. Inputs stay in the second-level cache from call to call, as in training.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from cvxgeom import ops
from cvxgeom.ops import _triton
from cvxgeom.ops._triton import Configuration

from .workloads import WORKLOADS, Inputs

REPEATS = 20
N_GUIDES = 20
SHAPES, PLACES, VIEWS, PIXELS = 16, 2304, 20, 128  # of depth evidence in a training step
CANDIDATES = [
    Configuration(block=block, warps=warps, piece=piece, piece_warps=piece_warps, cube_warps=cube_warps)
    for block, warps, piece, piece_warps, cube_warps in (
        (32, 1, 64, 1, 4),
        (128, 1, 256, 2, 8),
        (128, 2, 128, 2, 16),
    )
]
Calls = dict[str, Callable[[], Any]]


def calls() -> Calls:
    """What is timed, by name."""
    points, training = (WORKLOADS[name].make(device="cuda") for name in ("random-points", "training"))
    rays, nodes, small = (WORKLOADS[name].make(device="cuda") for name in ("raycast-512", "grid-128", "many-small"))

    def both(value: Callable[..., Tensor], inputs: Inputs, sharp: bool) -> Callable[[], Any]:
        leaves = [t.detach().clone().requires_grad_() for t in (*inputs.planes, inputs.sharpness)[: 5 if sharp else 4]]
        return lambda: torch.autograd.grad(value(inputs.points, *leaves).sum(), leaves)

    def trained() -> Any:
        leaves = [t.detach().clone().requires_grad_() for t in training.planes]
        found = ops.training_indicators(training.points, *leaves, training.sharpness, training.occupancy, N_GUIDES)
        return torch.autograd.grad(sum(v.square().sum() for v in found if v is not None), leaves)

    def seen() -> tuple[Tensor, Tensor, Tensor]:
        """Points in a unit cube, depth of nothing in particular, and cameras that look at it from all around."""
        generator = torch.Generator(device="cuda").manual_seed(0)
        sizes = dict(generator=generator, device="cuda")
        rotation = torch.linalg.qr(torch.randn(SHAPES, VIEWS, 3, 3, **sizes)).Q
        pose = torch.cat([rotation, rotation.new_tensor([0.0, 0, 2.5]).expand(SHAPES, VIEWS, 3)[..., None]], dim=-1)
        focal = rotation.new_tensor([[200.0, 0, PIXELS / 2], [0, 200.0, PIXELS / 2], [0, 0, 1]])
        depth = 2 + torch.rand(SHAPES, VIEWS, PIXELS, PIXELS, **sizes)
        return torch.rand(SHAPES, PLACES, 3, **sizes) - 0.5, depth, focal @ pose

    views = seen()
    size = (nodes.resolution,) * 3
    return {
        "union_sdf": both(ops.union_sdf, points, False),
        "union_indicator": both(ops.union_indicator, points, True),
        "convex_sdf": both(ops.convex_sdf, points, False),
        "convex_indicator": both(ops.convex_indicator, points, True),
        "union_contains": lambda: ops.union_contains(points.points, *points.planes[:3]),
        "training_indicators": trained,
        "raycast": lambda: ops.raycast(rays.points, rays.directions, *rays.planes[:3]),  # type: ignore[arg-type]
        "sample_grid": lambda: ops.sample_grid(
            nodes.lower, nodes.spacing, size, *nodes.planes, truncation=nodes.spacing
        ),
        "union_sdf of 1024 shapes": both(ops.union_sdf, small, False),
        "depth_evidence": lambda: ops.depth_evidence(*views),
    }


def kernel_times(call: Callable[[], Any]) -> dict[str, tuple[float, float]]:
    """Of each kernel that a call runs: median µs of one run, and how many runs a call has."""
    from torch.profiler import ProfilerActivity, profile

    call()
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CUDA]) as recorded:
        for _ in range(REPEATS):
            call()
        torch.cuda.synchronize()
    found: dict[str, list[float]] = defaultdict(list)
    for event in recorded.events():
        if event.device_type == torch.autograd.DeviceType.CUDA:
            found[event.name].append(event.time_range.elapsed_us())
    return {name: (statistics.median(times), len(times) / REPEATS) for name, times in found.items()}


def call_time(call: Callable[[], Any]) -> float:
    """Median µs of a whole call with nothing else in flight, Python and launches included."""
    times = []
    for _ in range(REPEATS):
        torch.cuda.synchronize()
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(1e6 * (time.perf_counter() - start))
    return statistics.median(times)


def queued_time(call: Callable[[], Any]) -> float:
    """µs a call takes where one follows the other: what bounds a loop, be it Python or the GPU."""
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(REPEATS):
        call()
    torch.cuda.synchronize()
    return 1e6 * (time.perf_counter() - start) / REPEATS


def captured(call: Callable[[], Any]) -> Callable[[], None]:
    """The same call as a CUDA graph: all of its launches at once, and no Python."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        call()  # what is compiled or allocated once must be there before
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        call()
    return graph.replay


def call_times() -> Iterator[dict[str, Any]]:
    """One line for each call, under the configuration that ships: to be made before any profile."""
    for name, call in calls().items():
        call()
        whole, queued = call_time(call), queued_time(call)
        yield {"call": name, "whole": whole, "queued": queued, "graph": call_time(captured(call))}


def measured(config: Configuration) -> Iterator[dict[str, Any]]:
    """One line for each kernel of each call."""
    _use(config)
    for name, call in calls().items():
        for kernel, (us, count) in kernel_times(call).items():
            yield {"config": str(config), "call": name, "kernel": kernel, "us": us, "count": count}


def _use(config: Configuration) -> None:
    _triton.CONFIGURATIONS.clear()
    _triton.CONFIGURATIONS[80] = config


def compile_all(config: Configuration) -> None:
    """Fill Triton's cache on disk; in a process of its own."""
    _use(config)
    for call in calls().values():
        call()
    torch.cuda.synchronize()


def table(lines: list[dict[str, Any]], shipped: Configuration) -> str:
    """The shipped configuration's times, and the quickest of the others where there are any."""
    ours = {kernel.fn.__name__ for kernel in _kernels()}
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(lambda: defaultdict(float))
    rows = ["| call | µs alone | µs, one after the other | µs alone, as a CUDA graph |", "|---|---|---|---|"]
    for line in lines:
        if "kernel" in line:
            kernel = line["kernel"] if line["kernel"] in ours else "(PyTorch's)"
            found[line["call"], kernel][line["config"]] += line["us"] * line["count"]
        else:
            rows.append(f"| {line['call']} | {line['whole']:.0f} | {line['queued']:.0f} | {line['graph']:.0f} |")
    rows += ["", "| call | kernel | µs | quickest | its configuration |", "|---|---|---|---|---|"]
    for (call, kernel), times in found.items():
        best = min(times, key=lambda config: times[config])
        rows.append(f"| {call} | {kernel} | {times[str(shipped)]:.1f} | {times[best]:.1f} | {_short(best)} |")
    return "\n".join(rows)


def _kernels() -> list[Any]:
    from .cuda_kernels import cases

    return [case.kernel for case in cases(80)]


def _short(config: str) -> str:
    return config.removeprefix("Configuration(").removesuffix(")")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="also under the other configurations")
    parser.add_argument("--workers", type=int, default=8, help="processes that compile at once")
    parser.add_argument("--json", help="file for a JSON line per time")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("no CUDA device is visible")
    shipped = _triton.configuration_for(torch.device("cuda"))
    configs = [shipped, *(c for c in CANDIDATES if c != shipped)] if options.all else [shipped]
    if len(configs) > 1:
        with multiprocessing.get_context("spawn").Pool(options.workers) as pool:
            pool.map(compile_all, configs, chunksize=1)
    # Once the profiler has run, every launch of the process costs more.
    lines = [*call_times(), *(line for config in configs for line in measured(config))]
    if options.json:
        with open(options.json, "w") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}, {_short(str(shipped))}\n")
    print(table(lines, shipped))
    return 0


if __name__ == "__main__":
    sys.exit(main())
