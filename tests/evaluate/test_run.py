"""Whole runs: rows on disk, going on after an end, the command."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.data import Dataset
from cvxgeom.evaluate import (
    BoundingBox,
    Condition,
    ConvexPredictor,
    Journal,
    Learned,
    Plan,
    Prediction,
    benchmark,
    color_views,
    conditions,
    depth_views,
    evaluate,
    from_exact,
    measure_speed,
    read_rows,
)
from cvxgeom.evaluate.cases import seen_image


@dataclass
class Counting:
    """A predictor that counts its calls, and may stop the run at one of them."""

    name: str = "counting"
    calls: int = 0
    stop_at: int = -1
    only_views: int | None = None

    def predict(self, views: Any) -> Prediction:
        self.calls += 1
        if self.calls == self.stop_at:
            raise KeyboardInterrupt
        return from_exact(cvxgeom.box(0.5), 6)


def see(record: Any, condition: Condition) -> Any:
    return depth_views(record, condition.n_views, condition.noise)


def test_a_run_that_was_cut_short_goes_on(dataset: Path, tmp_path: Path) -> None:
    records = list(Dataset(dataset, "test"))
    asked = conditions([1, 2], [0, 0.01], [2])
    whole = evaluate(records, [Counting()], asked, see)
    assert len(whole) == 3 * 3

    settings, identities = {"seed": 0}, {"counting": "1"}
    stopped = Counting(stop_at=6)
    with pytest.raises(KeyboardInterrupt):
        evaluate(records, [stopped], asked, see, journal=Journal(tmp_path, settings, identities))
    n_done = len(list(read_rows(tmp_path / "rows.jsonl")))
    assert 0 < n_done < 9
    with open(tmp_path / "rows.jsonl", "a") as file:
        file.write('{"predictor": "counting", "n_vie')  # as a kill leaves it
    again = Counting()
    done = []
    rows = evaluate(
        records,
        [again],
        asked,
        see,
        journal=Journal(tmp_path, settings, identities),
        report=lambda one, all_: done.append((one, all_)),
    )
    assert again.calls <= 9 - n_done + len(asked)  # and one to warm up under each condition
    assert done[-1] == (9, 9)
    key = [(row.shape, row.n_views, row.noise, row.iou) for row in rows]
    assert key == [(row.shape, row.n_views, row.noise, row.iou) for row in whole]
    on_disk = list(read_rows(tmp_path / "rows.jsonl"))
    assert sorted(map(repr, on_disk)) == sorted(map(repr, rows))


def test_rows_of_a_changed_predictor_are_dropped(dataset: Path, tmp_path: Path) -> None:
    records = list(Dataset(dataset, "test"))[:1]
    evaluate(records, [Counting()], [Condition(1)], see, journal=Journal(tmp_path, {}, {"counting": "old weights"}))
    assert not Journal(tmp_path, {}, {"counting": "new weights"}).rows
    assert (tmp_path / "rows.jsonl").read_text() == ""


def test_results_of_other_settings_are_not_mixed(tmp_path: Path) -> None:
    Journal(tmp_path, {"split": "val"}, {})
    with pytest.raises(ValueError, match="split = 'val', not 'test'"):
        Journal(tmp_path, {"split": "test"}, {})


def test_a_predictor_of_one_view_is_asked_for_one_view(dataset: Path) -> None:
    records = list(Dataset(dataset, "test"))[:2]
    rows = evaluate(records, [Counting(only_views=1), BoundingBox()], conditions([1, 2], [], []), see)
    assert [(row.predictor, row.n_views) for row in rows[:3]] == [
        ("counting", 1),
        ("bounding box", 1),
        ("bounding box", 2),
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predictors": [Counting(), Counting()]}, "different names"),
        ({"predictors": []}, "predictors must hold at least one"),
        ({"records": []}, "records must hold at least one"),
        ({"conditions": []}, "conditions must hold at least one"),
    ],
)
def test_wrong_runs(change: dict[str, Any], message: str) -> None:
    given = {"records": [None], "predictors": [Counting()], "conditions": [Condition(1)], "inputs": see}
    with pytest.raises(ValueError, match=message):
        evaluate(**{**given, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "sketch-to-3d"}, "task must be one of"),
        ({"predictors": ["oracle"]}, "predictors must be one of"),
        ({"views": []}, "views must hold at least one"),
        ({"learn_from": "test"}, "learn_from must be one of"),
    ],
)
def test_wrong_plans(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Plan(Path("x"), **change)


def test_a_whole_benchmark(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    plan = Plan(dataset, predictors=("box", "mean", "retrieval"), views=(1, 4), noise=(0, 0.01), pictures=False)
    learned = [Learned(Counting(), "hash", lambda views: views.frame()[1].reshape(1, 1))]
    told = []
    written = benchmark(plan, tmp_path, learned, report=lambda *what: told.append(what))
    names = [entry.name for entry in written.files]
    assert names == ["report.md", "results.csv", "results.tex", "results.json", "views.png", "noise.png", "size.png"]
    assert all((tmp_path / name).stat().st_size for name in names)
    assert {gap.other for gap in written.gaps} == {
        "bounding box",
        "mean shape",
        "retrieval",
        "retrieval by counting",
    }
    assert ("measuring", 3 * 5 * 4, 3 * 5 * 4) in told
    read = json.loads((tmp_path / "results.json").read_text())
    assert read["settings"]["learn_from"] == "furniture" and len(read["speeds"]) == 5
    assert read["speeds"][0]["union"] is not None  # of a union of convexes


def test_pictures_of_cases(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    pytest.importorskip("matplotlib")  # without it plots are skipped
    plan = Plan(dataset, predictors=("box",), views=(2,), noise=(0,), limit=2)
    written = benchmark(plan, tmp_path, [Learned(Counting())])
    drawn = sorted(path.name for path in tmp_path.glob("*-views*.png"))
    assert drawn == ["cases-02-views-00.png", "cases-02-views-01.png", "compared-02-views.png"]
    report = (tmp_path / "report.md").read_text()
    assert all(f"]({name})" in report for name in drawn)
    assert not written.skipped


def test_pictures_as_input(dataset: Path, tmp_path: Path) -> None:
    plan = Plan(dataset, task="rgb-to-3d", limit=2, pictures=False)
    written = benchmark(plan, tmp_path)
    assert [s.predictor for s in written.summaries if s.group == "all"] == ["visual hull", "mean shape", "retrieval"]
    assert {(s.n_views, s.noise) for s in written.summaries} == {(1, 0.0)}
    seen = seen_image(color_views(Dataset(dataset, "test")[0], 4), 32)
    assert seen.size == (32, 32) and seen.getpixel((0, 0)) == (255, 255, 255)
    assert seen.getpixel((8, 8)) == (127, 127, 127)


def test_speed_needs_one_shape_without_failure(dataset: Path) -> None:
    records = list(Dataset(dataset, "test"))

    class Failing(Counting):
        def predict(self, views: Any) -> Prediction:
            raise RuntimeError

    assert measure_speed(Counting(), records, lambda record: depth_views(record, 1)).n_shapes == 3
    with pytest.raises(ValueError, match="does not fail"):
        measure_speed(Failing(), records, lambda record: depth_views(record, 1))


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def run_here(*arguments: object) -> tuple[int, str, str]:
        code = main(["bench", *map(str, arguments)])
        return (code, *capsys.readouterr())

    return run_here


def test_the_command(run: Run, dataset: Path, tmp_path: Path) -> None:
    options = ("--predictors", "box,hull", "--views", "1,2", "--noise", "0", "--limit", 2, "--no-pictures", "--json")
    code, out, err = run("depth-to-3d", dataset, "-o", tmp_path / "results", *options)
    assert code == 0, err
    read = json.loads(out)
    assert [(row["predictor"], row["views"]) for row in read["results"]] == [
        ("bounding box", 1),
        ("hull of the seen points", 1),
        ("bounding box", 2),
        ("hull of the seen points", 2),
    ]
    report = (tmp_path / "results" / "report.md").read_text()
    assert "cvxgeom bench depth-to-3d blocks --views 1,2" in report
    code, out, _ = run("depth-to-3d", dataset, "-o", tmp_path / "results", *options[:-1])
    assert code == 0 and "bounding box" in out


def test_the_command_refines(run: Run, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guess = Learned(ConvexPredictor(lambda views: cvxgeom.box(1.0), "guess"))
    monkeypatch.setattr("cvxgeom.evaluate.load_learned", lambda *_: guess)
    options = (
        "--model",
        "guess=it",
        "--predictors",
        "carving",
        "--views",
        6,
        "--limit",
        1,
        "--no-pictures",
        "--noise",
        0,
    )
    code, out, err = run("depth-to-3d", dataset, "-o", tmp_path / "results", *options, "--refine", "--json")
    assert code == 0, err
    iou = {row["predictor"]: row["iou"] for row in json.loads(out)["results"]}
    assert list(iou) == ["guess", "guess, refined", "fit to the views", "space carving"]
    assert min(iou["guess, refined"], iou["fit to the views"]) > max(iou["guess"], 0.8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--encoder", "ours"), "--encoder ours is none of the models"),
        (("--views", "7"), "views must be at most 6"),
        (("--split", "dev"), "split must be one of"),
        (("--model", "ours=no_such.safetensors"), "no_such.safetensors"),
    ],
)
def test_wrong_commands(run: Run, dataset: Path, tmp_path: Path, options: tuple[str, ...], message: str) -> None:
    code, _, err = run("depth-to-3d", dataset, "-o", tmp_path / "results", "--predictors", "box", *options)
    assert code == 1 and message in err and err.count("\n") == 1


def test_no_folder_no_dataset(run: Run, dataset: Path, tmp_path: Path) -> None:
    code, _, err = run("depth-to-3d", dataset, "-o", tmp_path / "no" / "results")
    assert code == 1 and "there is no folder" in err
    code, _, err = run("depth-to-3d", tmp_path, "-o", tmp_path / "results")
    assert code == 1 and str(tmp_path) in err


@pytest.mark.parametrize(
    "wrong", [("--model", "ours"), ("--predictors", "oracle"), ("--views", "0"), ("--noise", "-1")]
)
def test_bad_usage(run: Run, dataset: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(SystemExit) as end:
        run("depth-to-3d", dataset, "-o", "results", *wrong)
    assert end.value.code == 2
