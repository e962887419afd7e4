"""What each step of the culling saves, by the counters of the compiled CPU kernels; counting needs no quiet machine.

    python -m benchmarks.culling

A pair is a block of 64 neighboring points and a convex. *near*: pairs left after a choice for 16 blocks (or a cube of
32³, 16³ and 8³ nodes, or a bundle of rays) at once; *visited*: pairs evaluated, after the choice for the block itself,
nearest convex first; *planes*: of the planes of visited convexes, those that can matter somewhere in the block; *work*:
planes evaluated of all planes of all pairs.
"""

import torch

from cvxgeom import ops
from cvxgeom.ops import _native

from .workloads import WORKLOADS, Inputs


def jobs(inputs: Inputs) -> dict[str, tuple]:
    """Name of an op and its arguments, for each that the workload can feed."""
    planes, sharpness = inputs.planes, inputs.sharpness
    if inputs.directions is not None:
        return {"raycast": (inputs.points, inputs.directions, *planes[:3])}
    found: dict[str, tuple] = {
        "convex_sdf": (inputs.points, *planes),
        "convex_indicator": (inputs.points, *planes, sharpness),
        "union_sdf": (inputs.points, *planes),
        "union_indicator": (inputs.points, *planes, sharpness),
        "union_contains": (inputs.points, *planes[:3]),
    }
    if inputs.occupancy is not None:
        found["training_indicators"] = (inputs.points, *planes, sharpness, inputs.occupancy)
    return found


def row(workload: str, name: str, arguments: tuple) -> str:
    """One line of the table."""
    with torch.no_grad(), _native.count_work() as work:
        getattr(ops, name)(*arguments)
    halfspaces = work.planes / max(1, work.visited)
    shares = (
        work.near / work.pairs,
        work.visited / work.pairs,
        work.kept / max(1, work.planes),
        work.kept / (work.pairs * max(1.0, halfspaces)),
    )
    return f"| {workload} | `{name}` | {work.pairs} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |"


def main() -> None:
    print("| workload | op | pairs | near | visited | planes | work |\n|---|---|---|---|---|---|---|")
    for workload in ("random-points", "near-surface", "training", "many-small", "many-convexes", "raycast-512"):
        for name, arguments in jobs(WORKLOADS[workload].make()).items():
            print(row(workload, name, arguments), flush=True)
    for workload in ("grid-128", "grid-256"):
        inputs = WORKLOADS[workload].make()
        grid = (inputs.lower, inputs.spacing, (inputs.resolution,) * 3, *inputs.planes)
        print(row(f"{workload}, all nodes", "sample_grid", grid))
        print(row(f"{workload}, surface only", "sample_grid", (*grid, inputs.spacing)), flush=True)


if __name__ == "__main__":
    main()
