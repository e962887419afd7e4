"""All contenders on shared workloads, in one run on one machine.

    python -m benchmarks.run [NAME ...] [--quick] [--repeats 7] [--device cpu] [--out out/benchmarks]

Without a name everything runs; benchmarks/README.md says what each is. Tables go to standard output; the same as
results.jsonl and pictures into the folder. An op whose tests are not green is refused.
"""

import argparse
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from cvxgeom import ops
from cvxgeom.ops import _native

from . import gate, report
from .measure import SHARE_FORMULA, Measurement, measure, share_of_peak, work_of
from .memory import peak_memory
from .scaling import scaling
from .suite import SUITE, Benchmark
from .targets import judge

QUIET = 0.3  # load average from which on times are doubtful


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks.run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [*SUITE, "scaling"]
    made.add_argument("names", nargs="*", metavar="NAME", help=f"all, or some of: {', '.join(names)}")
    made.add_argument("--quick", action="store_true", help="sizes of the tests: whether it runs, not how fast")
    made.add_argument("--repeats", type=int, default=7, help="rounds of each contender")
    made.add_argument("--budget", type=float, default=120.0, help="seconds that one call may take")
    made.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    made.add_argument("--out", type=Path, default=Path("out/benchmarks"), help="folder for JSON lines and pictures")
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run and report; 1 if something was refused."""
    options = parser().parse_args(arguments)
    names = list(dict.fromkeys(options.names)) or ["all"]
    names = [*SUITE, "scaling"] if names == ["all"] else names
    unknown = [name for name in names if name not in SUITE and name != "scaling"]
    if unknown:
        parser().error(f"there is no benchmark {unknown[0]!r}; there are {', '.join([*SUITE, 'scaling'])}")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser().error("no CUDA device is visible")
    options.out.mkdir(parents=True, exist_ok=True)

    measured: list[Measurement] = []
    refused = False
    tests = gate.GPU_TESTS if options.device == "cuda" else gate.TESTS
    setting = environment(options)
    print(f"# Benchmarks\n\n{', '.join(f'{key}: {value}' for key, value in setting.items())}\n")
    if setting["load before"] > QUIET:
        print("The machine is not quiet: other work makes threads wait for each other, OpenMP's most of all.\n")
    for name in names:
        reason = gate.refusal("indicator" if name == "scaling" else SUITE[name].op, tests=tests)
        if reason is not None:
            refused = True
            print(f"### {name}\n\nrefused, its tests are red: {reason}\n", flush=True)
        elif name == "scaling":
            curves = list(scaling(options.quick, min(options.repeats, 5), options.budget, options.device))
            measured += curves
            print(report.scaling_table(curves), flush=True)
            report.plot_scaling(options.out / "scaling.png", curves)
        else:
            rows = run_one(SUITE[name], options)
            measured += rows
            print(report.table(SUITE[name].title, rows[0].workload, rows), flush=True)
    verdicts = judge({(m.benchmark, m.contender): m for m in measured})
    if options.device == "cuda":
        verdicts = []
        print("Targets are those of the CPU.")
    elif options.quick:
        verdicts = []
        print("Targets are not judged at these sizes.")
    else:
        print(report.verdict_table(verdicts))
        print(SHARE_FORMULA)
    records = report.records(measured, verdicts)
    report.write_lines(options.out / "results.jsonl", [{"kind": "environment", **setting}, *records])
    report.plot_times(options.out / "times.png", [m for m in measured if m.benchmark in SUITE])
    return int(refused)


def run_one(benchmark: Benchmark, options: argparse.Namespace) -> list[Measurement]:
    """All contenders of one benchmark: results compared, times in turns, share of peak, memory."""
    workload = benchmark.workload.small() if options.quick else benchmark.workload
    inputs = workload.make(device=options.device)
    contenders = benchmark.contenders()
    on_kernels = options.device == "cpu" and _native.LIBRARY is not None
    peak = _native.peak() if benchmark.kernel and on_kernels else None
    rows = measure(benchmark.name, workload.sizes, contenders, inputs, options.repeats, options.budget)
    finished = []
    for row, contender in zip(rows, contenders, strict=True):
        if row.status == "ok":
            if peak is not None and row.contender == benchmark.kernel:
                work = work_of(contender.prepare(inputs), benchmark.name == "convex")
                row = replace(row, share_of_peak=share_of_peak(*work, row.median, peak))
            if options.device == "cpu":
                row = replace(row, memory=peak_memory(benchmark.name, row.contender, options.quick, 2 * options.budget))
        finished.append(row)
    return finished


def environment(options: argparse.Namespace) -> dict[str, Any]:
    """What a reader has to know about the machine and the settings."""
    kernels = ops.available_backends()["cpu" if options.device == "cpu" else "cuda"]
    found = {
        "device": torch.cuda.get_device_name() if options.device == "cuda" else _processor(),
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "not set"),
        "kernels": kernels,
        "load before": round(os.getloadavg()[0], 2),
        "repeats": options.repeats,
        "quick": options.quick,
    }
    if options.device == "cpu" and _native.LIBRARY is not None:
        peak = _native.peak()
        found |= {f"peak {name}/s": f"{rate:.3g}" for name, rate in peak.items()}
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return f"{names[0]}, {len(names)} logical cores"
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main())
