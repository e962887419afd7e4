"""Depth that a network reads from pictures, in the place of measured depth."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from cvxgeom import ColorViews, DepthViews
from cvxgeom.models import CvxNet, CvxNetConfig
from cvxgeom.models.monocular import MonocularDepth
from cvxgeom.train import Batch, Batches, Objective, TrainConfig, train
from cvxgeom.train.estimated import EstimatedDepth
from cvxgeom.train.objectives import ONE_VIEW

from .stand_ins import boxes

CONFIG = TrainConfig(steps=2, batch_size=2, n_uniform=50, n_near=50, n_outside=50, views=(1, 1), inputs="estimated")


class Counting(torch.nn.Module):
    """Everything is as far as its camera from the origin, plus what is learned."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.tensor(0.25))
        self.calls = 0

    def forward(self, views: ColorViews) -> DepthViews:
        self.calls += 1
        depth = views.extrinsics[..., 2, 3, None, None] + self.shift
        return DepthViews(depth.expand(views.mask.shape).masked_fill(~views.mask, torch.inf), *cameras(views))


def cameras(views: ColorViews) -> tuple[torch.Tensor, torch.Tensor]:
    return views.intrinsics, views.extrinsics


def small_model() -> CvxNet:
    sizes = dict(n_convexes=6, width=8, token=16, n_layers=1, n_fits=1, latent=8)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return CvxNet(CvxNetConfig(input="color", **sizes))  # pyright: ignore[reportArgumentType]


def test_records_show_what_the_network_makes_of_their_pictures_once() -> None:
    data, network = boxes(2), Counting()
    found = EstimatedDepth(data, network)
    assert len(found) == 2 and found[1].id == data[1].id and found[1].uniform is data[1].uniform
    record, (_, mask, _, intrinsics, extrinsics) = found[1], data[1].rgb([2, 0])
    depth, inner, outer = record.depth([2, 0])
    assert record.n_depth_views == data[1].n_rgb_views
    assert torch.equal(depth.isfinite(), mask) and torch.equal(inner, intrinsics) and torch.equal(outer, extrinsics)
    torch.testing.assert_close(depth[mask], (outer[:, 2, 3, None, None] + 0.25).expand(mask.shape)[mask])
    assert not depth.requires_grad
    found[1].depth([1])
    assert network.calls == 1
    assert [record.id for record in found] == ["0", "1"]


def test_batches_hold_the_estimated_depth() -> None:
    found = Batches(EstimatedDepth(boxes(2), Counting()), replace(CONFIG, yaw="none", mirror=False, scale=(1.0, 1.0)))
    batch = found[0]
    assert batch.colors is None
    known = batch.views.depth[batch.views.seen]
    far = (batch.views.extrinsics[..., 2, 3, None, None] + 0.25).expand(batch.views.depth.shape)
    torch.testing.assert_close(known, far[batch.views.seen])


def test_what_reads_depth_stays_as_it_is(tmp_path: Path) -> None:
    model = small_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train(model, boxes(2), ONE_VIEW, CONFIG, tmp_path)
    moved = {name.split(".")[0] for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"encoder", "decoder"}
    assert isinstance(model.monocular, MonocularDepth)


def test_a_run_that_goes_on_sees_the_depth_of_before(tmp_path: Path) -> None:
    first = small_model()
    train(first, boxes(2), ONE_VIEW, CONFIG, tmp_path / "whole")
    stopped = small_model()
    with pytest.raises(KeyboardInterrupt):
        train(stopped, boxes(2), interrupted_at(1), CONFIG, tmp_path / "parts")
    other = small_model()
    assert other.monocular is not None
    torch.nn.init.zeros_(other.monocular.fine.weight)  # the checkpoint knows better
    train(other, boxes(2), ONE_VIEW, CONFIG, tmp_path / "parts")
    for (name, value), mine in zip(first.state_dict().items(), other.state_dict().values(), strict=True):
        assert torch.equal(value, mine), name


def interrupted_at(step: int) -> Objective:
    def objective(
        model: torch.nn.Module, batch: Batch, progress: float
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        if batch.step == step:
            raise KeyboardInterrupt
        return ONE_VIEW(model, batch, progress)

    return objective


def test_models_that_read_no_depth_are_refused(tmp_path: Path) -> None:
    model = CvxNet(CvxNetConfig(n_convexes=6, width=8, token=16, n_layers=1, n_fits=1, latent=8))
    with pytest.raises(ValueError, match='inputs can be "estimated" only for a model that estimates'):
        train(model, boxes(2), ONE_VIEW, CONFIG, tmp_path)


def test_the_depth_is_kept_in_one_process() -> None:
    with pytest.raises(ValueError, match='workers must be 0 where inputs are "estimated", got 2'):
        replace(CONFIG, workers=2)
