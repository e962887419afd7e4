"""The package as it is installed: what it asks for, what it carries, how it is set up."""

import importlib
import os
import re
import runpy
import shutil
import stat
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest
import trimesh
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
ASSETS = ROOT / "cvxgeom" / "assets"


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What setup.py tells setuptools, in a process where torch cannot be imported."""
    told: dict[str, Any] = {}
    stand_in: Any = types.ModuleType("setuptools")
    stand_in.setup = lambda **fields: told.update(fields)
    stand_in.find_packages = lambda include: include
    stand_in.Extension = stand_in.build_ext = type("Extension", (), {"__init__": lambda *args, **fields: None})
    for name in ("setuptools", "setuptools.command", "setuptools.command.build_ext"):
        monkeypatch.setitem(sys.modules, name, stand_in)
    monkeypatch.setitem(sys.modules, "torch", None)  # type: ignore[arg-type]
    runpy.run_path(str(ROOT / "setup.py"))
    return told


def test_the_core_is_small_and_the_rest_is_optional(described: dict[str, Any]) -> None:
    core = {Requirement(line).name for line in described["install_requires"]}
    assert core == {
        "torch",
        "numpy",
        "scipy",
        "trimesh",
        "scikit-image",
        "manifold3d",
        "pillow",
        "jaxtyping",
        "rich",
        "safetensors",  # reads the weights that ship
    }
    extras = {"render", "viewer", "train", "cluster", "simulation", "gpu", "bench", "dev"}
    assert set(described["extras_require"]) == extras
    assert described["python_requires"] == ">=3.10"


def test_setup_states_the_version_of_the_package(described: dict[str, Any]) -> None:
    assert described["version"] == importlib.import_module("cvxgeom").__version__


def test_the_console_script_exists(described: dict[str, Any]) -> None:
    module, name = re.fullmatch(r"cvxgeom = ([\w.]+):(\w+)", described["entry_points"]["console_scripts"][0]).groups()
    assert callable(getattr(importlib.import_module(module), name))


def test_constraints_pin_everything_that_make_and_ci_install(described: dict[str, Any]) -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, version = line.split("==")
            pins[canonicalize_name(name)] = version
    asked = [
        *described["install_requires"],
        *described["extras_require"]["render"],
        *described["extras_require"]["simulation"],
        *described["extras_require"]["dev"],
        *described["extras_require"]["gpu"],
        # of the benchmarks, what their tests and the comparison on a CPU need
        *(line for line in described["extras_require"]["bench"] if Requirement(line).name in ("pykeops", "matplotlib")),
    ]
    assert {"triton", "pykeops", "matplotlib"} <= {Requirement(line).name for line in asked}
    for requirement in map(Requirement, asked):
        if requirement.name == "torch":  # chosen by scripts/setup.sh: its builds differ by machine
            assert "torch" not in pins
        else:
            assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement


def test_every_asset_is_credited() -> None:
    files = {path.name for path in ASSETS.iterdir()} - {"CREDITS"}
    assert files
    for text in ((ASSETS / "CREDITS").read_text(), (ROOT / "CREDITS.md").read_text()):
        assert {name for name in files if name not in text} == set()


def test_the_chair_is_a_small_closed_solid_standing_on_the_floor() -> None:
    path = ASSETS / "chair.obj"
    chair = trimesh.load_mesh(path)
    assert path.stat().st_size < 300_000
    assert chair.is_volume
    assert min(part.volume for part in chair.split()) > 0
    low, high = chair.bounds
    assert low[1] == 0
    assert 0.7 < high[1] < 1.1  # meters, +y up


def fake_python(venv: Path) -> Path:
    """An interpreter that notes what it is asked to do, and does nothing."""
    log = venv / "log"
    python = venv / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return log


def set_up(venv: Path, **overrides: str) -> None:
    environment = {**os.environ, "VENV": str(venv), **overrides}
    subprocess.run([ROOT / "scripts" / "setup.sh"], env=environment, check=True, capture_output=True)


def test_a_second_set_up_does_nothing(tmp_path: Path) -> None:
    log = fake_python(tmp_path)
    set_up(tmp_path, EXTRAS="render,dev")
    first = log.read_text()
    assert "--constraint constraints.txt --editable .[render,dev]" in first
    set_up(tmp_path, EXTRAS="render,dev")
    set_up(tmp_path, EXTRAS="render")
    assert log.read_text() == first


def test_set_up_installs_a_further_extra(tmp_path: Path) -> None:
    log = fake_python(tmp_path)
    set_up(tmp_path, EXTRAS="render")
    set_up(tmp_path, EXTRAS="render,dev")
    assert re.findall(r"--editable (\S+)", log.read_text()) == [".[render]", ".[render,dev]"]


def test_set_up_installs_the_torch_asked_for_first_and_alone(tmp_path: Path) -> None:
    log = fake_python(tmp_path)
    set_up(tmp_path, TORCH_SPEC="torch==2.6.0", TORCH_ARGS="--index-url somewhere")
    installs = [line for line in log.read_text().splitlines() if " install " in line]
    assert installs[0].endswith("--index-url somewhere torch==2.6.0")
    assert len(installs) == 2


@pytest.mark.slow
@pytest.mark.parametrize("compiler", ["found", "absent"])
def test_a_wheel_built_without_torch_carries_its_data(tmp_path: Path, compiler: str) -> None:
    copy = tmp_path / "source"
    shutil.copytree(
        ROOT, copy, ignore=shutil.ignore_patterns(".*", "out", "build", "*.egg-info", "__pycache__", "*.so")
    )
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(copy)]
    environment = dict(os.environ)
    if compiler == "absent":
        environment["PATH"] = str(tmp_path / "nothing_here")
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode and "setuptools" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip("an isolated build needs a package index, and none can be reached")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("cvxgeom-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    package = copy / "cvxgeom"
    assert {path.relative_to(copy).as_posix() for path in package.rglob("*") if path.is_file()} <= names
    has_library = compiler == "found" and shutil.which("g++") is not None
    assert ("cvxgeom/_native/libcvxgeom_cpu.so" in names) == has_library
    assert not [name for name in names if name.startswith(("tests", "benchmarks", "notebooks"))]
