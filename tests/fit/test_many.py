"""Several fits at once: one failure stops nothing, and a run that was cut short goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.fit import FitConfig, fit, fit_folder, fit_many
from cvxgeom.fit.folder import RECORDS, named_sources
from cvxgeom.parallel import Died

QUICK = FitConfig(n_steps=0, n_samples=1000)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three meshes, one of them without a volume."""
    root = tmp_path / "meshes"
    (root / "boxes").mkdir(parents=True)
    trimesh.creation.box((1, 2, 3)).export(root / "boxes" / "brick.obj")
    trimesh.creation.box().export(root / "cube.ply")
    (root / "flat.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    return root


def lines(output: Path) -> dict[str, dict[str, Any]]:
    records = [json.loads(line) for line in (output / RECORDS).read_text().splitlines()]
    assert len({record["name"] for record in records}) == len(records)
    return {record["name"]: record for record in records}


def same(one: cvxgeom.ConvexUnion, other: cvxgeom.ConvexUnion) -> bool:
    return torch.equal(one.normals, other.normals) and torch.equal(one.offsets, other.offsets)


# -- in memory --------------------------------------------------------------------------------------------------------


def test_many_are_fitted_as_each_would_be_alone() -> None:
    meshes = [trimesh.creation.box((1, 1, 2)), trimesh.creation.icosphere(1)]
    outcomes = {outcome.index: outcome for outcome in fit_many(meshes, QUICK, n_workers=1)}
    for index, mesh in enumerate(meshes):
        found = outcomes[index].result
        assert found is not None
        assert outcomes[index].error is None
        assert same(found.shape, fit(mesh, QUICK).shape)


@pytest.mark.slow
def test_processes_give_the_same_as_one() -> None:
    meshes = [trimesh.creation.box((1, 1, 2)), trimesh.Trimesh(), trimesh.creation.icosphere(1)]
    here, there = ({o.index: o for o in fit_many(meshes, QUICK, n_workers=n)} for n in (1, 2))
    assert there[1].error == here[1].error == "mesh must have faces, got an empty mesh"
    for index in (0, 2):
        one, other = here[index].result, there[index].result
        assert one is not None and other is not None
        assert same(one.shape, other.shape)


def test_many_read_files_and_start_from_given_unions(folder: Path) -> None:
    start = cvxgeom.box()
    outcomes = fit_many([folder / "cube.ply", folder / "none.obj"], QUICK, init=[start, None], n_workers=1)
    (_, good), (_, bad) = sorted((outcome.index, outcome) for outcome in outcomes)
    assert good.result is not None
    assert good.result.scores["iou"] == pytest.approx(1.0, abs=1e-3)
    assert bad.result is None
    assert "there is no file" in (bad.error or "")


def test_wrong_arguments_of_many() -> None:
    with pytest.raises(TypeError, match="sources must be a sequence of sources, got Trimesh"):
        fit_many(trimesh.creation.box())  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"got str 'a\.obj'"):
        fit_many("a.obj")
    with pytest.raises(ValueError, match="init must have one entry for each of the 1 sources, got 2"):
        fit_many([trimesh.creation.box()], init=[None, None])


# -- names ------------------------------------------------------------------------------------------------------------


def test_shapes_are_named_by_the_place_of_their_meshes(folder: Path) -> None:
    output = folder / "out"
    output.mkdir()
    for name in ("cube.stl", ".hidden.obj", "out/cube.glb", "notes.txt"):
        (folder / name).touch()
    assert list(named_sources([folder], output)) == ["boxes/brick", "cube.ply", "cube.stl", "flat"]
    assert list(named_sources([folder / "boxes" / "brick.obj"], output)) == ["brick"]
    assert list(named_sources([folder / "boxes", folder / "cube.ply"], output)) == ["boxes/brick", "cube"]


def test_wrong_sources(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(FileNotFoundError, match="there is no file or folder"):
        fit_folder([folder / "none"], tmp_path / "out")
    with pytest.raises(ValueError, match="there are no mesh files in"):
        fit_folder([tmp_path / "nothing"], tmp_path / "out")
    with pytest.raises(ValueError, match="is a file"):
        fit_folder([folder], folder / "cube.ply")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        fit_folder([folder], tmp_path / "no" / "out")
    with pytest.raises(TypeError, match="sources must be a sequence of paths, got 'meshes'"):
        fit_folder("meshes", tmp_path / "out")
    with pytest.raises(ValueError, match=r"mesh_ending must be one of \.glb, .*, got 'glb'"):
        fit_folder([folder], tmp_path / "out", mesh_ending="glb")
    with pytest.raises(ValueError, match="the output must be another folder than the meshes' own"):
        fit_folder([folder], folder / "boxes" / "..")


def test_no_source_is_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    for output in (folder, tmp_path / "link"):
        with pytest.raises(ValueError, match=r"cube\.ply' is a source and would be overwritten"):
            fit_folder([folder / "cube.ply"], output, mesh_ending=".ply")
    clouds = folder / "clouds"
    clouds.mkdir()
    np.savez(clouds / "a.npz", points=np.zeros((30, 3)))
    with pytest.raises(ValueError, match=r"a\.npz' is a source and would be overwritten"):
        fit_folder([clouds / "a.npz"], clouds)


def test_what_lies_in_the_output_is_no_source_however_its_path_is_written(folder: Path, tmp_path: Path) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "cube.glb").touch()
    (tmp_path / "link").symlink_to(folder / "out")
    for output in (folder / "boxes" / ".." / "out", tmp_path / "link"):
        assert not any("out" in name for name in named_sources([folder], output))


def test_names_never_collide(folder: Path) -> None:
    for name in ("desk.obj", "desk.stl", "desk.obj.ply"):
        (folder / "boxes" / name).touch()
    assert list(named_sources([folder / "boxes"], folder / "out")) == ["brick", "desk.obj", "desk.obj.ply", "desk.stl"]


# -- folders ----------------------------------------------------------------------------------------------------------


def test_a_folder_has_a_line_for_each_mesh_and_lists_failures(folder: Path, tmp_path: Path) -> None:
    seen = []
    output = tmp_path / "out"
    progress = lambda *step: seen.append(step)  # noqa: E731
    report = fit_folder([folder], output, QUICK, mesh_ending=".ply", n_workers=1, progress=progress)
    assert (report["shapes"], report["fitted"], report["failed"]) == (2, 3, 1)
    assert report["problems"] == [
        f"{folder / 'flat.obj'}: mesh must have a volume, got zero volume: all of its faces lie in one plane"
    ]
    assert report["means"]["iou"] == pytest.approx(1.0, abs=1e-3)
    assert [step[1:] for step in seen] == [(1, 3), (2, 3), (3, 3)]
    found = lines(output)
    assert {name: record["error"] is None for name, record in found.items()} == {
        "boxes/brick": True,
        "cube": True,
        "flat": False,
    }
    assert found["boxes/brick"]["structure"]["n_parts"] == 1
    assert found["boxes/brick"]["settings"]["n_steps"] == 0
    assert float(cvxgeom.load(output / "boxes" / "brick.npz").polytopes()[0].volume) == pytest.approx(6, rel=1e-3)
    assert trimesh.load_mesh(output / "cube.ply").volume == pytest.approx(1, rel=1e-3)
    assert {path.name for path in output.rglob("*.*")} == {
        "fits.jsonl",
        "brick.npz",
        "brick.ply",
        "cube.npz",
        "cube.ply",
    }


def test_what_is_done_is_not_done_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    output = tmp_path / "out"
    fit_folder([folder], output, QUICK, n_workers=1)
    text = (output / RECORDS).read_text()
    (output / RECORDS).write_text(text + '{"name": "cub')  # a killed run wrote half of a line
    fitted: list[str] = []

    def watch(path: Path, *_: Any, **__: Any) -> Any:
        fitted.append(path.name)
        raise ValueError("not now")

    monkeypatch.setattr("cvxgeom.fit.folder.fit_file", watch)
    report = fit_folder([folder], output, QUICK, n_workers=1)
    assert fitted == ["flat.obj"]  # failures are tried again
    assert (report["shapes"], report["fitted"]) == (2, 1)
    assert lines(output)["cube"] == {json.loads(line)["name"]: json.loads(line) for line in text.splitlines()}["cube"]

    trimesh.creation.box((2, 1, 1)).export(folder / "cube.ply")  # another content
    fitted.clear()
    fit_folder([folder], output, QUICK, n_workers=1)
    assert fitted == ["cube.ply", "flat.obj"]

    fitted.clear()
    fit_folder([folder / "boxes"], output, QUICK, n_workers=1)  # another name: what is there stays
    assert fitted == ["brick.obj"]
    assert "boxes/brick" in lines(output)

    (output / "boxes" / "brick.npz").unlink()
    fitted.clear()
    fit_folder([folder], output, QUICK, n_workers=1)
    assert set(fitted) == {"brick.obj", "cube.ply", "flat.obj"}

    fitted.clear()
    fit_folder([folder], output, replace(QUICK, seed=1), n_workers=1)
    assert set(fitted) == {"brick.obj", "cube.ply", "flat.obj"}


def test_a_foreign_file_of_records_is_not_overwritten(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RECORDS).write_text("my diary\nsecond day\n")
    with pytest.raises(ValueError, match=r"line 1 of .* is not a line of a fit"):
        fit_folder([folder], tmp_path / "out", QUICK)
    assert (tmp_path / "out" / RECORDS).read_text() == "my diary\nsecond day\n"


def test_a_crash_is_told_of_the_mesh_that_it_came_with(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_tasks(work: Any, tasks: list[Any], **_: Any) -> Iterator[tuple[Any, Any]]:
        yield tasks[0], Died("it died")
        yield from ((task, work(task)) for task in tasks[1:])

    monkeypatch.setattr("cvxgeom.fit.folder.run_tasks", run_tasks)
    report = fit_folder([folder], tmp_path / "out", QUICK)
    assert report["problems"][0] == f"{folder / 'boxes' / 'brick.obj'}: it died"
    assert (report["shapes"], report["failed"]) == (1, 2)


def test_starts_are_those_of_the_same_name(folder: Path, tmp_path: Path) -> None:
    output, starts = tmp_path / "out", tmp_path / "starts"
    starts.mkdir()
    halves = [cvxgeom.box((0.5, 1, 1), center=(x, 0, 0)) for x in (-0.25, 0.25)]
    cvxgeom.concatenate(halves).save(starts / "cube.npz")
    (folder / "flat.obj").unlink()
    report = fit_folder([folder], output, QUICK, start=starts, n_workers=1)
    assert [problem.split(": ")[1] for problem in report["problems"]] == ["no such file"]  # there is none for the brick
    assert report["shapes"] == 1
    report = fit_folder([folder], output, QUICK, n_workers=1)
    assert (report["fitted"], report["failed"]) == (2, 0)
    report = fit_folder([folder], output, QUICK, start="refine", n_workers=1)
    assert (report["fitted"], report["failed"]) == (2, 0)
    assert fit_folder([folder], output, QUICK, start="refine", n_workers=1)["fitted"] == 0


@pytest.mark.slow
def test_a_killed_run_goes_on(folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    code = f"""
        import os, signal
        from cvxgeom.fit import FitConfig, fit_folder
        if __name__ == "__main__":
            kill = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
            quick = FitConfig(n_steps=0, n_samples=1000)
            fit_folder([{str(folder)!r}], {str(output)!r}, quick, n_workers=1, progress=kill)
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(cvxgeom.__file__).parent.parent)}
    for done in (1, 2):
        ended = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], env=environment, check=False)
        assert ended.returncode == -signal.SIGKILL
        assert len(lines(output)) == done
    before = (output / "boxes" / "brick.npz").stat().st_mtime_ns
    fit_folder([folder], output, QUICK, n_workers=1)
    assert (output / "boxes" / "brick.npz").stat().st_mtime_ns == before
    fit_folder([folder], tmp_path / "undisturbed", QUICK, n_workers=1)
    for name in ("boxes/brick.npz", "cube.npz"):
        with np.load(output / name) as one, np.load(tmp_path / "undisturbed" / name) as other:
            assert all(np.array_equal(one[key], other[key]) for key in one.files)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_cluster_that_loses_a_machine_gives_the_same(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("ray", reason="the extra [cluster] is not installed")
        cluster_utils = pytest.importorskip("ray.cluster_utils")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    for copy in range(6):
        shutil.copy(folder / "cube.ply", folder / f"cube{copy}.ply")
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
        cluster.wait_for_nodes()

        def lose_one(_: str, n: int, __: int) -> None:
            if n == 2:
                cluster.remove_node(workers[0], allow_graceful=False)

        report = fit_folder([folder], tmp_path / "out", QUICK, ray=cluster.address, progress=lose_one)
    finally:
        cluster.shutdown()
    assert (report["shapes"], report["failed"]) == (8, 1)
    assert set(lines(tmp_path / "out")) == {"boxes/brick", "cube", "flat", *(f"cube{copy}" for copy in range(6))}
    fit_folder([folder], tmp_path / "here", QUICK, n_workers=1)
    for name in ("boxes/brick", "cube5"):
        one, other = (cvxgeom.load(tmp_path / place / f"{name}.npz") for place in ("out", "here"))
        assert same(one, other)
