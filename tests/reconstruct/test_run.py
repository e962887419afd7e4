"""Running a model, and the check that needs no learning."""

import math

import pytest
import torch

import cvxgeom
from cvxgeom import DepthViews
from cvxgeom.color import ColorViews
from cvxgeom.reconstruct import Reference, agreement, appearance, portrait, reconstruct, refuted
from cvxgeom.reconstruct.portrait import seen_from

from .standin import Slices, camera_at, seen_by, table

VIEWS = [camera_at((35, 20)), camera_at((150, 40))]


# -- agreement --------------------------------------------------------------------------------------------------------


def test_the_true_shape_agrees_with_what_was_seen_of_it() -> None:
    found = agreement(table(), seen_by(VIEWS))
    assert found.silhouette_iou > 0.999  # a ray through an edge may go either way
    assert found.depth_error < 1e-5


def test_any_pinhole_will_do() -> None:
    # Cut to a corner, stretched, in other units: the principal point is off the middle, and fx differs from fy.
    views = seen_by(VIEWS[:1])
    intrinsics = views.intrinsics.clone()
    intrinsics[:, 0, 2] -= 20
    cropped = DepthViews(views.depth[:, :, 20:], intrinsics, views.extrinsics)
    assert agreement(table(), cropped).silhouette_iou > 0.999
    stretch = torch.diag(torch.tensor([2.0, 1.0, 1.0]))
    wide = DepthViews(views.depth.repeat_interleave(2, dim=2), stretch @ views.intrinsics, views.extrinsics)
    assert agreement(table(), wide).silhouette_iou > 0.9


def test_agreement_does_not_depend_on_place_and_unit() -> None:
    views, shape = seen_by(VIEWS), cvxgeom.box((1.0, 0.6, 0.7))
    moved = views.moved(torch.tensor([[1.0, 0, 0, 5], [0, 1, 0, -3], [0, 0, 1, 7], [0, 0, 0, 1]]))
    larger = views.extrinsics.clone()
    larger[:, :3, 3] *= 10
    scaled = DepthViews(views.depth * 10, views.intrinsics, larger)
    one = agreement(shape, views)
    for other, unit in (
        (agreement(shape.translate((5.0, -3.0, 7.0)), moved), 1),
        (agreement(shape.scale(10), scaled), 10),
    ):
        assert other.silhouette_iou == pytest.approx(one.silhouette_iou, abs=0.01)
        assert other.relative_error == pytest.approx(one.relative_error, rel=0.02)
        assert other.depth_error == pytest.approx(unit * one.depth_error, rel=0.02)


def test_a_shape_that_is_too_small_or_beside_it_disagrees() -> None:
    views = seen_by(VIEWS, cvxgeom.box())
    smaller = agreement(cvxgeom.box(0.8), views)
    assert smaller.silhouette_iou == pytest.approx(0.64, abs=0.06)
    assert 0.05 < smaller.depth_error < 0.2
    beside = agreement(cvxgeom.box(center=(5, 0, 0)), views)
    assert beside.silhouette_iou < 0.05
    elsewhere = agreement(cvxgeom.box(center=(0, 50, 0)), views)
    assert (elsewhere.silhouette_iou, elsewhere.depth_error, elsewhere.relative_error) == (0.0, None, None)
    assert "depth" not in elsewhere.sentence


def test_pixels_that_were_not_measured_do_not_count() -> None:
    views = seen_by(VIEWS)
    depth = views.depth.clone()
    depth[:, :, 40:] = torch.nan
    half = DepthViews(depth, views.intrinsics, views.extrinsics)
    left = agreement(table(), half)
    assert left.silhouette_iou > 0.999
    assert left.depth_error < 1e-5


def test_of_color_views_the_silhouette_is_compared() -> None:
    views = seen_by(VIEWS)
    gray = torch.full((2, 3, 64, 80), 0.5)
    found = agreement(table(), ColorViews(gray, views.seen, views.intrinsics, views.extrinsics))
    assert found.silhouette_iou > 0.999
    assert found.depth_error is None


def test_few_rays_tell_as_much() -> None:
    views = seen_by([camera_at((35, 20), (400, 320))])
    shape = Slices()(views)
    every, some = agreement(shape, views, n_rays=400 * 320), agreement(shape, views)
    assert some.silhouette_iou == pytest.approx(every.silhouette_iou, abs=0.01)
    assert some.depth_error == pytest.approx(every.depth_error, rel=0.1)


# -- parts that the input refutes --------------------------------------------------------------------------------------


def test_parts_where_the_camera_looked_through_are_refuted() -> None:
    views = seen_by(VIEWS)
    beside, before, outside = (-0.3, 0.45, 0.3), (0.2, 0.42, 0.2), (9.0, 0.0, 0.0)
    strays = [cvxgeom.box(0.04, center=center) for center in (beside, before, outside)]
    shape = cvxgeom.concatenate([table(), *strays])
    assert refuted(shape, views.select([0])).tolist() == [False] * 5 + [True, True, False]
    # Under the table, between the legs: hidden from above, not from the side.
    under, above, side = cvxgeom.box(0.1, center=(0, 0.2, 0)), camera_at((35, 70)), camera_at((0, 0))
    assert not refuted(under, seen_by([above])).any()
    assert refuted(under, seen_by([above, side])).all()


def test_a_part_that_sticks_out_a_little_stays() -> None:
    assert not refuted(table().scale(1.05), seen_by(VIEWS)).any()


def test_of_a_photo_the_background_refutes() -> None:
    views = seen_by(VIEWS[:1])
    color = ColorViews(torch.full((1, 3, 64, 80), 0.5), views.seen, views.intrinsics, views.extrinsics)
    strays = [cvxgeom.box(0.04, center=center) for center in ((-0.3, 0.45, 0.3), (0.2, 0.42, 0.2))]
    assert refuted(cvxgeom.concatenate([table(), *strays]), color).tolist() == [False] * 5 + [True, False]


def test_refuted_parts_are_left_out_unless_nothing_would_be_left() -> None:
    views, stray = seen_by(VIEWS), cvxgeom.box(0.1, center=(-0.3, 0.5, 0.3))
    result = reconstruct(lambda views: cvxgeom.concatenate([table(), stray]), views)
    assert (result.n_parts, result.n_refuted) == (5, 1)
    alone = reconstruct(lambda views: stray, views)
    assert (alone.n_parts, alone.n_refuted) == (1, 0)
    assert alone.agreement.silhouette_iou < 0.05


def test_parts_that_a_network_let_vanish_are_left_out() -> None:
    views, speck = seen_by(VIEWS), cvxgeom.box(1.0).scale(1e-18).translate(torch.tensor([0.1, 0.2, 0.0]))
    result = reconstruct(lambda views: cvxgeom.concatenate([table(), speck]), views)
    assert (result.n_parts, result.n_refuted) == (5, 0)


# -- running ----------------------------------------------------------------------------------------------------------


def reference() -> Reference:
    known, held_out = (
        torch.stack([appearance(seen_by([camera_at((yaw, 20), (40, 32))])) for yaw in range(first, 360, 15)])
        for first in (0, 7)
    )
    return Reference.of(known, held_out=held_out)


def test_a_model_gives_a_shape_with_both_judgments() -> None:
    views = seen_by(VIEWS[:1])
    result = reconstruct(Slices(), views, reference())
    assert (result.n_parts, result.n_refuted) == (20, 0)
    assert result.seconds > 0
    assert result.likeness is not None and result.likeness.is_like
    assert result.agreement is not None and result.agreement.silhouette_iou > 0.4
    assert cvxgeom.reconstruct(Slices(), views).likeness is None  # the module is the function


def test_something_else_is_unlike() -> None:
    needle = seen_by([camera_at((35, 20))], cvxgeom.box((0.02, 0.7, 0.02)))
    found = reconstruct(Slices(), needle, reference()).likeness
    assert found is not None and not found.is_like


def test_a_batch_of_one_is_a_shape() -> None:
    result = reconstruct(lambda views: cvxgeom.stack([cvxgeom.box()]), seen_by(VIEWS))
    assert not result.shape.batch_size


def test_gradients_stay_in_the_model() -> None:
    size = torch.nn.Parameter(torch.tensor(0.5))
    result = reconstruct(lambda views: cvxgeom.box().scale(size), seen_by(VIEWS))
    assert not result.shape.normals.requires_grad and not result.shape.offsets.is_inference()


def test_what_cannot_be_a_result_is_refused() -> None:
    views = seen_by(VIEWS)
    with pytest.raises(ValueError, match="views must be of one object"):
        reconstruct(Slices(), views.unsqueeze())
    with pytest.raises(TypeError, match="model must return a ConvexUnion, got a tensor"):
        reconstruct(lambda views: views.depth, views)
    empty = cvxgeom.from_planes(torch.eye(3), torch.zeros(3))
    with pytest.raises(ValueError, match="the model found nothing solid in the input"):
        reconstruct(lambda views: empty, views)
    flat = cvxgeom.box((1.0, 1.0, 1e-6))
    for nothing in (empty.select([]), cvxgeom.stack([flat.select([])]), flat):
        with pytest.raises(ValueError, match="the model found nothing solid in the input"):
            reconstruct(lambda views, nothing=nothing: nothing, views)
    for n_rays in (0, -5):
        with pytest.raises(ValueError, match=f"n_rays must be a finite number greater than 0, got {n_rays}"):
            agreement(table(), views, n_rays=n_rays)
    with pytest.raises(ValueError, match="agreement needs one shape and one object"):
        agreement(cvxgeom.stack([cvxgeom.box()]), views)


# -- pictures ---------------------------------------------------------------------------------------------------------


def test_the_portrait_shows_input_parts_and_parts_apart() -> None:
    views = seen_by(VIEWS)
    image = portrait(Slices()(views), views, size=(96, 80))
    assert image.size == (3 * 96, 80)
    for panel in range(3):
        cut = image.crop((panel * 96, 20, (panel + 1) * 96, 80)).convert("L")
        assert cut.getextrema()[0] < 200  # something is there


def test_a_view_that_shows_nothing_is_a_white_panel() -> None:
    views = seen_by(VIEWS)
    depth = views.depth.clone()
    depth[1] = torch.inf
    image = portrait(table(), DepthViews(depth, views.intrinsics, views.extrinsics), size=(96, 80))
    assert image.size == (3 * 96, 80)
    assert image.crop((48, 20, 96, 80)).convert("L").getextrema() == (255, 255)


@pytest.mark.parametrize("view", [(35.0, 20.0), (-120.0, 5.0), (180.0, 60.0)])
def test_the_side_it_was_seen_from_is_found_again(view: tuple[float, float]) -> None:
    azimuth, elevation = seen_from(seen_by([camera_at(view)], cvxgeom.box()))
    assert math.cos(math.radians(azimuth - view[0])) > math.cos(math.radians(5))
    assert elevation == pytest.approx(view[1], abs=5)
