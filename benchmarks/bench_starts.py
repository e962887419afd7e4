"""Where a fit starts: recursive splitting against multi-start k-means, before any gradient step.

    python -m benchmarks.bench_starts --furniture DIR [--split val] [--n 10]

DIR holds the ``.sh3f`` libraries of the Debian package sweethome3d-furniture 1.8-1. The shapes are evenly spaced over
the furniture of the split, as if scanned (one closed surface, no structure left). Both starts have the same points, and
both are simplified alike; k-means clusters the inside points into twice as many convexes as splitting ends with, from
several seeds, of which the best counts. Prints a Markdown table.
"""

import argparse

import numpy as np
from scipy.cluster.vq import kmeans2

from cvxgeom.data import solidify
from cvxgeom.decomposition import scan_like
from cvxgeom.fit import FitConfig
from cvxgeom.fit.initialize import PIECE_PLANES, initialize
from cvxgeom.fit.parts import union_of
from cvxgeom.fit.samples import VolumeSamples
from cvxgeom.fit.simplify import simplify
from cvxgeom.fit.split import Splitter
from cvxgeom.fit.target import Target, as_target
from cvxgeom.shape import ConvexUnion

from . import furniture

_N_SAMPLES = 60_000
_FEWEST = 10  # points of a cluster
_SEEDS = range(4)


def clustered(target: Target, samples: VolumeSamples, n: int, seed: int) -> ConvexUnion:
    """One convex around each of n clusters of the inside points."""
    inside, found = target.inside, []
    splitter = Splitter(inside, samples, np.random.default_rng(0))
    labels = kmeans2(inside.points, n, minit="++", rng=seed)[1]
    for label in range(n):
        own = np.flatnonzero(labels == label)
        if len(own) < _FEWEST:
            continue
        if (part := splitter.part(inside[own], PIECE_PLANES)) is not None:
            found.append(part)
    return union_of(found)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    furniture.add_arguments(parser, "val", 10)
    parser.add_argument("--parts", type=int, default=64, help="at most so many")
    args = parser.parse_args()
    config = FitConfig(max_parts=args.parts)
    print("| shape | splitting: IoU | parts | k-means: IoU | parts |\n|---|---|---|---|---|")
    figures = []
    for row, mesh in furniture.furniture(args):
        target = as_target(scan_like(solidify(mesh)), seed=0)
        rng = np.random.default_rng(0)
        samples = target.samples(_N_SAMPLES, rng)

        def scored(shape: ConvexUnion, samples: VolumeSamples = samples) -> tuple[float, int]:
            shape = simplify(shape, samples, config.part_worth, config.max_parts, config.most_planes)
            return samples.iou(shape.contains(samples.points)), shape.n_convexes

        split = scored(initialize(target, samples, 2 * config.max_parts, rng))
        means = max(scored(clustered(target, samples, 2 * split[1], seed)) for seed in _SEEDS)
        figures.append((*split, *means))
        print("| {} | {:.3f} | {} | {:.3f} | {} |".format(row["model"], *figures[-1]), flush=True)
    print("| **mean** | {:.3f} | {:.1f} | {:.3f} | {:.1f} |".format(*np.mean(figures, axis=0)))


if __name__ == "__main__":
    main()
