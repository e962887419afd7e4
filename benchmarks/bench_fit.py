"""Decompose furniture and score the result: mesh → fit → exact polytopes → scores.

    python -m benchmarks.bench_fit --furniture DIR [--split-file CSV] [--split test] [--n 10]

DIR holds the ``.sh3f`` libraries of the Debian package sweethome3d-furniture 1.8-1; the split file, by default
`furniture_split.csv` beside this, has the columns library, model, class, furniture, fill, split. The shapes are evenly
spaced over the furniture of the split in the order of the file, so that nobody picked them by their scores. Prints a
Markdown table; seconds are those of one process after imports, from mesh in memory to shape, on whatever else the
machine is doing.
"""

import argparse
import dataclasses
import sys
import time

import numpy as np

import cvxgeom
from cvxgeom import metrics
from cvxgeom.data import solidify
from cvxgeom.fit import FitConfig

from . import furniture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    furniture.add_arguments(parser, "test", 10)
    parser.add_argument("--parts", type=int, default=FitConfig.max_parts)
    parser.add_argument("--steps", type=int, default=FitConfig.n_steps)
    args = parser.parse_args()
    config = dataclasses.replace(FitConfig(), max_parts=args.parts, n_steps=args.steps)
    columns = "shape,class,IoU,before refinement,Chamfer-L1 ×1000,F-score at 1 %,parts,planes per part,seconds".split(
        ","
    )
    print(f"| {' | '.join(columns)} |")
    print("|---" * len(columns) + "|")
    figures = []
    for row, mesh in furniture.furniture(args):
        start = time.perf_counter()
        solid = solidify(mesh)
        result = cvxgeom.fit(solid, config)
        seconds = time.perf_counter() - start
        scores = metrics.score(result.shape, solid, max_standard_error=0.005)
        figures.append(
            (
                scores.iou.value,
                result.scores["iou_initial"],
                1000 * scores.surface.chamfer_l1_mean,
                scores.surface.f_score,
                scores.structure.n_parts,
                scores.structure.planes_per_part,
                seconds,
            )
        )
        print(f"| {row['model']} | {row['class']} ({row['fill']}) | {cells(figures[-1])} |")
        sys.stdout.flush()
    print(f"| **mean** | | {cells(tuple(np.mean(figures, axis=0)))} |")


def cells(figures: tuple[float, ...]) -> str:
    formats = ("{:.3f}", "{:.3f}", "{:.1f}", "{:.3f}", "{:.0f}", "{:.1f}", "{:.1f}")
    return " | ".join(form.format(figure) for form, figure in zip(formats, figures, strict=True))


if __name__ == "__main__":
    main()
