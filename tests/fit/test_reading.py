"""Files as sources: what they hold is recognized, fitted from the command line, and named where it is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from trimesh.voxel import VoxelGrid

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.data import sample_surface
from cvxgeom.fit import FitConfig, OccupancyGrid, PointCloud, fit_many
from cvxgeom.fit.reading import read_source

POINTS, NORMALS = (t.numpy() for t in sample_surface(trimesh.creation.box((1, 2, 3)), 600, 0, torch.float64))


def ply(points: np.ndarray, normals: np.ndarray | None) -> str:
    names = ["x", "y", "z", *(["nx", "ny", "nz"] if normals is not None else [])]
    rows = points if normals is None else np.concatenate([points, normals], axis=1)
    head = ["ply", "format ascii 1.0", f"element vertex {len(rows)}", *(f"property float {name}" for name in names)]
    return "\n".join([*head, "end_header", *(" ".join(map(str, row)) for row in rows.tolist())]) + "\n"


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.xyz": lambda path: np.savetxt(path, np.concatenate([POINTS, NORMALS], axis=1)),
    "a.ply": lambda path: path.write_text(ply(POINTS, NORMALS)),
    "a.npz": lambda path: np.savez(path, points=POINTS, normals=NORMALS),
    "a.npy": lambda path: np.save(path, np.concatenate([POINTS, NORMALS], axis=1)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_points_with_normals_are_read(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    cloud = read_source(tmp_path / name)
    assert isinstance(cloud, PointCloud)
    np.testing.assert_allclose(cloud.points, POINTS, atol=1e-6)
    np.testing.assert_allclose(cloud.normals, NORMALS, atol=1e-6)


def test_points_without_normals_and_grids_and_meshes_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "bare.ply").write_text(ply(POINTS, None))
    np.savetxt(tmp_path / "bare.xyz", POINTS)
    for name in ("bare.ply", "bare.xyz"):
        cloud = read_source(tmp_path / name)
        assert isinstance(cloud, PointCloud) and cloud.normals is None and len(cloud.points) == 600
    trimesh.creation.box().export(tmp_path / "mesh.ply")
    assert isinstance(read_source(tmp_path / "mesh.ply"), trimesh.Trimesh)
    np.savez(tmp_path / "grid.npz", values=np.ones((3, 4, 5), dtype=bool), origin=[1.0, 2, 3], spacing=0.5)
    np.save(tmp_path / "grid.npy", np.ones((3, 4, 5)))
    voxels = VoxelGrid(np.ones((4, 4, 4), dtype=bool))
    (tmp_path / "grid.binvox").write_bytes(voxels.export(file_type="binvox"))
    for name in ("grid.npz", "grid.npy", "grid.binvox"):
        assert isinstance(read_source(tmp_path / name), OccupancyGrid)
    assert read_source(tmp_path / "grid.npz").origin.tolist() == [1, 2, 3]  # type: ignore[union-attr]


def test_the_command_takes_points_and_grids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    WRITERS["a.xyz"](tmp_path / "a.xyz")
    np.savez("grid.npz", values=np.ones((4, 8, 12), dtype=bool), origin=(-0.375, -0.875, -1.375), spacing=0.25)
    for name, size in (("a.xyz", "600 points with normals"), ("grid.npz", "a grid of 4 × 8 × 12 cells")):
        assert main(["fit", name, "-o", "made.npz", "--steps", "0", "--quality", "fast"]) == 0
        assert size in capsys.readouterr().out
        bounds = cvxgeom.load("made.npz").polytopes()[0].bounds
        np.testing.assert_allclose(bounds, [[-0.5, -1, -1.5], [0.5, 1, 1.5]], atol=0.05)
    assert main(["fit", "a.xyz", "-o", "out", "--steps", "0", "--quality", "fast", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shapes"] == 1
    assert main(["fit", "grid.npz", "-o", "made.npz", "--init", "coacd"]) == 1
    assert "coacd" in capsys.readouterr().err.lower()


def test_files_are_among_many(tmp_path: Path) -> None:
    WRITERS["a.xyz"](tmp_path / "a.xyz")
    (outcome,) = fit_many([tmp_path / "a.xyz"], FitConfig(n_steps=0, n_samples=2000), n_workers=1)
    assert outcome.error is None and outcome.result is not None and outcome.result.shape.n_convexes == 1


@pytest.mark.parametrize(
    ("name", "write", "sentence"),
    [
        ("a.xyz", lambda path: path.write_text("1 2\n3 4\n"), "3 columns, x y z, or 6 with normals, got 2"),
        ("a.xyz", lambda path: path.write_text("hello\n"), "is not a readable .xyz file"),
        ("a.xyz", lambda path: path.write_text("0 0 0\n"), "points must be at least 20, got 1"),
        ("a.npz", lambda path: np.savez(path, nodes=np.ones(3)), "points .* or values .*, got nodes"),
        ("a.npz", lambda path: path.write_text("no"), "is not a readable .npz file"),
        ("a.npy", lambda path: np.save(path, np.full((3, 3, 3), 7.0)), "values must be from 0 to 1"),
        ("a.binvox", lambda path: path.write_text("no"), "is not a readable .binvox file"),
        ("a.ply", lambda path: path.write_text(ply(POINTS[:5], None)), "points must be at least 20, got 5"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    name: str, write: Callable[[Path], object], sentence: str, tmp_path: Path
) -> None:
    write(tmp_path / name)
    with pytest.raises(ValueError, match=sentence):
        read_source(tmp_path / name)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file 'none\.xyz'"):
        read_source("none.xyz")
