"""Which samples a convex meets in a gradient step."""

import dataclasses

import torch

import cvxgeom
from cvxgeom.fit.refine import _CONCERNS, _POINTS_PER_CONVEX, _Nearby
from cvxgeom.fit.samples import VolumeSamples
from cvxgeom.shape.free import free_union, softness


def soft(shape: cvxgeom.ConvexUnion, inradius: float, hardness: float) -> cvxgeom.ConvexUnion:
    radii = torch.full((shape.n_convexes,), inradius)
    return free_union(shape.normals, shape.offsets, shape.translations, *softness(radii, hardness))


def row_of_boxes(n: int) -> cvxgeom.ConvexUnion:
    """Boxes in a row that overlap, each a little larger than the one before: no face of two is in one plane."""
    return cvxgeom.concatenate([cvxgeom.box(size=0.1 + 0.003 * k, center=(0.08 * k - 0.3, 0, 0)) for k in range(n)])


def samples_around(n: int, occupied_below: float = 0.05) -> VolumeSamples:
    points = (torch.rand(n, 3) - 0.5) * torch.tensor([1.2, 0.3, 0.3])
    occupied = points[:, 1:].abs().amax(dim=1) < occupied_below
    return VolumeSamples(points, occupied, 1 + torch.rand(n))


def groups(nearby: _Nearby) -> list[list[int]]:
    starts, counts = nearby.starts.tolist(), nearby.counts.tolist()
    return [sorted(nearby.order[start : start + count].tolist()) for start, count in zip(starts, counts, strict=True)]


def test_a_convex_meets_the_free_samples_near_it_and_the_occupied_ones_that_none_covers_better():
    shape, samples = soft(row_of_boxes(7), 0.05, 30.0), samples_around(20_011)
    sdf = shape.convex_sdf(samples.points)
    reach = _CONCERNS / shape.sharpness[:, None]
    best = torch.arange(7)[:, None] == sdf.argmin(dim=0)
    concerned = (sdf < reach) & torch.where(samples.occupied, best & (sdf > -reach), torch.ones_like(best))
    found = groups(_Nearby(shape, samples))
    assert found == [row.nonzero()[:, 0].tolist() for row in concerned]
    assert all(0 < len(group) < 10_000 for group in found)


def test_what_concerns_nobody_is_drawn_with_weight_zero():
    far = samples_around(500)
    far = dataclasses.replace(far, points=far.points + 10)
    nearby = _Nearby(soft(row_of_boxes(3), 0.05, 30.0), far)
    assert nearby.counts.tolist() == [0, 0, 0]
    assert not nearby.draw(torch.Generator().manual_seed(0)).weights.any()


def test_as_many_samples_as_are_drawn_are_all_drawn():
    nearby = _Nearby(soft(cvxgeom.box(size=1.0), 0.5, 30.0), samples_around(20_000, 0.12))
    for count in (_POINTS_PER_CONVEX, _POINTS_PER_CONVEX // 2):
        nearby.counts = torch.tensor([count])
        drawn = nearby.draw(torch.Generator().manual_seed(0)).points[0]
        assert len(drawn) == _POINTS_PER_CONVEX
        expected = nearby.samples.points[nearby.order[:count]]
        assert torch.equal(drawn.unique(dim=0), expected.unique(dim=0))


def test_the_weights_of_a_draw_stand_for_all_that_concerns_a_convex():
    nearby = _Nearby(soft(row_of_boxes(2), 0.05, 20.0), samples_around(100_000))
    drawn = nearby.draw(torch.Generator().manual_seed(0))
    for k, group in enumerate(groups(nearby)):
        free = ~nearby.samples.occupied[group]
        exact = nearby.samples.weights[group][free].sum()
        estimated = drawn.weights[k][~drawn.occupied[k]].sum()
        assert len(group) > 2 * _POINTS_PER_CONVEX
        torch.testing.assert_close(estimated, exact, rtol=0.1, atol=0.0)
