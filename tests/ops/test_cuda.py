"""The CUDA kernels against the reference: on a GPU where there is one, else in Triton's interpreter."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvxgeom import ops

from .on_cuda import ON_GPU, _triton, evaluate, on_cuda, on_device, reference
from .shapes import random_planes, random_points
from .test_cpu import ALL, FLOOR, arguments

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, inside the interpreter, about NaN and ∞


@pytest.fixture(autouse=True)
def fused_multiply_add(monkeypatch):
    """The interpreter rounds a fused multiply-add twice; a GPU rounds it once, as float64 does for float32 here."""
    if ON_GPU:
        return
    from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

    def fma(self, x, y, z):
        exact = x.data.astype(np.float64) * y.data.astype(np.float64) + z.data.astype(np.float64)
        return TensorHandle(exact.astype(x.data.dtype), x.dtype.scalar)

    monkeypatch.setattr(InterpreterBuilder, "create_fma", fma)


def assert_as_accurate(name, points, planes):
    """Error of the kernel ≤ 2 × error of the reference in the same type + floor, both against the float64 reference."""
    dtype = points.dtype
    exact = evaluate(name, "reference", points.double(), [t.double() for t in planes])
    got = evaluate(name, "cuda", points, planes)
    plain = evaluate(name, "reference", points, planes)
    for g, p, e in zip(got, plain, exact, strict=True):
        assert g.dtype == dtype and g.shape == e.shape
        error, allowed = (g.double() - e).abs().max(), (p.double() - e).abs().max()
        # A sum over the points may lose as much per term as one value does.
        scale = max(1.0, float(e.abs().max())) * max(1.0, math.sqrt(points.shape[-2]) / 8)
        if dtype == torch.float64:  # then `exact` has errors too, and those of the distances count δ times
            scale *= max(1.0, float(planes[3].max()) / 100)
        assert error <= 2 * allowed + FLOOR[dtype] * scale


# -- accuracy ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("k", "h", "n"), [(1, 4, 1), (3, 8, 63), (2, 1, 64), (4, 9, 65), (2, 17, 130)])
def test_values_and_derivatives(name, dtype, k, h, n):
    planes = random_planes(k=k, h=h, dtype=dtype, seed=k + h)
    assert_as_accurate(name, random_points(n=n, dtype=dtype), planes)


@pytest.mark.parametrize("name", ["convex_indicator", "union_sdf"])
def test_many_half_spaces(name):
    assert_as_accurate(name, random_points(n=9, dtype=torch.float32), random_planes(k=1, h=256, dtype=torch.float32))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("capability", sorted(_triton.CONFIGURATIONS))
def test_many_convexes_and_blocks_in_every_configuration(name, capability, monkeypatch):
    monkeypatch.setattr(_triton, "CONFIGURATIONS", {capability: _triton.CONFIGURATIONS[capability]})
    *planes, sharpness = random_planes(k=65 if "union" in name else 4, h=4, dtype=torch.float32)
    assert_as_accurate(name, random_points(n=130, dtype=torch.float32), (*planes, 5 * sharpness))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("delta", [1.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_smoothness_from_1_to_10000(name, delta, dtype):
    k, h, n = (6, 12, 500) if dtype == torch.float32 else (2, 5, 120)  # those of test_cpu.py, and what is slow
    normals, d, t, _, sigma = random_planes(k=k, h=h, dtype=dtype)
    planes = (normals, d, t, torch.full((k,), delta, dtype=dtype), sigma)
    assert_as_accurate(name, random_points(n=n, dtype=dtype), planes)


# The rule above compares the largest of a few errors, where luck has a say. These are draws in which the reference is
# lucky and the kernel fails the rule; each is the first of a series whose errors are compared as a whole.
#   δ = 1000, union_sdf, derivative by points: kernel 8.6e-7, CPU library 8.9e-7, reference 2.9e-7, allowed 8.6e-7
#   σ five-fold, convex_indicator, by normals: kernel 1.08e-5, CPU library 1.04e-5, reference 3.2e-6, allowed 1.05e-5
#   6 points, union_indicator, by points: kernel 1.1e-6, CPU library 1.0e-6, reference 1.7e-7, allowed 7.6e-7
# The cause is the rounding of plane distances, about half a unit in the last place, which counts δ and σ times. Kernels
# add the offset first (three roundings), the reference last (four). Of 100 draws with δ = 1000 the rule fails for 11
# with the kernel's formula, for 11 with the CPU library, and still for 4 with distances rounded once from the exact
# ones: it is not a matter of accuracy. With the offset added last it would not fail, but only by rounding just as the
# reference does, at the price of one more operation per distance and of accuracy: the largest error of a value is 0.88
# of the reference's in the median of the draws, and would be 1.00.
# How many draws, and what they are: of few points it takes more. After 16 the derivatives have errors up to 1.55 times
# those of the reference (with distances rounded once: 1.56), after 64 up to 1.16, after 200 up to 1.02.
SERIES = {
    "delta": (16, dict(k=2, h=5, n=120, delta=1e3)),
    "sharpness": (16, dict(k=3, h=4, n=130, sharper=5.0)),
    "points": (64, dict(k=2, h=5, n=80, some=slice(1, 7))),
}


def draw(seed, k, h, n, some=slice(None), delta=None, sharper=1.0):
    """Points and planes of a series."""
    *planes, smoothness, sharpness = random_planes(k=k, h=h, dtype=torch.float32, seed=seed)
    smoothness = smoothness if delta is None else torch.full_like(smoothness, delta)
    points = random_points(n=n, dtype=torch.float32, seed=seed + 1)[some]
    return points, (*planes, smoothness, sharper * sharpness)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("series", SERIES)
def test_over_many_draws_errors_are_about_those_of_the_reference(name, series):
    """Root mean squares over the draws, of the value and of each derivative."""
    draws, sizes = SERIES[series]
    squares = {"cuda": [0.0] * 7, "reference": [0.0] * 7}
    for seed in range(draws):
        points, planes = draw(seed, **sizes)
        exact = evaluate(name, "reference", points.double(), [t.double() for t in planes])
        for backend, sums in squares.items():
            for i, (got, e) in enumerate(zip(evaluate(name, backend, points, planes), exact, strict=True)):
                sums[i] += float((got.double() - e).square().mean())
    for of_kernel, of_reference in zip(*squares.values()):
        assert of_kernel <= 1.5**2 * of_reference


@pytest.mark.parametrize("name", ALL)
def test_far_from_the_origin(name):
    n, d, t, delta, sigma = random_planes(k=3, h=7, dtype=torch.float32)
    away = torch.tensor([300.0, -200.0, 100.0])
    assert_as_accurate(name, random_points(n=150, dtype=torch.float32) + away, (n, d, t + away, delta, sigma))


@settings(max_examples=5)
@given(seed=st.integers(0, 2**16), k=st.integers(1, 6), h=st.integers(1, 9), n=st.integers(0, 200))
def test_every_op_agrees_with_the_reference(seed, k, h, n):
    planes, points = random_planes(k=k, h=h, seed=seed), random_points(n=n, seed=seed + 1)
    for name in ALL:
        inputs = arguments(name, points, planes)
        torch.testing.assert_close(on_cuda(name, *inputs), reference(name, *inputs), rtol=1e-12, atol=1e-14)
    inside = on_cuda("union_contains", points, *planes[:3])
    assert torch.equal(inside, reference("union_contains", points, *planes[:3]))


@pytest.mark.parametrize("name", ALL)
def test_any_subset_of_inputs_may_want_a_derivative(name):
    points, planes = random_points(n=60), random_planes(k=2, h=4)
    inputs = arguments(name, points, planes)
    everything = [t.clone().requires_grad_() for t in inputs]
    whole = torch.autograd.grad(on_cuda(name, *everything).sum(), everything)
    for i, want in enumerate(whole):
        some = [t.clone().requires_grad_(i == j) for j, t in enumerate(inputs)]
        on_cuda(name, *some).sum().backward()
        assert torch.equal(some[i].grad, want)
        assert all(t.grad is None for j, t in enumerate(some) if j != i)


@pytest.mark.parametrize("name", ALL)
def test_double_backward(name):
    """The second derivatives are those of the reference."""
    inputs = [t.requires_grad_() for t in arguments(name, random_points(n=3), random_planes(k=2, h=4))]
    found = []
    for run in (on_cuda, reference):
        first = torch.autograd.grad(run(name, *inputs).sin().sum(), inputs, create_graph=True)
        found.append(torch.autograd.grad(sum(g.square().sum() for g in first), inputs))
    for got, want in zip(*found):
        torch.testing.assert_close(got, want)


# -- layout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_views_and_expanded_inputs(name):
    planes, points = random_planes(k=3, h=5), random_points(n=90)
    want = evaluate(name, "cuda", points, planes)
    strided = torch.empty(3, 90, dtype=torch.float64).copy_(points.T).T
    views = [torch.stack([t, t], dim=-1)[..., 0] for t in planes]
    for got, w in zip(evaluate(name, "cuda", strided, views), want, strict=True):
        assert torch.equal(got, w)
    shared = [t.expand(2, *t.shape) for t in arguments(name, points, planes)]
    value = on_cuda(name, *shared)
    assert torch.equal(value, want[0].expand_as(value))


def test_a_batch_equals_a_loop_with_derivatives():
    planes, points = random_planes(2, k=2, h=4), random_points(2, n=150)
    for name in ALL:
        inputs = arguments(name, points, planes)
        together = [t.clone().requires_grad_() for t in inputs]
        value = on_cuda(name, *together)
        got = torch.autograd.grad(value.sin().sum(), together)
        for i in range(2):
            alone = [t[i].clone().requires_grad_() for t in inputs]
            one = on_cuda(name, *alone)
            assert torch.equal(one, value[i])
            for a, b in zip(torch.autograd.grad(one.sin().sum(), alone), got):
                torch.testing.assert_close(a, b[i], rtol=1e-13, atol=1e-13)
    inside = on_cuda("union_contains", points, *planes[:3])
    assert torch.equal(inside, reference("union_contains", points, *planes[:3]))


def test_the_same_bits_with_deterministic_algorithms_and_no_memory_read_unwritten(monkeypatch):
    """Results come in fresh memory: filled with NaN beforehand, they must be the same."""
    planes, points = random_planes(k=2, h=4), random_points(n=200)
    want = {name: evaluate(name, "cuda", points, planes) for name in ALL}
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        for name in ALL:
            for got, w in zip(evaluate(name, "cuda", points, planes), want[name], strict=True):
                assert torch.equal(got, w)
    finally:
        torch.use_deterministic_algorithms(False)


# -- ties, culling ----------------------------------------------------------------------------------------------------


def test_among_equal_convexes_the_first_has_the_gradient():
    planes = [torch.cat([t, t]) for t in random_planes(k=2, h=5)]
    for name in ("union_sdf", "union_indicator"):
        _, _, to_normals, *_ = evaluate(name, "cuda", random_points(n=150), planes)
        assert to_normals[:2].abs().sum() > 0
        assert to_normals[2:].abs().sum() == 0


def test_duplicate_points_and_points_on_planes():
    normals = torch.cat([torch.eye(3), -torch.eye(3)])[None]
    points = torch.tensor([[0.5, 0, 0], [0.5, 0.5, 0.5], [0, 0, 0]]).repeat(50, 1)
    cube = (normals, torch.full((1, 6), -0.5), torch.zeros(1, 3))
    assert on_cuda("union_contains", points, *cube).all()
    assert not on_cuda("union_contains", points + 1e-6, *cube)[:2].any()
    value = on_cuda("union_sdf", points, *cube, torch.tensor([1e4]))
    assert torch.equal(value, value[:3].repeat(50))


def test_culling_changes_no_bit():
    n, d, t, delta, sigma = random_planes(k=8, h=6, dtype=torch.float32)
    planes = (n, d / 3, t, delta, 10 * sigma)
    points = random_points(n=500, dtype=torch.float32)
    each = on_cuda("convex_indicator", points, *planes)
    assert torch.equal(on_cuda("union_indicator", points, *planes), each.amax(dim=0))
    each = on_cuda("convex_sdf", points, *planes[:4])
    assert torch.equal(on_cuda("union_sdf", points, *planes[:4]), each.amin(dim=0))


def test_bounds_hold_and_are_close():
    planes, points = random_planes(k=8, h=6, dtype=torch.float32), random_points(n=2048, dtype=torch.float32)
    order = on_device(_triton.order_along_curve, points[None], 64)
    boxes = on_device(_triton.boxes_of, points[None], order, 64)
    low, high = on_device(_triton.bounds_of, boxes, *(p[None] for p in planes[:4]), None)
    sdf = reference("convex_sdf", points[order[0].long()], *planes[:4]).view(8, 32, 64)
    assert (low.T <= sdf.amin(-1)).all() and (high.T >= sdf.amax(-1)).all()
    size = 1.5 / 32 ** (1 / 3)  # of a block
    assert (sdf.amin(-1) - low.T).mean() < size and (high.T - sdf.amax(-1)).mean() < size


# -- strange values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_no_point_gives_nan_to_itself_and_to_the_planes(name, bad):
    planes, points = random_planes(k=2, h=5), random_points(n=150)
    clean = evaluate(name, "cuda", points, planes)
    points[70, 1] = bad
    value, to_points, *to_planes = evaluate(name, "cuda", points, planes)
    others = torch.arange(150) != 70
    assert torch.isnan(value[..., 70]).all() and torch.equal(value[..., others], clean[0][..., others])
    assert torch.isnan(to_points[70]).all() and torch.isfinite(to_points[others]).all()
    assert all(torch.isnan(t).any() for t in to_planes)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("which", [0, 1, 2, 3])
def test_a_plane_with_nan_is_never_silently_a_number(name, which):
    planes, points = [t.clone() for t in random_planes(k=3, h=5)], random_points(n=80)
    planes[which][1] = math.nan
    got, want = evaluate(name, "cuda", points, planes), evaluate(name, "reference", points, planes)
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w, equal_nan=True)


@pytest.mark.parametrize("delta", [0.0, -20.0, math.inf])
@pytest.mark.parametrize("name", ALL)
def test_smoothness_that_is_none(name, delta):
    n, d, t, smoothness, sigma = random_planes(k=3, h=5)
    smoothness[1] = delta
    inputs = arguments(name, random_points(n=140), (n, d, t, smoothness, sigma))
    torch.testing.assert_close(on_cuda(name, *inputs), reference(name, *inputs), equal_nan=True)


@pytest.mark.parametrize("name", ALL)
def test_huge_coordinates(name):
    planes, points = random_planes(k=3, h=9, dtype=torch.float32), random_points(n=80, dtype=torch.float32)
    points[::7] *= 1e15
    assert_as_accurate(name, points[1:7], planes)
    assert_as_accurate(name, points[torch.arange(80) % 7 > 0], planes)
    points[3] = 1e30  # beyond what the bounds allow
    inputs = arguments(name, points, planes)
    torch.testing.assert_close(on_cuda(name, *inputs), reference(name, *inputs), rtol=1e-5, atol=1e-6)


def test_empty_and_far_half_spaces():
    """Padding of both kinds: a half-space that never matters, a convex without points."""
    n, d, t, delta, sigma = random_planes(k=3, h=6)
    d[0, 4:] = -1e4
    n[1, :2] = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]])
    d[1, :2] = 1e4
    for name in ALL:
        assert_as_accurate(name, random_points(n=100), (n, d, t, delta, sigma))
    assert not on_cuda("union_contains", random_points(n=100), n[1:2], d[1:2], t[1:2]).any()


def test_nothing_in_nothing_out():
    planes = random_planes(k=3, h=4)
    for name in ALL:
        value, *gradients = evaluate(name, "cuda", random_points(n=0), planes)
        assert value.shape[-1] == 0 and all((g == 0).all() for g in gradients)
        value = on_cuda(name, *arguments(name, random_points(n=4), [p[:0] for p in planes]))
        assert value.shape == ((4,) if "union" in name else (0, 4))


def test_points_are_ordered_along_a_curve_and_strange_ones_last():
    points = random_points(2, n=3000)
    points[0, 5, 1], points[0, 7, 0] = math.nan, 1e200
    order = on_device(_triton.order_along_curve, points, 128).long()
    assert torch.equal(order.sort(dim=-1).values, torch.arange(3000).expand(2, 3000))
    assert set(order[0, -2:].tolist()) == {5, 7}
    along = points[1, order[1]].diff(dim=0).norm(dim=-1).mean()
    assert along < 0.2 * points[1].diff(dim=0).norm(dim=-1).mean()


@pytest.mark.skipif(ON_GPU, reason="about a machine without a GPU")
def test_the_choice_of_a_backend(monkeypatch):
    points, planes = random_points(n=5), random_planes()
    assert "interpreter" in ops.available_backends()["cuda"]
    monkeypatch.delenv("TRITON_INTERPRET")
    assert "no CUDA device is visible" in ops.available_backends()["cuda"]
    with ops.backend("cuda"), pytest.raises(RuntimeError, match=r'backend\("cuda"\) cannot serve .* on cpu'):
        ops.union_sdf(points, *planes[:4])
    monkeypatch.setattr(ops._dispatch, "_HAS_TRITON", False)
    assert ops.available_backends()["cuda"].startswith("does not run: triton is not installed")
    with ops.backend("cuda"), pytest.raises(RuntimeError, match="triton is not installed"):
        ops.union_sdf(points, *planes[:4])
