"""Indicator ops: closed forms, laws, gradients, precision, bounded memory, errors."""

import math

import mpmath
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom import ops
from cvxgeom.ops import _chunks

from .shapes import random_planes, random_points

CUBE = torch.cat([torch.eye(3), -torch.eye(3)]).double()[None]
ALL = ("convex_sdf", "convex_indicator", "union_sdf", "union_indicator")


def call(name, points, normals, offsets, translations, smoothness, sharpness):
    args = (points, normals, offsets, translations, smoothness)
    return getattr(ops, name)(*args, sharpness) if "indicator" in name else getattr(ops, name)(*args)


# -- closed forms -----------------------------------------------------------------------------------------------------


def test_single_half_space_is_the_exact_distance():
    x = random_points(n=50)
    n = torch.nn.functional.normalize(torch.tensor([[[1.0, 2.0, -0.5]]], dtype=torch.float64), dim=-1)
    t = torch.tensor([[0.1, -0.2, 0.3]], dtype=torch.float64)
    phi = ops.convex_sdf(x, n, torch.tensor([[-0.2]]).double(), t, torch.tensor([7.0]).double())
    torch.testing.assert_close(phi[0], (x - t) @ n[0, 0] - 0.2)


def test_h_equal_planes_add_log_h_over_delta():
    n = torch.tensor([1.0, 0, 0]).double().expand(1, 5, 3)
    phi = ops.convex_sdf(
        torch.zeros(1, 3).double(),
        n,
        -torch.ones(1, 5).double(),
        torch.zeros(1, 3).double(),
        torch.tensor([30.0]).double(),
    )
    assert phi.item() == pytest.approx(-1 + math.log(5) / 30, abs=1e-14)


def test_cube_against_arbitrary_precision():
    """A route without torch: the log-sum-exp of the six distances in 60 digits."""
    mpmath.mp.dps = 60
    x, delta = (0.37, -0.21, 0.49), 180.0
    distances = [s * c - 0.5 for s in (1, -1) for c in map(mpmath.mpf, x)]
    want = mpmath.log(sum(mpmath.exp(delta * d) for d in distances)) / delta
    got = ops.convex_sdf(
        torch.tensor([x], dtype=torch.float64),
        CUBE,
        torch.full((1, 6), -0.5).double(),
        torch.zeros(1, 3).double(),
        torch.tensor([delta]).double(),
    )
    assert got.item() == pytest.approx(float(want), abs=1e-15)


def test_indicator_is_one_half_on_the_level_set_and_slopes_by_a_quarter_sigma():
    x = torch.tensor([[1.0, 0, 0]], dtype=torch.float64, requires_grad=True)
    n = torch.tensor([[[1.0, 0, 0]]]).double()
    one = torch.ones(1).double()
    c = ops.convex_indicator(x, n, -torch.ones(1, 1).double(), torch.zeros(1, 3).double(), one, 40 * one)
    assert c.item() == 0.5
    (slope,) = torch.autograd.grad(c.sum(), x)
    torch.testing.assert_close(slope, torch.tensor([[-10.0, 0, 0]]).double())


def test_no_convex_is_the_empty_set():
    planes = [t[:0] for t in random_planes(k=1)]
    x = random_points(n=4)
    assert call("union_sdf", x, *planes).tolist() == [math.inf] * 4
    assert call("union_indicator", x, *planes).tolist() == [0.0] * 4
    assert call("convex_sdf", x, *planes).shape == (0, 4)
    assert not ops.union_contains(x, *planes[:3]).any()


# -- laws -------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**16), k=st.integers(1, 5), h=st.integers(1, 12), n=st.integers(0, 9))
def test_smooth_convex_lies_between_exact_and_log_h(seed, k, h, n):
    planes = random_planes(k=k, h=h, seed=seed)
    x = random_points(n=n, seed=seed + 1)
    normals, offsets, translations, delta, _ = planes
    exact = (torch.einsum("khi,kni->khn", normals, x - translations[:, None]) + offsets[..., None]).amax(dim=1)
    phi = call("convex_sdf", x, *planes)
    assert (phi >= exact - 1e-12).all()
    assert (phi <= exact + (math.log(h) / delta)[:, None] + 1e-12 if h > 1 else phi <= exact + 1e-12).all()


@given(seed=st.integers(0, 2**16))
def test_phi_is_convex_and_one_lipschitz(seed):
    planes = random_planes(seed=seed)
    a, b = random_points(n=20, seed=seed), random_points(n=20, seed=seed + 7)
    fa, fb, middle = (call("convex_sdf", x, *planes) for x in (a, b, (a + b) / 2))
    assert (middle <= (fa + fb) / 2 + 1e-12).all()
    assert ((fa - fb).abs() <= (a - b).norm(dim=-1) + 1e-12).all()


@given(seed=st.integers(0, 2**16))
def test_duplicates(seed):
    """A half-space given twice adds up to log 2/δ; a convex given twice changes nothing."""
    planes = random_planes(seed=seed)
    x = random_points(n=20, seed=seed)
    phi = call("convex_sdf", x, *planes)
    twice = [torch.cat([t, t], dim=1) if t.ndim > 1 and t.shape[1] == 8 else t for t in planes]
    torch.testing.assert_close(call("convex_sdf", x, *twice), phi + (math.log(2) / planes[3])[:, None])
    both = [torch.cat([t, t]) for t in planes]
    for name in ("union_sdf", "union_indicator"):
        torch.testing.assert_close(call(name, x, *both), call(name, x, *planes), rtol=1e-13, atol=0)


@given(seed=st.integers(0, 2**16), unit=st.floats(1e-3, 1e3))
def test_change_of_unit(seed, unit):
    n, d, t, delta, sigma = random_planes(seed=seed)
    x = random_points(n=20, seed=seed)
    scaled = (unit * x, n, unit * d, unit * t, delta / unit, sigma / unit)
    torch.testing.assert_close(call("union_sdf", *scaled), unit * call("union_sdf", x, n, d, t, delta, sigma))
    torch.testing.assert_close(call("union_indicator", *scaled), call("union_indicator", x, n, d, t, delta, sigma))


@given(seed=st.integers(0, 2**16))
def test_union_is_the_best_convex_and_half_level_is_zero_level(seed):
    planes = random_planes(seed=seed)
    x = random_points(n=30, seed=seed)
    sdf, indicator = call("union_sdf", x, *planes), call("union_indicator", x, *planes)
    assert torch.equal(sdf, call("convex_sdf", x, *planes).amin(dim=0))
    assert torch.equal(indicator, call("convex_indicator", x, *planes).amax(dim=0))
    assert torch.equal(sdf < 0, indicator > 0.5)
    inside = ops.union_contains(x, *planes[:3])
    assert (inside | (sdf >= 0)).all(), "the smooth union lies inside the exact one"


def test_leading_axes_broadcast_and_equal_a_loop():
    planes = random_planes(2, 3)
    x = random_points(n=5)
    for name in ALL:
        batched = call(name, x, *planes)
        for i in range(2):
            for j in range(3):
                torch.testing.assert_close(batched[i, j], call(name, x, *(t[i, j] for t in planes)))


# -- gradients --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_first_and_second_derivatives(name):
    planes = [t.requires_grad_() for t in random_planes(k=2, h=4)]
    x = random_points(n=3).requires_grad_()
    inputs = (x, *planes) if "indicator" in name else (x, *planes[:4])
    function = getattr(ops, name)
    assert torch.autograd.gradcheck(function, inputs)
    assert torch.autograd.gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", ALL)
def test_pieces_change_neither_values_nor_derivatives(name, monkeypatch):
    planes = [t.requires_grad_() for t in random_planes(k=2, h=4)]
    x = random_points(n=11).requires_grad_()
    inputs = (x, *planes) if "indicator" in name else (x, *planes[:4])
    whole = call(name, x, *planes)
    want = torch.autograd.grad(whole.sin().sum(), inputs)
    monkeypatch.setattr(_chunks, "CHUNK_NUMBERS", 3 * 8)
    with torch.no_grad():
        torch.testing.assert_close(call(name, x, *planes), whole)
    pieces = call(name, x, *planes)
    got = torch.autograd.grad(pieces.sin().sum(), inputs)
    torch.testing.assert_close(pieces, whole)
    for a, b in zip(got, want):
        torch.testing.assert_close(a, b)
    assert torch.autograd.gradgradcheck(getattr(ops, name), inputs)


def test_memory_of_a_long_query_is_bounded(monkeypatch):
    """No intermediate tensor is larger than a piece, in the forward pass and in the backward pass."""
    planes = [t.requires_grad_() for t in random_planes(k=4, h=8)]
    monkeypatch.setattr(_chunks, "CHUNK_NUMBERS", 64 * 32)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            for tensor in torch.utils._pytree.tree_leaves(out):
                if isinstance(tensor, torch.Tensor) and tensor.ndim > 1:
                    largest = max(largest, tensor.numel())
            return out

    x = random_points(n=3000)
    with Watch():
        ops.union_sdf(x, *planes[:4]).sum().backward()
    assert largest <= max(64 * 32, 3 * 3000)


# -- precision --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delta", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_sharp_and_far_is_finite_in_every_precision(dtype, delta):
    n, d, t, _, sigma = random_planes(dtype=dtype)
    delta = torch.full((3,), delta, dtype=dtype)
    x = torch.tensor([[0, 0, 0], [1000, -1000, 500], [1e-7, 0, 0]], dtype=dtype)
    tensors = [v.requires_grad_() for v in (x, n, d, t, delta, sigma)]
    for name in ALL:
        value = call(name, *tensors)
        assert value.dtype == dtype and torch.isfinite(value).all()
        gradients = torch.autograd.grad(value.float().sum(), tensors, allow_unused=True)
        assert all(torch.isfinite(g).all() for g in gradients if g is not None)


def test_float32_is_as_accurate_as_its_format_allows():
    planes = random_planes(k=20, h=30)
    x = random_points(n=500)
    want = call("convex_sdf", x, *planes)
    got = call("convex_sdf", x.float(), *(t.float() for t in planes)).double()
    assert (got - want).abs().max() < 5 * torch.finfo(torch.float32).eps


def test_mixed_precision_is_promoted():
    planes = random_planes()
    assert call("union_sdf", random_points().float(), *planes).dtype == torch.float64


def test_nan_stays_where_it_is():
    planes = random_planes()
    x = random_points(n=4)
    x[2, 1] = math.nan
    for name in ALL:
        assert torch.isnan(call(name, x, *planes)).reshape(-1, 4).any(dim=0).tolist() == [False, False, True, False]


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ALL)
def test_wrong_arguments_are_named(name):
    n, d, t, delta, sigma = random_planes()
    x = random_points()
    cases = [
        (TypeError, "points must be a floating-point tensor", (x.long(), n, d, t, delta, sigma)),
        (ValueError, r"points must have shape \(..., \*, 3\)", (x[:, :2], n, d, t, delta, sigma)),
        (ValueError, r"offsets must have shape \(..., 3, 8\)", (x, n, d[:, :4], t, delta, sigma)),
        (ValueError, r"translations must have shape \(..., 3, 3\)", (x, n, d, t[:2], delta, sigma)),
        (ValueError, r"smoothness must have shape \(..., 3\)", (x, n, d, t, delta[:1], sigma)),
        (ValueError, "at least one half-space", (x, n[:, :0], d[:, :0], t, delta, sigma)),
        (ValueError, "leading .* axes must broadcast", (x.expand(2, 7, 3), n.expand(3, 3, 8, 3), d, t, delta, sigma)),
        (ValueError, "same device", (x.to("meta"), n, d, t, delta, sigma)),
    ]
    for error, message, args in cases:
        with pytest.raises(error, match=message):
            call(name, *args)


def test_scalar_sharpness_is_every_convex():
    n, d, t, delta, _ = random_planes()
    x = random_points()
    scalar = ops.union_indicator(x, n, d, t, delta, torch.tensor(75.0).double())
    assert torch.equal(scalar, ops.union_indicator(x, n, d, t, delta, torch.full((3,), 75.0).double()))


def test_backend_is_chosen_by_name():
    with pytest.raises(ValueError, match="name must be one of"), ops.backend("magic"):
        pass
    with ops.backend("reference"):
        assert call("union_sdf", random_points(), *random_planes()).shape == (7,)
