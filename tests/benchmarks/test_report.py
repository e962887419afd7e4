"""Tables, targets, refusals and the command line, from given numbers."""

import json
import math

import pytest

from benchmarks import gate, report, run
from benchmarks.measure import Measurement
from benchmarks.suite import SUITE
from benchmarks.targets import TARGETS, Target, judge, speed_up

EAGER = Measurement("union", "N = 1", "eager", (2.0, 1.0, 4.0), memory=500_000_000)
OURS = Measurement("union", "N = 1", "ours", (0.01, 0.02, 0.03), memory=10_000_000, share_of_peak=0.514)
MISSING = Measurement("union", "N = 1", "KeOps", status="unavailable", note="not installed")


def test_table():
    lines = report.table("Union", "N = 1", [EAGER, MISSING, OURS]).splitlines()
    assert lines[0] == "### Union"
    assert lines[6] == "| eager | 2.00 s | 1.00 s … 4.00 s, unsteady | 1.00× | 500 MB |  | 0e+00 |  |"
    assert lines[7] == "| KeOps | unavailable |  |  |  |  |  | not installed |"
    assert lines[8] == "| ours | 20.0 ms | 10.0 ms … 30.0 ms, unsteady | 100× | 10.0 MB | 51 % | 0e+00 |  |"
    assert len({line.count("|") for line in lines[4:]}) == 1


@pytest.mark.parametrize(
    ("seconds", "text"), [(123.4, "123 s"), (0.0123, "12.3 ms"), (4.2e-5, "42.0 µs"), (0.0, "0 µs")]
)
def test_time_text(seconds, text):
    assert report.time_text(seconds) == text


def test_targets_are_met_missed_or_not_measured():
    results = {("union", "eager"): EAGER, ("union", "ours"): OURS, ("union", "KeOps"): MISSING}
    targets = (
        Target("fast", 99, speed_up("union")),
        Target("faster", 101, speed_up("union")),
        Target("small", 101, speed_up("union"), at_most=True),
        Target("absent", 1, speed_up("raycast")),
        Target("failed", 1, speed_up("union", "KeOps")),
    )
    verdicts = judge(results, targets)
    assert [v.word for v in verdicts] == ["met", "missed", "met", "not measured", "not measured"]
    lines = report.verdict_table(verdicts).splitlines()
    assert lines[4:7] == [
        "| fast | ≥ 99× | 100× | met |",
        "| faster | ≥ 101× | 100× | missed |",
        "| small | ≤ 101× | 100× | met |",
    ]


def test_every_target_looks_at_benchmarks_and_contenders_that_exist():
    everything = {
        (name, contender.name): Measurement(name, "", contender.name, (1.0,), memory=1, share_of_peak=1.0)
        for name, benchmark in SUITE.items()
        for contender in benchmark.contenders()
    }
    assert all(verdict.found is not None for verdict in judge(everything, TARGETS))
    assert all(verdict.word == "not measured" for verdict in judge({}, TARGETS))


def test_every_kernel_is_a_contender_and_every_op_has_tests():
    for benchmark in SUITE.values():
        names = [contender.name for contender in benchmark.contenders()]
        assert len(set(names)) == len(names)
        assert benchmark.kernel is None or benchmark.kernel in names
        assert benchmark.op in gate.TESTS


def test_json_lines_hold_everything(tmp_path):
    path = tmp_path / "new" / "results.jsonl"
    report.write_lines(path, report.records([EAGER, MISSING], judge({}, TARGETS[:1])))
    first, second, third = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    assert (first["kind"], first["median"], first["seconds"]) == ("measurement", 2.0, [2.0, 1.0, 4.0])
    assert second["median"] is None and not any(isinstance(v, float) and math.isnan(v) for v in second.values())
    assert (third["kind"], third["found"], third["verdict"]) == ("target", None, "not measured")


def test_plots(tmp_path):
    pytest.importorskip("matplotlib")
    report.plot_times(tmp_path / "times.png", [EAGER, MISSING, OURS])
    curves = [Measurement("scaling-union", f"N = {n}", "ours", (1e-6 * n,)) for n in (10, 100)]
    report.plot_scaling(tmp_path / "scaling.png", curves)
    assert all((tmp_path / name).stat().st_size > 5000 for name in ("times.png", "scaling.png"))
    assert "| N = 100 | 100 µs |" in report.scaling_table(curves)


# -- refusal ----------------------------------------------------------------------------------------------------------


def repository(tmp_path, test):
    for pattern in gate.SHARED:
        path = tmp_path / pattern
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def test_shared(): pass\n")
    (tmp_path / "test_op.py").write_text(test)
    return tmp_path


def test_an_op_with_red_tests_is_refused(tmp_path):
    red = repository(tmp_path, "def test_wrong(): assert 1 + 1 == 3\n")
    reason = gate.refusal("op", red, {"op": ("test_op.py",)})
    assert reason is not None and reason.startswith("FAILED test_op.py::test_wrong")


def test_an_op_with_green_tests_is_not(tmp_path):
    assert gate.refusal("op", repository(tmp_path, "def test_right(): pass\n"), {"op": ("test_op.py",)}) is None


def test_an_op_without_tests_is_refused(tmp_path):
    root = repository(tmp_path, "")
    assert gate.refusal("op", root, {"op": ("nothing_*.py",)}) == "op has no tests: nothing matches nothing_*.py"


def test_a_refused_op_has_no_number(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(gate, "refusal", lambda op, tests: "FAILED test_op.py::test_wrong")
    monkeypatch.setattr(run, "run_one", lambda *_: pytest.fail("it was measured"))
    assert run.main(["union", "scaling", "--quick", "--out", str(tmp_path)]) == 1
    printed = capsys.readouterr().out
    assert printed.count("refused, its tests are red: FAILED test_op.py::test_wrong") == 2
    assert (tmp_path / "results.jsonl").read_text(encoding="utf-8").count("\n") == 1


def test_an_unknown_name_is_an_error(capsys):
    with pytest.raises(SystemExit):
        run.main(["nothing"])
    assert "there is no benchmark 'nothing'" in capsys.readouterr().err
