"""Parts joined on trial: those that are worth their number come back."""

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.fit import FitConfig, fit, pipeline
from cvxgeom.fit.fewer import reconsidered
from cvxgeom.fit.parts import Part, union_of
from cvxgeom.fit.samples import VolumeSamples
from cvxgeom.shape import concatenate


def boxes(*ranges: tuple[float, float, float, float]) -> cvxgeom.ConvexUnion:
    """Boxes from x to x and from z to z, 0.2 deep."""
    made = [
        cvxgeom.box(size=torch.tensor([x1 - x0, 0.2, z1 - z0]), center=torch.tensor([(x0 + x1) / 2, 0, (z0 + z1) / 2]))
        for x0, x1, z0, z1 in ranges
    ]
    return concatenate(made).to(torch.float32)


def samples_of(solid: cvxgeom.ConvexUnion) -> VolumeSamples:
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.uniform(-0.6, 0.6, (20_000, 3))).float()
    return VolumeSamples(points, solid.contains(points), torch.full((20_000,), 1.2**3 / 20_000))


def test_parts_come_back_where_that_wins_more_than_they_are_worth() -> None:
    # a bar in two halves, and an L of two arms whose hull holds a large triangle of air
    bar, arms = [(-0.5, 0.0, 0.3, 0.5), (0.0, 0.5, 0.3, 0.5)], [(-0.5, 0.5, -0.5, -0.4), (-0.5, -0.4, -0.4, 0.2)]
    before = boxes(*bar, *arms)
    samples = samples_of(before)
    hull = Part.around(np.concatenate([polytope.vertices.numpy() for polytope in boxes(*arms).polytopes()]))
    trial = concatenate([boxes((-0.5, 0.5, 0.3, 0.5)), union_of([hull])])
    found = reconsidered(before, trial, samples, part_worth=0.01)
    assert found.n_convexes == 3  # the bar stays one part, the arms are two again
    assert samples.iou(found.contains(samples.points)) > 0.999
    patient = reconsidered(before, trial, samples, part_worth=2.0)
    assert patient.n_convexes == 2
    assert torch.equal(patient.contains(samples.points), trial.contains(samples.points))


def test_what_was_dropped_comes_back_if_it_is_missed() -> None:
    before = boxes((-0.5, 0.5, -0.5, -0.3), (-0.5, -0.3, 0.2, 0.5), (0.45, 0.5, 0.45, 0.5))
    samples = samples_of(before)
    trial = boxes((-0.5, 0.5, -0.5, -0.3))
    found = reconsidered(before, trial, samples, part_worth=0.05)
    held = found.contains(torch.tensor([[-0.4, 0, 0.4], [0.48, 0, 0.48]]))
    assert held.tolist() == [True, False]  # the large one, not the crumb


def test_a_fit_needs_fewer_parts_for_as_good_a_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = trimesh.creation.torus(1.0, 0.25, major_sections=48, minor_sections=24)
    config = FitConfig(n_samples=40_000, n_steps=200)
    few = fit(ring, config)
    monkeypatch.setattr(pipeline, "_FEWEST_ON_TRIAL", 10**6)
    many = fit(ring, config)
    assert few.shape.n_convexes < many.shape.n_convexes
    least = many.scores["iou"] - config.part_worth * (many.shape.n_convexes - few.shape.n_convexes)
    assert few.scores["iou"] > least
    assert len(few.history) == len(many.history) == 200
