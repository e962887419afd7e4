"""Ray casting of exact polytopes: closed forms, agreement with membership, gradients, errors."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom import ops
from cvxgeom.ops import _chunks

from .shapes import random_planes, random_points

CUBE = torch.cat([torch.eye(3), -torch.eye(3)]).double()[None]
HALF = torch.full((1, 6), -0.5).double()
ORIGIN = torch.zeros(1, 3).double()


def rows(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_cube_hits_and_misses():
    origins = rows([2, 0.1, 0.2], [0, 5, 0], [2, 0.6, 0], [2, 0, 0], [0.1, 0.2, 0.3], [0, 3, 0.5])
    directions = rows([-3, 0, 0], [0, -1, 0], [-1, 0, 0], [1, 0, 0], [0, 0, 2], [0, -1, 0])
    hits = ops.raycast(origins, directions, CUBE, HALF, ORIGIN)
    assert hits.distance.tolist() == [1.5, 4.5, math.inf, math.inf, 0.0, 2.5]
    assert hits.part.tolist() == [0, 0, -1, -1, 0, 0]
    assert hits.hit.tolist() == [True, True, False, False, True, True]
    want = rows([1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, -1], [0, 1, 0])
    torch.testing.assert_close(hits.normals, want)


def test_nearest_part_wins_and_empty_and_unbounded_convexes_are_legal():
    normals = torch.cat([CUBE, CUBE, rows([1, 0, 0], [-1, 0, 0]).repeat(3, 1)[None], rows([0, 0, 1]).expand(1, 6, 3)])
    offsets = torch.cat([HALF, HALF, torch.full((1, 6), 9.0).double(), torch.full((1, 6), 4.0).double()])
    translations = rows([0, 0, 0], [3, 0, 0], [0, 0, 0], [0, 0, 0])
    origins, directions = rows([9, 0, 0], [-9, 0, 0], [0, 0, 9]), rows([-1, 0, 0], [1, 0, 0], [1e-3, 0, -1])
    hits = ops.raycast(origins, directions, normals, offsets, translations)
    assert hits.part.tolist() == [1, 0, 0]
    far = ops.raycast(rows([5, 5, 9]), rows([0, 0, -1]), normals, offsets, translations)
    assert (far.part.item(), far.distance.item()) == (3, 13.0)  # the half-space z ≤ −4


@given(seed=st.integers(0, 2**16))
def test_hit_is_the_first_point_inside(seed):
    n, d, t, _, _ = random_planes(seed=seed)
    origins = 2 * random_points(n=40, seed=seed)
    directions = random_points(n=40, seed=seed + 3)
    hits = ops.raycast(origins, directions, n, d, t)
    unit = torch.nn.functional.normalize(directions, dim=-1)
    seen = hits.hit & (hits.distance > 0)
    at = origins + hits.distance.nan_to_num(posinf=0)[:, None] * unit
    assert ops.union_contains(at + 1e-9 * unit, n, d, t)[hits.hit].all()
    assert not ops.union_contains(at - 1e-9 * unit, n, d, t)[seen].any()
    assert ((hits.normals * unit).sum(-1)[hits.hit] < 0).all()
    steps = torch.linspace(0, 4, 200).double()[:, None, None]
    missed = origins + steps * unit
    assert not ops.union_contains(missed.reshape(-1, 3), n, d, t).reshape(200, 40)[:, ~hits.hit].any()


def test_agrees_with_the_zero_of_the_sharp_sdf():
    """Another route: march along the ray to the zero of max_h L by bisection."""
    n, d, t, _, _ = random_planes(k=1, h=12)
    origins = random_points(n=60) + rows([0, 0, 3])
    directions = t - origins
    hits = ops.raycast(origins, directions, n, d, t)
    unit = torch.nn.functional.normalize(directions, dim=-1)
    low, high = torch.zeros(60).double(), directions.norm(dim=-1)
    for _ in range(60):
        middle = (low + high) / 2
        inside = ops.union_contains(origins + middle[:, None] * unit, n, d, t)
        low, high = torch.where(inside, low, middle), torch.where(inside, middle, high)
    torch.testing.assert_close(hits.distance, high, atol=1e-12, rtol=0)


def test_derivatives_to_rays_and_planes():
    n, d, t, _, _ = random_planes(k=2, h=6)
    origins = random_points(n=5) + rows([0, 0, 3])
    directions = t[[0, 1, 0, 1, 0]] - origins
    tensors = [v.requires_grad_() for v in (origins, directions, n, d, t)]
    assert ops.raycast(*tensors).hit.all()
    assert torch.autograd.gradcheck(lambda *v: ops.raycast(*v)[:2], tensors)
    assert torch.autograd.gradgradcheck(lambda *v: ops.raycast(*v).distance, tensors)


def test_a_miss_gives_no_nan_to_the_gradient_of_others():
    origins = rows([2, 0, 0], [2, 2, 2], [0, 0, 0]).requires_grad_()
    normals = CUBE.clone().requires_grad_()
    hits = ops.raycast(origins, rows([-1, 0, 0], [0, 1, 0], [1, 0, 0]), normals, HALF, ORIGIN)
    hits.distance[hits.hit].sum().backward()
    assert torch.equal(origins.grad, rows([1, 0, 0], [0, 0, 0], [0, 0, 0]))
    assert torch.isfinite(normals.grad).all()


def test_pieces_and_batches_equal_a_loop(monkeypatch):
    n, d, t, _, _ = random_planes(2, 3)
    origins, directions = random_points(n=9) + rows([0, 0, 2]), rows([0, 0, -1]).expand(9, 3)
    whole = ops.raycast(origins, directions, n, d, t)
    monkeypatch.setattr(_chunks, "CHUNK_NUMBERS", 2 * 3 * 3 * 8 * 2)
    pieces = ops.raycast(origins, directions, n, d, t)
    for a, b in zip(whole, pieces):
        assert torch.equal(a, b)
    single = ops.raycast(origins, directions, n[1, 2], d[1, 2], t[1, 2])
    for a, b in zip(whole, single):
        torch.testing.assert_close(a[1, 2], b)


def test_no_convex_no_ray_and_nan():
    n, d, t, _, _ = random_planes()
    nothing = ops.raycast(random_points(n=4), random_points(n=4, seed=2), n[:0], d[:0], t[:0])
    assert not nothing.hit.any() and nothing.part.tolist() == [-1] * 4
    assert ops.raycast(random_points(n=0), random_points(n=0), n, d, t).distance.shape == (0,)
    poisoned = random_points(n=3)
    poisoned[1, 0] = math.nan
    assert not ops.raycast(poisoned, random_points(n=3, seed=5), n, d, t).hit[1]


def test_wrong_rays_are_named():
    n, d, t, _, _ = random_planes()
    with pytest.raises(ValueError, match="directions must have shape"):
        ops.raycast(random_points(), random_points()[:, :2], n, d, t)
    with pytest.raises(ValueError, match="as many rays, got 7 and 3"):
        ops.raycast(random_points(), random_points(n=3), n, d, t)
    with pytest.raises(TypeError, match="origins must be a floating-point tensor"):
        ops.raycast(random_points().long(), random_points(), n, d, t)
