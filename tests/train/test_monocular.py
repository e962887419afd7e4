"""Depth from pictures: its loss against numbers worked out by hand, its score, and how the two losses follow."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cvxgeom import ColorViews, DepthViews
from cvxgeom.models import CvxNet, CvxNetConfig
from cvxgeom.models.monocular import MonocularDepth
from cvxgeom.train import Batch, Batches, TrainConfig
from cvxgeom.train.monocular import DepthObjective, MeanDepthError, depth_terms, jittered, relative
from cvxgeom.train.objectives import ColorObjective, StagedObjective, objective_of

from .stand_ins import boxes

PIXELS, DISTANCE, FOCAL = 16, 4.0, 32.0
HALF = DISTANCE * (PIXELS / 2) / FOCAL  # half the image's height at the origin: 1
PICTURES = TrainConfig(steps=4, batch_size=2, n_uniform=50, n_near=50, inputs="color", views=(1, 1))


def views(depth: Tensor, unit: float = 1.0) -> DepthViews:
    """Depth maps of a camera that looks along z at the origin."""
    matrix = torch.tensor([[FOCAL, 0, PIXELS / 2], [0, FOCAL, PIXELS / 2], [0, 0, 1]])
    pose = torch.eye(4)
    pose[2, 3] = DISTANCE * unit
    lead = depth.shape[:-2]
    return DepthViews(depth * unit, matrix.expand(*lead, 3, 3).contiguous(), pose.expand(*lead, 4, 4).contiguous())


def plane(slope: float, middle: float = DISTANCE) -> Tensor:
    """Depth of the plane z = middle + slope · y."""
    y = (torch.arange(PIXELS) + 0.5 - PIXELS / 2) / FOCAL
    return (middle / (1 - slope * y))[:, None].expand(1, PIXELS, PIXELS).contiguous()


def color_batch(step: int = 0, **changes: object) -> Batch:
    return Batches(boxes(2), replace(PICTURES, **changes))[step]  # pyright: ignore[reportArgumentType]


# -- the terms ---------------------------------------------------------------------------------------------------------


def test_a_parallel_plane_is_off_in_depth_alone() -> None:
    terms = depth_terms(views(plane(0.0, DISTANCE + 0.3)), views(plane(0.0)))
    torch.testing.assert_close(torch.stack(list(terms)), torch.tensor([0.3 / HALF, 0.0, 0.0]), atol=1e-5, rtol=1e-4)


def test_differences_are_compared_along_rows_and_columns() -> None:
    ramp = 0.01 * torch.arange(PIXELS)[:, None].expand(1, PIXELS, PIXELS)
    terms = depth_terms(views(plane(0.0) + ramp), views(plane(0.0)))
    assert float(terms.depth) == pytest.approx(0.01 * (PIXELS - 1) / 2, rel=1e-4)
    # 1, 2, 4 and 8 pixels apart, in one of two directions.
    assert float(terms.slope) == pytest.approx(0.01 * (1 + 2 + 4 + 8) / 8, rel=1e-3)


def test_normals_are_those_of_the_planes() -> None:
    terms = depth_terms(views(plane(0.0)), views(plane(1.0)))  # 45 degrees
    assert float(terms.normal) == pytest.approx(1 - math.sqrt(0.5), abs=1e-3)
    assert float(depth_terms(views(plane(1.0)), views(plane(1.0))).normal) == pytest.approx(0, abs=1e-5)


def test_a_gap_between_two_surfaces_has_no_normal() -> None:
    step = plane(0.0) + (torch.arange(PIXELS) >= 8).float() * 2
    wrong = plane(0.0) + (torch.arange(PIXELS) >= 8).float() * 3
    terms = depth_terms(views(wrong), views(step))
    assert float(terms.normal) == pytest.approx(0, abs=1e-5) and float(terms.depth) == pytest.approx(0.5)


def test_the_unit_does_not_matter() -> None:
    found, truth = plane(0.4, 4.3), plane(-0.2)
    terms = depth_terms(views(found), views(truth))
    torch.testing.assert_close(depth_terms(views(found, 1000.0), views(truth, 1000.0)), terms, rtol=1e-3, atol=1e-5)


def test_only_pixels_that_both_know_count_and_gradients_stay_finite() -> None:
    truth = plane(0.2)
    truth[0, :5], truth[0, 5:8] = torch.inf, torch.nan
    values = (plane(0.0) + 0.1 * torch.rand(1, PIXELS, PIXELS)).requires_grad_()
    found = values.masked_fill(torch.arange(PIXELS) > 12, torch.inf)
    terms = depth_terms(views(found), views(truth))
    torch.stack(list(terms)).sum().backward()
    assert values.grad is not None and bool(values.grad.isfinite().all())
    known = torch.zeros(PIXELS, PIXELS, dtype=torch.bool)
    known[8:, :13] = True
    assert torch.equal(values.grad[0] != 0, known)
    error = (found - truth)[0][known].abs().mean() / HALF
    torch.testing.assert_close(terms.depth, error, rtol=1e-4, atol=0)


def test_an_image_without_a_common_pixel_does_not_count() -> None:
    nothing = torch.full((1, PIXELS, PIXELS), torch.inf)
    truth = torch.cat([plane(0.0), nothing])
    one = depth_terms(views(plane(0.3, 4.2)), views(plane(0.0)))
    two = depth_terms(views(torch.cat([plane(0.3, 4.2), plane(0.0)])), views(truth))
    torch.testing.assert_close(two, one)
    assert [float(term) for term in depth_terms(views(plane(0.0)), views(nothing))] == [0, 0, 0]


def test_images_of_another_size_are_refused() -> None:
    with pytest.raises(ValueError, match=r"found must have images in the number and size \(1, 16, 16\) of truth"):
        depth_terms(views(plane(0.0)[:, ::2]), views(plane(0.0)))


def test_relative_depth_is_what_the_network_predicts() -> None:
    batch = color_batch()
    assert batch.colors is not None
    network = MonocularDepth().eval()
    with torch.no_grad():
        found, raw = network(batch.colors), network.relative(batch.colors)
    mask = batch.colors.mask
    torch.testing.assert_close(relative(found, mask), raw * mask, atol=1e-4, rtol=1e-4)


# -- other light -------------------------------------------------------------------------------------------------------


def test_other_light_changes_colors_alone() -> None:
    colors = color_batch().colors
    assert colors is not None
    torch.manual_seed(3)
    changed = jittered(colors, 0.3)
    assert torch.equal(changed.mask, colors.mask) and torch.equal(changed.extrinsics, colors.extrinsics)
    inside = (colors.rgb > 0.1) & (colors.rgb < 0.4)
    factors = (changed.rgb / colors.rgb).log()
    assert 0.01 < float(factors[inside].abs().max()) < 0.3 * 1.3 + (math.exp(0.3) - 1) * math.log(10)
    # Each picture has its own light, and brighter stays brighter.
    middle = factors[..., 0, PIXELS]
    assert float((middle[0] - middle[1]).abs().max()) > 0.01
    order = colors.rgb[..., 1:] >= colors.rgb[..., :-1]
    assert torch.equal((changed.rgb[..., 1:] >= changed.rgb[..., :-1]) & order, order)
    torch.manual_seed(3)
    assert torch.equal(jittered(colors, 0.3).rgb, changed.rgb)
    torch.testing.assert_close(jittered(colors, 0.0).rgb, colors.rgb)


# -- objectives and score ----------------------------------------------------------------------------------------------


def test_a_network_learns_depth_of_pictures() -> None:
    network, objective, batch = MonocularDepth(), DepthObjective(jitter=0.0), color_batch()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(15):
        loss, terms = objective(network, batch, 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert set(terms) == {"depth", "slope", "normal"}
    assert [name for name, p in network.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_pictures_are_needed() -> None:
    with pytest.raises(ValueError, match='inputs must be "color"'):
        DepthObjective()(MonocularDepth(), color_batch(inputs="depth"), 0.0)


def test_the_solid_follows_the_depth() -> None:
    sizes = dict(n_convexes=6, width=8, token=16, n_layers=1, n_fits=1, latent=8)
    model = CvxNet(CvxNetConfig(input="color", **sizes))  # pyright: ignore[reportArgumentType]
    objective = ColorObjective(StagedObjective().of, solid_from=0.5)
    _, early = objective(model, color_batch(), 0.4)
    assert set(early) == {"depth", "slope", "normal"}
    loss, late = objective(model, color_batch(), 0.5)
    assert set(late) > {*early, "soft_iou", "cross_entropy"}
    loss.backward()
    # What is made of the depth moves, too.
    parts = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and bool(p.grad.any())}
    assert parts == {"monocular", "encoder", "decoder"}


def test_presets_of_pictures_learn_depth() -> None:
    for name in ("furniture-rgb1", "occupancy-rgb1", "voxel-rgb1"):
        assert isinstance(objective_of(name), ColorObjective)
    # The paper's encoder reads colors themselves.
    assert not isinstance(objective_of("paper-rgb"), ColorObjective)
    assert isinstance(objective_of("furniture-depth1"), StagedObjective)


class Knows:
    """The true depth of the records, known by their silhouettes, off by a share of half the image's height."""

    def __init__(self, off: float) -> None:
        self.off = off

    def __call__(self, views: ColorViews) -> DepthViews:
        rows = []
        for b in range(len(views.rgb)):
            same = [r for r in boxes(3) if torch.equal(r.maps[0][: views.n_views].isfinite(), views.mask[b])]
            depth = same[0].maps[0][: views.n_views].clone()
            half = views.extrinsics[b, :, 2, 3] * (depth.shape[-2] / 2) / views.intrinsics[b, :, 1, 1]
            rows.append(depth + self.off * half[:, None, None])
        return DepthViews(torch.stack(rows), views.intrinsics, views.extrinsics)


@pytest.mark.parametrize(("off", "close"), [(0.0, 1.0), (0.03, 1.0), (0.2, 0.0)])
def test_score_of_a_known_error(off: float, close: float) -> None:
    scores = MeanDepthError(boxes(3), n_views=2, batch_size=2)(Knows(off))
    assert list(scores) == ["depth_close", "depth_error"]  # the first one decides, and more is better
    assert scores["depth_close"] == close and scores["depth_error"] == pytest.approx(off, abs=1e-5)


def test_nothing_to_validate_on_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one shape"):
        MeanDepthError([])
