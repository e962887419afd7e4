"""Scores against closed forms and laws; what is refused."""

import dataclasses
import json
import math
import sys

import numpy as np
import pytest
import torch
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

import cvxgeom
from cvxgeom import metrics
from cvxgeom.metrics.boundary import boundary_samples

EXTENT = 1.5  # of two_boxes
offset = st.floats(0.05, 0.95)


def two_boxes() -> cvxgeom.ConvexUnion:
    """Unit boxes that share an eighth: volume 1.875, area 10.5."""
    return cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(0.5, 0.5, 0.5))])


def slab() -> cvxgeom.ConvexUnion:
    return cvxgeom.from_planes(torch.tensor([[0.0, 0, 1], [0, 0, -1]]), torch.tensor([-1.0, -1]))


class Ball:
    """The least that a solid needs."""

    def __init__(self, radius: float) -> None:
        self.radius, self.bounds = radius, np.array([[-radius] * 3, [radius] * 3])

    def contains(self, points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points, axis=1) <= self.radius


# -- volume -----------------------------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(x=offset, y=offset, z=offset)
def test_iou_exact_of_two_boxes(x, y, z):
    box, moved = cvxgeom.box().to(torch.float64), cvxgeom.box(center=(x, y, z)).to(torch.float64)
    result = metrics.iou_exact(box, moved)
    shared = (1 - x) * (1 - y) * (1 - z)
    assert result.value == pytest.approx(shared / (2 - shared), rel=1e-5)
    assert result.over_coverage == pytest.approx(1 - shared, rel=1e-5) == pytest.approx(result.under_coverage)
    assert (result.standard_error, result.n_points, result.seed) == (0.0, 0, None)
    assert (result.volume_prediction, result.volume_target) == (pytest.approx(1), pytest.approx(1))


@pytest.mark.parametrize("seed", range(4))
def test_iou_is_within_its_standard_error(seed):
    shape, box = two_boxes(), cvxgeom.box(size=1.2, center=(0.3, 0.1, 0.2))
    exact, sampled = metrics.iou_exact(shape, box), metrics.iou(shape, box, 50_000, seed)
    for name in ("value", "over_coverage", "under_coverage", "volume_prediction", "volume_target"):
        assert getattr(sampled, name) == pytest.approx(getattr(exact, name), abs=0.03)
    assert abs(sampled.value - exact.value) < 4 * sampled.standard_error
    assert (sampled.n_points, sampled.seed) == (50_000, seed)


def test_the_standard_error_is_the_spread_over_seeds():
    ball, box = Ball(0.6), cvxgeom.box()
    results = [metrics.iou(ball, box, 2000, seed) for seed in range(100)]
    spread = np.std([result.value for result in results])
    assert np.mean([result.standard_error for result in results]) == pytest.approx(spread, rel=0.25)


def test_the_standard_error_is_honest_where_few_points_fall():
    thin = cvxgeom.cuboid((2.0, 0.01, 0.01), [[0.6, -0.8, 0], [0.8, 0.6, 0], [0, 0, 1]])
    few = metrics.iou(thin, thin, 20_000)
    assert few.value == 1 and 0 < few.n_points_in_union < 1000
    assert few.standard_error > 1 / (few.n_points_in_union + 4)
    more = metrics.iou(thin, thin, 20_000, max_standard_error=few.standard_error / 4)
    assert more.standard_error <= few.standard_error / 4 and more.n_points > few.n_points


@settings(max_examples=20)
@given(x=st.floats(-1.2, 1.2), seed=st.integers(0, 100))
def test_iou_laws(x, seed):
    a, b = two_boxes(), cvxgeom.box(size=(1, 0.7, 1.3), center=(x, 0.1, 0.2))
    one, other = metrics.iou(a, b, 3000, seed), metrics.iou(b, a, 3000, seed)
    assert one.value == other.value and 0 <= one.value <= 1
    assert (one.over_coverage, one.under_coverage) == (other.under_coverage, other.over_coverage)
    larger = metrics.iou(a.scale(10), b.scale(10), 3000, seed)
    assert larger.value == pytest.approx(one.value, abs=2e-3)
    assert larger.volume_target == pytest.approx(1000 * one.volume_target, rel=1e-2)
    assert metrics.iou(a, a, 3000, seed).value == metrics.iou_exact(a, a).value == 1
    # The joint volume is |P| + |T| − |P ∩ T|.
    both = one.volume_prediction * (1 - one.over_coverage)
    assert one.value == pytest.approx(both / (one.volume_prediction + one.volume_target - both))


def test_all_kinds_of_solids_agree():
    shape = two_boxes()
    mesh = cvxgeom.to_trimesh(shape, surface="union")
    values = [metrics.iou(x, Ball(0.7), 20_000).value for x in (shape, mesh)]
    assert values[0] == pytest.approx(values[1], abs=2e-3)
    assert metrics.iou_exact(shape, mesh).value == pytest.approx(1)
    sphere = trimesh.creation.icosphere(subdivisions=4, radius=0.7)
    assert metrics.iou(sphere, Ball(0.7), 20_000).value == pytest.approx(0.99, abs=0.01)


def test_smooth_is_less_than_exact():
    box = cvxgeom.box()
    shape = cvxgeom.ConvexUnion(box.normals, box.offsets, box.translations, torch.tensor([10.0]), 75.0)
    smooth = metrics.iou(shape, shape, 20_000, smooth=True)
    assert smooth.value == 1
    expected = cvxgeom.to_trimesh(shape, surface="smooth").volume
    assert smooth.volume_prediction == pytest.approx(expected, rel=0.03) and expected < 0.9


def test_unbounded_and_empty_parts_do_not_count():
    shape = cvxgeom.concatenate([slab(), two_boxes()])
    assert metrics.iou(shape, two_boxes(), 5000).value == 1
    nothing = metrics.iou(slab(), cvxgeom.box(), 1000)
    assert (nothing.value, nothing.over_coverage, nothing.under_coverage) == (0, 0, 1)
    assert metrics.iou_exact(slab(), cvxgeom.box()).value == 0


def test_concavity():
    assert metrics.concavity(cvxgeom.box()) == pytest.approx(0, abs=1e-9)
    # The hull of two unit cubes moved along the diagonal by ½ has volume 1 + 3·½.
    assert metrics.concavity(two_boxes()) == pytest.approx(1 - 1.875 / 2.5, abs=1e-6)
    assert metrics.concavity(trimesh.creation.icosphere()) == pytest.approx(0, abs=1e-9)


# -- boundary ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["shape", "mesh"])
def test_samples_are_on_the_boundary_and_uniform(what):
    shape = two_boxes()
    surface = shape if what == "shape" else cvxgeom.to_trimesh(shape, surface="union")
    points, normals = metrics.sample_boundary(surface, 20_000, seed=3)
    assert points.shape == normals.shape == (20_000, 3)
    largest = np.stack([np.abs(points).max(axis=1), np.abs(points - 0.5).max(axis=1)]) - 0.5
    np.testing.assert_allclose(largest.min(axis=0), 0, atol=1e-6)  # on one, not inside of the other
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)
    outside = shape.to(torch.float64).sdf(torch.from_numpy(points + 1e-2 * normals)).numpy()
    assert (outside > 0).mean() > 0.99  # but for the notch where the boxes meet
    # The face x = −½ is whole: 1 of the area of 10.5.
    share = (points[:, 0] < -0.5 + 1e-6).mean()
    assert share == pytest.approx(1 / 10.5, abs=4 * math.sqrt(1 / 10.5 / 20_000))
    area = boundary_samples("surface", surface, 20_000, np.random.default_rng(0)).area
    assert area == pytest.approx(10.5, rel=0.02)


def test_inner_touching_and_repeated_faces_count_as_they_should():
    inner = cvxgeom.box(size=0.5)
    touching = cvxgeom.box(center=(1, 0, 0))
    flush = cvxgeom.box(size=0.5, center=(-0.25, 0, 0))  # its face x = −½ lies in that of the first box
    shape = cvxgeom.concatenate([cvxgeom.box(), inner, touching, flush, cvxgeom.box()])
    points, _ = metrics.sample_boundary(shape, 20_000)
    assert (np.abs(points[:, 0] - 0.5) < 1e-3).mean() < 0.01
    assert np.abs(points[:, 1:]).max(axis=1).min() < 0.5  # the end faces are there
    assert (points[:, 0] < -0.499999).mean() == pytest.approx(0.1, abs=0.01)  # once, not twice or three times
    middle = (points[:, 0] < -0.499999) & (np.abs(points[:, 1:]) < 0.25).all(axis=1)
    assert middle.mean() == pytest.approx(0.025, abs=0.005)
    area = boundary_samples("shape", shape, 20_000, np.random.default_rng(0)).area
    assert area == pytest.approx(10, rel=0.03)


def test_samples_repeat_with_the_seed():
    shape = two_boxes()
    one, same, other = (metrics.sample_boundary(shape, 50, seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.isclose(one, other).all(axis=1).any()


# -- surface ----------------------------------------------------------------------------------------------------------


def test_two_parallel_plates():
    # Far apart compared with the spacing of samples, each nearest distance is the distance h of the plates.
    h, plate = 0.2, trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    scores = metrics.surface_scores(plate, plate.copy().apply_translation((0, 0, h)), 20_000, seed=5, tau=0.15)
    assert scores.chamfer_l1_mean == pytest.approx(h, rel=1e-3)
    assert scores.chamfer_l1_sum == pytest.approx(2 * h, rel=1e-3)
    assert scores.chamfer_l2sq_mean == pytest.approx(h**2, rel=1e-3)
    assert scores.chamfer_l2sq_sum_x100 == pytest.approx(200 * h**2, rel=1e-3)
    assert scores.hausdorff == pytest.approx(h, rel=1e-2)
    assert scores.precision == scores.recall == scores.f_score == scores.f_score_cvxnet == 0
    assert scores.normal_consistency == pytest.approx(1)
    assert metrics.f_score(plate, plate.copy().apply_translation((0, 0, h)), tau=0.21, n_samples=2000) == 1
    assert (scores.n_samples, scores.seed, scores.tau) == (20_000, 5, 0.15)


def test_concentric_spheres():
    inner, outer = (trimesh.creation.icosphere(subdivisions=4, radius=r) for r in (1.0, 1.3))
    scores = metrics.surface_scores(inner, outer, 20_000)
    assert scores.chamfer_l1_mean == pytest.approx(0.3, abs=5e-3)
    assert scores.chamfer_l2sq_sum_x100 == pytest.approx(100 * 2 * 0.09, rel=0.03)
    assert scores.normal_consistency > 0.99


def test_half_of_the_target_is_met():
    prediction, target = cvxgeom.box(), cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(5, 0, 0))])
    scores = metrics.surface_scores(prediction, target, 20_000, tau=0.1)
    assert scores.precision == 1 and scores.recall == pytest.approx(0.5, abs=0.02)
    assert scores.f_score == pytest.approx(2 / 3, abs=0.02)


def test_perpendicular_plates_have_no_normals_in_common():
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    upright = square.copy().apply_transform(trimesh.transformations.rotation_matrix(math.pi / 2, (1, 0, 0)))
    assert metrics.normal_consistency(square, upright, n_samples=500) == pytest.approx(0, abs=1e-12)
    flipped = trimesh.Trimesh(square.vertices, square.faces[:, ::-1])
    assert metrics.normal_consistency(square, flipped, n_samples=500) == pytest.approx(1)


@settings(max_examples=10)
@given(x=st.floats(0, 2), factor=st.sampled_from([0.1, 3.0]))
def test_surface_laws(x, factor):
    a, b = two_boxes(), cvxgeom.box(center=(x, 0, 0))
    one, other = metrics.surface_scores(a, b, 3000, tau=0.1), metrics.surface_scores(b, a, 3000, tau=0.1)
    assert one.chamfer_l1_mean == pytest.approx(other.chamfer_l1_mean, rel=0.1)
    assert one.f_score == pytest.approx(other.f_score, abs=0.05)
    scaled = metrics.surface_scores(a.scale(factor), b.scale(factor), 3000, tau=0.1 * factor)
    powers = {"chamfer_l1_mean": 1, "chamfer_l1_sum": 1, "hausdorff": 1, "sampling_floor": 1, "chamfer_l2sq_mean": 2}
    powers |= {"chamfer_l2sq_sum_x100": 2, "f_score": 0, "normal_consistency": 0}
    for name, power in powers.items():
        assert getattr(scaled, name) == pytest.approx(factor**power * getattr(one, name), rel=0.02, abs=1e-12), name


def test_a_shape_against_itself_scores_the_ideal_within_sampling_error():
    shape = two_boxes()
    scores = metrics.score(shape, shape, n_points=5000, n_samples=20_000, seed=7)
    assert scores.iou.value == scores.iou_smooth.value == 1
    assert scores.surface.chamfer_l1_mean == pytest.approx(scores.surface.sampling_floor, rel=0.03)
    assert scores.surface.chamfer_l1_mean > 0  # the samples are independent
    assert scores.surface.normal_consistency > 0.97
    assert metrics.f_score(shape, shape, tau=6 * scores.surface.sampling_floor, n_samples=20_000) > 0.999
    against_mesh = metrics.surface_scores(shape, cvxgeom.to_trimesh(shape, surface="union"), 20_000, 7)
    assert against_mesh.chamfer_l1_mean == pytest.approx(scores.surface.sampling_floor, rel=0.03)


def test_single_functions_give_the_values_of_all():
    a, b = two_boxes(), cvxgeom.box()
    scores = metrics.surface_scores(a, b, 500, 3)
    assert metrics.chamfer_l1_mean(a, b, 500, 3) == scores.chamfer_l1_mean
    assert metrics.chamfer_l2sq_sum_x100(a, b, 500, 3) == scores.chamfer_l2sq_sum_x100
    assert metrics.f_score(a, b, 0.01, 500, 3) == scores.f_score == scores.f_score_cvxnet / 100
    assert metrics.normal_consistency(a, b, 500, 3) == scores.normal_consistency


# -- structure and all together ---------------------------------------------------------------------------------------


def test_structure():
    shape = cvxgeom.concatenate([slab(), cvxgeom.tetrahedron(), cvxgeom.box(center=(9, 0, 0))])
    counts = metrics.structure(shape)
    assert (counts.n_parts, counts.n_left_out, counts.n_planes, counts.n_vertices) == (2, 1, 10, 12)
    assert (counts.planes_per_part, counts.vertices_per_part) == (5, 6)
    assert 0.5 < counts.concavity < 1
    nothing = metrics.structure(slab())
    assert (nothing.n_parts, nothing.n_left_out) == (0, 1)
    assert math.isnan(nothing.planes_per_part) and math.isnan(nothing.concavity)


def test_scores_become_plain_numbers():
    scores = metrics.score(two_boxes(), cvxgeom.box(), 1000, 500, seed=2, tau=0.05, max_standard_error=0.01)
    data = json.loads(json.dumps(scores.to_dict()))
    assert data["iou"]["seed"] == data["surface"]["seed"] == 2
    assert data["surface"]["tau"] == 0.05 and data["surface"]["n_samples"] == 500
    assert data["iou"]["standard_error"] <= 0.01 and data["iou"]["n_points"] % 1000 == 0
    assert data["structure"]["n_parts"] == 2
    assert set(data) == {field.name for field in dataclasses.fields(scores)}


def test_target_may_be_any_solid_with_a_mesh():
    class Meshed(Ball):
        mesh = trimesh.creation.icosphere(subdivisions=3, radius=0.5)

    scores = metrics.score(cvxgeom.sphere(radius=0.5, n_halfspaces=100), Meshed(0.5), 10_000, 5000)
    assert scores.iou.value > 0.95 and scores.surface.f_score > 0.1


# -- what is refused --------------------------------------------------------------------------------------------------


def test_wrong_arguments():
    box, batch = cvxgeom.box(), cvxgeom.stack([cvxgeom.box()])
    open_mesh = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]])
    nothing = trimesh.Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)
    with pytest.raises(TypeError, match=r"target must be a ConvexUnion, a closed trimesh\.Trimesh or have contains"):
        metrics.iou(box, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"prediction must be a single shape, got batch axes \(1,\)"):
        metrics.iou(batch, box)
    with pytest.raises(ValueError, match="target must be a closed mesh to have an inside"):
        metrics.iou(box, open_mesh)
    for n_points in (0, 1.5, True):
        with pytest.raises(ValueError, match="n_points must be an integer of at least 1"):
            metrics.iou(box, box, n_points)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="max_standard_error must be a finite number greater than 0"):
        metrics.iou(box, box, max_standard_error=0.0)
    with pytest.raises(ValueError, match="must not both be empty"):
        metrics.iou(slab(), slab())
    with pytest.raises(ValueError, match="n_points must be larger: none of 1 points"):
        metrics.iou(Ball(0.001), cvxgeom.box(size=1e-3, center=(9, 9, 9)), 1)
    with pytest.raises(ValueError, match="must not both be empty"):
        metrics.iou_exact(slab(), slab())
    with pytest.raises(ValueError, match="target must be a closed oriented manifold"):
        metrics.iou_exact(box, open_mesh)
    with pytest.raises(TypeError, match=r"target must be a ConvexUnion or a trimesh\.Trimesh, got Ball"):
        metrics.iou_exact(box, Ball(1))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="prediction must be a single shape"):
        metrics.iou_exact(batch, box)
    with pytest.raises(ValueError, match="solid must not be empty"):
        metrics.concavity(slab())
    with pytest.raises(ValueError, match="shape must be a single shape"):
        metrics.structure(batch)
    for n in (0, 2.0):
        with pytest.raises(ValueError, match="n must be an integer of at least 1"):
            metrics.sample_boundary(box, n)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"surface must be a ConvexUnion or a trimesh\.Trimesh or have one as mesh"):
        metrics.sample_boundary(Ball(1), 10)
    with pytest.raises(ValueError, match="surface must have an area to sample, got a mesh of 1 faces"):
        metrics.sample_boundary(nothing, 10)
    with pytest.raises(ValueError, match="target must have a boundary to sample, got a shape without any bounded part"):
        metrics.surface_scores(box, slab())
    with pytest.raises(ValueError, match="prediction must be a single shape"):
        metrics.surface_scores(batch, box)
    with pytest.raises(ValueError, match="tau must be a finite number greater than 0"):
        metrics.surface_scores(box, box, tau=-1.0)


def test_a_missing_ray_engine_names_the_extra(monkeypatch):
    mesh = trimesh.creation.box()
    monkeypatch.setattr(trimesh.Trimesh, "contains", lambda *_: __import__("no_such_engine"))
    with pytest.raises(ImportError, match=r"cvxgeom\[render\]"):
        metrics.iou(mesh, cvxgeom.box(), 100)
    assert "no_such_engine" not in sys.modules
