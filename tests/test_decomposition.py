"""The decomposition benchmark: sets, workers that survive their contenders, rows that go on where they stopped."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import trimesh

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.decomposition import Case, Contender, Worker, as_union, measure, own_cases, scan_like, write_report
from cvxgeom.decomposition.contenders import CONTENDERS
from cvxgeom.decomposition.run import read_rows
from cvxgeom.decomposition.sets import spread


def two_boxes() -> trimesh.Trimesh:
    far = trimesh.creation.box((0.4, 0.4, 0.4))
    far.apply_translation((0.6, 0, 0))
    return trimesh.creation.box((0.4, 0.4, 0.4)) + far


def crashes(mesh: trimesh.Trimesh, cap: int | None) -> list[np.ndarray]:
    if len(mesh.faces) > 12:  # not at the first call, which warms up
        os.abort()
    return [np.asarray(mesh.vertices)]


def hangs(mesh: trimesh.Trimesh, cap: int | None) -> list[np.ndarray]:
    while len(mesh.faces) > 12:
        pass
    return [np.asarray(mesh.vertices)]


def raises(mesh: trimesh.Trimesh, cap: int | None) -> list[np.ndarray]:
    raise RuntimeError("no idea")


def test_hulls_of_components_are_exact_for_boxes():
    union = as_union(CONTENDERS["components"].decompose(two_boxes(), None))
    assert union.n_convexes == 2
    assert sum(float(p.volume) for p in union.polytopes()) == pytest.approx(2 * 0.4**3)
    with pytest.raises(ValueError, match="part with a volume"):
        as_union([np.zeros((4, 3))])


def test_any_first_shapes_are_spread_over_a_set():
    cases = [Case("set", str(i), "", two_boxes) for i in range(11)]
    order = [int(case.shape) for case in spread(cases)]
    assert sorted(order) == list(range(11))
    assert order[:2] == [0, 8] and abs(order[2] - 4) <= 1


def test_a_scan_is_one_closed_surface_of_the_same_solid():
    mesh = trimesh.creation.annulus(r_min=0.3, r_max=0.5, height=0.2)
    scan = scan_like(cvxgeom.data.solidify(mesh), resolution=64)
    assert scan.is_watertight and scan.body_count == 1 and scan.euler_number == 0
    assert scan.volume == pytest.approx(mesh.volume, rel=0.03)


@pytest.mark.parametrize(
    ("decompose", "status", "message"),
    [(crashes, "crashed", "SIGABRT"), (raises, "failed", "no idea"), (hangs, "timeout", "not ready after 1 s")],
)
def test_a_contender_that_fails_does_not_end_the_run(tmp_path, decompose, status, message):
    worker = Worker(Contender(decompose.__name__, "", decompose), limit=1.0)
    try:
        outcome = worker.call(two_boxes(), tmp_path / "out.npz")
        assert (outcome.status, message in outcome.message) == (status, True), outcome
        assert not (tmp_path / "out.npz").exists()
    finally:
        worker.close()


def test_rows_come_once_and_the_report_counts(tmp_path: Path):
    cases = {"pairs": [Case("pairs", "boxes", "box", two_boxes, lambda: 2)]}
    names = ["components", "box"]
    rows = list(measure(cases, names, tmp_path))
    assert [row.status for row in rows] == ["ok", "ok"]
    exact, around = (row.scores for row in rows)
    assert exact["iou"] == pytest.approx(1.0, abs=1e-6) and exact["parts"] == exact["known_parts"] == 2
    assert around["iou"] == pytest.approx(0.8, abs=0.01), "two cubes of 0.4 in a box of 1 × 0.4 × 0.4"
    assert (exact["planes_per_part"], exact["vertices_per_part"], exact["bytes"]) == (6, 8, 12 * 16)
    assert list(measure(cases, names, tmp_path)) == []
    with open(tmp_path / "rows.jsonl", "a") as file:
        file.write('{"set": "pairs", "sha')  # killed while writing
    assert read_rows(tmp_path) == rows
    files = write_report(tmp_path, rows)
    text = (tmp_path / "report.md").read_text()
    assert "| hulls of components | 1.000 |" in text and f"| bounding box | {around['iou']:.3f} |" in text
    assert len(json.loads((tmp_path / "results.json").read_text())) == 2 and all(path.exists() for path in files)
    assert f"bounding box & {around['iou']:.3f}" in (tmp_path / "results.tex").read_text()


def test_own_meshes_from_the_command_line(tmp_path: Path, capsys):
    two_boxes().export(tmp_path / "pair.obj")
    arguments = ["bench", "decompose", str(tmp_path / "pair.obj"), "-o", str(tmp_path / "out"), "--contender"]
    assert main([*arguments, "components", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert main([*arguments, "box", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["contenders"] == ["components", "box"]
    assert main(["bench", "decompose", "-o", str(tmp_path / "out")]) != 0
    assert "there must be something to decompose" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="there is no file"):
        own_cases([tmp_path / "none.obj"])
