"""The decomposition benchmark: sets, workers that survive their contenders, rows that go on where they stopped."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.decomposition import Case, Contender, Worker, as_union, measure, own_cases, scan_like, write_report
from cvxgeom.decomposition.contenders import CONTENDERS
from cvxgeom.decomposition.pictures import draw_worst
from cvxgeom.decomposition.run import Row, forget, read_rows
from cvxgeom.decomposition.sets import source_cases, spread
from cvxgeom.decomposition.tables import figures, gaps, latex


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


def never_starts(mesh: trimesh.Trimesh, cap: int | None) -> list[np.ndarray]:
    os._exit(3)


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
    [
        (crashes, "crashed", "SIGABRT"),
        (never_starts, "crashed", "at the first call: exit code 3"),
        (raises, "failed", "no idea"),
        (hangs, "timeout", "not ready after"),
    ],
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
    whole = json.loads((tmp_path / "results.json").read_text())
    assert len(whole["rows"]) == 2 and whole["sets"]["pairs"]["box"]["iou"] == around["iou"]
    assert whole["sets"]["pairs"]["components"]["parts_per_known"] == 1
    assert all(path.exists() for path in files)
    assert f"bounding box & {around['iou']:.3f}" in (tmp_path / "results.tex").read_text()


def made_up(shape: str, contender: str, iou: float | None, seconds: float, **more: object) -> Row:
    scores = {} if iou is None else dict.fromkeys(SCORES, 0.0) | {"iou": iou, "parts": 6.0, "known_parts": 4.0}
    status = "timeout" if iou is None else "ok"
    fields = {
        "version": "",
        "message": "",
        "seconds": seconds,
        "cpu_seconds": seconds,
        "peak_bytes": None,
        "limit": 60.0,
    }
    return Row("set", shape, "", contender, **{"status": status, "scores": scores, **fields, **more})


SCORES = ("over_coverage", "under_coverage", "chamfer_l1", "f_score", "planes_per_part", "vertices_per_part", "bytes")


def test_failures_count_and_times_are_compared_on_the_same_mesh():
    rows = [made_up("a", "balanced", 0.9, 2.0), made_up("b", "balanced", 0.8, 1.0), made_up("c", "balanced", 0.7, 5.0)]
    rows += [made_up("a", "coacd", 0.6, 20.0), made_up("b", "coacd", None, 60.0)]
    found = figures(rows)
    assert found["balanced"]["iou"] == pytest.approx(0.8) and found["balanced"]["parts_per_known"] == 1.5
    coacd = found["coacd"]
    assert (coacd["iou"], coacd["iou_failed_0"], coacd["failed"], coacd["shapes"]) == (0.6, 0.3, 1, 2)
    assert coacd["cpu_seconds"] == 40 and coacd["ratio"] == np.median([10, 60]), "the limit stands for what took longer"
    assert gaps(rows)[1] == [["CoACD", "+0.300", "+0.300 … +0.300", "1"]]
    assert r"IoU, failed as 0" in latex({"set": (["", "IoU, failed as 0", "%"], [])}) and r"\%" in latex(
        {"": (["%"], [])}
    )


def test_a_larger_limit_tries_again_and_changed_contenders_are_forgotten(tmp_path: Path):
    late = [made_up("boxes", "components", None, 60.0), made_up("boxes", "box", 0.1, 1.0)]
    late += [made_up("boxes", "coacd-capped", 0.2, 1.0), made_up("boxes", "balanced", 0.2, 1.0)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(asdict(row)) + "\n" for row in late))
    cases = {"set": [Case("set", "boxes", "box", two_boxes)]}
    assert list(measure(cases, ["components", "box"], tmp_path, limit=60)) == []
    assert [row.contender for row in measure(cases, ["components", "box"], tmp_path, limit=61)] == ["components"]
    again = {row.contender: row.scores.get("iou") for row in read_rows(tmp_path)}
    assert [row.status for row in read_rows(tmp_path)] == ["ok"] * 4, read_rows(tmp_path)
    assert again == {"components": pytest.approx(1.0), "box": 0.1, "coacd-capped": 0.2, "balanced": 0.2}
    forget(tmp_path, ["balanced"])  # the cap of coacd-capped came from it
    assert [row.contender for row in read_rows(tmp_path)] == ["components", "box"]


def test_a_mesh_that_cannot_be_made_solid_is_skipped_with_a_word(tmp_path: Path, caplog):
    flat = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    assert list(measure({"set": [Case("set", "flat", "", flat.copy)]}, ["box"], tmp_path)) == []
    assert "skipped flat of set: mesh must have a volume" in caplog.text


def test_a_source_gives_its_closed_meshes_and_all_as_scans(tmp_path: Path, caplog):
    folder = tmp_path / "test" / "thing"
    folder.mkdir(parents=True)
    box, flat = trimesh.creation.box(), trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    lidless = trimesh.Trimesh(box.vertices, box.faces[1:])
    for name, mesh in (("closed", box), ("lidless", lidless), ("flat", flat)):
        mesh.export(folder / f"{name}.ply")
    found = source_cases("things", tmp_path)
    assert [case.shape for case in found["things"]] == ["thing.closed"]
    assert sorted(case.shape for case in found["things-scan"]) == ["thing.closed", "thing.flat", "thing.lidless"]
    assert "skipped thing.flat of things: mesh must have a volume" in caplog.text


def test_worst_cases_are_drawn_beside_their_mesh(tmp_path: Path):
    pytest.importorskip("embreex", reason="rays against meshes draw the truth: pip install 'cvxgeom[render]'")
    cases = {"pairs": [Case("pairs", "boxes", "box", two_boxes)]}
    rows = [*measure(cases, ["components", "box"], tmp_path)]
    rows.append(replace(rows[0], contender="hull", status="crashed", scores={}))
    assert draw_worst(tmp_path / "worst.png", tmp_path, rows)
    sheet = np.asarray(Image.open(tmp_path / "worst.png").convert("RGB"), dtype=float)
    panels = np.split(sheet[:180], 4, axis=1)
    drawn = [(panel < 250).any(axis=2).mean() for panel in panels]
    assert min(drawn[:3]) > 0.03 and drawn[3] == 0, drawn
    assert drawn[2] > drawn[0], "the box fills the gap"
    assert not draw_worst(tmp_path / "none.png", tmp_path / "elsewhere", rows)


def test_own_meshes_from_the_command_line(tmp_path: Path, capsys):
    two_boxes().export(tmp_path / "pair.obj")
    arguments = ["bench", "decompose", str(tmp_path / "pair.obj"), "-o", str(tmp_path / "out"), "--contender"]
    assert main([*arguments, "components", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 1
    assert main([*arguments, "box", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["contenders"] == ["components", "box"]
    assert main([*arguments, "box", "--again", "box", "--report-only"]) == 0
    assert "components" in capsys.readouterr().out
    assert main([*arguments, "hull", "--again", "components", "--json"]) == 0
    assert sorted(json.loads(capsys.readouterr().out)["results"]["meshes"]) == ["box", "hull"]
    assert main(["bench", "decompose", "-o", str(tmp_path / "out")]) != 0
    assert "there must be something to decompose" in capsys.readouterr().err
    with pytest.raises(FileNotFoundError, match="there is no file"):
        own_cases([tmp_path / "none.obj"])
