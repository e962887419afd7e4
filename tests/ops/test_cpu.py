"""Compiled CPU kernels against the reference: values, derivatives, culling, strange inputs."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom import ops
from cvxgeom.ops import _native

from .shapes import random_planes, random_points

pytestmark = pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)

ALL = ("convex_sdf", "convex_indicator", "union_sdf", "union_indicator")
# What a value of size 1 loses by being written down; errors below it say nothing.
FLOOR = {torch.float32: 2e-7, torch.float64: 4e-15}
# The reference's matrix products have fused multiply-adds wherever these tests run; kernels held to the baseline round
# each product once more.
FACTOR = 3 if "baseline" in _native.SENTENCE else 2


def arguments(name, points, planes):
    return (points, *planes) if "indicator" in name else (points, *planes[:4])


def evaluate(name, backend, points, planes):
    """The value, and the derivatives of a fixed mixture of its entries to every input."""
    inputs = [t.clone().requires_grad_() for t in arguments(name, points, planes)]
    with ops.backend(backend):
        value = getattr(ops, name)(*inputs)
        steps = torch.linspace(-7, 5, max(1, value.numel()), dtype=value.dtype, device=value.device)
        mixture = steps.sin()[: value.numel()]
        return [value.detach(), *torch.autograd.grad((value * mixture.reshape(value.shape)).sum(), inputs)]


def assert_as_accurate(name, points, planes):
    """Error of the kernel ≤ 2 × error of the reference in the same type + floor, both against the float64 reference."""
    dtype = points.dtype
    exact = evaluate(name, "reference", points.double(), [t.double() for t in planes])
    got = evaluate(name, "cpu", points, planes)
    plain = evaluate(name, "reference", points, planes)
    for g, p, e in zip(got, plain, exact, strict=True):
        assert g.dtype == dtype and g.shape == e.shape
        if e.numel() == 0:
            continue
        error, allowed = (g.double() - e).abs().max(), (p.double() - e).abs().max()
        # A sum over the points may lose as much per term as one value does.
        scale = max(1.0, float(e.abs().max())) * max(1.0, math.sqrt(points.shape[-2]) / 8)
        if dtype == torch.float64:  # then `exact` has errors too, and those of the distances count δ times
            scale *= max(1.0, float(planes[3].max()) / 100)
        assert error <= FACTOR * allowed + FLOOR[dtype] * scale


# -- accuracy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("k", "h", "n"), [(1, 4, 1), (3, 8, 63), (2, 1, 64), (5, 17, 65), (3, 256, 130), (40, 25, 3000)]
)
def test_values_and_derivatives(name, dtype, k, h, n):
    planes = random_planes(k=k, h=h, dtype=dtype, seed=k + h)
    assert_as_accurate(name, random_points(n=n, dtype=dtype), planes)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("delta", [1.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_smoothness_from_1_to_10000(name, delta, dtype):
    n, d, t, _, sigma = random_planes(k=6, h=12, dtype=dtype)
    planes = (n, d, t, torch.full((6,), delta, dtype=dtype), sigma)
    assert_as_accurate(name, random_points(n=500, dtype=dtype), planes)


@pytest.mark.parametrize("name", ALL)
def test_far_from_the_origin(name):
    n, d, t, delta, sigma = random_planes(k=4, h=12, dtype=torch.float32)
    away = torch.tensor([300.0, -200.0, 100.0])
    assert_as_accurate(name, random_points(n=300, dtype=torch.float32) + away, (n, d, t + away, delta, sigma))


@given(seed=st.integers(0, 2**16), k=st.integers(1, 9), h=st.integers(1, 40), n=st.integers(0, 300))
def test_every_op_agrees_with_the_reference(seed, k, h, n):
    planes = random_planes(k=k, h=h, seed=seed)
    points = random_points(n=n, seed=seed + 1)
    for name in ALL:
        inputs = arguments(name, points, planes)
        with ops.backend("reference"):
            want = getattr(ops, name)(*inputs)
        torch.testing.assert_close(getattr(ops, name)(*inputs), want, rtol=1e-12, atol=1e-14)
    with ops.backend("reference"):
        want = ops.union_contains(points, *planes[:3])
    assert torch.equal(ops.union_contains(points, *planes[:3]), want)


@pytest.mark.parametrize("name", ALL)
def test_gradcheck_and_double_backward(name):
    inputs = [t.requires_grad_() for t in arguments(name, random_points(n=5), random_planes(k=3, h=6))]
    with ops.backend("cpu"):
        assert torch.autograd.gradcheck(getattr(ops, name), inputs)
        assert torch.autograd.gradgradcheck(getattr(ops, name), inputs)


@pytest.mark.parametrize("name", ALL)
def test_any_subset_of_inputs_may_want_a_derivative(name):
    points, planes = random_points(n=200), random_planes(k=5, h=9)
    inputs = arguments(name, points, planes)
    everything = [t.clone().requires_grad_() for t in inputs]
    whole = torch.autograd.grad(getattr(ops, name)(*everything).sum(), everything)
    for i, want in enumerate(whole):
        some = [t.clone().requires_grad_(i == j) for j, t in enumerate(inputs)]
        value = getattr(ops, name)(*some)
        value.sum().backward()
        assert torch.equal(some[i].grad, want)
        assert all(t.grad is None for j, t in enumerate(some) if j != i)


# -- layout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_views_and_expanded_inputs(name):
    planes = random_planes(k=4, h=7)
    points = random_points(n=90)
    want = evaluate(name, "cpu", points, planes)
    strided = torch.empty(3, 90, dtype=torch.float64).copy_(points.T).T
    views = [torch.stack([t, t], dim=-1)[..., 0] for t in planes]
    assert not strided.is_contiguous() and not views[0].is_contiguous()
    for got, w in zip(evaluate(name, "cpu", strided, views), want, strict=True):
        assert torch.equal(got, w)
    inputs = [t.clone().requires_grad_() for t in arguments(name, points, planes)]
    shared = [t.expand(3, *t.shape) for t in inputs]
    value = getattr(ops, name)(*shared)
    assert torch.equal(value, want[0].expand_as(value))
    leading = getattr(ops, name)(inputs[0].expand(2, 3, 90, 3), *inputs[1:])
    assert torch.equal(leading, want[0].expand_as(leading))


def test_a_batch_equals_a_loop_with_derivatives():
    planes, points = random_planes(6, k=3, h=10), random_points(6, n=150)
    for name in ALL:
        inputs = arguments(name, points, planes)
        together = [t.clone().requires_grad_() for t in inputs]
        value = getattr(ops, name)(*together)
        got = torch.autograd.grad(value.sin().sum(), together)
        for i in range(6):
            alone = [t[i].clone().requires_grad_() for t in inputs]
            one = getattr(ops, name)(*alone)
            assert torch.equal(one, value[i])
            for a, b in zip(torch.autograd.grad(one.sin().sum(), alone), got):
                assert torch.equal(a, b[i])


def test_kernels_read_no_memory_that_they_did_not_write(monkeypatch):
    """Results come in fresh memory: filled with NaN beforehand, they must be the same."""
    planes, points = random_planes(k=3, h=10), random_points(n=150)
    want = {name: getattr(ops, name)(*arguments(name, points, planes)) for name in ALL}
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        for name in ALL:
            assert torch.equal(getattr(ops, name)(*arguments(name, points, planes)), want[name])
    finally:
        torch.use_deterministic_algorithms(False)


# -- ties, culling ----------------------------------------------------------------------------------------------------


def test_among_equal_convexes_the_first_has_the_gradient():
    planes = [torch.cat([t, t]) for t in random_planes(k=2, h=9)]
    points = random_points(n=200)
    for name in ("union_sdf", "union_indicator"):
        _, _, to_normals, *_ = evaluate(name, "cpu", points, planes)
        assert to_normals[:2].abs().sum() > 0
        assert to_normals[2:].abs().sum() == 0


def test_duplicate_points_and_points_on_planes():
    normals = torch.cat([torch.eye(3), -torch.eye(3)])[None]
    points = torch.tensor([[0.5, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]]).repeat(50, 1)
    cube = (normals, torch.full((1, 6), -0.5), torch.zeros(1, 3))
    assert ops.union_contains(points, *cube).all()
    assert not ops.union_contains(points + 1e-6, *cube)[:2].any()
    value = ops.union_sdf(points, *cube, torch.tensor([1e4]))
    assert torch.equal(value, value[:3].repeat(50))


def test_culling_skips_most_of_the_work_and_changes_no_bit():
    *planes, sharpness = random_planes(k=50, h=25, dtype=torch.float32)
    planes = (*planes, 10 * sharpness)
    points = random_points(n=20_000, dtype=torch.float32)
    with _native.count_work() as work:
        union = ops.union_indicator(points, *planes)
    assert work.pairs >= 313 * 50
    assert work.visited < 0.35 * work.pairs
    assert work.visited < work.near < work.pairs
    assert work.kept < work.planes
    with _native.count_work() as work:
        each = ops.convex_indicator(points, *planes)
    assert work.visited < work.pairs
    assert torch.equal(union, each.amax(dim=0))
    with _native.count_work() as work:
        sdf = ops.convex_sdf(points, *planes[:4])
    assert work.visited == work.pairs
    assert torch.equal(ops.union_sdf(points, *planes[:4]), sdf.amin(dim=0))


def test_a_value_depends_little_on_its_company():
    """Which planes are left out depends on the block, but what is left out is exactly nothing."""
    planes, points = random_planes(k=5, h=30, dtype=torch.float32), random_points(n=1000, dtype=torch.float32)
    for name in ALL:
        whole = getattr(ops, name)(*arguments(name, points, planes))
        alone = torch.cat([getattr(ops, name)(*arguments(name, p[None], planes)) for p in points[:40]], dim=-1)
        assert torch.equal(alone, whole[..., :40])


# -- strange values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_no_point_gives_nan_to_itself_and_to_the_planes(name, bad):
    planes, points = random_planes(k=3, h=9), random_points(n=150)
    clean = evaluate(name, "cpu", points, planes)
    points[70, 1] = bad
    value, to_points, *to_planes = evaluate(name, "cpu", points, planes)
    others = torch.arange(150) != 70
    assert torch.isnan(value[..., 70]).all() and torch.equal(value[..., others], clean[0][..., others])
    assert torch.isnan(to_points[70]).all() and torch.isfinite(to_points[others]).all()
    assert all(torch.isnan(t).any() for t in to_planes)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_plane_with_nan_is_never_silently_a_number(name, which):
    planes, points = [t.clone() for t in random_planes(k=3, h=9)], random_points(n=80)
    planes[which][1] = math.nan
    for got, want in zip(
        evaluate(name, "cpu", points, planes), evaluate(name, "reference", points, planes), strict=True
    ):
        assert torch.equal(got.isnan(), want.isnan())
        torch.testing.assert_close(got, want, equal_nan=True)


@pytest.mark.parametrize("name", ALL)
def test_huge_coordinates(name):
    planes, points = random_planes(k=3, h=9, dtype=torch.float32), random_points(n=80, dtype=torch.float32)
    points[::7] *= 1e15
    assert_as_accurate(name, points[1:7], planes)
    with ops.backend("reference"):
        want = getattr(ops, name)(*arguments(name, points, planes))
    torch.testing.assert_close(getattr(ops, name)(*arguments(name, points, planes)), want, rtol=1e-5, atol=1e-6)
    points[3] = 1e30  # beyond what the bounds allow: the reference answers, gradients included
    with ops.backend("reference"):
        want = getattr(ops, name)(*arguments(name, points, planes))
    got = evaluate(name, "cpu", points, planes)
    torch.testing.assert_close(got[0], want)
    assert all(torch.isfinite(g).all() for g in got[1:])


def test_empty_and_far_half_spaces():
    """Padding of both kinds: a half-space that never matters, a convex without points."""
    n, d, t, delta, sigma = random_planes(k=3, h=8)
    d[0, 5:] = -1e4
    n[1, :2] = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]])
    d[1, :2] = 1e4
    for name in ALL:
        assert_as_accurate(name, random_points(n=100), (n, d, t, delta, sigma))
    assert not ops.union_contains(random_points(n=100), n[1:2], d[1:2], t[1:2]).any()


def test_nothing_in_nothing_out():
    planes = random_planes(k=3, h=4)
    for name in ALL:
        value, *gradients = evaluate(name, "cpu", random_points(n=0), planes)
        assert value.shape[-1] == 0 and all((g == 0).all() for g in gradients)
        value = getattr(ops, name)(*arguments(name, random_points(n=4), [p[:0] for p in planes]))
        assert value.shape == ((4,) if "union" in name else (0, 4))


def test_half_precision_goes_through_float32():
    planes, points = random_planes(dtype=torch.float16), random_points(dtype=torch.float16)
    got = ops.union_sdf(points, *planes[:4])
    want = ops.union_sdf(points.float(), *(p.float() for p in planes[:4])).half()
    assert torch.equal(got, want)
