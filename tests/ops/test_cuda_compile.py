"""Every Triton kernel compiles ahead of time to machine code for each GPU generation, without spilling registers."""

import csv
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

if importlib.util.find_spec("triton") is None:
    pytest.skip('triton is not installed: pip install "cvxgeom[gpu]"', allow_module_level=True)

ROOT = Path(__file__).parents[2]
# What another version of Triton may need.
MOST_REGISTERS, MOST_SHARED = 255, 4096


def table(lines):
    columns, *rows = csv.reader(lines)
    return {tuple(row[:5]): dict(zip(columns[5:], map(int, row[5:]), strict=True)) for row in rows}


@pytest.mark.slow
def test_registers_and_shared_memory_are_those_of_the_table_and_nothing_spills():
    """In a process of its own, since the kernels of this one may be for the interpreter."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks.cuda_kernels", "--csv"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found = table(done.stdout.splitlines())
    version, *lines = (ROOT / "tests" / "golden" / "cuda_kernels.csv").read_text(encoding="utf-8").splitlines()
    known = table(lines)
    assert found.keys() == known.keys()
    assert {key: used["spills"] for key, used in found.items() if used["spills"]} == {}
    if importlib.metadata.version("triton") == version.split(",")[1]:
        assert found == known
    assert max(used["registers"] for used in found.values()) <= MOST_REGISTERS
    assert max(used["shared"] for used in found.values()) <= MOST_SHARED
