"""The clock of reconstruct, with a model that needs no weights."""

import sys

import pytest

from benchmarks import bench_reconstruct
from cvxgeom import read_depth


def test_the_table_has_every_stage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["bench", "--model", "random", "--repeats", "1", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", arguments)
    bench_reconstruct.main()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "random: 50 parts of 50, 1 threads, 1 repeats"
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines[4:]]
    assert rows == ["shape", "exact parts", "watertight union", "agreement with the input, alone"]


def test_any_callable_is_a_model() -> None:
    assert bench_reconstruct.chosen("cvxgeom:read_depth") is read_depth
    assert bench_reconstruct.chosen("random") is bench_reconstruct.random_union
