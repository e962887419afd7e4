"""Largest inscribed balls: the batched dual simplex against a general solver."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cvxgeom.shape import _chebyshev
from cvxgeom.shape._chebyshev import ChebyshevBalls, chebyshev_balls
from cvxgeom.shape._halfspaces import open_direction

from .test_polytope import CUBE, X, Y, Z, prism, random_rotation, seeds, unit


def reference(normals: np.ndarray, offsets: np.ndarray) -> float:
    """Radius by scipy's solver, for planes of about unit size."""
    table = np.column_stack([normals, np.ones(len(normals))])
    result = linprog((0, 0, 0, -1), A_ub=table, b_ub=-offsets, bounds=[(-1e4, 1e4)] * 3 + [(None, 1e4)])
    return float(result.x[3])


def check(balls: ChebyshevBalls, normals: np.ndarray, offsets: np.ndarray) -> None:
    for k, radius in enumerate(balls.radii):
        expected = reference(normals[k], offsets[k])
        if np.isinf(radius):
            assert expected > 10
            assert (normals[k] @ balls.directions[k]).max() < 1e-12
        else:
            assert radius == pytest.approx(expected, abs=1e-7)
        # The ball is where it is said to be, and the direction is open.
        slack = -(normals[k] @ balls.centers[k] + offsets[k]).max()
        assert slack >= (0 if np.isinf(radius) else radius - 1e-9)
        assert (normals[k] @ balls.directions[k]).max() <= 1e-9


@settings(max_examples=30)
@given(seeds, st.integers(1, 40))
def test_random_convexes(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    normals = unit(rng.normal(size=(8, n, 3)))
    offsets = rng.uniform(-1, 0.3, (8, n))  # some of them empty, few planes leave them open
    check(chebyshev_balls(normals, offsets), normals, offsets)


@settings(max_examples=30)
@given(seeds, st.integers(4, 40))
def test_ties_between_lattice_planes(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    steps = rng.integers(-1, 2, size=(8, n, 3)).astype(float)
    steps[(steps == 0).all(axis=2)] = X
    offsets = rng.integers(-2, 1, size=(8, n)) / np.linalg.norm(steps, axis=2)
    check(chebyshev_balls(unit(steps), offsets), unit(steps), offsets)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("thin", [(1, 1, 1), (1, 1, 1e-6), (1, 1e-6, 1e-6), (1, 1e-3, 1e-6)])
def test_boxes(thin: tuple, scale: float) -> None:
    rng = np.random.default_rng(0)
    sides = rng.uniform(0.5, 1, (30, 3)) * thin * scale
    rotations = np.stack([random_rotation(rng) for _ in sides])
    normals = np.einsum("hj,kji->khi", CUBE, rotations)
    offsets = -np.concatenate([sides, sides], axis=1) / 2
    padded = np.concatenate([normals, np.tile(X, (30, 5, 1))], axis=1)
    padding = np.full((30, 5), -1e4 * scale)
    balls = chebyshev_balls(padded, np.concatenate([offsets, padding], axis=1))
    np.testing.assert_allclose(balls.radii, sides.min(axis=1) / 2, rtol=1e-6)
    assert not balls.directions.any()


def test_repeated_planes_do_not_cycle() -> None:
    normals = np.tile(np.concatenate([CUBE, prism(12)[0], CUBE]), (3, 5, 1))
    balls = chebyshev_balls(normals, -np.ones(normals.shape[:2]))
    np.testing.assert_allclose(balls.radii, 1, rtol=1e-13)
    np.testing.assert_allclose(balls.centers, 0, atol=1e-12)


def test_what_will_not_pivot_goes_to_the_general_solver(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    normals, offsets = unit(rng.normal(size=(6, 30, 3))), rng.uniform(-1, -0.5, (6, 30))
    offsets[5] = 1.0
    normals[4, :] = X
    expected = chebyshev_balls(normals, offsets)
    monkeypatch.setattr(_chebyshev, "_MAX_PIVOTS", 1)
    balls = chebyshev_balls(normals, offsets)
    np.testing.assert_allclose(balls.radii, expected.radii, atol=1e-7)
    assert (normals[4] @ balls.directions[4]).max() < 0

    class Failed:
        x = None

    monkeypatch.setattr(_chebyshev, "linprog", lambda *_args, **_kwargs: Failed())
    undecided = chebyshev_balls(normals, offsets)
    assert (undecided.radii <= undecided.rounding).all()


@pytest.mark.parametrize("angle", [1e-3, 1e-6, 1e-9])
def test_open_directions(angle: float) -> None:
    rotation = random_rotation(np.random.default_rng(1))
    sides = prism(5)[0][:5]
    closed, opening = unit(sides + angle * Z), unit(sides - angle * Z)
    for turn in (np.eye(3), rotation):
        assert open_direction(np.concatenate([closed, -Z[None]]) @ turn.T) is None
        direction = open_direction(np.concatenate([opening, -Z[None]]) @ turn.T)
        assert direction is not None and direction @ (turn @ Z) > 0.9
        both = open_direction(sides @ turn.T)
        assert both is not None and abs(both @ (turn @ Z)) == pytest.approx(1, abs=1e-12)
    for few in (X[None], np.stack([X, Y]), np.stack([X, Y, Z]), np.stack([X, -X, Y])):
        direction = open_direction(few)
        assert direction is not None and (few @ direction).max() < 1e-12
