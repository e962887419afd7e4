"""Fit deliberately bad inputs: each must end in a sound shape or in a clear refusal, within its time.

    python -m benchmarks.bench_bad_inputs [--n 200] [--quality balanced] [--time 10] [--workers 2]

Self-intersecting, inside out, NaN, one triangle, units of 1e-9 and 1e9, one-sided, ...: `tests/fit/bad_meshes.py`
makes them from a seed, and `tests/fit/outcome.py` says what is sound: finite scores, bounded parts within the caps and
in the input's own unit, a file that reads back as it was written. Prints a Markdown table by kind; the exit
code is 1 if there is any defect: another error, a crash, or more time than allowed without the status that says so.
Seconds are those of the clock, on whatever else the machine is doing, and with the checks of what came out.
"""

import argparse
import dataclasses
import faulthandler
import sys
import time
import traceback
import warnings
from collections import Counter, defaultdict

from cvxgeom.fit import FitConfig
from cvxgeom.parallel import Died, n_cores, run_tasks
from tests.fit.bad_meshes import bad_meshes
from tests.fit.outcome import outcome

_HUNG = 20  # times the allowed seconds after which a process is ended


@dataclasses.dataclass(frozen=True)
class Task:
    """One of the inputs."""

    number: int
    config: FitConfig


def run(task: Task) -> tuple[str, float]:
    """What came of it, and the seconds; a hang ends the process."""
    _, mesh = list(bad_meshes(task.number + 1))[-1]
    faulthandler.dump_traceback_later(_HUNG * (task.config.max_seconds or 60), exit=True)
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = outcome(mesh, task.config)
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        result = f"defect: {type(error).__name__} {error} ({place.filename.split('/')[-1]}:{place.lineno})"
    finally:
        faulthandler.cancel_dump_traceback_later()
    return result, time.perf_counter() - began


def main() -> int:
    """Print the table; 1 if there are defects."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--quality", default="balanced")
    parser.add_argument("--time", type=float, default=10.0, help="seconds that each is allowed")
    parser.add_argument("--workers", type=int, default=n_cores())
    args = parser.parse_args()
    config = FitConfig.preset(args.quality, max_seconds=args.time)
    kinds = [kind for kind, _ in bad_meshes(args.n)]
    outcomes: dict[str, Counter[str]] = defaultdict(Counter)
    slowest: dict[str, float] = defaultdict(float)
    defects = []
    for task, made in run_tasks(run, [Task(number, config) for number in range(args.n)], n_workers=args.workers):
        result, seconds = (f"defect: {made}", 0.0) if isinstance(made, Died) else made
        kind = kinds[task.number]
        if result.startswith("defect"):
            defects.append(f"{task.number} ({kind}): {result}")
            sys.stderr.write(defects[-1] + "\n")
        outcomes[kind][result.partition(":")[0]] += 1
        slowest[kind] = max(slowest[kind], seconds)
    columns = list(dict.fromkeys(word for counts in outcomes.values() for word in counts))
    print(f"| input | {' | '.join(columns)} | slowest, s |")
    print("|---" * (len(columns) + 2) + "|")
    for kind in dict.fromkeys(kinds):
        counts = " | ".join(str(outcomes[kind][word] or "") for word in columns)
        print(f"| {kind} | {counts} | {slowest[kind]:.1f} |")
    total = sum(outcomes.values(), Counter())
    print(f"| **all** | {' | '.join(str(total[word]) for word in columns)} | {max(slowest.values()):.1f} |")
    for defect in sorted(defects):
        print(f"\n{defect}")
    return 1 if defects else 0


if __name__ == "__main__":
    sys.exit(main())
