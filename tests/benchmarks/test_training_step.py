"""The training step benchmark: the port of the original is right, and the table has every contender."""

import sys

import pytest
import torch

from benchmarks import bench_training_step as bench
from benchmarks.bench_training_step import Step, check, most_shapes, ours, port, port_without_copies, slope_of


@pytest.fixture
def step() -> Step:
    return bench.make_step(batch=2, n=200, k=4, h=12)


@pytest.mark.parametrize("loss", [port, port_without_copies])
def test_port_and_library_agree(loss: bench.Loss, step: Step) -> None:
    exact = Step(*(t.double() for t in step[:3]), step.k, step.h)
    found, wanted = (slope_of(f, exact.raw, exact, shapes=2) for f in (loss, ours))
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10, check_dtype=False)


def test_shapes_at_a_time_change_nothing(step: Step) -> None:
    torch.testing.assert_close(slope_of(ours, step.raw, step, 1), slope_of(ours, step.raw, step, 2))


def test_memory_decides_how_many_shapes(step: Step) -> None:
    assert most_shapes(step, tables=0) == most_shapes(step, tables=1) == 2
    assert most_shapes(step, tables=10**9) == 1


def test_a_wrong_port_is_refused(step: Step) -> None:
    with pytest.raises(RuntimeError, match="derivatives differ"):
        check(lambda raw, part: 1.1 * port(raw, part), step)


def test_the_table_has_every_contender(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = "--batch 1 --convexes 2 --halfspaces 6 --points 100 --repeats 1 --threads 1"
    monkeypatch.setattr(sys, "argv", ["bench", *sizes.split()])
    bench.main()
    rows = [line.split(" | ")[0].removeprefix("| ") for line in capsys.readouterr().out.splitlines()[4:]]
    assert rows == list(bench.CONTENDERS)
