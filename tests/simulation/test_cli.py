"""`cvxgeom export`: journeys, reports, exit codes."""

import importlib.util
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import trimesh

import cvxgeom
from cvxgeom.cli import main
from tests.mesh.shapes import nothing, two_boxes


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run_here(*arguments: object) -> Run:
        code = main(["export", *(str(argument) for argument in arguments)])
        return Run(code, *capsys.readouterr())

    return run_here


@pytest.fixture
def shape(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two boxes of 1000 units, in the folder that the command runs in."""
    monkeypatch.chdir(tmp_path)
    two_boxes().scale(1000.0).save("two boxes.npz")
    return Path("two boxes.npz")


@pytest.mark.parametrize("format", ["mjcf", "urdf", "usd"])
def test_an_export_is_told_and_written(shape: Path, run: Callable[..., Run], format: str) -> None:
    options = ["--format", format, "--scale", "0.001", "--density", "800", "--margin", "0.001"]
    done = run(shape, "-o", "out", *options, "--json")
    report = json.loads(done.out)
    assert (done.code, done.err) == (0, "")
    assert report["name"] == "two_boxes"
    assert report["mass"] == pytest.approx(1500)
    assert report["density"] == pytest.approx(800)
    assert report["extents"] == pytest.approx([1.5] * 3)
    assert [part["status"] for part in report["parts"]] == ["exact", "exact"]
    assert sorted(report["files"]) == sorted(str(path) for path in Path("out").rglob("*") if path.is_file())
    assert report["checks"] is None and report["problems"] == []
    text = run(shape, "-o", "out", *options).out
    for words in ("unit 0.001 m, y up", "1.5 x 1.5 x 1.5 m, z up, 1500 kg", "2 collision parts", "out/two_boxes."):
        assert words in text


def test_a_check_is_told(shape: Path, run: Callable[..., Run]) -> None:
    pytest.importorskip("mujoco", reason="MuJoCo comes with the extra simulation")
    done = run(shape, "-o", "out", "--scale", "0.001", "--check")
    assert done.code == 0
    assert done.out.count("  ok ") == 8
    assert "at rest" in done.out


def test_a_failed_check_ends_with_code_1(shape: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mujoco", reason="MuJoCo comes with the extra simulation")
    monkeypatch.setattr("cvxgeom.simulation.drop._LONGEST", 0.2)
    done = run(shape, "-o", "out", "--scale", "0.001", "--check")
    assert done.code == 1
    assert "failed rest" in done.out and "still moves" in done.out
    done = run(shape, "-o", "out", "--scale", "0.001", "--check", "--json")
    assert done.code == 1
    assert "still moves" in json.loads(done.out)["problems"][0]


def test_what_is_drawn(shape: Path, run: Callable[..., Run]) -> None:
    trimesh.creation.icosphere(subdivisions=1).export("ball.obj")
    for visual, n in (("smooth", 4), ("ball.obj", 4), ("none", 3)):
        report = json.loads(run(shape, "-o", visual.split(".")[0], "--visual", visual, "--json").out)
        assert len(report["files"]) == n


def test_simplified_and_missing_parts_are_told(shape: Path, run: Callable[..., Run]) -> None:
    cvxgeom.concatenate([nothing(), cvxgeom.sphere(n_halfspaces=40)]).save("odd.npz")
    done = run("odd.npz", "-o", "out", "--max-vertices", "20", "--name", "odd")
    assert done.code == 0
    assert "note: part_00 is left out" in done.out and "note: part_01 is simplified" in done.out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_an_export_ends_well_where_not_every_sign_can_be_printed(
    shape: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", pipe)
    assert main(["export", str(shape), "-o", "out", "--scale", "0.001"]) == 0
    told = pipe.buffer.getvalue().decode(encoding)
    assert f"volume 1.875 {'m?' if encoding == 'ascii' else 'm³'} of the union" in told
    assert "two_boxes.xml" in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.npz", "-o", "out"], "none.npz"),
        (["two boxes.npz", "-o", "nowhere/out"], "there is no folder 'nowhere'"),
        (["two boxes.npz", "-o", "two boxes.npz"], "is a file"),
        (["two boxes.npz", "-o", "out", "--name", "a b"], "name must consist of"),
        (["two boxes.npz", "-o", "out", "--visual", "none.obj"], "none.obj"),
        (["empty.npz", "-o", "out"], "no part that an engine takes"),
        (["batch.npz", "-o", "out"], "choose one with --index"),
    ],
)
def test_bad_input(shape: Path, run: Callable[..., Run], arguments: list[str], sentence: str) -> None:
    nothing().save("empty.npz")
    cvxgeom.stack([cvxgeom.box(), cvxgeom.box()]).save("batch.npz")
    done = run(*arguments)
    assert (done.code, done.out) == (1, "")
    assert sentence in done.err and done.err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "options", [["--density", "0"], ["--density", "1", "--mass", "1"], ["--up", "x"], ["--scale", "-1"]]
)
def test_bad_usage(shape: Path, options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["export", str(shape), "-o", "out", *options])
    assert ended.value.code == 2
    assert options[-2] in capsys.readouterr().err


def test_a_missing_extra_is_named_before_anything_is_written(
    shape: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    done = run(shape, "-o", "out", "--format", "usd", "--check")
    assert done.code == 1
    assert 'pip install "cvxgeom[simulation]"' in done.err
    assert not Path("out").exists()
