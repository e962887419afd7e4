"""The benchmark of a training step: the port of the official losses is the library's, and the table is printed."""

import sys

import pytest
import torch

from benchmarks import bench_training_step
from benchmarks.bench_training_step import gradient, labeled_points, ours, ported
from cvxgeom.models.parameters import n_parameters


@pytest.mark.parametrize("seed", range(3))
def test_the_port_and_the_library_compute_the_same(seed: int) -> None:
    torch.manual_seed(seed)
    k, h = 7, 9
    points, occupancy = labeled_points(3, 800)
    raw = 0.5 * torch.randn(3, n_parameters(k, h))
    value, slope = gradient(lambda raw: ported(raw, points, occupancy, k, h), raw)
    own_value, own_slope = gradient(lambda raw: ours(raw, points, occupancy, k, h), raw)
    torch.testing.assert_close(own_value, value, rtol=1e-5, atol=0)
    assert float((own_slope - slope).norm() / slope.norm()) < 1e-3


def test_half_of_the_points_are_near_the_surface() -> None:
    points, occupancy = labeled_points(4, 2000)
    assert points.shape == (4, 2000, 3) and bool((occupancy.sum(dim=-1) > 20).all())
    half = (points * occupancy[..., None]).abs().amax(dim=1, keepdim=True)  # of the cuboid, about
    to_faces = ((points.abs() - half).amax(dim=-1)).abs()
    assert float(to_faces[:, 1000:].mean()) < 0.05 < float(to_faces[:, :1000].mean())


def test_the_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = "--batch 2 --convexes 4 --halfspaces 8 --points 600 --repeats 1".split()
    monkeypatch.setattr(sys, "argv", ["bench", *sizes])
    bench_training_step.main()
    printed = capsys.readouterr().out
    assert "B = 2, K = 4, H = 8, N = 600" in printed and "| the same and the decoder's MLP |" in printed
    monkeypatch.setattr(sys, "argv", ["bench", *sizes, "--points", "20"])
    with pytest.raises(SystemExit, match="--points must be enough"):
        bench_training_step.main()
