"""Scores of predictions that can be worked out by hand."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.data import Dataset
from cvxgeom.evaluate import (
    ConvexPredictor,
    FieldPredictor,
    Prediction,
    Row,
    Truth,
    VoxelShape,
    ceiling,
    depth_views,
    from_exact,
    score_record,
)

from .records import block, table


@dataclass(frozen=True)
class Says:
    """A predictor that predicts what it was given."""

    prediction: Any
    name: str = "says"
    seen: list[Any] = field(default_factory=list)

    def predict(self, views: Any) -> Prediction:
        self.seen.append(views)
        if isinstance(self.prediction, Exception):
            raise self.prediction
        return self.prediction


def row_of(dataset: Path, prediction: Any, identifier: str = "block-c", **options: Any) -> Row:
    record = Dataset(dataset, "test").record(identifier)
    return score_record(Says(prediction), None, Truth(record), n_views=1, **options)


def test_the_truth_scores_one(dataset: Path) -> None:
    row = row_of(dataset, from_exact(table(), 8), "table-c")
    assert (row.status, row.iou, row.iou_in_box) == ("ok", 1.0, 1.0)
    assert (row.n_parts, row.n_numbers, row.label, row.thin, row.furniture) == (2, 8, "table", True, True)
    assert row.normal_consistency is not None and row.normal_consistency > 0.85
    # Samples of equal surfaces are as far apart as the ceiling says.
    expected = ceiling(Dataset(dataset, "test").record("table-c"))
    assert row.chamfer_l1_mean == pytest.approx(expected["chamfer_l1_mean"], rel=0.1)
    assert row.f_score == pytest.approx(expected["f_score"], abs=0.05)


def test_half_of_a_block_scores_a_half(dataset: Path) -> None:
    half = cvxgeom.box((0.5, 0.4, 0.6), center=(0.25, 0, 0))
    row = row_of(dataset, from_exact(half, 6), surface=False)
    assert row.iou == pytest.approx(0.5, abs=0.03)
    assert row.f_score is None and row.chamfer_l1_mean is None


def test_what_lies_outside_of_the_box_counts(dataset: Path) -> None:
    twice = cvxgeom.box((1.0, 0.8, 0.6))  # holds the block of (1, 0.4, 0.6)
    row = row_of(dataset, from_exact(twice, 6), surface=False)
    assert row.iou_in_box == 1.0
    assert row.iou == pytest.approx(0.5, abs=0.02)


def test_squared_chamfer_is_that_of_a_shifted_plane(dataset: Path) -> None:
    lifted = block(1.0, 0.4, 0.6).translate([0.0, 10.0, 0.0])
    row = row_of(dataset, from_exact(lifted, 6))
    # Ten away: both directed distances are 9.6 to 10.4, squared about 100 each, summed and times 100.
    assert row.chamfer_l2sq_sum_x100 == pytest.approx(2e4, rel=0.08)
    assert row.chamfer_l1_mean == pytest.approx(10, rel=0.04)
    assert (row.f_score, row.iou) == (0.0, 0.0)


def test_a_predictor_that_raises_has_failed(dataset: Path) -> None:
    row = row_of(dataset, RuntimeError("no idea"))
    assert (row.status, row.message) == ("failed", "RuntimeError: no idea")
    assert (row.iou, row.iou_in_box, row.f_score, row.normal_consistency) == (0.0, 0.0, 0.0, 0.0)
    assert row.chamfer_l1_mean is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ImportError("torchvision"), MemoryError()])
def test_what_no_shape_is_to_blame_for_ends_the_run(dataset: Path, error: BaseException) -> None:
    def predict(_views: Any) -> Prediction:
        raise error

    predictor = Says(None)
    object.__setattr__(predictor, "predict", predict)
    with pytest.raises(type(error)):
        score_record(predictor, None, Truth(Dataset(dataset, "test")[0]), n_views=1)


def test_an_empty_prediction_has_no_surface_but_a_volume(dataset: Path) -> None:
    empty = VoxelShape(torch.zeros(4, 4, 4, dtype=torch.bool), torch.full((3,), -0.5), torch.full((3,), 0.25))
    row = row_of(dataset, Prediction(empty.contains, empty.mesh, lambda: (64, None)))
    assert (row.status, row.iou, row.f_score, row.n_parts) == ("ok", 0.0, 0.0, None)
    assert "solid cube" in row.message


def test_smooth_convexes_are_scored_by_their_indicator_and_exact_ones_beside(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("block-c")
    exact = block(1.0, 0.4, 0.6).to(torch.float32)
    soft = cvxgeom.ConvexUnion(exact.normals, exact.offsets, exact.translations, torch.tensor([20.0]), exact.sharpness)
    views = depth_views(record, 1)
    row = score_record(ConvexPredictor(lambda _views: soft), views, Truth(record), n_views=1)
    assert row.iou_exact == 1.0
    assert 0.5 < row.iou < 0.95  # the smooth convex lies inside its polytope
    assert (row.n_parts, row.n_numbers) == (1, 24)


def test_unbounded_parts_are_not_exported(dataset: Path) -> None:
    record = Dataset(dataset, "test").record("block-c")
    corner = cvxgeom.from_planes(torch.eye(3)[None], torch.zeros(1, 3))  # three planes: an octant without end
    shape = cvxgeom.concatenate([block(1.0, 0.4, 0.6).to(torch.float32), corner.to(torch.float32)])
    row = score_record(ConvexPredictor(lambda _views: shape), depth_views(record, 1), Truth(record), n_views=1)
    assert row.iou_exact == 1.0 and row.iou < 0.9
    assert (row.n_parts, row.n_numbers) == (1, 24)


class Ball:
    """A ball of half the size of what is seen."""

    def __init__(self, views: cvxgeom.DepthViews) -> None:
        self.center, self.longest = views.frame()

    def logits(self, points: torch.Tensor) -> torch.Tensor:
        return 0.25 * self.longest - (points - self.center).norm(dim=-1)


def test_the_surface_of_a_field_is_found_without_asking_everywhere(dataset: Path) -> None:
    views = depth_views(Dataset(dataset, "test").record("block-c"), 6)
    asked = []

    class Counting(Ball):
        def logits(self, points: torch.Tensor) -> torch.Tensor:
            asked.append(len(points))
            return super().logits(points)

    prediction = FieldPredictor(Counting, resolution=64).predict(views)
    mesh = prediction.surface()
    assert isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * 0.25**3, rel=0.02)
    assert sum(asked) < 65**3 / 2
    assert prediction.counts() == (65**3, None)


def test_a_field_that_leaves_the_box_is_closed_at_its_walls(dataset: Path) -> None:
    views = depth_views(Dataset(dataset, "test").record("block-c"), 6)

    class Everything(Ball):
        def logits(self, points: torch.Tensor) -> torch.Tensor:
            return torch.ones(len(points))

    mesh = FieldPredictor(Everything, resolution=16).predict(views).surface()
    assert isinstance(mesh, trimesh.Trimesh) and mesh.is_watertight
    with pytest.raises(ValueError, match="must have an inside"):
        FieldPredictor(lambda _views: Nothing(), resolution=16).predict(views).surface()


class Nothing:
    def logits(self, points: torch.Tensor) -> torch.Tensor:
        return -torch.ones(len(points))


def test_voxels_hold_their_cubes_alone() -> None:
    occupancy = torch.zeros(2, 3, 4, dtype=torch.bool)
    occupancy[1, 2, 3] = True
    shape = VoxelShape(occupancy, torch.tensor([0.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 3.0]))
    points = torch.tensor([[1.5, 5.0, 10.0], [0.5, 5.0, 10.0], [2.5, 5.0, 10.0], [-0.5, 5.0, 10.0]])
    assert shape.contains(points).tolist() == [True, False, False, False]
    mesh = shape.mesh()
    assert mesh.is_watertight and mesh.volume > 0
    np.testing.assert_allclose(mesh.bounds.mean(axis=0), [1.5, 5.0, 10.5])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((torch.zeros(2, 2, 2), torch.zeros(3), torch.ones(3)), TypeError),
        ((torch.zeros(2, 2, dtype=torch.bool), torch.zeros(3), torch.ones(3)), ValueError),
        ((torch.zeros(2, 2, 2, dtype=torch.bool), torch.zeros(3), torch.zeros(3)), ValueError),
    ],
)
def test_wrong_voxels(arguments: tuple[Any, ...], error: type[Exception]) -> None:
    with pytest.raises(error):
        VoxelShape(*arguments)
