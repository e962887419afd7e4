"""Peak memory of one call, in a process of its own.

The process makes the inputs, calls the contender once on small ones (libraries are loaded, threads started; one that
compiles is called on the full ones), gives free memory back to the system, and sets the kernel's high-water mark of its
resident memory to what it has now. The mark after one full call, less what it was before, is the peak above the inputs;
results count, as does whatever the call keeps. On a GPU it is the peak of the memory that torch allocates there.
"""

import json
import subprocess
import sys

import torch

from cvxgeom._memory import peak_during

from .contender import Job


def peak_memory(benchmark: str, contender: str, small: bool, timeout: float) -> int | None:
    """Bytes above the inputs on the CPU, or None where it cannot be measured."""
    command = [sys.executable, "-m", "benchmarks.memory", benchmark, contender, str(int(small))]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return json.loads(done.stdout.splitlines()[-1])


def peak_on_gpu(job: Job) -> int:
    """Bytes that a call allocates on the GPU at once; of what others than torch allocate, nothing is known."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    kept = job()
    torch.cuda.synchronize()
    peak = torch.cuda.max_memory_allocated() - before
    del kept
    return peak


def main(benchmark: str, contender: str, small: str) -> None:
    """Measure and print one number."""
    from .suite import SUITE

    chosen = SUITE[benchmark]
    competitor = next(c for c in chosen.contenders() if c.name == contender)
    workload = chosen.workload.small() if int(small) else chosen.workload
    competitor.prepare(chosen.workload.small().make())()
    job = competitor.prepare(workload.make())
    if competitor.compiles:
        job()
    print(json.dumps(peak_during(job)[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
