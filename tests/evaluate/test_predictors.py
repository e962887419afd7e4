"""Predictors without networks, on shapes whose answers are known."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cvxgeom import DepthViews
from cvxgeom.data import Dataset
from cvxgeom.evaluate import (
    BoundingBox,
    MeanShape,
    Predictor,
    Retrieval,
    SeenHull,
    SpaceCarving,
    Truth,
    TunedCarving,
    VisualHull,
    color_views,
    depth_views,
)


def iou(predictor: Predictor, dataset: Path, identifier: str, n_views: int = 6, noise: float = 0.0) -> float:
    record = Dataset(dataset, "test").record(identifier)
    return Truth(record).volume.iou(predictor.predict(depth_views(record, n_views, noise)).contains)[0]


@pytest.mark.parametrize("predictor", [BoundingBox(), SeenHull(), SpaceCarving(resolution=64)], ids=lambda p: p.name)
def test_a_block_is_found_by_all(predictor: Predictor, dataset: Path) -> None:
    assert iou(predictor, dataset, "block-c") > 0.93


def test_a_table_is_found_by_carving_alone(dataset: Path) -> None:
    assert iou(SpaceCarving(resolution=64), dataset, "table-c") > 0.85
    # Top and foot fill (0.2 · 0.8 + 0.4³) of a box of (1, 0.6, 0.8).
    assert iou(BoundingBox(), dataset, "table-c") == pytest.approx(0.224 / 0.48, abs=0.05)
    assert iou(BoundingBox(), dataset, "table-c") < iou(SeenHull(), dataset, "table-c") < 0.8


def test_more_views_carve_more(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("table-c")
    points = 1.3 * torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)) - 0.65
    # Over the same box, so that no cube moves.
    one, six = depth_views(record, 1), depth_views(record, 6)
    from cvxgeom.evaluate.geometric import behind_surface

    few, many = behind_surface(one, points, 0.0), behind_surface(six, points, 0.0)
    assert bool((few | ~many).all()) and int(few.sum()) > int(many.sum())


def test_retrieval_finds_the_equal_training_shape(dataset: Path) -> None:
    train = list(Dataset(dataset, "train"))
    retrieval = Retrieval(train)
    for identifier, twin in (("table-c", "table-a"), ("block-c", "block-a")):
        views = depth_views(Dataset(dataset, "test").record(identifier), 6)
        chosen, _ = retrieval.nearest(views)
        assert train[chosen].id == twin
    # Stretched to the box of what is seen, the other block becomes this one, up to the cubes of a coarse grid.
    assert iou(retrieval, dataset, "block-c") > 0.85


def test_retrieval_takes_any_feature(dataset: Path) -> None:
    train = list(Dataset(dataset, "train"))
    by_height = Retrieval(train, lambda views: views.points()[views.seen][:, 1].max().reshape(1, 1), name="height")
    views = depth_views(Dataset(dataset, "test").record("block-y"), 6)
    assert train[by_height.nearest(views)[0]].id == "block-z"


def test_silhouettes_carve_a_block(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("block-c")
    found = VisualHull(resolution=64).predict(color_views(record, 6)).contains
    assert Truth(record).volume.iou(found)[0] > 0.75
    one = VisualHull(resolution=64).predict(color_views(record, 1)).contains
    truth = record.uniform
    assert bool(one(truth.points)[truth.occupancy].float().mean() > 0.99)  # silhouettes never carve too much
    with pytest.raises(ValueError, match="at most 6 pictures"):
        color_views(record, 7)


def test_the_mean_of_one_shape_is_that_shape(dataset: Path) -> None:
    block = [Dataset(dataset, "train").record("block-a")]
    mean = MeanShape(block, [Dataset(dataset, "val").record("block-b")], resolution=48)
    assert iou(mean, dataset, "block-c") > 0.85


def test_noise_is_what_was_asked_for_and_repeats(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("block-c")
    clean, noisy, again = depth_views(record, 2), depth_views(record, 2, 0.01), depth_views(record, 6, 0.01)
    seen = clean.seen
    error = (noisy.depth - clean.depth)[seen]
    assert float(error.std()) == pytest.approx(0.01, rel=0.05)  # the longest side is 1
    assert abs(float(error.mean())) < 0.001
    assert torch.equal(noisy.depth, again.depth[:2])  # the same view has the same noise
    assert torch.equal(noisy.seen, seen)
    assert not torch.equal(noisy.depth[0][seen[0]], depth_views(record, 2, 0.01, seed=1).depth[0][seen[0]])


def test_noise_betrays_itself(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("table-c")
    longest = float(depth_views(record, 6).frame()[1])
    assert depth_views(record, 6).noise_level() < 0.001
    for level in (0.005, 0.02):
        assert depth_views(record, 6, level).noise_level() == pytest.approx(level * longest, rel=0.15)
    nothing = torch.full((1, 8, 8), torch.inf)
    assert DepthViews(nothing, torch.eye(3)[None], torch.eye(4)[None]).noise_level() == 0


def test_tuned_carving_withstands_noise(dataset: Path) -> None:
    val = list(Dataset(dataset, "val"))
    plain, tuned = SpaceCarving(resolution=48), TunedCarving(val, resolution=48)
    assert iou(tuned, dataset, "block-c", noise=0.02) > iou(plain, dataset, "block-c", noise=0.02) + 0.01
    assert iou(tuned, dataset, "block-c") > iou(plain, dataset, "block-c") - 0.03


@pytest.mark.parametrize("predictor", [BoundingBox(), SeenHull(), SpaceCarving(resolution=8)], ids=lambda p: p.name)
def test_nothing_seen_is_a_clear_error(predictor: Predictor) -> None:
    views = DepthViews(torch.full((1, 8, 8), torch.inf), torch.eye(3)[None], torch.eye(4)[None])
    with pytest.raises(ValueError, match="depth must show the object"):
        predictor.predict(views)
    batch = DepthViews(torch.ones(2, 1, 8, 8), torch.eye(3).expand(2, 1, 3, 3), torch.eye(4).expand(2, 1, 4, 4))
    with pytest.raises(ValueError, match="views must be those of one object"):
        predictor.predict(batch)


def test_a_flat_view_still_has_a_box(dataset: Path) -> None:
    wall = DepthViews(torch.ones(1, 16, 16), torch.tensor([[[8.0, 0, 8], [0, 8, 8], [0, 0, 1]]]), torch.eye(4)[None])
    prediction = BoundingBox().predict(wall)
    assert prediction.counts() == (6, 1)
    assert bool(prediction.contains(torch.tensor([[0.0, 0.0, 1.0]])))


@pytest.mark.parametrize(
    ("name", "value"), [("resolution", 1), ("resolution", 2.5), ("slack", -1.0), ("slack", np.nan)]
)
def test_wrong_numbers(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        SpaceCarving(**{name: value})


def test_more_views_than_there_are(dataset: Path) -> None:
    with pytest.raises(ValueError, match="views must be at most 6"):
        depth_views(Dataset(dataset, "test")[0], 7)
