"""Exact meshes beside the official route: an indicator grid and marching cubes, in one run on one machine.

    python -m benchmarks.bench_mesh [--resolution 128] [--repeats 7] [--convexes 50] [--halfspaces 25]

The official CvxNet code evaluates the union indicator on a grid of 128³ nodes in chunks and runs marching cubes at ½;
here the same is done with the plain PyTorch reference, in the pieces that suit it best. Times are medians over the
repeats, after one warm-up; what takes longer than ten seconds runs once.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from skimage.measure import marching_cubes

import cvxgeom


def random_shape(n_convexes: int, n_halfspaces: int, seed: int = 0) -> cvxgeom.ConvexUnion:
    """Convexes as a network gives them at first: random normals, offsets and places in the unit cube."""
    generator = torch.Generator().manual_seed(seed)
    normals = torch.nn.functional.normalize(torch.randn(n_convexes, n_halfspaces, 3, generator=generator), dim=-1)
    offsets = -(0.05 + 0.1 * torch.rand(n_convexes, n_halfspaces, generator=generator))
    translations = torch.rand(n_convexes, 3, generator=generator) - 0.5
    return cvxgeom.ConvexUnion(normals, offsets, translations, torch.full((n_convexes,), 150.0), 75.0)


def official_route(shape: cvxgeom.ConvexUnion, resolution: int) -> None:
    """Indicator on a grid over [−0.65, 0.65]³ by the eager reference, then marching cubes at ½."""
    axis = torch.linspace(-0.65, 0.65, resolution)
    with torch.no_grad(), cvxgeom.ops.backend("reference"):
        values = shape.indicator(torch.cartesian_prod(axis, axis, axis))
    marching_cubes(values.reshape((resolution,) * 3).numpy(), 0.5)


def median_seconds(run: Callable[[], object], repeats: int) -> float:
    """Median wall-clock time of a call, after one warm-up; one run is enough for what takes longer than ten seconds."""

    def timed() -> float:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start

    warm_up = timed()
    return warm_up if warm_up > 10 else statistics.median(timed() for _ in range(repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--resolution", type=int, default=128)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--convexes", type=int, default=50)
    parser.add_argument("--halfspaces", type=int, default=25)
    options = parser.parse_args()
    shape = random_shape(options.convexes, options.halfspaces)

    few = max(1, options.repeats // 3)
    rows = [
        ("official: grid + marching cubes", lambda: official_route(shape, options.resolution), few, None),
        ('to_trimesh "grid"', lambda: cvxgeom.to_trimesh(shape, "grid", resolution=options.resolution), few, None),
        ("polytopes (vertices and faces)", shape.polytopes, options.repeats, 100),
        ('to_trimesh "parts"', lambda: cvxgeom.to_trimesh(shape, "parts"), options.repeats, 100),
        ('to_trimesh "union", watertight', lambda: cvxgeom.to_trimesh(shape, "union"), options.repeats, 10),
        ('to_trimesh "smooth"', lambda: cvxgeom.to_trimesh(shape, "smooth"), few, None),
    ]
    print(
        f"K = {options.convexes}, H = {options.halfspaces}, grid {options.resolution}³, torch {torch.__version__}, ",
        end="",
    )
    print(f"{torch.get_num_threads()} threads, numpy {np.__version__}")
    print(f"{'route':<34}{'median':>12}{'times faster':>14}{'wanted':>8}")
    official = None
    for name, run, repeats, wanted in rows:
        seconds = median_seconds(run, repeats)
        official = official or seconds
        goal = f"{wanted}×" if wanted else ""
        print(f"{name:<34}{1e3 * seconds:>9.1f} ms{official / seconds:>13.1f}×{goal:>8}", flush=True)


if __name__ == "__main__":
    main()
