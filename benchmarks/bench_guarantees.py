"""What a guarantee costs: the same meshes fitted without one, and with each that a fit can give.

    python -m benchmarks.bench_guarantees --furniture DIR [--split val] [--n 8] [--quality balanced]

DIR and the split file as for `benchmarks.bench_fit`; each shape as if scanned. Prints a Markdown table: IoU of the
exact polytopes with the solid, in the mean and in the worst case; means of what is outside of the solid, as a share of
the shape, of what is missed, as a share of the solid, of parts, and of seconds, whatever else the machine does.
"""

import argparse
import sys
import time

import numpy as np

from cvxgeom import metrics
from cvxgeom.data import solidify
from cvxgeom.decomposition.scan import scan_like
from cvxgeom.fit import FitConfig, fit

from . import furniture

_GUARANTEES = {
    "none": {},
    "`bound inner`": {"bound": "inner"},
    "`bound outer`": {"bound": "outer"},
    "`disjoint`": {"disjoint": True},
    "`symmetry x`": {"symmetry": "x"},
    "`min_thickness`, 1 % of the longest side": {"min_thickness": 0.01},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    furniture.add_arguments(parser, "val", 8)
    parser.add_argument("--quality", choices=("fast", "balanced", "best"), default="balanced")
    args = parser.parse_args()
    solids = [solidify(scan_like(solidify(mesh))) for _, mesh in furniture.furniture(args)]
    print("| guarantee | IoU | worst | outside | missed | parts | seconds |\n|---|---|---|---|---|---|---|")
    for name, wanted in _GUARANTEES.items():
        figures = []
        for solid in solids:
            start = time.perf_counter()
            shape = fit(solid, FitConfig.preset(args.quality, **wanted)).shape
            seconds = time.perf_counter() - start
            iou = metrics.iou(shape, solid, max_standard_error=0.002)
            figures.append((iou.value, iou.over_coverage, iou.under_coverage, shape.n_convexes, seconds))
        value, over, under, parts, seconds = np.mean(figures, axis=0)
        worst = min(figure[0] for figure in figures)
        print(f"| {name} | {value:.3f} | {worst:.3f} | {over:.4f} | {under:.4f} | {parts:.1f} | {seconds:.1f} |")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
