"""Compiles the CPU library. Run by setup.py, which loads this file by its path: it imports nothing but Python."""

import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
LIBRARY = "libcvxgeom_cpu.so"  # inside cvxgeom/_native

# Compiled once per instruction set; the choice among them is made when the library is loaded.
KERNELS = (
    *("ops/indicator/cpu.cpp", "ops/indicator/cpu_backward.cpp", "ops/training/cpu.cpp"),
    *("ops/grid/cpu.cpp", "ops/raycast/cpu.cpp", "ops/evidence/cpu.cpp", "ops/cuts/cpu.cpp"),
    *("ops/winding/cpu.cpp", "_native/peak.cpp"),
)
COMMON = ("_native/library.cpp", "_native/order.cpp", "_native/pages.cpp", "_native/pool.cpp")
INSTRUCTION_SETS = {
    "baseline": (),
    "avx2": ("-mavx2", "-mfma"),
    "avx512": ("-mavx512f", "-mavx512dq", "-mavx512vl", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"),
}
# Rounding is left as written: fused multiply-adds are explicit, so that kernels agree with each other to the bit.
FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-Wall", "-Wextra"),
    *("-Wno-psabi", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
)


class BuildError(RuntimeError):
    """The library could not be built; the message says why in one line."""


def sources_digest(package: Path = PACKAGE) -> str | None:
    """A checksum of the C++ sources, None where they are not installed: tells a library from one of other sources."""
    files = sorted([*package.glob("_native/*.h"), *package.glob("_native/*.cpp"), *package.glob("ops/*/*.cpp")])
    files += sorted(package.glob("ops/*/*.h"))
    if not files:
        return None
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def build(target: Path | None = None, package: Path = PACKAGE, flags: tuple[str, ...] = ()) -> Path:
    """Compile the library, in about ten seconds on two cores.

    Args:
        target: the file to write; without it, ``_native/`` of the package.
        package: the folder ``cvxgeom`` with the sources.
        flags: more flags for the compiler (sanitizers).

    Raises:
        BuildError: there is no compiler, or it failed.
    """
    target = target or package / "_native" / LIBRARY
    compiler = shutil.which(os.environ.get("CXX", "")) or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise BuildError("no C++ compiler was found (g++)")
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    sets = INSTRUCTION_SETS if x86 else {"baseline": ()}
    define = (f'-DCVX_SOURCES="{sources_digest(package)}"', *(("-DCVX_X86",) if x86 else ()))
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cvxgeom-build-") as folder:
        jobs = [
            (package / source, Path(folder) / f"{Path(source).parent.name}-{Path(source).stem}-{name}.o", more)
            for name, more in sets.items()
            for source in KERNELS
        ]
        jobs += [(package / source, Path(folder) / f"{Path(source).stem}.o", define) for source in COMMON]
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            list(pool.map(lambda job: _compile(compiler, job[0], job[1], (*flags, *job[2])), jobs))
        # Written beside and moved over: a process that has the old library loaded keeps it whole.
        beside = target.with_suffix(f".{os.getpid()}.tmp")
        try:
            _run(compiler, "-shared", "-pthread", *flags, *(str(job[1]) for job in jobs), "-o", str(beside))
            os.replace(beside, target)
        finally:
            beside.unlink(missing_ok=True)
    return target


def _compile(compiler: str, source: Path, to: Path, flags: tuple[str, ...]) -> None:
    _run(compiler, *FLAGS, *flags, "-c", str(source), "-o", str(to))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        raise BuildError(f"{command[0]} failed: {lines[0] if lines else f'exit status {done.returncode}'}")


if __name__ == "__main__":
    build()
