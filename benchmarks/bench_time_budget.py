"""How well a fit keeps to the seconds that it is given.

    python -m benchmarks.bench_time_budget --furniture DIR [--split val] [--n 6] [--budgets 1,2,5,10]

DIR holds the ``.sh3f`` libraries of the Debian package sweethome3d-furniture 1.8-1. The shapes are evenly spaced over
the furniture of the split, as if scanned (one closed surface, no structure left). Seconds are those of the clock from
the mesh in memory to the result, on whatever else the machine is doing; *used* is their share of the budget. The last
column is what the fit does by itself. The exit code is 1 if any fit takes more than 110 % of its budget without the
status ``out_of_time``.
"""

import argparse
import sys
import time

import cvxgeom
from cvxgeom.data import solidify
from cvxgeom.decomposition import scan_like
from cvxgeom.fit import FitConfig, fit

from . import furniture

_ALLOWED = 1.1


def main() -> int:
    """Print the table; 1 if a budget was not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    furniture.add_arguments(parser, "val", 6)
    parser.add_argument("--budgets", default="1,2,5,10", help="seconds, separated by commas")
    args = parser.parse_args()
    budgets = [float(word) for word in args.budgets.split(",")]
    print("| shape | " + " | ".join(f"{budget:g} s: used, IoU" for budget in budgets) + " | no budget: s, IoU |")
    print("|---" * (len(budgets) + 2) + "|")
    late, most = 0, 0.0
    fit(cvxgeom.to_trimesh(cvxgeom.sphere(), "union"), FitConfig(n_samples=2000, n_steps=5))  # loads libraries
    for row, mesh in furniture.furniture(args):
        scan, cells = scan_like(solidify(mesh)), []
        for budget in (*budgets, None):
            began = time.perf_counter()
            result = fit(scan, FitConfig(max_seconds=budget))
            seconds = time.perf_counter() - began
            if budget is None:
                cells.append(f"{seconds:.1f}, {result.scores['iou']:.3f}")
                continue
            share = seconds / budget
            told = result.status is cvxgeom.FitStatus.OUT_OF_TIME
            most = max(most, share)
            late += share > _ALLOWED and not told
            cells.append(f"{100 * share:.0f} %, {result.scores['iou']:.3f}" + (" (out of time)" if told else ""))
        print(f"| {row['model']} | {' | '.join(cells)} |", flush=True)
    print(f"\nAt most {100 * most:.0f} % of a budget was used; {late} fits were late without saying so.")
    return int(late > 0)


if __name__ == "__main__":
    sys.exit(main())
