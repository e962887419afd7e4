"""Time from one depth map in memory to a shape, its exact mesh, and its watertight union.

    python -m benchmarks.bench_reconstruct [--model furniture-depth1] [--depth FILE] [--threads 2] [--repeats 20]

The model is one that ships, a ``.safetensors`` file, ``MODULE:NAME`` of anything that makes a shape of views,
or ``random``: 50 convexes of 25 half-spaces about random seen points, which shows what the meshes alone cost. It is
loaded, and used twice, before the clock starts. Prints a Markdown table; the CPU's time, of all threads together, is
what a busy machine leaves meaningful.
"""

import argparse
import importlib
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

import cvxgeom
from cvxgeom import ConvexUnion, DepthViews
from cvxgeom.mesh import to_trimesh
from cvxgeom.reconstruct import agreement, read_depth

# Milliseconds on two cores, of the issue that asked for it.
TARGETS = {"exact parts": 150, "watertight union": 250}


def chosen(name: str) -> Callable[[DepthViews], ConvexUnion]:
    """A model by name, file or place in a module."""
    if name == "random":
        return random_union
    if ":" in name:
        module, _, attribute = name.partition(":")
        return getattr(importlib.import_module(module), attribute)
    models: Any = importlib.import_module("cvxgeom.models")
    return models.CvxNet.load(name) if name.endswith(".safetensors") else models.CvxNet.from_pretrained(name)


def random_union(views: DepthViews, k: int = 50, h: int = 25) -> ConvexUnion:
    """Convexes about seen points, as an untrained network might place them."""
    generator = torch.Generator().manual_seed(0)
    _, side = views.frame()
    points = views.points()[views.seen]
    centers = points[torch.randint(len(points), (k,), generator=generator)]
    normals = torch.nn.functional.normalize(torch.randn(k, h, 3, generator=generator), dim=-1)
    offsets = -(0.02 + 0.08 * torch.rand(k, h, generator=generator)) * side
    return ConvexUnion(normals, offsets, centers, torch.full((k,), 100.0) / side, 75.0 / float(side))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="furniture-depth1")
    parser.add_argument("--depth", default=f"{cvxgeom.__path__[0]}/assets/chair_depth.png")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, views = chosen(args.model), read_depth(args.depth)
    stages: dict[str, Callable[[], Any]] = {
        "shape": lambda: model(views),
        "exact parts": lambda: to_trimesh(model(views), "parts"),
        "watertight union": lambda: to_trimesh(model(views), "union"),
        "agreement with the input, alone": lambda: agreement(shape, views),
    }
    with torch.no_grad():
        shape = model(views)
        for stage in stages.values():
            stage()
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in stages}
        for _ in range(args.repeats):  # in turns: what else the machine does meets all of them alike
            for name, stage in stages.items():
                start, busy = time.perf_counter(), time.process_time()
                stage()
                seconds[name].append((time.perf_counter() - start, time.process_time() - busy))
    parts = sum(polytope.is_bounded for polytope in shape.polytopes())
    print(f"{args.model}: {parts} parts of {shape.n_convexes}, {args.threads} threads, {args.repeats} repeats\n")
    print("| from a depth map to | median, ms | fastest, ms | slowest, ms | CPU, ms | target, ms |")
    print("|---|---|---|---|---|---|")
    for name, found in seconds.items():
        wall, cpu = zip(*found, strict=True)
        figures = (1000 * x for x in (statistics.median(wall), min(wall), max(wall), statistics.median(cpu)))
        cells = " | ".join(f"{figure:.1f}" for figure in figures)
        print(f"| {name} | {cells} | {TARGETS.get(name, '')} |")


if __name__ == "__main__":
    main()
