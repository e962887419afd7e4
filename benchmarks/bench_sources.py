"""Fit furniture from what people have instead of a mesh: point clouds, occupancy grids, signed distances.

    python -m benchmarks.bench_sources --furniture DIR [--split val] [--n 10] [--quality balanced]

DIR and the split file as for `benchmarks.bench_fit`. Points lie on the surface of the solid, without what is hidden in
closed meshes whose parts overlap; noise is Gaussian in all three coordinates, in units of the longest side. Grids are
samples of the solid at the centers of cells. Prints a Markdown table: IoU of the exact polytopes with the true solid,
in the mean and in the worst case, and of the labels that the source gives, which is about what a fit can reach; parts;
seconds, whatever else the machine does.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from cvxgeom import metrics
from cvxgeom.data import Solid, sample_surface, solidify
from cvxgeom.fit import Field, FitConfig, OccupancyGrid, PointCloud, fit
from cvxgeom.fit.target import as_target

from . import furniture

_HIDDEN = 3e-3  # before a surface point: if it is solid there, nobody sees the point
_PROBES = 50_000


def cloud(n: int, noise: float, with_normals: bool) -> Callable[[Solid], PointCloud]:
    """A scan of n points."""

    def make(solid: Solid) -> PointCloud:
        points, normals = (t.numpy() for t in sample_surface(solid.mesh, n, 0, torch.float64))
        if solid.exact:
            seen = ~solid.contains(points + _HIDDEN * normals)
            points, normals = points[seen], normals[seen]
        moved = points + noise * np.random.default_rng(0).standard_normal(points.shape)
        return PointCloud(moved, normals if with_normals else None)

    return make


def grid(resolution: int) -> Callable[[Solid], OccupancyGrid]:
    """Labels of the centers of cells, so many along the longest side."""

    def make(solid: Solid) -> OccupancyGrid:
        low, high = solid.bounds
        side = float((high - low).max()) / resolution
        shape = np.ceil((high - low) / side).astype(int)
        origin = (low + high) / 2 - side * (shape - 1) / 2
        nodes = np.stack(np.unravel_index(np.arange(shape.prod()), tuple(shape)), axis=1)
        return OccupancyGrid(solid.contains(origin + side * nodes).reshape(tuple(shape)), origin, side)

    return make


def field(solid: Solid) -> Field:
    """What is inside, asked anywhere."""
    return Field(solid.contains, solid.bounds, "occupancy", np.float64)


def sources() -> dict[str, Callable[[Solid], Any]]:
    """What is compared, by name."""
    rows: dict[str, Callable[[Solid], Any]] = {"the mesh itself": lambda solid: solid, "function": field}
    rows |= {f"grid, {n} cells along the longest side": grid(n) for n in (128, 64, 32)}
    for with_normals in (True, False):
        for n in (20_000, 5_000):
            for noise in (0.0, 0.005):
                name = f"{n} points, noise {100 * noise:g} %, {'with' if with_normals else 'without'} normals"
                rows[name] = cloud(n, noise, with_normals)
    return rows


def label_iou(source: Any, solid: Solid) -> float:
    """Of the labels that a fit gets from the source, in the bounding box of the solid."""
    target = as_target(source, 0)
    low, high = solid.bounds
    points = np.random.default_rng(1).uniform(low, high, (_PROBES, 3))
    truth, found = solid.contains(points), target.contains(target.normalization.apply(points))
    return float((truth & found).sum() / (truth | found).sum())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    furniture.add_arguments(parser, "val", 10)
    parser.add_argument("--quality", choices=("fast", "balanced", "best"), default="balanced")
    args = parser.parse_args()
    solids = []
    for _, mesh in furniture.furniture(args):
        solids.append(solidify(mesh))
    print("| source | IoU | worst | IoU of the labels | parts | seconds |\n|---|---|---|---|---|---|")
    for name, make in sources().items():
        figures = []
        for solid in solids:
            source = make(solid)
            start = time.perf_counter()
            result = fit(source, FitConfig.preset(args.quality))
            seconds = time.perf_counter() - start
            iou = metrics.score(result.shape, solid, max_standard_error=0.005).iou.value
            figures.append((iou, label_iou(source, solid), result.shape.n_convexes, seconds))
        iou, labels, parts, seconds = np.mean(figures, axis=0)
        print(f"| {name} | {iou:.3f} | {min(f[0] for f in figures):.3f} | {labels:.3f} | {parts:.1f} | {seconds:.1f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
