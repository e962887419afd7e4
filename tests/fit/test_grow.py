"""Parts that end where they were cut reach on through others, as far as the solid goes."""

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.fit.deadline import Deadline
from cvxgeom.fit.grow import grown
from cvxgeom.fit.simplify import simplify
from cvxgeom.shape import ConvexUnion, concatenate

from .solids import samples_of

THICK = 0.3


def prism(corners: list[tuple[float, float]]) -> ConvexUnion:
    """A convex polygon, counter-clockwise, that reaches from z = 0 to z = 0.3."""
    xy = torch.tensor(corners, dtype=torch.float64)
    along = xy.roll(-1, 0) - xy
    sides = torch.stack([along[:, 1], -along[:, 0], torch.zeros(len(xy))], dim=1)
    sides = torch.cat([sides / along.norm(dim=1, keepdim=True), torch.tensor([[0, 0, 1.0], [0, 0, -1.0]])])
    levels = torch.cat([(sides[:-2, :2] * xy).sum(dim=1), torch.tensor([THICK, 0.0])])
    return cvxgeom.from_planes(sides, -levels, size=1.0)


def rectangle(x: tuple[float, float], y: tuple[float, float]) -> ConvexUnion:
    return prism([(x[0], y[0]), (x[1], y[0]), (x[1], y[1]), (x[0], y[1])])


def union(*parts: ConvexUnion) -> ConvexUnion:
    return concatenate(list(parts)).to(torch.float32)


def boxes_of(shape: ConvexUnion) -> list[list[float]]:
    """Rounded extents of each part in x and y, in order."""
    corners = [polytope.vertices.numpy()[:, :2] for polytope in shape.polytopes()]
    return sorted(np.round([*c.min(axis=0), *c.max(axis=0)], 2).tolist() for c in corners)


ANGLE = concatenate([rectangle((0, 1), (0, 0.2)), rectangle((0.8, 1), (0, 1))])


def test_arms_of_an_angle_reach_through_its_corner() -> None:
    cut = union(rectangle((0, 0.8), (0, 0.2)), rectangle((0.8, 1), (0.2, 1)), rectangle((0.8, 1), (0, 0.2)))
    found = boxes_of(grown(cut, samples_of(ANGLE)))
    assert [0, 0, 1, 0.2] in found
    assert [0.8, 0, 1, 1] in found


def test_what_lies_between_two_is_dropped_then() -> None:
    """A part that holds some air at the bend of an angle: no merge gets rid of it, as hulls hold more."""
    bend = prism([(0.75, 0), (1, 0), (1, 0.25), (0.8, 0.25), (0.75, 0.2)])
    cut = union(rectangle((0, 0.75), (0, 0.2)), rectangle((0.8, 1), (0.25, 1)), bend)
    samples = samples_of(ANGLE)
    assert simplify(cut, samples, 0.0015, 64, 24).n_convexes == 3
    fewer = simplify(grown(cut, samples), samples, 0.0015, 64, 24)
    assert fewer.n_convexes == 2
    assert samples.iou(fewer.contains(samples.points)) > 0.998 > samples.iou(cut.contains(samples.points))


def test_planes_on_the_surface_stay_where_they_are() -> None:
    cut = union(rectangle((0, 0.6), (0, 0.3)), rectangle((0.6, 1), (0, 0.3)))
    more = grown(cut, samples_of(rectangle((0, 1), (0, 0.3))))
    for polytope in more.polytopes():
        sides = polytope.vertices.numpy()[:, 1:] / THICK  # of y and z
        assert sides == pytest.approx(sides.round(), abs=1e-6)
    assert max(box[2] - box[0] for box in boxes_of(more)) == pytest.approx(0.9, abs=0.01)  # 0.6 and 0.3


def test_no_part_reaches_across_a_gap() -> None:
    apart = rectangle((0, 0.5), (0, 0.3)), rectangle((0.53, 1), (0, 0.3))
    shape = union(*apart)
    assert boxes_of(grown(shape, samples_of(concatenate(list(apart))))) == boxes_of(shape)


def test_late_parts_stay() -> None:
    cut = union(rectangle((0, 0.6), (0, 0.3)), rectangle((0.6, 1), (0, 0.3)))
    late = grown(cut, samples_of(rectangle((0, 1), (0, 0.3))), Deadline.after(-1.0, clock=lambda: 0.0))
    assert boxes_of(late) == boxes_of(cut)
