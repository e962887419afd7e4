"""Peak memory of a call in this process, as Linux keeps it."""

import ctypes
import gc
import re
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def peak_during(job: Callable[[], Result]) -> tuple[Result, int | None]:
    """What a call returns, and by how many bytes it raised the resident memory of this process at most.

    The result counts, as does whatever else the call keeps. None where the system does not let a process reset its
    high-water mark.

    Args:
        job: the call.
    """
    before = _mark()
    result = job()
    return result, None if before is None else max(0, _status("VmHWM") - before)


def _mark() -> int | None:
    """Let the high-water mark start anew; where it starts."""
    gc.collect()
    try:
        ctypes.CDLL(None).malloc_trim(0)
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        return _status("VmRSS")
    except (OSError, AttributeError):
        return None


def _status(key: str) -> int:
    with open("/proc/self/status") as file:
        found = re.search(rf"^{key}:\s+(\d+) kB", file.read(), re.MULTILINE)
    if found is None:
        raise OSError(f"/proc/self/status has no {key}")
    return 1024 * int(found[1])
