"""Peak memory of one call, in a process of its own.

The process makes the inputs, calls the contender once on small ones (libraries are loaded, threads started; one that
compiles is called on the full ones), gives free memory back to the system, and sets the kernel's high-water mark of its
resident memory to what it has now. The mark after one full call, less what it was before, is the peak above the inputs;
results count, as does whatever the call keeps. On a GPU it is torch's own peak of allocated memory.
"""

import json
import subprocess
import sys

import torch

from cvxgeom._memory import peak_during


def peak_memory(benchmark: str, contender: str, small: bool, device: str, timeout: float) -> int | None:
    """Bytes above the inputs, or None where it cannot be measured."""
    command = [sys.executable, "-m", "benchmarks.memory", benchmark, contender, str(int(small)), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return json.loads(done.stdout.splitlines()[-1])


def main(benchmark: str, contender: str, small: str, device: str) -> None:
    """Measure and print one number."""
    from .suite import SUITE

    chosen = SUITE[benchmark]
    competitor = next(c for c in chosen.contenders() if c.name == contender)
    workload = chosen.workload.small() if int(small) else chosen.workload
    competitor.prepare(chosen.workload.small().make(device=device))()
    inputs = workload.make(device=device)
    job = competitor.prepare(inputs)
    if competitor.compiles:
        job()
    if device == "cpu":
        print(json.dumps(peak_during(job)[1]))
        return
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    kept = job()
    torch.cuda.synchronize()
    print(json.dumps(torch.cuda.max_memory_allocated() - before))
    del kept


if __name__ == "__main__":
    main(*sys.argv[1:])
