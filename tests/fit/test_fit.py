"""The whole pipeline on solids whose best decomposition is known."""

import dataclasses

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom._types import FitStatus
from cvxgeom.data import LabeledPoints, solidify
from cvxgeom.fit import FitConfig, FitStep, fit_steps

from .bad_meshes import bad_meshes
from .solids import frame, l_shape, lattice, table

QUICK = FitConfig(n_steps=60, n_samples=20_000)


def test_a_box_is_one_convex_of_six_planes():
    result = cvxgeom.fit(trimesh.creation.box((1, 2, 3)), QUICK)
    assert (result.shape.n_convexes, result.shape.n_halfspaces) == (1, 6)
    assert float(result.shape.polytopes()[0].volume) == pytest.approx(6, rel=1e-3)
    assert result.scores["iou"] > 0.998
    assert result.status is cvxgeom.FitStatus.CONVERGED and result.history == ()


def test_separate_convex_components_are_kept_as_they_are():
    mesh = trimesh.util.concatenate(
        [trimesh.creation.box((1, 1, 1)), trimesh.creation.icosahedron().apply_translation((3, 0, 0))]
    )
    result = cvxgeom.fit(mesh, QUICK)
    assert result.shape.n_convexes == 2
    volumes = sorted(float(p.volume) for p in result.shape.polytopes())
    assert volumes == pytest.approx(sorted([1.0, trimesh.creation.icosahedron().volume]), rel=2e-2)


@pytest.mark.parametrize(("make", "n_parts"), [(l_shape, 2), (table, 5), (frame, 4)])
def test_one_component_of_boxes_is_taken_apart(make, n_parts):
    result = cvxgeom.fit(make(), QUICK)
    assert result.scores["iou"] > 0.96
    assert n_parts <= result.shape.n_convexes <= n_parts + 2


def test_bars_that_cross_are_one_part_each():
    result = cvxgeom.fit(lattice(4), QUICK)
    assert result.shape.n_convexes == 8 and result.scores["iou"] > 0.99


def test_a_cap_of_as_many_parts_as_there_are_costs_nothing():
    result = cvxgeom.fit(lattice(3), dataclasses.replace(QUICK, max_parts=6))
    assert result.shape.n_convexes == 6 and result.scores["iou"] > 0.99


def test_points_are_a_source_of_their_own():
    g = torch.Generator().manual_seed(0)
    points = 2 * torch.rand(20_000, 3, generator=g) - 1
    result = cvxgeom.fit(LabeledPoints(points, points.norm(dim=-1) < 0.8), QUICK)
    assert result.scores["iou"] > 0.93
    fresh = 2 * torch.rand(20_000, 3, generator=g) - 1
    assert ((fresh.norm(dim=-1) < 0.8) == result.shape.contains(fresh)).float().mean() > 0.97


def test_result_is_in_the_frame_and_unit_of_the_source():
    near, far = l_shape(), l_shape().apply_scale(1000).apply_translation((5000, -300, 40))
    a, b = cvxgeom.fit(near, QUICK), cvxgeom.fit(far, QUICK)
    assert b.scores["iou"] == pytest.approx(a.scores["iou"], abs=0.02)
    corners = np.stack([p.bounds.numpy() for p in b.shape.polytopes()])
    np.testing.assert_allclose([corners[:, 0].min(0), corners[:, 1].max(0)], far.bounds, atol=30)


def test_equal_seeds_give_equal_results():
    a, b = cvxgeom.fit(l_shape(), QUICK), cvxgeom.fit(l_shape(), QUICK)
    for field in dataclasses.fields(a.shape):
        assert torch.equal(getattr(a.shape, field.name), getattr(b.shape, field.name))
    assert a.history == b.history and a.scores == b.scores


def test_counts_are_caps():
    config = dataclasses.replace(QUICK, max_parts=3, max_halfspaces=8, n_steps=10)
    shape = cvxgeom.fit(table(), config).shape
    assert shape.n_convexes <= 3 and shape.n_halfspaces <= 8


def test_steps_report_progress_and_end_with_the_result():
    config = dataclasses.replace(QUICK, n_steps=30, max_parts=10)
    steps = list(fit_steps(solidify(trimesh.creation.torus(1.0, 0.35)), config))
    assert [step.step for step in steps] == [0, 0, 10, 20, 30, 30]
    assert all(isinstance(step, FitStep) and step.n_steps == 30 for step in steps)
    assert [step.result is None for step in steps] == [True] * 5 + [False]
    result = steps[-1].result
    assert len(result.history) == 30 and all(0 <= loss < 10 for loss in result.history)
    assert set(result.scores) == {"iou", "iou_smooth", "iou_initial", "distance"}
    assert abs(result.scores["iou"] - result.scores["iou_smooth"]) < 0.05


def test_refinement_improves_what_it_starts_from():
    result = cvxgeom.fit(trimesh.creation.torus(1.0, 0.35), dataclasses.replace(QUICK, n_steps=120, max_parts=10))
    assert result.scores["iou"] > result.scores["iou_initial"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_parts": 0}, "max_parts must be a whole number of at least 1, got 0"),
        ({"max_halfspaces": 5}, "max_halfspaces must be a whole number of at least 6, got 5"),
        ({"n_steps": -1}, "n_steps must be"),
        ({"n_samples": 10.5}, "n_samples must be a whole number"),
        ({"seed": True}, "seed must be"),
        ({"target_iou": 1.5}, r"target_iou must be in \(0, 1\], got 1.5"),
    ],
)
def test_wrong_configs_are_named(change, message):
    with pytest.raises(ValueError, match=message):
        FitConfig(**change)


def test_wrong_sources_are_named():
    with pytest.raises(TypeError, match=r"a Solid, .* or DepthViews, got str"):
        cvxgeom.fit("chair.obj")
    with pytest.raises(ValueError, match="at least one occupied point"):
        cvxgeom.fit(LabeledPoints(torch.rand(10, 3), torch.zeros(10, dtype=torch.bool)))


def torus() -> trimesh.Trimesh:
    return trimesh.creation.torus(1.0, 0.35)


def test_bounds_are_one_sided():
    mesh = torus()
    solid, rng = solidify(mesh), np.random.default_rng(5)
    points = rng.uniform(*mesh.bounds, (50_000, 3))
    inside = solid.contains(points)
    config = dataclasses.replace(QUICK, max_parts=10)
    within = cvxgeom.fit(solid, dataclasses.replace(config, bound="inner"))
    around = cvxgeom.fit(solid, dataclasses.replace(config, bound="outer"))
    held = [shape.contains(torch.from_numpy(points).float()).numpy() for shape in (within.shape, around.shape)]
    # Fresh points: what samples cannot see is a thin rest.
    assert (held[0] & ~inside).sum() < 0.003 * inside.sum()
    assert (~held[1] & inside).sum() < 0.003 * inside.sum()
    assert around.shape.contains(torch.from_numpy(np.array(mesh.vertices)).float() * 0.9999).float().mean() > 0.99
    assert min(within.scores["iou"], around.scores["iou"]) > 0.7


def test_an_error_as_a_length_is_in_the_unit_of_the_source():
    small, large = torus(), torus()
    large.apply_scale(1000)
    config = dataclasses.replace(QUICK, n_steps=0, max_parts=10)
    distances = [cvxgeom.fit(mesh, config).scores["distance"] for mesh in (small, large)]
    assert distances[1] == pytest.approx(1000 * distances[0], rel=0.05)
    loose = cvxgeom.fit(large, dataclasses.replace(config, n_steps=20, max_error=2 * distances[1]))
    assert (loose.status, len(loose.history)) == (FitStatus.CONVERGED, 0)
    strict = cvxgeom.fit(large, dataclasses.replace(config, n_steps=20, max_error=0.01 * distances[1]))
    assert len(strict.history) == 20


def test_without_time_there_are_no_steps_and_a_shape_all_the_same():
    result = cvxgeom.fit(torus(), dataclasses.replace(QUICK, n_steps=5000, max_seconds=1e-3))
    assert result.status == FitStatus.OUT_OF_TIME and result.history == ()
    assert result.scores["iou"] > 0.5


def test_a_cap_on_vertices_is_one_on_planes():
    assert FitConfig(max_vertices=12, max_halfspaces=24).most_planes == 8
    result = cvxgeom.fit(trimesh.creation.icosphere(3), dataclasses.replace(QUICK, max_vertices=12, max_parts=4))
    assert all(len(polytope.vertices) <= 12 for polytope in result.shape.polytopes())


def test_a_start_is_kept_where_it_is_good():
    mesh = trimesh.creation.box((2.0, 1, 1))
    halves = cvxgeom.concatenate([cvxgeom.box(center=(x, 0, 0)) for x in (-0.5, 0.5)])
    kept = cvxgeom.fit(mesh, QUICK, init=halves)
    assert kept.scores["iou"] == pytest.approx(1.0, abs=1e-3) and kept.history == ()
    off = cvxgeom.fit(mesh, dataclasses.replace(QUICK, n_steps=60), init=cvxgeom.box(size=(1.8, 1.1, 0.9)))
    assert off.scores["iou"] > off.scores["iou_initial"] + 0.05


def test_qualities_are_names_of_configs():
    assert FitConfig.preset() == FitConfig() == FitConfig.preset("balanced")
    assert FitConfig.preset("fast", seed=3).seed == 3
    with pytest.raises(ValueError, match="quality must be one of"):
        FitConfig.preset("perfect")


def test_a_needle_that_no_sample_shows_is_its_hull():
    *_, (kind, needle) = bad_meshes(106)
    assert kind == "flattened" and needle.extents[0] < 1e-3 * needle.extents[1] > needle.extents[2]
    result = cvxgeom.fit(needle, FitConfig.preset("fast"))
    extents = np.ptp(np.concatenate([p.vertices for p in result.shape.polytopes()]), axis=0)
    np.testing.assert_allclose(extents, needle.extents, atol=0.01)
    assert result.scores["distance"] < 0.002


def test_a_solid_of_eighty_convex_pieces_gets_them_all_by_default() -> None:
    places = np.stack(np.meshgrid(range(5), range(4), range(4), indexing="ij"), axis=-1).reshape(-1, 3)
    boxes = [trimesh.creation.box((0.5, 0.5, 0.5), trimesh.transformations.translation_matrix(p)) for p in places]
    result = cvxgeom.fit(trimesh.util.concatenate(boxes), FitConfig(n_samples=20_000, n_steps=0))
    assert result.shape.n_convexes == 80 and result.scores["iou"] > 0.99


def test_thin_rods_that_few_samples_show_are_not_their_hull():
    """A tripod of rods as thick as a needle: its hull holds a thousand times as much."""
    ends = np.eye(3)
    rods = [trimesh.creation.box(bounds=[-0.0006 * np.ones(3), end + 0.0006]) for end in ends]
    result = cvxgeom.fit(trimesh.util.concatenate(rods), FitConfig.preset("fast"))
    assert result.shape.n_convexes == 3
    assert result.scores["distance"] < 0.002


# -- arguments and surroundings ---------------------------------------------------------------------------------------

FASTEST = FitConfig.preset("fast", n_samples=4000, n_steps=10)


@pytest.mark.parametrize(
    ("init", "error", "message"),
    [
        ([cvxgeom.box()], TypeError, "init must be a ConvexUnion, got list"),
        (cvxgeom.stack([cvxgeom.box()] * 2), ValueError, r"init must be a single shape, got batch axes \(2,\)"),
        (
            cvxgeom.from_planes(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), torch.tensor([[-0.5, -0.5]])),
            ValueError,
            "init must have a solid part",
        ),
    ],
)
def test_wrong_starts_are_named(init, error, message):
    with pytest.raises(error, match=message):
        cvxgeom.fit(trimesh.creation.box(), FASTEST, init=init)


def test_a_start_of_a_needle_that_no_sample_shows_is_what_is_left():
    needle, start = trimesh.creation.box((1, 3e-4, 3e-4)), cvxgeom.box((0.95, 4e-4, 3e-4))
    result = cvxgeom.fit(needle, FitConfig(n_samples=10_000, n_steps=10), init=start)
    assert result.shape.n_convexes == 1 and result.history == ()


def test_a_config_is_no_name_of_one():
    with pytest.raises(
        TypeError, match=r"config must be a FitConfig, such as FitConfig\.preset\(\.\.\.\), got str 'fast'"
    ):
        cvxgeom.fit(trimesh.creation.box(), "fast")


def test_numbers_of_numpy_serve_as_numbers():
    config = FitConfig(max_parts=np.int64(8), max_seconds=np.float32(2.5), seed=np.uint64(3))
    assert (type(config.max_parts), type(config.max_seconds), type(config.seed)) == (int, float, int)
    assert config == FitConfig(max_parts=8, max_seconds=2.5, seed=3)


def test_seeds_may_be_as_large_as_numpy_draws_them():
    ring = trimesh.creation.annulus(0.3, 0.5, 0.3)
    assert cvxgeom.fit(ring, dataclasses.replace(FASTEST, seed=2**100)).history


def test_the_modes_that_a_caller_has_set_change_nothing():
    mesh = trimesh.creation.annulus(0.3, 0.5, 0.3)
    start = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.sphere()])
    plain = cvxgeom.fit(mesh, FASTEST), cvxgeom.fit(mesh, FASTEST, init=start)
    with torch.inference_mode():
        start = start.scale(1.0)  # its tensors are of this mode now
        within = cvxgeom.fit(mesh, FASTEST), cvxgeom.fit(mesh, FASTEST, init=start)
        assert torch.is_inference_mode_enabled()
    torch.set_default_device("meta")
    try:
        elsewhere = [step.result for step in fit_steps(mesh, FASTEST)][-1]
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device("cpu")
    assert elsewhere is not None
    for found, want in ((within[0], plain[0]), (within[1], plain[1]), (elsewhere, plain[0])):
        assert torch.equal(found.shape.offsets, want.shape.offsets)


def test_labeled_points_that_require_gradients_and_those_in_a_plane():
    points = torch.rand(2000, 3, requires_grad=True)
    labeled = LabeledPoints(points, (points.detach() - 0.5).norm(dim=1) < 0.4)
    assert cvxgeom.fit(labeled, FASTEST).scores["iou"] > 0.9
    square = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0.5, 0.5, 1]])
    with pytest.raises(ValueError, match="source must hold occupied points around a volume, got 4 that lie in a plane"):
        cvxgeom.fit(LabeledPoints(square, torch.tensor([True] * 4 + [False])), FASTEST)
