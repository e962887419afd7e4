"""The compiled ray caster against the reference: hits, ties, culling, strange rays."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom import ops
from cvxgeom.ops import _native

from .shapes import random_planes, random_points

pytestmark = pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)


def both(*scene):
    with ops.backend("reference"):
        want = ops.raycast(*scene)
    with ops.backend("cpu"):
        return ops.raycast(*scene), want


@given(seed=st.integers(0, 2**16), k=st.integers(1, 9), h=st.integers(1, 40), n=st.integers(0, 300))
def test_the_same_hits(seed, k, h, n):
    scene = (
        2 * random_points(n=n, seed=seed),
        random_points(n=n, seed=seed + 1),
        *random_planes(k=k, h=h, seed=seed)[:3],
    )
    got, want = both(*scene)
    assert torch.equal(got.part, want.part) and torch.equal(got.hit, want.hit)
    torch.testing.assert_close(got.distance, want.distance, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(got.normals, want.normals, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shared_origin", [False, True])
def test_float32_pictures(shared_origin):
    """Pinhole and parallel rays: the same but for rays that graze an edge."""
    u, v = torch.meshgrid(torch.linspace(-1, 1, 90), torch.linspace(-1, 1, 70), indexing="ij")
    screen = torch.stack([u, v, torch.full_like(u, 2.0)], dim=-1).reshape(-1, 3)
    eye = torch.tensor([0.0, 0.0, 3.0])
    origins = eye.expand(screen.shape) if shared_origin else screen
    directions = screen - eye if shared_origin else torch.tensor([0.0, 0.0, -1.0]).expand(screen.shape)
    got, want = both(origins, directions, *random_planes(k=30, h=25, dtype=torch.float32)[:3])
    same = got.part == want.part
    assert same.double().mean() > 0.999 and want.hit.any()
    torch.testing.assert_close(got.distance[same], want.distance[same], rtol=1e-4, atol=1e-5)


def test_the_first_of_equal_parts_is_hit():
    planes = [torch.cat([t, t]) for t in random_planes(k=20, h=16)[:3]]
    hits = ops.raycast(random_points(n=5000) * 3, -random_points(n=5000), *planes)
    assert hits.hit.any() and hits.part.max() < 20


def test_bundles_of_neighboring_rays_are_ruled_out_together():
    eye = torch.tensor([[0.0, 0.0, 3.0]]).double()
    directions = random_points(n=20_000) * torch.tensor([1.0, 1.0, 0.0]).double() - eye
    with _native.count_work() as work:
        ops.raycast(eye.expand(20_000, 3), directions, *random_planes(k=40, h=16)[:3])
    assert work.visited < 0.4 * work.pairs


def test_derivatives_are_those_of_the_reference():
    scene = (2 * random_points(n=200), -random_points(n=200), *random_planes(k=4, h=12)[:3])
    found = []
    for name in ("cpu", "reference"):
        inputs = [t.clone().requires_grad_() for t in scene]
        with ops.backend(name):
            hits = ops.raycast(*inputs)
        assert hits.hit.any()
        value = hits.distance[hits.hit].sin().sum() + hits.normals.sum()
        found.append(torch.autograd.grad(value, inputs))
    for got, want in zip(*found):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_ray_that_is_no_ray_hits_nothing(bad):
    scene = [2 * random_points(n=130), -random_points(n=130), *random_planes(k=3, h=9)[:3]]
    clean = ops.raycast(*scene)
    for which, row in ((0, 7), (1, 99)):
        scene[which] = scene[which].clone()
        scene[which][row, 2] = bad
    hits = ops.raycast(*scene)
    others = torch.ones(130, dtype=torch.bool)
    others[[7, 99]] = False
    assert not hits.hit[~others].any()
    for a, b in zip(hits, clean):
        assert torch.equal(a[others], b[others])


def test_planes_with_nan_and_huge_rays_go_to_the_reference():
    scene = [2 * random_points(n=130), -random_points(n=130), *[t.clone() for t in random_planes(k=3, h=9)[:3]]]
    scene[0][5] *= 1e200
    for a, b in zip(*both(*scene)):
        torch.testing.assert_close(a, b)
    scene[3][1, 2] = math.nan
    for a, b in zip(*both(*scene)):
        torch.testing.assert_close(a, b)
