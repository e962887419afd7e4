"""No number without green tests: an op is reported only if its tests pass on this machine now."""

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = {  # op -> its tests, as patterns from the root of the repository
    "indicator": ("tests/ops/test_indicator*.py", "tests/ops/test_cpu.py"),
    "grid": ("tests/ops/test_*grid*.py",),
    "training": ("tests/ops/test_*training*.py",),
    "raycast": ("tests/ops/test_raycast*.py", "tests/ops/test_cpu_raycast*.py"),
    "mesh": ("tests/mesh/test_to_trimesh.py", "tests/ops/test_*grid*.py"),
}
GPU_TESTS = {op: ("tests/ops/test_cuda*.py",) for op in TESTS}
SHARED = ("tests/benchmarks/test_workloads.py",)


def refusal(op: str, root: Path = ROOT, tests: dict[str, tuple[str, ...]] = TESTS) -> str | None:
    """Why an op must not be reported, or None if its tests are green."""
    files: set[str] = set()
    for pattern in (*tests[op], *SHARED):
        found = {str(path.relative_to(root)) for path in root.glob(pattern)}
        if not found:
            return f"{op} has no tests: nothing matches {pattern}"
        files |= found
    return _red(root, tuple(sorted(files)))


@cache
def _red(root: Path, files: tuple[str, ...]) -> str | None:
    """The last line of pytest if it fails; once per list of files in a process, whose sources do not change."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = (done.stdout + done.stderr).strip().splitlines()
    failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
    return (failed or lines or ["pytest failed without a word"])[-1]
