"""What `check` finds in good files, and in bad ones."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.simulation import ExportResult, check, export
from tests.mesh.shapes import random_shape, two_boxes
from tests.simulation.shapes import bowl, mug

pytest.importorskip("mujoco", reason="MuJoCo comes with the extra simulation")

NAMES = ["load", "parts", "mass", "center", "inertia", "rest", "floor", "energy"]
READERS = {"mjcf": "mujoco", "urdf": "yourdfpy", "usd": "pxr"}


def exported(shape: cvxgeom.ConvexUnion, folder: Path, format: str = "mjcf", **options: object) -> ExportResult:
    pytest.importorskip(READERS[format], reason="the reader comes with the extra simulation")
    return export(shape, folder, format, **options)


def failed(result: ExportResult) -> dict[str, str]:
    return {found.name: found.sentence for found in check(result).checks if not found.passed}


@pytest.mark.parametrize("format", list(READERS))
@pytest.mark.parametrize(
    "shape",
    [two_boxes(), bowl(), mug(), random_shape(k=8), cvxgeom.sphere(n_halfspaces=100)],
    ids=["boxes", "bowl", "mug", "random", "ball"],
)
def test_a_good_export_passes(shape: cvxgeom.ConvexUnion, format: str, tmp_path: Path) -> None:
    report = check(exported(shape, tmp_path, format, up="z"))
    assert [found.name for found in report.checks] == NAMES
    assert report.passed, [found.sentence for found in report.checks if not found.passed]
    assert report.drop is not None and report.drop.at_rest


@pytest.mark.parametrize("size", [1e-2, 1e2])
def test_size_does_not_matter(size: float, tmp_path: Path) -> None:
    # Times go with the square root of the size, so the same thing happens.
    falls = [check(exported(two_boxes(), tmp_path, scale=scale)).drop for scale in (1.0, size)]
    assert falls[1].seconds == pytest.approx(falls[0].seconds * np.sqrt(size), rel=0.05)


@pytest.mark.parametrize("format", list(READERS))
def test_the_margin_is_meant(format: str, tmp_path: Path) -> None:
    report = check(exported(cvxgeom.box(size=0.1), tmp_path, format, margin=0.002))
    assert report.passed
    assert report.drop.sunk == pytest.approx(-0.002, abs=1e-4)


def test_a_thin_plate_falls_and_rests(tmp_path: Path) -> None:
    assert check(exported(cvxgeom.box(size=(1.0, 1e-4, 0.5)), tmp_path)).passed


def spoil(path: Path, pattern: str, replacement: str) -> None:
    text, n = re.subn(pattern, replacement, path.read_text(), count=1)
    assert n == 1
    path.write_text(text)


@pytest.mark.parametrize(
    ("format", "pattern", "replacement", "found"),
    [
        ("mjcf", r'mass="[^"]*"', 'mass="7"', "mass"),
        ("mjcf", r'pos="[^"]*" mass', 'pos="0.3 0.2 0.1" mass', "center"),
        ("mjcf", r'<geom class="object_collision" name="object_part_01"[^>]*>', "", "parts"),
        ("urdf", r'ixx="[^"]*"', 'ixx="900"', "inertia"),
        ("urdf", r"part_01.obj", "part_00.obj", "parts"),
        ("usd", r"physics:mass = \S+", "physics:mass = 7", "mass"),
        ("usd", r"physics:principalAxes = \([^)]*\)", "physics:principalAxes = (1, 0, 0, 0)", "inertia"),
        ("usd", r'upAxis = "Z"', 'upAxis = "Y"', "load"),
        ("usd", r"metersPerUnit = 1", "metersPerUnit = 0.01", "load"),
        ("usd", r'"convexHull"', '"none"', "load"),
        ("mjcf", r"</mujoco>", "", "load"),
    ],
)
def test_what_is_wrong_is_found(format: str, pattern: str, replacement: str, found: str, tmp_path: Path) -> None:
    result = exported(two_boxes(), tmp_path, format)
    spoil(result.path, pattern, replacement)
    assert found in failed(result)


def test_a_part_that_is_missing_from_the_disk_is_found(tmp_path: Path) -> None:
    result = exported(two_boxes(), tmp_path)
    result.files[0].unlink()
    assert "part_00" in failed(result)["load"]


def test_what_does_not_come_to_rest_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cvxgeom.simulation.drop._LONGEST", 0.2)
    assert "still moves" in failed(exported(two_boxes(), tmp_path))["rest"]


def test_a_plate_far_from_its_origin_is_told(tmp_path: Path) -> None:
    # It gains energy in MuJoCo as it turns.
    turned = cvxgeom.cuboid((0.3, 0.01, 0.2), [[0.6, 0, 0.8], [0, 1, 0], [-0.8, 0, 0.6]])
    tilted = turned.rotate([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]).translate((10, 10, 10))
    assert "energy" in failed(exported(tilted, tmp_path)) or "rest" in failed(exported(tilted, tmp_path))
    assert check(exported(tilted, tmp_path, origin="base")).passed


def test_numbers_that_become_infinite_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cvxgeom.simulation.drop._GRAVITY", 1e12)
    report = check(exported(two_boxes(), tmp_path / "out"))
    assert "unstable" in report.checks[-1].sentence and report.checks[-1].name == "rest"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # MuJoCo would leave a log


def test_a_body_too_light_for_mujoco_is_told(tmp_path: Path) -> None:
    result = exported(cvxgeom.box(size=1e-3).to(torch.float64), tmp_path, density=1e-3)
    assert any("MuJoCo does not take" in warning for warning in result.warnings)
    assert "mass and inertia" in failed(result)["load"]


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = exported(cvxgeom.box(), tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "mujoco", None)
    with pytest.raises(ImportError, match=r"a check needs mujoco; get it by: pip install cvxgeom\[simulation\]"):
        check(result)
