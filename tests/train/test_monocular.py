"""Depth from pictures: its loss against numbers worked out by hand, its score, and how the two losses follow."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from cvxgeom import ColorViews, ConvexUnion, DepthViews, box
from cvxgeom.models import CvxNet, CvxNetConfig
from cvxgeom.models.monocular import MonocularDepth
from cvxgeom.render import Camera, render_maps
from cvxgeom.train import PRESETS, Batch, Batches, TrainConfig
from cvxgeom.train.monocular import DepthObjective, MeanDepthError, depth_terms, jittered, relative, shrunk
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


# -- narrower and lower pictures ---------------------------------------------------------------------------------------


def pictures(depth: DepthViews) -> ColorViews:
    """Pictures of the same pixels, red from left to right."""
    red = torch.linspace(0, 1, depth.depth.shape[-1]).expand(*depth.depth.shape[:-2], 3, *depth.depth.shape[-2:])
    return ColorViews(red, depth.seen, depth.intrinsics, depth.extrinsics)


def seen_by(shape: ConvexUnion, camera: Camera) -> DepthViews:
    depth = render_maps(shape, camera).depth[None].float()
    return DepthViews(depth, camera.intrinsics[None].float(), camera.extrinsics[None].float())


def test_the_frame_of_the_camera_shrinks_and_nothing_else() -> None:
    truth = views(plane(0.3).expand(200, 1, PIXELS, PIXELS))
    torch.manual_seed(0)
    colors, depth = shrunk(pictures(truth), truth, 0.5)
    factors = depth.extrinsics.diagonal(dim1=-2, dim2=-1)
    torch.testing.assert_close(depth.extrinsics, factors[..., None] * truth.extrinsics)
    assert torch.equal(factors[..., 2:], torch.ones(200, 1, 2))
    # Each picture has its own two factors, evenly spread in the logarithm.
    logarithms = factors[..., :2].log().flatten()
    assert float(logarithms.min()) >= -0.5 and float(logarithms.max()) <= 0
    assert float(logarithms.mean()) == pytest.approx(-0.25, abs=0.03) and len(logarithms.unique()) == 400
    assert torch.equal(depth.intrinsics, truth.intrinsics) and torch.equal(colors.intrinsics, truth.intrinsics)
    assert torch.equal(colors.extrinsics, depth.extrinsics) and torch.equal(colors.mask, depth.seen)


def test_no_shrinking_is_nothing() -> None:
    batch = color_batch()
    assert batch.colors is not None
    colors, depth = shrunk(batch.colors, batch.views, 0.0)
    torch.testing.assert_close(depth.depth, batch.views.depth)
    torch.testing.assert_close(colors.rgb, batch.colors.rgb)
    assert torch.equal(colors.mask, batch.colors.mask)


@pytest.mark.parametrize("slope", [0.0, 0.7])
def test_a_plane_stays_where_its_rays_meet_it(slope: float) -> None:
    truth = views(plane(slope).expand(20, 1, PIXELS, PIXELS))
    torch.manual_seed(1)
    _, depth = shrunk(pictures(truth), truth, 0.4)
    # No depth is new, and all points lie on the plane that was seen, but for half a pixel.
    values = depth.depth[depth.seen]
    assert float((values[:, None] - truth.depth[0, 0, :, 0]).abs().amin(dim=1).max()) < 1e-6
    y, z = depth.points()[depth.seen][:, 1:].unbind(dim=-1)
    half_a_pixel = slope * 0.5 / FOCAL * float(values.max())
    assert float((z - slope * y).abs().max()) <= half_a_pixel * (1 + 1e-3) + 1e-5
    # The picture is as narrow as the factors say.
    share = depth.seen.float().mean(dim=(-1, -2))
    factors = depth.extrinsics[..., 0, 0] * depth.extrinsics[..., 1, 1]
    torch.testing.assert_close(share, factors, atol=2 / PIXELS, rtol=0)


@pytest.mark.parametrize(
    ("position", "up"), [((0.0, 0.0, 3.0), (0.0, 1.0, 0.0)), ((2.0, 0.0, 0.0), (0.0, 0.0, 1.0)), ((0, 4, 0), (1, 0, 0))]
)
def test_it_is_what_a_camera_sees_of_a_narrower_box(
    position: tuple[float, float, float], up: tuple[float, float, float]
) -> None:
    camera, half = Camera(position, up=up, size=(96, 64)), torch.tensor([0.5, 0.4, 0.3])
    truth = seen_by(box(tuple((2 * half).tolist())), camera)
    torch.manual_seed(4)
    colors, depth = shrunk(pictures(truth), truth, 0.5)
    # The map of the object that the new extrinsics stand for: old ones after a stretch.
    stretch = torch.linalg.solve(truth.extrinsics[0], depth.extrinsics[0])
    narrower = box(tuple((2 * stretch[:3, :3].diagonal() * half).tolist()))
    torch.testing.assert_close(stretch[:3, :3], stretch[:3, :3].diagonal().diag(), atol=1e-5, rtol=0)
    right = seen_by(narrower, camera)
    differ = depth.seen != right.seen
    assert 0 < int(right.seen.sum()) < int(truth.seen.sum())
    edges = int(
        (right.seen[..., 1:] != right.seen[..., :-1]).sum() + (right.seen[..., 1:, :] != right.seen[..., :-1, :]).sum()
    )
    assert int(differ.sum()) <= edges  # a pixel along the outline
    both = depth.seen & right.seen
    torch.testing.assert_close(depth.depth[both], right.depth[both], atol=1e-4, rtol=0)
    # Colors move with what they show.
    left, wide = (torch.where(views.mask, views.rgb[:, 0], torch.nan) for views in (colors, pictures(truth)))
    for extreme in (torch.inf, -torch.inf):
        ends = [
            float(red.nan_to_num(extreme).min() if extreme > 0 else red.nan_to_num(extreme).max())
            for red in (left, wide)
        ]
        assert ends[0] == pytest.approx(ends[1], abs=0.02)


def test_the_solid_stays_where_the_depth_says() -> None:
    # The joint training puts the estimated depth of a shrunk picture against points of the object as it is.
    camera = Camera((0.0, 0.0, 3.0), size=(96, 96))
    truth = seen_by(box(), camera)
    torch.manual_seed(5)
    _, depth = shrunk(pictures(truth), truth, 0.5)
    found = depth.points()[depth.seen]
    assert float(depth.extrinsics[0, 0, 0]) < 0.9
    torch.testing.assert_close(found[:, 2], torch.full((len(found),), 0.5), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.amax(dim=0), torch.full((3,), 0.5), atol=0.02, rtol=0)
    torch.testing.assert_close(found.amin(dim=0)[:2], torch.full((2,), -0.5), atol=0.02, rtol=0)


# -- objectives and score ----------------------------------------------------------------------------------------------


def test_a_network_learns_depth_of_pictures() -> None:
    network, objective, batch = MonocularDepth(), DepthObjective(jitter=0.0, shrink=0.0), color_batch()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(15):
        loss, terms, _ = objective.of(network, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert set(terms) == {"depth", "slope", "normal"}
    assert [name for name, p in network.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_pictures_are_needed() -> None:
    with pytest.raises(ValueError, match='inputs must be "color"'):
        DepthObjective().of(MonocularDepth(), color_batch(inputs="depth"))


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


def test_a_term_without_weight_is_left_out() -> None:
    sizes = dict(n_convexes=6, width=8, token=16, n_layers=1, n_fits=1, latent=8)
    model, batch = CvxNet(CvxNetConfig(**sizes)), color_batch(inputs="depth")  # pyright: ignore[reportArgumentType]
    full, terms = StagedObjective()(model, batch, 0.5)
    assert "approximation" not in terms
    less, others = StagedObjective(cross_entropy=0.0, early=0.0, approximation=2.0)(model, batch, 0.5)
    assert set(others) == {*terms, "approximation"} - {"cross_entropy"}
    weights = StagedObjective()
    known = sum(getattr(weights, name) * others[name] for name in terms if name != "cross_entropy")
    torch.testing.assert_close(less, known + 2 * others["approximation"])
    last = torch.stack([getattr(weights, name) * value for name, value in terms.items()]).sum()
    assert full.item() > last.item()  # early stages count as well


def test_presets_of_pictures_learn_depth_first() -> None:
    assert isinstance(objective_of("furniture-rgb1-depth"), DepthObjective)
    assert isinstance(objective_of("furniture-rgb1-joint"), ColorObjective)
    assert PRESETS["furniture-rgb1-depth"].inputs == PRESETS["furniture-rgb1-joint"].inputs == "color"
    for name in ("furniture-rgb1", "occupancy-rgb1", "voxel-rgb1"):
        assert PRESETS[name].inputs == "estimated" and PRESETS[name].n_outside
        assert not isinstance(objective_of(name), ColorObjective)
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
    scores = MeanDepthError(boxes(3), n_views=2, batch_size=2).of(Knows(off))
    assert list(scores) == ["depth_close", "depth_error"]  # the first one decides, and more is better
    assert scores["depth_close"] == close and scores["depth_error"] == pytest.approx(off, abs=1e-5)


def test_nothing_to_validate_on_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one shape"):
        MeanDepthError([])
