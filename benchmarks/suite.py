"""Which benchmarks there are: a workload, those who compete on it, and the op whose tests have to be green."""

from collections.abc import Callable
from dataclasses import dataclass

from . import contenders, geometry
from .contender import Contender
from .workloads import WORKLOADS, Workload


@dataclass(frozen=True)
class Benchmark:
    """One table.

    Args:
        name: on the command line.
        title: above the table.
        op: key of `gate.TESTS`.
        workload: what is evaluated.
        contenders: who competes; the first is the truth and the unit of the speed-up.
        kernel: the contender whose share of the machine's peak is reported.
    """

    name: str
    title: str
    op: str
    workload: Workload
    contenders: Callable[[], list[Contender]]
    kernel: str | None = None


def _points(name: str, workload: str, title: str) -> list[Benchmark]:
    own = WORKLOADS[workload]
    return [
        Benchmark(f"union{name}", f"Union, forward{title}", "indicator", own, contenders.union_contenders, "ours"),
        Benchmark(
            f"union-backward{name}",
            f"Union, forward and backward to the planes{title}",
            "indicator",
            own,
            contenders.union_backward_contenders,
        ),
    ]


SUITE = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(
            "convex",
            "Indicator of every convex at every point, forward",
            "indicator",
            WORKLOADS["random-points"],
            contenders.convex_contenders,
            "ours",
        ),
        *_points("", "random-points", ""),
        *_points("-near", "near-surface", ", points near the surface"),
        *_points("-small", "many-small", ", many small shapes"),
        *_points("-many", "many-convexes", ", one shape of 10 000 convexes"),
        *(
            Benchmark(
                f"training{suffix}",
                "Inputs of all losses of a training batch, forward and backward",
                "training",
                WORKLOADS[f"training{suffix}"],
                contenders.training_contenders,
            )
            for suffix in ("", "-h50")
        ),
        *(
            Benchmark(
                f"grid-{n}",
                f"Union SDF at the nodes of a {n}³ grid",
                "grid",
                WORKLOADS[f"grid-{n}"],
                contenders.grid_contenders,
            )
            for n in (128, 256)
        ),
        Benchmark("extract", "Meshes", "mesh", WORKLOADS["grid-128"], geometry.extraction_contenders),
        Benchmark(
            "extract-256", "Meshes from a 256³ grid", "mesh", WORKLOADS["grid-256"], geometry.marching_contenders
        ),
        Benchmark(
            "raycast",
            "First hits of camera rays",
            "raycast",
            WORKLOADS["raycast-512"],
            geometry.raycast_contenders,
        ),
    )
}
