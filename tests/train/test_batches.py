"""Batches: the same for the same seed and step whoever asks, and true to the solid whatever is done to it."""

import pickle
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from cvxgeom.color import ColorViews
from cvxgeom.data import LabeledPoints
from cvxgeom.data.seen import strided
from cvxgeom.data.volumes import EXTENT, box_of
from cvxgeom.train import Batches, TrainConfig
from cvxgeom.train.augment import flipped, map_of, noisy
from cvxgeom.train.loading import loaded
from tests.train.stand_ins import box_record, boxes

SMALL = TrainConfig(steps=6, batch_size=4, n_uniform=40, n_near=20, views=(1, 4))


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    data = boxes(5)
    once, again = Batches(data, SMALL), Batches(data, SMALL)
    for step in (3, 0, 5):
        a, b = once[step], again[step]
        assert a.ids == b.ids and all(torch.equal(x, b.tensors()[name]) for name, x in a.tensors().items())
    other = Batches(data, replace(SMALL, seed=1))[3]
    assert not torch.equal(once[3].points, other.points)
    assert not torch.equal(once[3].points, once[4].points)


@pytest.mark.parametrize("world", [2, 4])
def test_processes_share_the_batch_of_one(world: int) -> None:
    data = boxes(5)
    whole = Batches(data, SMALL)[2]
    parts = [Batches(data, SMALL, rank, world)[2] for rank in range(world)]
    for rank, part in enumerate(parts):
        for name, value in part.tensors().items():
            assert torch.equal(value, whole.tensors()[name][rank::world])
        assert part.ids == whole.ids[rank::world]


def test_every_shape_is_seen_before_any_is_seen_again() -> None:
    data = boxes(5)
    batches = Batches((data[:2], data[2:]), replace(SMALL, steps=10))
    seen = [name for step in range(10) for name in batches[step].ids]
    assert Counter(seen) == {record.id: 8 for record in data}
    assert all(len(set(seen[i : i + 5])) == 5 for i in range(0, 40, 5))
    assert len({tuple(seen[i : i + 5]) for i in range(0, 40, 5)}) > 1


def test_views_and_points_of_a_sample_move_together() -> None:
    """What the views say about a point does not depend on how both were moved; so labels stay as true as they were."""
    still = replace(SMALL, views=(4, 4), n_uniform=200, n_near=100, yaw="none", mirror=False, scale=(1.0, 1.0))
    data = boxes(6)
    for moving in (
        replace(still, yaw="quarter", mirror=True),
        replace(still, yaw="any", mirror=True, scale=(0.5, 2.0)),
    ):
        for step in range(3):
            before, after = Batches(data, still)[step], Batches(data, moving)[step]
            assert not torch.equal(before.points, after.points) and torch.equal(before.occupancy, after.occupancy)
            said, says = (batch.views.evidence(batch.points) for batch in (before, after))
            same = torch.isclose(said.hidden, says.hidden, atol=1e-3) & torch.isclose(
                said.surface, says.surface, atol=1e-3
            )
            assert float(same.float().mean()) > 0.99  # a point may fall on the border of two pixels
            assert float((says.hidden[after.occupancy > 0.5] < -0.1).float().mean()) < 0.05


def test_a_mirrored_view_is_what_a_real_camera_sees() -> None:
    record = box_record(3)
    depth, intrinsics, extrinsics = record.depth()
    seen = flipped({"depth": depth, "intrinsics": intrinsics, "extrinsics": extrinsics})
    mirror = torch.diag(torch.tensor([-1.0, 1, 1, 1]))
    cameras = seen["extrinsics"] @ mirror
    assert torch.allclose(torch.linalg.det(cameras), torch.ones(4), atol=1e-5)
    # A cuboid is its own mirror image, so the views must agree with what the mirrored cameras would measure.
    world = torch.linalg.inv(cameras)
    h, w = depth.shape[1:]
    row, column = torch.meshgrid(torch.arange(h) + 0.5, torch.arange(w) + 0.5, indexing="ij")
    pixel = torch.stack([column, row, torch.ones_like(row)], dim=-1)
    for view in range(4):
        ray = pixel @ torch.linalg.inv(seen["intrinsics"][view]).T
        found = seen["depth"][view].isfinite()
        at = (ray * seen["depth"][view][..., None])[found] @ world[view, :3, :3].T + world[view, :3, 3]
        distance = (at.abs() / record.half).amax(dim=-1)
        assert torch.allclose(distance, torch.ones_like(distance), atol=1e-3)


def test_maps_are_what_the_options_say() -> None:
    rng = np.random.default_rng(0)
    quarters = [map_of(rng, "quarter", True, (1.0, 1.0))[:3, :3] for _ in range(60)]
    assert all(set(np.abs(m).ravel()) == {0.0, 1.0} for m in quarters)
    assert len({m.tobytes() for m in quarters}) >= 8
    assert {float(np.linalg.det(m)) for m in quarters} == {-1.0, 1.0}
    assert all(m[1].tolist() == [0, 1, 0] for m in quarters)
    stretches = np.stack([np.diag(map_of(rng, "none", False, (0.5, 2.0)))[:3] for _ in range(200)])
    assert 0.5 <= stretches.min() < 0.55 and 1.8 < stretches.max() <= 2.0
    turned = map_of(rng, "any", False, (1.0, 1.0))
    assert np.allclose(turned @ turned.T, np.eye(4))


def test_fewer_pixels_keep_their_rays() -> None:
    depth, intrinsics, extrinsics = box_record(0).depth()
    for stride in (2, 3, 4):
        less, camera, _ = strided(depth, intrinsics, extrinsics, stride)
        first = stride // 2
        assert torch.equal(less, depth[:, first::stride, first::stride])
        old = torch.linalg.inv(intrinsics[0]) @ torch.tensor([first + stride + 0.5, first + 0.5, 1.0])
        new = torch.linalg.inv(camera[0]) @ torch.tensor([1.5, 0.5, 1.0])
        assert torch.allclose(old, new, atol=1e-6)


def test_noise_touches_measured_pixels_alone() -> None:
    depth = torch.tensor([[[1.0, torch.inf], [torch.nan, 1.0]]]).expand(1, 2, 2).repeat(500, 1, 1)
    changed = noisy(depth, 0.1, np.random.default_rng(0))
    assert torch.equal(changed.isinf(), depth.isinf()) and torch.equal(changed.isnan(), depth.isnan())
    error = (changed - depth)[depth.isfinite()]
    assert abs(float(error.std()) - 0.1) < 0.01 and abs(float(error.mean())) < 0.01
    assert bool((noisy(depth, 100.0, np.random.default_rng(0)).nan_to_num(1) > 0).all())


def test_inside_points_are_drawn_more_often_and_weighted_less() -> None:
    record = box_record(1)
    share = float(record.uniform.occupancy.float().mean())
    batch = Batches([record], replace(SMALL, n_uniform=50, n_inside=30))[0]
    inside = batch.occupancy[:, :50] > 0.5
    assert inside[:, :30].all() and not inside[:, 30:].any()
    assert torch.allclose(batch.weights.sum(dim=1), torch.ones(4))
    assert torch.allclose((batch.weights * inside).sum(dim=1), torch.full((4,), share))


def test_points_outside_of_the_box_are_empty_and_weigh_as_much_as_their_volume() -> None:
    config = replace(SMALL, n_outside=3000, n_inside=10, yaw="none", mirror=False, scale=(1.0, 1.0))
    data = boxes(3)
    batch = Batches(data, config)[0]
    outside, first = slice(config.n_uniform, config.n_uniform + config.n_outside), batch.n_uniform
    assert first == config.n_uniform + config.n_outside
    torch.testing.assert_close(batch.weights.sum(dim=1), torch.ones(len(batch)))
    for i, name in enumerate(batch.ids):
        low, high = box_of(data[int(name)])
        points = batch.points[i, outside]
        assert bool(((points < low) | (points > high)).any(dim=-1).all()) and float(points.abs().max()) <= EXTENT
        assert not bool(batch.occupancy[i, outside].any())
        share = 1 - float((high - low).prod()) / (2 * EXTENT) ** 3
        assert float(batch.weights[i, outside].sum()) == pytest.approx(share, rel=1e-4)
        # Evenly: as many beyond one face of the box as beyond the other.
        assert float((points[:, 0] > 0).float().mean()) == pytest.approx(0.5, abs=0.05)
        # A prediction that fills the cube has the IoU that its volume says.
        weights, labels = batch.weights[i], batch.occupancy[i, :first]
        volume = float(data[int(name)].half.prod()) * 8 / (2 * EXTENT) ** 3
        assert float((weights * labels).sum()) == pytest.approx(volume, rel=0.1)


def test_shapes_that_fill_the_cube_have_no_outside() -> None:
    record = replace(box_record(0), uniform=LabeledPoints(2 * torch.rand(50, 3) - 1, torch.ones(50).bool()))
    with pytest.raises(ValueError, match="n_outside must be 0 for shapes larger than 1, such as 0, got 5"):
        Batches([record], replace(SMALL, n_outside=5))[0]


def test_numbers_of_views_are_spread_over_their_range() -> None:
    batches = Batches(boxes(1), replace(SMALL, steps=200, batch_size=1, views=(1, 4)))
    numbers = Counter(batches[step].views.n_views for step in range(200))
    assert set(numbers) == {1, 2, 3, 4} and numbers[1] > numbers[4]


def test_first_views_come_in_their_order() -> None:
    config = replace(SMALL, views=(3, 3), view_choice="first", yaw="none", mirror=False, scale=(1.0, 1.0))
    data = boxes(1)
    batch = Batches(data, config)[0]
    for view in (0, 1, 2):
        assert torch.equal(batch.views.depth[0, view], data[0].maps[0][view])
        assert torch.equal(batch.views.extrinsics[0, view], data[0].maps[2][view])


def test_pictures_come_with_their_silhouettes_and_are_flipped_with_the_depth() -> None:
    config = replace(SMALL, inputs="color", views=(1, 1), batch_size=8)
    batch = Batches(boxes(8), config)[0]
    colors = batch.inputs
    assert colors is batch.colors and isinstance(colors, ColorViews) and colors.rgb.shape == (8, 1, 3, 32, 32)
    assert torch.equal(colors.mask, batch.views.seen) and torch.equal(colors.extrinsics, batch.views.extrinsics)
    assert torch.allclose(torch.linalg.det(batch.views.extrinsics[:, 0, :3, :3]).sign(), torch.ones(8))
    rising = colors.rgb[:, 0, 0, 0, -1] > colors.rgb[:, 0, 0, 0, 0]
    assert rising.any() and not rising.all()


@pytest.mark.parametrize("workers", [0, 2])
def test_background_loading_gives_the_same_batches_in_order(workers: int) -> None:
    batches = Batches(boxes(3), SMALL)
    got = [batch for batch, _ in loaded(batches, 2, workers)]
    assert [batch.step for batch in got] == [2, 3, 4, 5]
    for batch in got:
        assert torch.equal(batch.points, batches[batch.step].points)
        assert torch.equal(batch.views.depth, batches[batch.step].views.depth)


def test_an_error_while_loading_reaches_the_step_that_asks() -> None:
    source = loaded(Batches([box_record(0, n_views=2)], replace(SMALL, views=(4, 4))), 0, workers=0)
    with pytest.raises(ValueError, match="views must be at most 2, which is all that 0 has, got 4"):
        next(source)


def test_loading_that_is_given_up_ends_its_thread() -> None:
    import threading

    source = loaded(Batches(boxes(2), SMALL), 0, workers=0)
    next(source)
    source.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "cvxgeom batches"]


def test_batches_can_be_sent_to_another_process() -> None:
    batch = pickle.loads(pickle.dumps(Batches(boxes(2), SMALL)))[1]
    assert len(batch) == 4 and batch.to("cpu") is batch


def test_wrong_data_is_named() -> None:
    with pytest.raises(ValueError, match="datasets must hold at least one shape, got none"):
        Batches([], SMALL)
    with pytest.raises(ValueError, match="batch_size must be a multiple of the 3 processes, got 4"):
        Batches(boxes(1), SMALL, 0, 3)
    with pytest.raises(IndexError, match="there is no step 6 of 6"):
        Batches(boxes(1), SMALL)[6]
