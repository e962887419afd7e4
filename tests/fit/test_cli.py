"""``cvxgeom fit`` with its options: what they do, and what is said when they do not go together."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.cli.parser import parse
from cvxgeom.fit import FitConfig

from .solids import l_shape

QUICK = ("--steps", "0", "--quality", "fast")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run the command; its exit code, report and what it wrote to the error stream."""

    def run_here(*words: object) -> tuple[int, Any, str]:
        code = main(["fit", *map(str, words), "--json"])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, err

    return run_here


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    l_shape().export(tmp_path / "l.obj")
    trimesh.creation.box().export(tmp_path / "cube.stl")
    (tmp_path / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_option_reaches_the_budget() -> None:
    from cvxgeom.cli.fit import _config

    words = (
        "--max-error 0.01 --max-parts 5 --max-planes 8 --max-vertices 16 --time 7.5 --steps 3 --bound outer --seed 2"
    )
    asked = _config(parse(["fit", "a.obj", "-o", "a.npz", *words.split(), "--quality", "best"]))
    assert asked == FitConfig.preset(
        "best",
        max_error=0.01,
        max_parts=5,
        max_halfspaces=8,
        max_vertices=16,
        max_seconds=7.5,
        n_steps=3,
        bound="outer",
        seed=2,
    )
    assert _config(parse(["fit", "a.obj", "-o", "a.npz"])) == FitConfig()
    for words, asked in (
        ("--symmetry y", FitConfig(symmetry="y")),
        ("--min-thickness 0.02", FitConfig(min_thickness=0.02)),
        ("--disjoint", FitConfig(disjoint=True)),
    ):
        assert _config(parse(["fit", "a.obj", "-o", "a.npz", *words.split()])) == asked
    older = parse(["fit", "a.obj", "-o", "a.npz", "--parts", "3", "--halfspaces", "7"])
    assert (_config(older).max_parts, _config(older).max_halfspaces) == (3, 7)


def test_an_ending_alone_names_files_like_the_shape(folder: Path, run: Callable[..., Any]) -> None:
    code, report, _ = run("l.obj", "-o", "made.npz", "--mesh", ".stl", *QUICK)
    assert code == 0
    assert report["outputs"] == {"shape": "made.npz", "mesh": "made.stl"}
    assert trimesh.load_mesh("made.stl").bounds[1] == pytest.approx([1, 1, 0.5], abs=0.05)


def test_a_fit_starts_from_a_given_shape(folder: Path, run: Callable[..., Any]) -> None:
    boxes = [cvxgeom.box((1, 0.3, 0.5), center=(0.5, 0.15, 0.25)), cvxgeom.box((0.3, 1, 0.5), center=(0.15, 0.5, 0.25))]
    cvxgeom.concatenate(boxes).save("known.npz")
    _, report, _ = run("l.obj", "-o", "l.npz", "--init", "known.npz", *QUICK)
    assert report["scores"]["iou_initial"] > 0.99
    assert report["structure"]["n_parts"] == 2
    code, report, _ = run("l.obj", "-o", "known.npz", "--refine", *QUICK)  # in place
    assert code == 0
    assert report["scores"]["iou"] > 0.99


def test_a_fit_starts_from_coacd(folder: Path, run: Callable[..., Any]) -> None:
    pytest.importorskip("coacd", reason="the extra [bench] is not installed")
    code, report, _ = run("l.obj", "-o", "l.npz", "--init", "coacd", *QUICK)
    assert code == 0
    assert report["scores"]["iou_initial"] > 0.9
    code, _, error = run("l.obj", "-o", "l.npz", "--init", "coacd", "--time", "0.01")
    assert code == 1
    assert "CoACD took all of the time of the fit" in error


def test_a_folder_ends_with_1_if_a_mesh_failed(
    folder: Path, run: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [".", "-o", "out", "--workers", "1", "--mesh", ".ply", *QUICK]
    code, report, _ = run(*words)
    assert code == 1
    assert (report["shapes"], report["failed"]) == (2, 1)
    assert report["problems"][0].startswith(f"{folder / 'flat.obj'}: mesh must have a volume")
    names = {str(path.relative_to(folder)) for path in (folder / "out").iterdir()}
    assert names == {"out/fits.jsonl", "out/l.npz", "out/l.ply", "out/cube.npz", "out/cube.ply"}
    assert main(["fit", *words]) == 1  # the same for a person; nothing of it is made again
    text = capsys.readouterr().out
    assert "2 meshes fitted, 1 failed; 1 of them worked on now" in text
    assert text.splitlines()[-1].lstrip().startswith(f"failed {folder / 'flat.obj'}")
    Path("flat.obj").unlink()
    code, report, _ = run(*words)
    assert (code, report["problems"]) == (0, [])


def test_several_files_need_a_folder(folder: Path, run: Callable[..., Any]) -> None:
    code, report, _ = run("l.obj", "cube.stl", "-o", "out", "--workers", "1", *QUICK)
    assert (code, report["shapes"]) == (0, 2)
    code, _, error = run("l.obj", "cube.stl", "-o", "out.npz")
    assert code == 1
    assert "'out.npz' is one file; say with -o which folder gets the shapes of several meshes" in error


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("l.obj -o l.npz --refine", "there is no shape 'l.npz' to refine; name another one with --init"),
        ("l.obj -o l.npz --init none.npz", "there is no file 'none.npz' to start from"),
        ("l.obj -o l.npz --init l.obj", "l.obj is not a readable .npz shape file"),
        ("l.obj -o l.npz --init batch.npz", "batch.npz holds 2 shapes, and a fit starts from one"),
        ("l.obj -o l.npz --init open.npz", "open.npz has no solid part to start from"),
        ("l.obj -o l.npz --ray local", "--ray is for several meshes"),
        (". -o out --mesh a.glb", "--mesh a.glb is one file; --mesh .glb writes one beside each shape"),
        (". -o out --keep", "--keep is for a single mesh"),
        (". -o l.npz", "'l.npz' is one file"),
        ("none -o out", "there is no file or folder 'none'"),
    ],
)
def test_what_does_not_go_together(folder: Path, run: Callable[..., Any], words: str, sentence: str) -> None:
    cvxgeom.stack([cvxgeom.box(), cvxgeom.box()]).save("batch.npz")
    cvxgeom.from_planes(torch.eye(3), torch.full((3,), -0.5)).save("open.npz")
    before = sorted(folder.iterdir())
    code, report, error = run(*words.split())
    assert (code, report) == (1, None)
    assert error.startswith("cvxgeom fit: ") and sentence in error
    assert error.count("\n") == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_ctrl_c_in_a_folder_keeps_what_is_finished(folder: Path) -> None:
    trimesh.creation.torus(1.0, 0.3).export("torus.obj")
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from cvxgeom.cli import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "fit", ".", "-o", "out", "--steps", "1000000", "--workers", "1", "-v"],
        env={**os.environ, "PYTHONPATH": str(Path(cvxgeom.__file__).parent.parent)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    while "step 10 of" not in (line := process.stderr.readline()):  # the cube, which is the first, needs no steps
        assert line
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "cvxgeom fit: canceled; no unfinished file is left behind"
    assert {path.name for path in (folder / "out").iterdir()} >= {"cube.npz", "fits.jsonl"}
    assert not list((folder / "out").glob(".*"))
