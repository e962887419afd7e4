"""Peak memory of one call, in a process of its own.

The process makes the inputs, calls the contender once on small ones (libraries are loaded, threads started; one that
compiles is called on the full ones), gives free memory back to the system, and sets the kernel's high-water mark of its
resident memory to what it has now. The mark after one full call, less what it was before, is the peak above the inputs;
results count, as does whatever the call keeps. On a GPU it is torch's own peak of allocated memory.
"""

import ctypes
import gc
import json
import re
import subprocess
import sys
from collections.abc import Callable

import torch


def peak_memory(benchmark: str, contender: str, small: bool, device: str, timeout: float) -> int | None:
    """Bytes above the inputs, or None where it cannot be measured."""
    command = [sys.executable, "-m", "benchmarks.memory", benchmark, contender, str(int(small)), device]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    return json.loads(done.stdout.splitlines()[-1])


def peak_during(job: Callable[[], object]) -> int:
    """Bytes by which a call raises the resident memory of this process at most.

    Raises:
        OSError: the system does not let a process reset its high-water mark (Linux does).
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before = _status("VmRSS")
    kept = job()
    peak = _status("VmHWM")
    del kept
    return max(0, peak - before)


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        found = re.search(rf"^{key}:\s+(\d+) kB", file.read(), re.MULTILINE)
    if found is None:
        raise OSError(f"/proc/self/status has no {key}")
    return 1024 * int(found[1])


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
        print(json.dumps(peak_during(job)))
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
