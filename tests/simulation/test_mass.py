"""Mass, center and inertia of a rigid body: closed forms, and what overlap, unit and frame do to them."""

import math

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.simulation import rigid_body
from tests.mesh.shapes import random_shape, two_boxes
from tests.simulation.shapes import torus


def box_inertia(mass: float, x: float, y: float, z: float) -> np.ndarray:
    return mass / 12 * np.diag([y * y + z * z, x * x + z * z, x * x + y * y])


def test_a_box() -> None:
    body = rigid_body(cvxgeom.box(size=(0.4, 0.2, 0.1), center=(1, 2, 3)), density=500.0, up="z")
    assert body.volume == pytest.approx(0.008, rel=1e-6)
    assert body.mass == pytest.approx(4.0, rel=1e-6)
    np.testing.assert_allclose(body.center, [1, 2, 3], rtol=1e-6)
    np.testing.assert_allclose(body.inertia, box_inertia(4.0, 0.4, 0.2, 0.1), rtol=1e-5, atol=1e-9)


def test_overlap_counts_once() -> None:
    # Two unit cubes of 1 kg/m³, less the cube of side one half that they share.
    body = rigid_body(two_boxes(), density=1.0, up="z")
    assert body.mass == pytest.approx(1.875)
    at = np.array([0.0, 0.5, 0.25])[:, None] * np.ones(3)
    masses, sides = (1.0, 1.0, -0.125), (1.0, 1.0, 0.5)
    center = np.average(at, axis=0, weights=masses)
    np.testing.assert_allclose(body.center, center, atol=1e-9)
    expected = np.zeros((3, 3))
    for mass, side, place in zip(masses, sides, at):
        arm = place - center
        expected += box_inertia(mass, side, side, side) + mass * (arm @ arm * np.eye(3) - np.outer(arm, arm))
    np.testing.assert_allclose(body.inertia, expected, atol=1e-9)


def test_a_part_given_twice_weighs_once() -> None:
    once = rigid_body(cvxgeom.box())
    twice = rigid_body(cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box()]))
    assert twice.mass == pytest.approx(once.mass)
    np.testing.assert_allclose(twice.inertia, once.inertia)


def test_a_torus() -> None:
    # An octagon turned in n steps: chords in place of arcs lose a factor sin(2π/n) / (2π/n).
    n = 40
    body = rigid_body(torus(n), density=1000.0, up="z")
    area = 0.02**2 * 8 * math.sin(math.pi / 4) / 2
    assert body.volume == pytest.approx(math.sin(2 * math.pi / n) * n * 0.1 * area, rel=1e-6)
    np.testing.assert_allclose(body.center, 0, atol=1e-9)
    assert body.inertia[0, 0] == pytest.approx(body.inertia[1, 1], rel=1e-6)
    assert body.inertia[2, 2] == pytest.approx(body.mass * 0.1**2, rel=0.05)


def test_inertia_agrees_with_sampled_points() -> None:
    shape = random_shape(k=4)
    body = rigid_body(shape, density=1.0, up="z")
    low, high = np.array([p.bounds.numpy() for p in shape.polytopes()]).transpose(1, 0, 2)
    low, high = low.min(axis=0), high.max(axis=0)
    points = np.random.default_rng(0).uniform(low, high, (400_000, 3))
    inside = points[shape.contains(torch.from_numpy(points)).numpy()]
    each = np.prod(high - low) / len(points)
    assert body.mass == pytest.approx(each * len(inside), rel=0.01)
    arms = inside - body.center
    sampled = each * ((arms * arms).sum() * np.eye(3) - arms.T @ arms)
    np.testing.assert_allclose(body.inertia, sampled, atol=0.02 * np.trace(sampled))


def test_unit_of_length() -> None:
    meters = rigid_body(two_boxes())
    millimeters = rigid_body(two_boxes().scale(1000.0), scale=0.001)
    assert millimeters.mass == pytest.approx(meters.mass)
    np.testing.assert_allclose(millimeters.inertia, meters.inertia, rtol=1e-6)
    np.testing.assert_allclose(millimeters.collision[1].vertices, meters.collision[1].vertices, atol=1e-7)


def test_up_is_z() -> None:
    body = rigid_body(cvxgeom.box(size=(1, 2, 3), center=(0, 5, 0)), up="y")
    np.testing.assert_allclose(body.extents, [1, 3, 2], rtol=1e-6)
    np.testing.assert_allclose(body.center, [0, 0, 5], atol=1e-6)


def test_turning_keeps_hands() -> None:
    # A left glove does not become a right one: the corner at (1, 2, 3) goes where a rotation takes it.
    shape = cvxgeom.tetrahedron([[0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
    corners = {tuple(corner) for corner in rigid_body(shape, up="y").parts[0].vertices.round(5) + 0.0}
    assert corners == {(0, 0, 0), (1, 0, 0), (0, 0, 2), (0, -3, 0)}


def test_mass_instead_of_density() -> None:
    by_mass = rigid_body(two_boxes(), mass=3.75)
    by_density = rigid_body(two_boxes(), density=2.0)
    assert by_mass.density == pytest.approx(2.0)
    np.testing.assert_allclose(by_mass.inertia, by_density.inertia)


def test_a_small_body_far_away_keeps_its_digits() -> None:
    here = rigid_body(cvxgeom.box(size=0.01).to(torch.float64))
    there = rigid_body(cvxgeom.box(size=0.01).to(torch.float64).translate((1000.0, 0, 0)))
    assert there.mass == pytest.approx(here.mass, rel=1e-6)
    np.testing.assert_allclose(there.inertia, here.inertia, rtol=1e-5, atol=1e-12)
