"""From a source to a dataset: what is in it, what is refused, and that no interruption changes a byte."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cvxgeom.cli import main
from cvxgeom.data import Dataset
from cvxgeom.data.manifest import read_manifest
from cvxgeom.prepare import PrepareConfig, check_dataset, prepare
from cvxgeom.prepare.color import why_no_pictures
from cvxgeom.prepare.store import Store

from .meshes import SMALL, make_folder, make_library

ROOT = Path(__file__).parent.parent.parent
SHARDED = replace(SMALL, shard_bytes=60_000)
RGB = replace(SMALL, rgb=True, n_rgb_views=2, rgb_size=32)


@functools.lru_cache
def no_gl() -> str | None:
    return why_no_pictures()


def contents(dataset: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(dataset.iterdir()) if path.suffix in (".h5", ".json")}


def run(source: Path, output: Path, config: PrepareConfig = SMALL, **options: object) -> dict:
    return prepare(source, output, config, n_workers=1, **options)  # pyright: ignore[reportArgumentType]


def test_a_folder_of_meshes(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "meshes")
    report = run(source, tmp_path / "out")
    assert (report["used"], report["computed"]) == (5, 6)
    (refused,) = report["refused"]
    assert refused["source"] == "chair/broken.ply" and "is not a readable .ply file" in refused["reason"]
    assert report["statistics"]["exact"] == 5
    assert sum(sum(counts.values()) for counts in report["statistics"]["classes"].values()) == 5
    records = [record for split in report["splits"] for record in Dataset(tmp_path / "out", split)]
    assert {record.id for record in records} == {"chair.box0", "chair.box2", "chair.box4", "table.box1", "table.box3"}
    first = next(record for record in records if record.id == "chair.box0")
    assert first.uniform.occupancy.all() and first.n_depth_views == 3 and first.scale == pytest.approx(0.5)
    assert (tmp_path / "out" / "contact_sheet.png").stat().st_size > 500
    assert check_dataset(tmp_path / "out")["problems"] == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.suffix == "") == []


def test_a_second_run_does_nothing_and_a_larger_source_adds(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "meshes", 3), tmp_path / "out"
    run(source, out)
    before = contents(out)
    assert run(source, out)["computed"] == 0
    assert contents(out) == before
    make_folder(source, 5)
    assert run(source, out)["computed"] == 2
    run(source, tmp_path / "at_once")
    assert contents(out) == contents(tmp_path / "at_once")


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_and_ends_with_the_same_bytes(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "meshes", 40), tmp_path / "out"
    code = f"""
        from cvxgeom.prepare import PrepareConfig, prepare
        prepare({str(source)!r}, {str(out)!r}, PrepareConfig(**{SMALL.to_dict()!r}), n_workers=2)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    parts = out / ".work" / "parts"
    while process.poll() is None and len(list(parts.glob("*.h5"))) < 5:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_until_gone(process.pid)
    kept = {path.name: path.stat().st_mtime_ns for path in parts.glob("[!.]*")}
    assert 5 <= len(kept) < 41, "the run was over before it could be killed"
    assert "is not a prepared dataset" in error_of(out)
    redone = []
    report = run(source, out, progress=lambda id, n, of: redone.append(id))
    assert report["computed"] == 41 - len(kept)
    assert not {name.split(".h5")[0].split(".json")[0] for name in kept} & set(redone)
    run(source, tmp_path / "at_once")
    assert contents(out) == contents(tmp_path / "at_once")
    assert not (out / ".work").exists()


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """A source, a dataset made of a part of it, in several files, and one made of all of it at once."""
    folder = tmp_path_factory.mktemp("growing")
    source, first, whole = (folder / name for name in ("meshes", "first", "whole"))
    run(make_folder(source, 6), first, SHARDED)
    run(make_folder(source, 9), whole, SHARDED)
    assert len(contents(first)) > 3 and contents(first).keys() != contents(whole).keys()
    return source, first, whole


@pytest.mark.parametrize("step", range(7))
def test_a_run_that_is_killed_while_files_are_moved_goes_on(
    growing: tuple[Path, Path, Path], tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, first, whole = growing
    out = tmp_path / "out"
    shutil.copytree(first, out)
    counted = {"n": 0}
    replace_file, unlink = os.replace, Path.unlink

    class Killed(BaseException):
        pass

    def count() -> None:
        counted["n"] += 1
        if counted["n"] > step:
            raise Killed

    def slow_replace(source: str | Path, target: str | Path) -> None:
        if Path(target).parent == out:
            count()
        replace_file(source, target)

    def slow_unlink(path: Path, missing_ok: bool = False) -> None:
        if path.parent == out and path.suffix == ".h5":
            count()
        unlink(path, missing_ok)

    monkeypatch.setattr(os, "replace", slow_replace)
    monkeypatch.setattr(Path, "unlink", slow_unlink)
    try:
        run(source, out, SHARDED)
        killed = False
    except Killed:
        killed = True
    monkeypatch.undo()
    run(source, out, SHARDED)
    assert contents(out) == contents(whole)
    assert killed or step > 3


@pytest.mark.slow
def test_several_processes_make_the_same_bytes(tmp_path: Path) -> None:
    source = make_folder(tmp_path / "meshes", 4)
    run(source, tmp_path / "one")
    prepare(source, tmp_path / "two", SMALL, n_workers=2)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_triton_can_be_imported_after_pictures_were_made() -> None:
    # In a process of its own: two copies of LLVM that clash end it.
    pytest.importorskip("triton", reason='triton is not installed: pip install "cvxgeom[gpu]"')
    if no_gl():
        pytest.skip(str(no_gl()))
    code = "from cvxgeom.prepare.color import _probe; _probe(); import triton; print(triton.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "triton"), done.stderr[-500:]


@pytest.mark.slow
def test_pictures_can_be_added_later(tmp_path: Path) -> None:
    if no_gl():
        pytest.skip(str(no_gl()))
    source, out = make_library(tmp_path / "Lib.sh3f"), tmp_path / "out"
    run(source, out)
    report = run(source, out, RGB)
    assert (report["computed"], report["without_rgb"], report["no_pictures"]) == (2, [], None)
    run(source, tmp_path / "at_once", RGB)
    assert contents(out) == contents(tmp_path / "at_once")
    assert run(source, out)["computed"] == 0  # asked for no pictures: those that are there stay
    assert read_manifest(out)["settings"]["rgb"]
    record = next(iter(Dataset(out, next(iter(report["splits"])))))
    views = record.rgb()
    red, green, blue = (views.rgb[:, k][views.alpha].mean() for k in range(3))
    assert red > 2 * green > 0 and red > 2 * blue > 0
    overlap = (views.alpha & views.depth.isfinite()).sum() / (views.alpha | views.depth.isfinite()).sum()
    assert overlap > 0.95
    assert check_dataset(out)["problems"] == []


def test_where_there_is_no_gl_pictures_are_left_out_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cvxgeom.prepare.color.why_no_pictures", lambda: "no GL today")
    report = run(make_folder(tmp_path / "meshes", 2), tmp_path / "out", RGB)
    assert (report["used"], report["no_pictures"]) == (2, "no GL today")
    assert not read_manifest(tmp_path / "out")["settings"]["rgb"]


def test_other_settings_need_another_folder(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "meshes", 2), tmp_path / "out"
    run(source, out)
    with pytest.raises(ValueError, match="was begun with seed = 0, not 1; choose another folder"):
        run(source, out, replace(SMALL, seed=1))
    with pytest.raises(ValueError, match="holds 1 shapes that the source does not list"):
        run(source, out, limit=2)
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="is neither empty nor a dataset"):
        run(source, tmp_path / "else")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        run(source, tmp_path / "no" / "where")
    assert [path.name for path in (tmp_path / "else").iterdir()] == ["thesis.txt"]


def test_a_limit_is_spread_over_the_source(tmp_path: Path) -> None:
    report = run(make_folder(tmp_path / "meshes", 9), tmp_path / "out", limit=3)
    assert report["computed"] == 3
    assert {entry["class"] for entry in read_manifest(tmp_path / "out")["used"]} == {"chair", "table"}


def test_a_check_finds_damage(tmp_path: Path) -> None:
    source, out = make_folder(tmp_path / "meshes", 30), tmp_path / "out"
    run(source, out)
    whole = (out / "train.h5").read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 255
    (out / "train.h5").write_bytes(changed)
    assert "is not the file that was written" in check_dataset(out)["problems"][0]
    (out / "train.h5").write_bytes(whole[: len(whole) // 3])
    problems = check_dataset(out)["problems"]
    assert "bytes, not" in problems[0] and "is damaged" in problems[1]
    (out / "train.h5").unlink()
    assert "train.h5 is missing" in check_dataset(out)["problems"][0]
    (out / "train.h5").write_bytes(whole)
    assert check_dataset(out)["problems"] == []


def test_a_check_finds_cameras_that_do_not_fit(tmp_path: Path) -> None:
    import h5py

    out = tmp_path / "out"
    run(make_folder(tmp_path / "meshes", 1), out)
    (split,) = read_manifest(out)["splits"]
    with h5py.File(out / f"{split}.h5", "r+") as file:
        pose = file["chair.box0/extrinsics"]
        pose[0] = np.diag([1.0, -1, -1, 1]) @ pose[0]
    assert any("lies in front of what its first depth map saw" in problem for problem in check_dataset(out)["problems"])


def wait_until_gone(group: int) -> None:
    """Wait for all processes of a group, such as the workers of a process that was killed."""
    for _ in range(600):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("workers outlive the process that they worked for")


def error_of(dataset: Path) -> str:
    with pytest.raises(FileNotFoundError) as caught:
        Dataset(dataset, "train")
    return str(caught.value)


def test_half_written_parts_are_not_taken_for_whole_ones(tmp_path: Path) -> None:
    settings = SMALL.to_dict()
    store = Store(tmp_path / "out", settings)
    store.add("a", b"content", None)
    (tmp_path / "out" / ".work" / "parts" / ".b-12ab.h5").write_bytes(b"half of it")
    again = Store(tmp_path / "out", settings)
    assert again.has_geometry("a") and again.known() == ["a"]


# -- command line -----------------------------------------------------------------------------------------------------


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = make_folder(tmp_path / "meshes", 2), tmp_path / "out"
    assert main(["prepare", str(source), "-o", str(out), "--workers", "1", "--views", "1", "--seed", "3"]) == 0
    said = capsys.readouterr().out
    assert "2 shapes used, 1 refused" in said and "refused chair/broken.ply" in said
    assert read_manifest(out)["settings"] | {"seed": 3, "n_views": 1} == read_manifest(out)["settings"]
    assert main(["prepare", str(out), "--check"]) == 0
    assert "every file and every shape is as it should be" in capsys.readouterr().out
    assert main(["prepare", str(out), "--check", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["problems"] == []
    next(out.glob("*.h5")).unlink()
    assert main(["prepare", str(out), "--check"]) == 1
    assert "is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}"], "say with -o where to write the dataset"),
        (["{}/nowhere", "-o", "{}/out"], "there is no"),
        (["{}", "-o", "{}/out"], "holds no shapes"),
        (["{}", "-o", "{}/out", "--views", "21"], "n_views must be from 0 to 20, got 21"),
        (["{}", "-o", "{}/out", "--split-file", "{}/a.csv"], "there is no split file"),
        (["{}", "--check"], "is not a prepared dataset"),
    ],
)
def test_wrong_use_is_one_sentence(
    tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", *(word.format(tmp_path) for word in arguments)]) == 1
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and list(tmp_path.iterdir()) == []
