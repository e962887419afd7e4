"""Fits to depth views: what views know about space, and that it makes the object."""

import itertools

import pytest
import torch

import cvxgeom
from cvxgeom import ConvexUnion, DepthViews
from cvxgeom.fit import Completed, FitConfig, Refined, fit
from cvxgeom.fit.sources.depth import from_views
from cvxgeom.fit.sources.seen import SeenSpace
from cvxgeom.fit.sources.smoothing import smoothed
from cvxgeom.render import Camera, render_maps

PLACES = [*itertools.product((-1.3, 1.3), (-1.2, 1.2), (-1.4, 1.4)), (0.1, 2.2, 0.2), (0.2, -2.2, 0.1)]


def stool() -> ConvexUnion:
    """A seat and four legs, thin ones: three pixels wide in the views below."""
    legs = [cvxgeom.box((0.05, 0.5, 0.05), center=(x, -0.25, z)) for x in (-0.4, 0.4) for z in (-0.3, 0.3)]
    return cvxgeom.concatenate([cvxgeom.box((1.0, 0.06, 0.7), center=(0, 0.02, 0)), *legs]).to(torch.float64)


def views_of(shape: ConvexUnion, places: list = PLACES, noise: float = 0.0, size: int = 128) -> DepthViews:
    cameras = [Camera(position=place, field_of_view=35, size=(size, size)) for place in places]
    depth = torch.stack([render_maps(shape, camera).depth for camera in cameras])
    depth = depth + noise * torch.randn(depth.shape, generator=torch.Generator().manual_seed(0))
    poses = torch.stack([camera.extrinsics for camera in cameras])
    return DepthViews(depth.double(), torch.stack([camera.intrinsics for camera in cameras]).double(), poses.double())


def probes(n: int = 40_000) -> torch.Tensor:
    low, high = torch.tensor([-0.55, -0.55, -0.4]), torch.tensor([0.55, 0.1, 0.4])
    return low + (high - low) * torch.rand(n, 3, generator=torch.Generator().manual_seed(1))


def iou(found: torch.Tensor, truth: torch.Tensor) -> float:
    return float((found & truth).sum() / (found | truth).sum())


@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.96), (0.01, 0.85)])
def test_labels_tell_thin_parts_to_a_fraction_of_a_pixel(noise: float, least: float) -> None:
    shape, points = stool(), probes()
    views, truth = views_of(shape, noise=noise).to(torch.float32), shape.contains(points.double())
    labeled = iou(SeenSpace(views).label(points)[0], truth)
    carved = max(iou(views.evidence(points).hidden >= -slack * noise, truth) for slack in (0, 1, 2, 3))
    assert labeled > least and labeled > carved + 0.02


def test_one_view_knows_what_it_looked_through_and_doubts_what_is_hidden() -> None:
    view = views_of(cvxgeom.box().to(torch.float64), [(2, 2, 3)]).to(torch.float32)
    seen = SeenSpace(view)
    places = torch.tensor(
        [[0, 0, 0.7], [0, 0, 0.505], [0, 0, 0.495], [0, 0, 0.2], [0, 0, -0.4], [0, 0, -0.55], [0.9, 0, 0]]
    )
    occupied, certainty = seen.label(places)
    assert occupied.tolist() == [False, False, True, True, True, False, False], (
        "no further than the box of what is seen"
    )
    assert certainty[:3].min() > 0.95 and certainty[6] == 1, "before and beside it, and just behind the surface"
    assert 1 > certainty[2] > certainty[3] > certainty[4] > 0


def test_what_was_not_measured_is_not_free() -> None:
    view = views_of(cvxgeom.box().to(torch.float64), [(0, 0, 3)]).to(torch.float32)
    gap = DepthViews(torch.full_like(view.depth, torch.nan), view.intrinsics, view.extrinsics)
    assert not SeenSpace(gap).ask(torch.tensor([[0.0, 0, 0.7]])).free


def test_seen_surface_has_outward_normals() -> None:
    points, normals = SeenSpace(views_of(cvxgeom.box().to(torch.float64)).to(torch.float32)).surface()
    face = points.abs().argmax(dim=1)
    outward = torch.nn.functional.one_hot(face, 3) * points.sign()
    assert (normals * outward).sum(dim=1).quantile(0.05) > 0.999
    assert (points.abs().amax(dim=1) - 0.5).abs().max() < 2e-3


def test_smoothing_keeps_planes_and_edges_and_takes_noise_away() -> None:
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    plane = 0.5 + 1e-3 * columns - 5e-4 * rows
    true = torch.where(columns < 20, plane, plane - 0.1).masked_fill(rows < 10, 0)[None]
    noise = 0.02
    depth = 1 / true + noise * torch.randn(true.shape, generator=torch.Generator().manual_seed(0))
    found = smoothed(1 / depth, torch.tensor([60.0]), noise)
    error = (1 / found - 1 / true)[true > 0]
    assert float(error.std()) < noise / 2.5
    assert torch.equal(found == 0, true == 0)
    assert torch.allclose(smoothed(true, torch.tensor([60.0]), 1e-3), true, atol=1e-4)


@pytest.mark.parametrize(("scale", "shift"), [(1.0, (0.0, 0.0, 0.0)), (1000.0, (5000.0, -300.0, 40.0))])
def test_a_fit_to_views_is_the_object_in_its_own_frame(scale: float, shift: tuple) -> None:
    shape = stool()
    views = views_of(shape)
    center = torch.tensor(shift, dtype=torch.float64)
    pose = views.extrinsics.clone()
    pose[:, :3, 3] = scale * pose[:, :3, 3] - pose[:, :3, :3] @ center
    result = fit(
        DepthViews(views.depth * scale, views.intrinsics, pose), FitConfig(n_samples=20_000, n_steps=60, max_parts=12)
    )
    points = probes().double()
    assert iou(result.shape.to(torch.float64).contains(points * scale + center), shape.contains(points)) > 0.88


def test_a_wall_that_is_seen_from_its_front_is_a_thin_solid() -> None:
    view = views_of(cvxgeom.box().to(torch.float64), [(0, 0, 3)]).to(torch.float32)
    shape = fit(view, FitConfig.preset("fast", n_samples=5000)).shape
    (low, high) = shape.polytopes()[0].bounds
    assert torch.allclose(torch.cat([low[:2], high]), torch.tensor([-0.5, -0.5, 0.5, 0.5, 0.5]).double(), atol=0.03)
    assert 0.46 < low[2] < 0.49


def test_a_pane_thinner_than_samples_are_apart_ends_where_what_is_seen_ends() -> None:
    """Beyond that there are no samples that would pull its part back."""
    posts = [cvxgeom.box((0.05, 1.0, 0.05), center=(0, 0, z)) for z in (-0.35, 0.35)]
    window = cvxgeom.concatenate([cvxgeom.box((0.008, 1.0, 0.7)), *posts]).to(torch.float64)
    views = views_of(window, [PLACES[0], PLACES[3]]).to(torch.float32)
    shape = fit(views, FitConfig(n_samples=20_000, n_steps=60, max_parts=12, seed=1)).shape
    furthest = torch.stack([part.bounds.abs().amax(dim=0) for part in shape.polytopes()]).amax(dim=0)
    assert (furthest < torch.tensor([0.025, 0.5, 0.375]) + 0.03).all()


def test_what_is_supposed_decides_where_views_do_not_know() -> None:
    shape, points = stool(), probes()
    seen, truth = SeenSpace(views_of(shape, PLACES[:1]).to(torch.float32)), shape.contains(points.double())
    beside = cvxgeom.concatenate([shape.to(torch.float32), cvxgeom.box(0.2, center=(0, -0.3, 0))])
    occupied, certainty = seen.label(points, beside.sdf(points))
    assert iou(occupied, truth) > 0.8 > 0.5 > iou(seen.label(points)[0], truth)
    assert not seen.label(torch.tensor([[0.0, -0.3, 0.0]]), torch.tensor([-0.1]))[0], "the camera looked through it"
    assert certainty.min() >= 0 and certainty.max() <= 1


@pytest.mark.parametrize("n_views", [1, 3])
def test_far_behind_what_is_seen_the_supposed_solid_alone_counts(n_views: int) -> None:
    seen = SeenSpace(views_of(cvxgeom.box().to(torch.float64), PLACES[:n_views]).to(torch.float32))
    inner = cvxgeom.box(0.3)
    far = torch.tensor([[0.0, 0, 0.14], [0.0, 0, 0.16], [0.16, 0, 0]])
    assert seen.ask(far).hidden.min() > 0.1, "all of them lie deep in what the views show"
    assert seen.label(far, inner.sdf(far))[0].tolist() == [True, False, False]
    assert seen.label(far)[0].all(), "where nothing is supposed, what nobody looked through is solid"


def test_what_many_views_show_is_there_whatever_is_supposed() -> None:
    shape, points = stool(), probes()
    truth = shape.contains(points.double())
    legs = truth & (points[:, 1] < -0.05)
    nowhere = torch.full((len(points),), 0.3)  # the supposed solid is far from all of them

    def found(places: list) -> float:
        """Share of the legs."""
        labels = SeenSpace(views_of(shape, places).to(torch.float32)).label(points, nowhere)[0]
        assert (labels & ~truth).sum() < 0.02 * truth.sum()
        return float((labels & legs).sum() / legs.sum())

    assert found(PLACES) > 0.95 > found(PLACES[:4])


def test_a_refined_prediction_is_better_than_the_prediction_and_than_the_views_alone() -> None:
    shape, points = stool(), probes()
    views, truth = views_of(shape, PLACES[:2]).to(torch.float32), shape.contains(points.double())
    guess = shape.to(torch.float32).translate((0.01, 0.01, -0.01))
    config = FitConfig(n_samples=20_000, n_steps=60, max_parts=12)
    with torch.no_grad():  # as predictors are asked
        refined = iou(Refined(lambda views: guess, config)(views).contains(points), truth)
    assert refined > iou(guess.contains(points), truth) + 0.05
    assert refined > iou(fit(views, config).shape.contains(points), truth) + 0.05


@pytest.mark.parametrize(
    ("views", "supposed", "error", "message"),
    [
        ("views", cvxgeom.box(), TypeError, "views must be a DepthViews, got str"),
        (views_of(stool(), PLACES[:1]), None, TypeError, "supposed must be a ConvexUnion, got NoneType"),
        (views_of(stool(), PLACES[:1]).unsqueeze(), cvxgeom.box(), ValueError, "views must be of one object"),
        (
            views_of(stool(), PLACES[:1]),
            cvxgeom.stack([cvxgeom.box()] * 2),
            ValueError,
            "supposed must be of one object",
        ),
    ],
)
def test_wrong_fields_of_completed_views_are_named(
    views: object, supposed: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Completed(views, supposed)  # pyright: ignore[reportArgumentType]


def test_wrong_views_are_named() -> None:
    views = views_of(stool(), PLACES[:2])
    with pytest.raises(ValueError, match=r"views of one object, got batch axes \(1,\)"):
        fit(views.unsqueeze())
    nothing = DepthViews(torch.full_like(views.depth, torch.inf), views.intrinsics, views.extrinsics)
    with pytest.raises(ValueError, match="must show the object in several pixels"):
        fit(nothing)
    dots = nothing.depth.clone()
    dots[:, 64, 64], dots[:, 80, 30] = 2.0, 2.1
    with pytest.raises(ValueError, match="surface that goes on over several pixels"):
        from_views(DepthViews(dots, views.intrinsics, views.extrinsics), 0)


def test_parts_do_not_grow_through_what_no_view_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no samples there that would hold a plane back."""
    grown = []
    monkeypatch.setattr("cvxgeom.fit.pipeline.grown", lambda shape, *rest: grown.append(shape) or shape)
    ball, config = cvxgeom.sphere(radius=0.5, n_halfspaces=60).to(torch.float64), FitConfig(n_samples=5000, n_steps=30)
    fit(views_of(ball, size=64), config)
    assert not grown
    fit(cvxgeom.to_trimesh(ball, "union"), config)
    assert grown
