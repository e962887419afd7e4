"""The training step benchmark: the port of the original is right, and the table has every part of a step."""

import sys

import pytest
import torch

from benchmarks import bench_training_step as bench
from cvxgeom.models.parameters import n_parameters


@pytest.mark.parametrize(("k", "h"), [(4, 12), (1, 5)])
def test_port_and_library_agree(k: int, h: int) -> None:
    points, occupancy = (t.double() for t in bench.labeled_points(2, 2000))
    assert int(occupancy.sum(dim=-1).min()) >= 20
    raw = torch.randn(2, n_parameters(k, h), dtype=torch.float64)
    found, wanted = (
        bench.gradient(lambda raw, loss=loss: loss(raw, points, occupancy, k, h), raw)
        for loss in (bench.ported, bench.ours)
    )
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_labels_are_those_of_a_cuboid() -> None:
    points, occupancy = bench.labeled_points(3, 4000)
    half = (points.abs() * occupancy[..., None]).amax(dim=1, keepdim=True)
    assert torch.equal((points.abs() <= half).all(dim=-1), occupancy.bool())
    # The second half of the points is near the surface.
    assert float((points[:, 2000:].abs() - half).abs().amin(dim=-1).median()) < 0.03


def run(monkeypatch: pytest.MonkeyPatch, sizes: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *sizes.split()])
    bench.main()


def test_the_table_has_every_part(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "--batch 1 --convexes 2 --halfspaces 6 --points 1000 --repeats 1 --threads 1")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("B = 1, K = 2, H = 6, N = 1000, 1 threads, 1 repeats")
    rows = [line.split(" | ")[0].removeprefix("| ") for line in lines[4:]]
    assert rows == ["losses and parameters", "the same and the decoder's MLP", "of it, the MLP"]
    assert {line.count("|") for line in lines[2:]} == {9}


def test_a_wrong_port_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bench.ported
    monkeypatch.setattr(bench, "ported", lambda *inputs: 1.01 * right(*inputs))
    with pytest.raises(SystemExit, match="the losses differ"):
        run(monkeypatch, "--batch 1 --convexes 2 --halfspaces 6 --points 1000 --repeats 1 --threads 1")


def test_too_few_points_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit, match="20 inside"):
        run(monkeypatch, "--batch 1 --convexes 2 --halfspaces 6 --points 10 --repeats 1 --threads 1")
