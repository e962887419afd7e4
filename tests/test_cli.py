"""The command line: journeys, every error path, and what is left behind when something goes wrong."""

import importlib.metadata
import importlib.util
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

import cvxgeom
from cvxgeom.cli import main

ROOT = Path(__file__).parent.parent
CHAIR = ROOT / "cvxgeom" / "assets" / "chair.obj"


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Run]:
    def run_here(*arguments: object) -> Run:
        code = main([str(argument) for argument in arguments])
        return Run(code, *capsys.readouterr())

    return run_here


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a mesh of two boxes, and a shape of two boxes that overlap."""
    table = trimesh.util.concatenate(
        [trimesh.creation.box((1.0, 0.1, 0.8)), trimesh.creation.box((0.2, 0.6, 0.2)).apply_translation((0, -0.4, 0))]
    )
    table.export(tmp_path / "table.obj")
    two_boxes().save(tmp_path / "boxes.npz")
    return tmp_path


def two_boxes() -> cvxgeom.ConvexUnion:
    return cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0.5, 0.5))])


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


# -- journeys ---------------------------------------------------------------------------------------------------------


def test_from_a_mesh_to_parts_scores_and_pictures(folder: Path, run: Callable[..., Run]) -> None:
    shape, mesh, picture = folder / "table.npz", folder / "table.glb", folder / "table.png"
    done = run("fit", folder / "table.obj", "-o", shape, "--mesh", mesh, "--picture", picture, "--steps", 20, "--json")
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    assert done.out.count("\n") == 1
    assert report["status"] in {status.value for status in cvxgeom.FitStatus}
    assert report["structure"]["n_parts"] == 2
    assert report["scores"]["iou"] > 0.99
    assert report["outputs"] == {"shape": str(shape), "mesh": str(mesh), "picture": str(picture)}
    assert cvxgeom.load(shape).n_convexes >= 2
    assert trimesh.load_scene(mesh).extents == pytest.approx([1.0, 0.75, 0.8], abs=0.02)
    width, height = pixels(picture).shape[1::-1]
    assert width > 2 * height  # input, parts, exploded parts side by side

    report = json.loads(run("score", shape, folder / "table.obj", "--points", 20_000, "--seed", 3, "--json").out)
    assert report["scores"]["iou"]["value"] > 0.98
    assert report["scores"]["iou"]["seed"] == report["scores"]["surface"]["seed"] == 3
    assert report["scores"]["surface"]["n_samples"] == 20_000


def test_fit_tells_a_person_what_it_did(folder: Path, run: Callable[..., Run]) -> None:
    done = run("fit", folder / "table.obj", "-o", folder / "table.npz", "--steps", 0, "--parts", 2, "--halfspaces", 6)
    assert done.code == 0
    for words in ("24 triangles", "2 convex parts with 12 planes", "iou", str(folder / "table.npz")):
        assert words in done.out
    assert cvxgeom.load(folder / "table.npz").n_halfspaces <= 6


def test_the_same_seed_gives_the_same_file(folder: Path, run: Callable[..., Run]) -> None:
    for name in ("first.npz", "second.npz"):
        run("fit", folder / "table.obj", "-o", folder / name, "--steps", 10, "--seed", 7)
    assert torch.equal(cvxgeom.load(folder / "first.npz").offsets, cvxgeom.load(folder / "second.npz").offsets)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_pipe_gets_a_question_mark_for_what_it_cannot_hold(
    folder: Path, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["info", str(folder / "boxes.npz")]) == 0
    told = out.buffer.getvalue().decode(encoding)
    assert re.search(r"vertices +\? +\?", told)  # δ and σ
    assert told.count("bounded") == 2
    assert main(["info", "Ж.npz"]) == 1
    err.flush()
    assert "?.npz" in err.buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_mesh_writes_every_format(folder: Path, run: Callable[..., Run], suffix: str) -> None:
    out = folder / f"boxes{suffix}"
    done = run("mesh", folder / "boxes.npz", "-o", out, "--surface", "union", "--json")
    assert done.code == 0
    assert json.loads(done.out)["bytes"] == out.stat().st_size
    mesh = trimesh.load_mesh(out)
    mesh.merge_vertices(merge_norm=True, merge_tex=True)
    assert mesh.volume == pytest.approx(1.875, rel=1e-5)


def test_mesh_writes_3mf(folder: Path, run: Callable[..., Run]) -> None:
    # Reading one back takes a package that is not part of the core; its own tests read it.
    assert run("mesh", folder / "boxes.npz", "-o", folder / "boxes.3mf").code == 0
    assert (folder / "boxes.3mf").read_bytes()[:2] == b"PK"


@pytest.mark.parametrize("surface", ["parts", "smooth", "grid"])
def test_mesh_writes_every_surface(folder: Path, run: Callable[..., Run], surface: str) -> None:
    out = folder / "boxes.ply"
    options = ["--resolution", 24] if surface == "grid" else []
    assert run("mesh", folder / "boxes.npz", "-o", out, "--surface", surface, *options).code == 0
    volume = trimesh.load_mesh(out).volume
    assert volume == pytest.approx(2.0) if surface == "parts" else 1.5 < volume < 1.875


def test_info_lists_the_parts(folder: Path, run: Callable[..., Run]) -> None:
    report = json.loads(run("info", folder / "boxes.npz", "--json").out)
    assert report["volume"] == pytest.approx(1.875)
    assert report["bounds"] == [pytest.approx([-0.5] * 3), pytest.approx([1.0] * 3)]
    assert [part["status"] for part in report["parts"]] == ["bounded", "bounded"]
    assert [part["planes"] for part in report["parts"]] == [6, 6]
    text = run("info", folder / "boxes.npz").out
    assert "2 solid parts" in text
    assert text.count("bounded") == 2


def test_info_of_an_open_convex_is_still_json(folder: Path, run: Callable[..., Run]) -> None:
    normals = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]])
    cvxgeom.from_planes(normals, torch.full((3,), -0.5)).save(folder / "open.npz")
    (part,) = json.loads(run("info", folder / "open.npz", "--json").out)["parts"]
    assert part["status"] == "unbounded"
    assert part["volume"] is None
    assert part["message"].endswith(".")


def test_index_chooses_from_a_batch(folder: Path, run: Callable[..., Run]) -> None:
    cvxgeom.stack([cvxgeom.box(), cvxgeom.box(size=2.0)]).save(folder / "batch.npz")
    assert json.loads(run("info", folder / "batch.npz", "--index", 1, "--json").out)["volume"] == pytest.approx(8)


def test_render_draws(folder: Path, run: Callable[..., Run]) -> None:
    out = folder / "boxes.png"
    options = ["--size", "64x48", "--view", "-30", "20", "--explode", "0.5"]
    report = json.loads(run("render", folder / "boxes.npz", "-o", out, *options, "--json").out)
    image = pixels(out)
    assert report["size"] == [image.shape[1], image.shape[0]]
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 10
    assert run("render", folder / "boxes.npz", "-o", out, "--mesh", folder / "table.obj", "--size", "64x48").code == 0
    assert pixels(out).shape[1] > image.shape[1]


def test_doctor_tells_what_runs(run: Callable[..., Run]) -> None:
    report = json.loads(run("doctor", "--json").out)
    assert report["problems"] == []
    assert report["versions"]["cvxgeom"] == cvxgeom.__version__
    assert set(report["backends"]) == set(cvxgeom.ops.available_backends())
    text = run("doctor").out
    for words in ("torch", "runs on", "reference"):
        assert words in text


def test_doctor_tells_how_to_get_what_is_missing(run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name in ("embreex", "scipy"):
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    done = run("doctor")
    assert done.code == 1
    assert re.search(r"embreex \(.*\): pip install \"cvxgeom\[render\]\"", done.out)
    assert "scipy is missing" in done.out


def test_doctor_answers_when_torch_is_broken() -> None:
    code = "import sys; sys.modules['torch'] = None; from cvxgeom.cli import main; sys.exit(main(['doctor', '--json']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "the core does not import" in json.loads(done.stdout)["problems"][0]


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-W", "error", "-m", "cvxgeom", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"cvxgeom {cvxgeom.__version__}\n")


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice"),
        (["fit", "a.obj"], "required: -o"),
        (["fit", "a.obj", "-o", "a.txt"], "'a.txt' must end in .npz"),
        (["fit", "a.obj", "-o", "a.npz", "--mesh", "a.xyz"], "'a.xyz' must end in .glb or .obj"),
        (["fit", "a.obj", "-o", "a.npz", "--picture", "a.jpg"], "'a.jpg' must end in .png"),
        (["fit", "a.obj", "-o", "a.npz", "--parts", "0"], "'0' must be a whole number of at least 1"),
        (["fit", "a.obj", "-o", "a.npz", "--halfspaces", "3"], "'3' must be a whole number of at least 6"),
        (["fit", "a.obj", "-o", "a.npz", "--seed", "x"], "'x' must be a whole number"),
        (["mesh", "a.npz", "-o", "a.glb", "--surface", "round"], "invalid choice: 'round'"),
        (["mesh", "a.npz", "-o", "a.glb", "--tolerance", "nan"], "'nan' must be a finite number"),
        (["mesh", "a.npz", "-o", "a.glb", "--resolution", "100000000"], "must be a whole number from 2 to 2048"),
        (["score", "a.npz"], "required: MESH"),
        (["render", "a.npz", "-o", "a.png", "--size", "640"], "'640' must be WIDTHxHEIGHT"),
        (["render", "a.npz", "-o", "a.png", "--size", "480x10000000"], "must be a whole number from 1 to 16384"),
        (["render", "a.npz", "-o", "a.png", "--explode", "-1"], "'-1' must not be negative"),
        (["render", "a.npz", "-o", "a.png", "--view", "north", "0"], "'north' must be a finite number"),
    ],
)
def test_bad_usage_ends_with_code_2(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert sentence in err
    assert err.count("\n") == 1


def bad_inputs(folder: Path) -> None:
    (folder / "empty.obj").write_text("")
    (folder / "points.obj").write_text("v 0 0 0\nv 1 0 0\n")
    (folder / "nan.obj").write_text("v 0 0 0\nv 1 0 0\nv nan 1 0\nf 1 2 3\n")
    (folder / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    (folder / "torn.obj").write_text("v 0 0 0\nv 1 0\nf 1 2 9\n")
    (folder / "torn.glb").write_bytes(b"glTF but not really")
    (folder / "mesh.xyzzy").write_text("what is this")
    (folder / "torn.npz").write_bytes(b"PK\x03\x04 cut off")
    np.savez(folder / "foreign.npz", something=np.zeros(3))
    cvxgeom.stack([cvxgeom.box(), cvxgeom.box()]).save(folder / "batch.npz")
    (folder / "a_folder.npz").mkdir()


FIT = ["fit", "table.obj", "-o", "out.npz"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "none.obj", "-o", "out.npz"], "none.obj"),
        (["fit", "empty.obj", "-o", "out.npz"], "no faces"),
        (["fit", "points.obj", "-o", "out.npz"], "no faces"),
        (["fit", "nan.obj", "-o", "out.npz"], "NaN"),
        (["fit", "flat.obj", "-o", "out.npz"], "volume"),
        (["fit", "torn.obj", "-o", "out.npz"], "torn.obj"),
        (["fit", "torn.glb", "-o", "out.npz"], "torn.glb"),
        (["fit", "mesh.xyzzy", "-o", "out.npz"], "xyzzy"),
        (["fit", "table.obj", "-o", "nowhere/out.npz"], "there is no folder 'nowhere'"),
        (["fit", "table.obj", "-o", "a_folder.npz"], "is a folder"),
        ([*FIT, "--mesh", "nowhere/out.glb"], "there is no folder 'nowhere'"),
        ([*FIT, "--mesh", "table.obj"], "is an input"),
        ([*FIT, "--workers", "4"], "--workers is for several meshes; say with -o which folder"),
        (["info", "none.npz"], "none.npz"),
        (["info", "torn.npz"], "torn.npz is not a readable"),
        (["info", "foreign.npz"], "is not a shape file"),
        (["info", "a_folder.npz"], "is a folder"),
        (["info", "table.obj"], "table.obj is not a readable"),
        (["info", "batch.npz"], "holds 2 shapes; choose one with --index"),
        (["info", "batch.npz", "--index", "2"], "--index 2 is out of range: batch.npz holds shapes 0 to 1"),
        (["info", "boxes.npz", "--index", "0"], "boxes.npz holds no list of shapes"),
        (["mesh", "boxes.npz", "-o", "nowhere/out.glb"], "there is no folder 'nowhere'"),
        (["mesh", "boxes.npz", "-o", "out.glb", "--resolution", "5"], "--surface must be grid, got parts"),
        (["mesh", "boxes.npz", "-o", "out.glb", "--tolerance", "0.1"], "--surface must be smooth, got parts"),
        (["score", "boxes.npz", "none.obj"], "none.obj"),
        (["score", "boxes.npz", "flat.obj"], "volume"),
        (["render", "boxes.npz", "-o", "nowhere/out.png"], "there is no folder 'nowhere'"),
    ],
    ids=" ".join,
)
def test_bad_input_ends_with_code_1_and_one_sentence(
    folder: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    bad_inputs(folder)
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    done = run(*arguments, "--json")
    assert done.code == 1
    assert done.out == ""
    assert done.err.startswith(f"cvxgeom {arguments[0]}: ")
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_a_missing_extra_is_named_before_the_work_starts(
    folder: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("cvxgeom.fit.files.solidify", pytest.fail)
    done = run("fit", folder / "table.obj", "-o", folder / "t.npz", "--picture", folder / "t.png")
    assert done.code == 1
    assert '--picture needs the package embreex: pip install "cvxgeom[render]"' in done.err


def test_memory_that_torch_does_not_get_is_one_sentence(
    folder: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvxgeom.cli.commands.picture", lambda *_, **__: torch.empty(10**15))
    done = run("render", folder / "boxes.npz", "-o", folder / "boxes.png")
    assert (done.code, done.err) == (1, "cvxgeom render: not enough memory\n")


def test_an_error_of_our_own_is_no_lack_of_memory(
    folder: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvxgeom.cli.commands.picture", lambda *_, **__: torch.ones(2) @ torch.ones(3))
    with pytest.raises(RuntimeError, match="size"):
        run("render", folder / "boxes.npz", "-o", folder / "boxes.png")


def test_verbose_shows_where_an_error_arose(tmp_path: Path, run: Callable[..., Run]) -> None:
    with pytest.raises(FileNotFoundError):
        run("info", tmp_path / "none.npz", "--verbose")


# -- what is left behind ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("existed", [False, True])
def test_a_writer_that_fails_leaves_nothing_half_written(
    folder: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, existed: bool
) -> None:
    out = folder / "boxes.png"
    if existed:
        out.write_text("the old picture")
    before = sorted(folder.iterdir())

    def fail(self: Image.Image, path: Path) -> None:
        path.write_bytes(b"half of a pict")
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(Image.Image, "save", fail)
    done = run("render", folder / "boxes.npz", "-o", out)
    assert (done.code, done.err) == (1, f"cvxgeom render: No space left on device: {out}\n")
    assert sorted(folder.iterdir()) == before
    assert not existed or out.read_text() == "the old picture"


def start_a_long_fit(folder: Path, *options: str) -> subprocess.Popen[str]:
    """A fit in a process of its own, returned once it takes gradient steps."""
    trimesh.creation.torus(1.0, 0.3).export(folder / "torus.obj")
    # A test run in the background may have been told to ignore Ctrl-C, and children inherit that.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from cvxgeom.cli import main; sys.exit(main())"
    )
    arguments = ["fit", "torus.obj", "-o", "torus.npz", "--steps", "1000000", "--verbose", *options]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    seen = ""
    while "step 10 of" not in seen:
        line = process.stderr.readline()
        assert line, f"the fit ended early:\n{seen}"
        seen += line
    return process


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(folder: Path) -> None:
    process = start_a_long_fit(folder)
    before = sorted(folder.iterdir())
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "cvxgeom fit: canceled; no unfinished file is left behind"
    assert "Traceback" not in err
    assert sorted(folder.iterdir()) == before


@pytest.mark.slow
def test_ctrl_c_keeps_the_shape_when_asked_to(folder: Path) -> None:
    process = start_a_long_fit(folder, "--keep", "--json")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert json.loads(out)["status"] == "canceled"
    assert cvxgeom.load(folder / "torus.npz").n_convexes > 1


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-m", "cvxgeom", "doctor"]
    done = subprocess.run(command, cwd=ROOT, stdout=write_end, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write_end)
    assert done.stderr == ""


@pytest.mark.slow
def test_the_chair_of_the_demo(tmp_path: Path, run: Callable[..., Run]) -> None:
    done = run("fit", CHAIR, "-o", tmp_path / "chair.npz", "--mesh", tmp_path / "chair.glb", "--json")
    report: dict[str, Any] = json.loads(done.out)
    assert report["solid"]["exact"]
    assert report["solid"]["volume"] == pytest.approx(trimesh.load_mesh(CHAIR).volume, rel=1e-3)
    assert report["scores"]["iou"] > 0.85
    low, high = trimesh.load_scene(tmp_path / "chair.glb").bounds
    assert low[1] == pytest.approx(0, abs=0.02)
    assert high[1] == pytest.approx(0.8, abs=0.02)
