"""Training indicators: the reference against closed forms, the compiled kernels against the reference."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cvxgeom import ops
from cvxgeom.ops import _native

from .shapes import random_planes, random_points

native = pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)
BACKENDS = [pytest.param("cpu", marks=native), "reference"]
# What a value of size 1 loses by being written down; errors below it say nothing.
FLOOR = {torch.float32: 2e-7, torch.float64: 4e-15}


def labels_of(points):
    """A label per point: 1 in two thirds of the cube of random points."""
    return (points[..., 0] < 0.25).to(points.dtype)


def mixture(tensors):
    """One number that every entry of every tensor changes, each to another degree."""
    flat = torch.cat([t.flatten() for t in tensors])
    return (flat * torch.linspace(-7, 5, max(1, len(flat)), dtype=flat.dtype).sin()[: len(flat)]).sum()


def evaluate(backend, points, planes, labels, n_guides=20):
    """The three outputs, and the derivatives of their mixture to points and planes."""
    inputs = [t.clone().requires_grad_() for t in (points, *planes)]
    with ops.backend(backend):
        found = ops.training_indicators(*inputs, occupancy=labels, n_guides=n_guides)
        return [*(f.detach() for f in found), *torch.autograd.grad(mixture(found), inputs)]


def assert_as_accurate(points, planes, labels, n_guides=20):
    """Error of the kernel ≤ 2 × error of the reference in the same type + floor, both against the float64 reference.

    The error of a reference with few numbers is a matter of luck, so it is taken with the axes in each cyclic order.
    """
    dtype = points.dtype
    exact = evaluate("reference", points.double(), [t.double() for t in planes], labels.double(), n_guides)
    got = evaluate("cpu", points, planes, labels, n_guides)
    allowed = [torch.zeros((), dtype=torch.float64)] * len(exact)
    for shift in range(3):
        normals, offsets, translations, *rest = planes
        turned = (normals.roll(shift, -1), offsets, translations.roll(shift, -1), *rest)
        plain = evaluate("reference", points.roll(shift, -1), turned, labels, n_guides)
        for i, (p, e) in enumerate(zip(plain, exact, strict=True)):
            back = p.roll(-shift, -1) if i in (3, 4, 6) else p  # points, normals, translations
            if e.numel():
                allowed[i] = torch.maximum(allowed[i], (back.double() - e).abs().max())
    for g, a, e in zip(got, allowed, exact, strict=True):
        assert g.dtype == dtype and g.shape == e.shape
        if e.numel() == 0:
            continue
        # A sum over the points may lose as much per term as one value does.
        scale = max(1.0, float(e.abs().max())) * max(1.0, math.sqrt(points.shape[-2]) / 8)
        if dtype == torch.float64:  # then `exact` has errors too, and those of the distances count δ times
            scale *= max(1.0, float(planes[3].max()) / 100)
        assert (g.double() - e).abs().max() <= 2 * a + FLOOR[dtype] * scale


def assert_equal_nan(got, want):
    for g, w in zip(got, want, strict=True):
        assert torch.equal(g.isnan(), w.isnan())
        torch.testing.assert_close(g, w, equal_nan=True)


# -- closed forms -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_half_spaces_in_closed_form(backend):
    """x ≤ 1 and x ≥ 2: the indicators, and with them all three outputs, are sigmoids of one coordinate."""
    normals = torch.tensor([[[1.0, 0, 0]], [[-1.0, 0, 0]]]).double()
    planes = (normals, torch.tensor([[-1.0], [2.0]]).double(), torch.zeros(2, 3).double(), torch.ones(2).double())
    x = torch.tensor([0.5, 1.0, 1.75, 2.5]).double()
    points = torch.stack([x, 7 * x, -x], dim=-1)
    left, right = (-8 * (x - 1)).sigmoid(), (-3 * (2 - x)).sigmoid()
    with ops.backend(backend):
        found = ops.training_indicators(
            points, *planes, torch.tensor([8.0, 3.0]).double(), torch.tensor([True, True, False, True]), n_guides=2
        )
    torch.testing.assert_close(found.union, torch.maximum(left, right))
    torch.testing.assert_close(found.total, left + right)
    torch.testing.assert_close(found.guides, torch.stack([left[[0, 1]], right[[3, 1]]]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_slopes_in_closed_form(backend):
    """At the surface of one half-space dC/dΦ = −σ/4; a guide counts with the label of its point."""
    normals, offsets = torch.tensor([[[1.0, 0, 0]]]).double(), torch.tensor([[-1.0]]).double()
    planes = (normals, offsets.requires_grad_(), torch.zeros(1, 3).double(), torch.ones(1).double())
    points, sharpness = torch.tensor([[1.0, 0, 0]]).double(), torch.tensor(40.0).double()
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, sharpness, torch.tensor([0.5]).double(), n_guides=1)
    for output, label in zip(found, (1.0, 1.0, 0.5)):
        (slope,) = torch.autograd.grad(output.sum(), offsets, retain_graph=True)
        torch.testing.assert_close(slope, torch.tensor([[-10.0 * label]]).double())


# -- accuracy ---------------------------------------------------------------------------------------------------------


@native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("k", "h", "n"),
    [(1, 4, 1), (1, 256, 63), (3, 8, 63), (2, 5, 64), (5, 17, 65), (3, 256, 130), (1, 12, 3000), (40, 25, 3000)],
)
def test_values_and_derivatives(dtype, k, h, n):
    points = random_points(n=n, dtype=dtype)
    assert_as_accurate(points, random_planes(k=k, h=h, dtype=dtype, seed=k + h), labels_of(points))


@native
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_derivatives_of_a_batch(dtype):
    points = random_points(2, 3, n=200, dtype=dtype)
    assert_as_accurate(points, random_planes(2, 3, k=4, h=9, dtype=dtype), labels_of(points), n_guides=7)


@native
@pytest.mark.parametrize("delta", [1.0, 30.0, 1e3, 1e4])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_smoothness_from_1_to_10000(delta, dtype):
    n, d, t, _, sigma = random_planes(k=6, h=12, dtype=dtype)
    points = random_points(n=500, dtype=dtype)
    assert_as_accurate(points, (n, d, t, torch.full((6,), delta, dtype=dtype), sigma), labels_of(points))


@native
def test_far_from_the_origin():
    n, d, t, delta, sigma = random_planes(k=4, h=12, dtype=torch.float32)
    away, points = torch.tensor([300.0, -200.0, 100.0]), random_points(n=300, dtype=torch.float32)
    assert_as_accurate(points + away, (n, d, t + away, delta, sigma), labels_of(points))


@native
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    k=st.integers(1, 9),
    h=st.integers(1, 40),
    n=st.integers(1, 300),
    n_guides=st.integers(0, 30),
)
def test_agrees_with_the_reference(seed, k, h, n, n_guides):
    planes, points = random_planes(k=k, h=h, seed=seed), random_points(n=n, seed=seed + 1)
    for got, want in zip(
        *(evaluate(b, points, planes, labels_of(points), n_guides) for b in ("cpu", "reference")), strict=True
    ):
        torch.testing.assert_close(got, want, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradcheck_and_double_backward(backend):
    inputs = [t.requires_grad_() for t in (random_points(n=6), *random_planes(k=3, h=5))]
    labels = torch.tensor([1.0, 0.0, 1.0, 0.5, 1.0, 0.0]).double()

    def run(*tensors):
        return ops.training_indicators(*tensors, occupancy=labels, n_guides=3)

    with ops.backend(backend):
        assert torch.autograd.gradcheck(run, inputs)
        assert torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_subset_of_inputs_may_want_a_derivative(backend):
    points, planes = random_points(n=200), random_planes(k=5, h=9)
    inputs, labels = (points, *planes), labels_of(points)
    whole = evaluate(backend, points, planes, labels)[3:]
    for subset in range(1, 2 ** len(inputs)):
        wanted = [bool(subset >> i & 1) for i in range(len(inputs))]
        some = [t.clone().requires_grad_(want) for t, want in zip(inputs, wanted)]
        with ops.backend(backend):
            mixture(ops.training_indicators(*some, occupancy=labels)).backward()
        for tensor, want, gradient in zip(some, wanted, whole):
            assert (tensor.grad is not None) == want
            if want:
                torch.testing.assert_close(tensor.grad, gradient, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_any_subset_of_outputs_may_be_used(backend):
    points, planes = random_points(n=150), random_planes(k=4, h=9)
    inputs = [t.clone().requires_grad_() for t in (points, *planes)]
    with ops.backend(backend):
        found = ops.training_indicators(*inputs, occupancy=labels_of(points), n_guides=5)
    alone = [torch.autograd.grad(f.sum(), inputs, retain_graph=True) for f in found]
    together = torch.autograd.grad(sum(f.sum() for f in found), inputs)
    for parts, whole in zip(zip(*alone), together):
        torch.testing.assert_close(sum(parts), whole)


# -- the three outputs ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_union_total_and_guides_are_those_of_the_table_of_indicators(backend):
    points, planes = random_points(n=1000), random_planes(k=12, h=20)
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, occupancy=labels_of(points))
        indicator = ops.convex_indicator(points, *planes)
        torch.testing.assert_close(found.union, ops.union_indicator(points, *planes))
    torch.testing.assert_close(found.total, indicator.sum(dim=0))
    torch.testing.assert_close(found.guides, (labels_of(points) * indicator).topk(20, dim=-1).values)


@pytest.mark.parametrize("backend", BACKENDS)
def test_zeros_fill_up_the_guides_where_points_or_points_inside_are_few(backend):
    planes, points = random_planes(k=3, h=8), random_points(n=7)
    labels = torch.tensor([1.0, 0, 0, 1, 0, 0, 0]).double()
    with ops.backend(backend):
        guides = ops.training_indicators(points, *planes, occupancy=labels, n_guides=9).guides
        indicator = ops.convex_indicator(points, *planes)
    torch.testing.assert_close(guides[:, :2], indicator[:, [0, 3]].sort(descending=True).values)
    assert guides.shape == (3, 9) and (guides[:, 2:] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_guides(backend):
    points, planes = random_points(n=100), random_planes(k=3, h=8)
    union, total, guides, *slopes = evaluate(backend, points, planes, labels_of(points), n_guides=0)
    assert guides.shape == (3, 0) and union.shape == total.shape == (100,)
    assert all(torch.isfinite(s).all() for s in slopes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_boolean_labels_are_zeros_and_ones_and_get_no_gradient(backend):
    points, planes = random_points(n=100), random_planes(k=3, h=8)
    labels = labels_of(points).requires_grad_()
    with ops.backend(backend):
        numbers = ops.training_indicators(points, *planes, occupancy=labels)
        words = ops.training_indicators(points, *planes, occupancy=labels > 0.5)
    assert all(torch.equal(a, b) for a, b in zip(numbers, words))
    assert not any(output.requires_grad for output in numbers)


@pytest.mark.parametrize("backend", BACKENDS)
def test_labels_between_0_and_1_weigh_the_guides(backend):
    points, planes = random_points(n=400), random_planes(k=3, h=8)
    labels = torch.linspace(0, 1, 400).double()
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, occupancy=labels, n_guides=11)
        indicator = ops.convex_indicator(points, *planes)
    torch.testing.assert_close(found.guides, (labels * indicator).topk(11, dim=-1).values)


@pytest.mark.parametrize("backend", BACKENDS)
def test_among_equal_convexes_the_first_has_the_gradient_of_the_union(backend):
    points, planes = random_points(n=200), [torch.cat([t, t]) for t in random_planes(k=2, h=9)]
    inputs = [t.clone().requires_grad_() for t in planes]
    with ops.backend(backend):
        found = ops.training_indicators(points, *inputs, occupancy=labels_of(points))
    (to_normals,) = torch.autograd.grad(found.union.sum(), inputs[:1], retain_graph=True)
    assert to_normals[:2].abs().sum() > 0 and to_normals[2:].abs().sum() == 0
    (to_normals,) = torch.autograd.grad(found.total.sum(), inputs[:1])
    torch.testing.assert_close(to_normals[:2], to_normals[2:])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_point_that_comes_twice_guides_twice(backend):
    points, planes = random_points(n=30).repeat(2, 1), random_planes(k=3, h=8)
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, occupancy=labels_of(points), n_guides=8)
    torch.testing.assert_close(found.guides[:, ::2], found.guides[:, 1::2])
    torch.testing.assert_close(found.union[:30], found.union[30:])


# -- layout -----------------------------------------------------------------------------------------------------------


@native
def test_views_and_expanded_inputs():
    points, planes = random_points(n=90), random_planes(k=4, h=7)
    labels = labels_of(points)
    want = evaluate("cpu", points, planes, labels)
    strided = torch.empty(3, 90, dtype=torch.float64).copy_(points.T).T
    views = [torch.stack([t, t], dim=-1)[..., 0] for t in planes]
    apart = torch.stack([labels, labels], dim=-1)[..., 0]
    assert not strided.is_contiguous() and not views[0].is_contiguous() and not apart.is_contiguous()
    for got, w in zip(evaluate("cpu", strided, views, apart), want, strict=True):
        assert torch.equal(got, w)
    shared = ops.training_indicators(points, *(t.expand(3, *t.shape) for t in planes), occupancy=labels)
    leading = ops.training_indicators(points, *planes, occupancy=labels.expand(2, 3, 90))
    for found in (shared, leading):
        assert all(torch.equal(f, w.expand_as(f)) for f, w in zip(found, want))
    assert leading.union.shape == (2, 3, 90) and leading.guides.shape == (2, 3, 4, 20)


@native
def test_an_input_shared_by_a_batch_gets_the_sum_of_the_gradients():
    points, planes = random_points(3, n=90), random_planes(k=4, h=7)
    got = evaluate("cpu", points, planes, labels_of(points))
    want = evaluate("reference", points, planes, labels_of(points))
    for g, w in zip(got, want, strict=True):
        torch.testing.assert_close(g, w)


@pytest.mark.parametrize("backend", BACKENDS)
def test_one_sharpness_for_all(backend):
    points, (*planes, sharpness) = random_points(n=90), random_planes(k=4, h=7)
    one = sharpness[0]
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, one, labels_of(points))
        want = ops.training_indicators(points, *planes, one.expand(4), labels_of(points))
    assert all(torch.equal(f, w) for f, w in zip(found, want))


@native
def test_a_batch_equals_a_loop_with_derivatives():
    planes, points = random_planes(6, k=3, h=10), random_points(6, n=150)
    inputs, labels = (points, *planes), labels_of(points)
    together = [t.clone().requires_grad_() for t in inputs]
    found = ops.training_indicators(*together, occupancy=labels, n_guides=5)
    got = torch.autograd.grad(sum(f.sin().sum() for f in found), together)
    for i in range(6):
        alone = [t[i].clone().requires_grad_() for t in inputs]
        one = ops.training_indicators(*alone, occupancy=labels[i], n_guides=5)
        assert all(torch.equal(o, f[i]) for o, f in zip(one, found))
        for a, b in zip(torch.autograd.grad(sum(o.sin().sum() for o in one), alone), got):
            assert torch.equal(a, b[i])


@native
def test_kernels_read_no_memory_that_they_did_not_write(monkeypatch):
    """Results come in fresh memory: filled with NaN beforehand, they must be the same."""
    points, planes = random_points(n=150), random_planes(k=3, h=10)
    want = evaluate("cpu", points, planes, labels_of(points))
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        got = evaluate("cpu", points, planes, labels_of(points))
    finally:
        torch.use_deterministic_algorithms(False)
    assert all(torch.equal(g, w) for g, w in zip(got, want, strict=True))


def test_half_precision_goes_through_float32():
    points, planes = random_points(n=50, dtype=torch.float16), random_planes(dtype=torch.float16)
    found = ops.training_indicators(points, *planes, occupancy=labels_of(points))
    want = ops.training_indicators(points.float(), *(p.float() for p in planes), occupancy=labels_of(points))
    assert all(torch.equal(f, w.half()) for f, w in zip(found, want))


# -- culling ----------------------------------------------------------------------------------------------------------


@native
def test_culling_skips_most_of_the_work():
    *planes, sharpness = random_planes(k=50, h=25, dtype=torch.float32)
    points = random_points(n=20_000, dtype=torch.float32)
    inputs = [t.requires_grad_() for t in (*planes, 10 * sharpness)]
    with _native.count_work() as work:
        found = ops.training_indicators(points, *inputs, occupancy=labels_of(points))
    assert work.pairs == 313 * 50
    assert work.visited < 0.35 * work.pairs
    assert work.kept < work.planes
    with _native.count_work() as work:
        torch.autograd.grad(found.union.sum() + found.guides.sum(), inputs)
    # The union and the guides have gradients at N + K · G pairs of a point and a convex.
    assert 0 < work.visited <= work.pairs < 0.1 * 313 * 50
    with ops.backend("reference"):
        want = ops.training_indicators(points, *inputs, occupancy=labels_of(points))
    for got, w in zip(found, want):
        torch.testing.assert_close(got, w, rtol=1e-5, atol=2e-5)


# -- strange values ---------------------------------------------------------------------------------------------------


@native
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e300])
def test_a_point_that_is_no_point_goes_to_the_reference(bad):
    points, planes = random_points(n=150), random_planes(k=3, h=9)
    labels = labels_of(points)
    labels[70] = 1.0
    points[70, 1] = bad
    assert_equal_nan(*(evaluate(backend, points, planes, labels) for backend in ("cpu", "reference")))


@native
@pytest.mark.parametrize("which", range(5))
def test_a_plane_with_nan_goes_to_the_reference(which):
    points, planes = random_points(n=80), [t.clone() for t in random_planes(k=3, h=9)]
    planes[which][1] = math.nan
    assert_equal_nan(*(evaluate(backend, points, planes, labels_of(points)) for backend in ("cpu", "reference")))


@native
def test_negative_labels_go_to_the_reference():
    points, planes = random_points(n=150), random_planes(k=3, h=9)
    labels = labels_of(points)
    labels[::3] = -1.0
    assert_equal_nan(*(evaluate(backend, points, planes, labels) for backend in ("cpu", "reference")))


@native
def test_a_label_that_is_no_number_is_never_silently_one():
    points, planes = random_points(n=150), random_planes(k=3, h=9)
    labels = labels_of(points)
    labels[::3] = math.nan
    got, want = (evaluate(backend, points, planes, labels) for backend in ("cpu", "reference"))
    assert_equal_nan(got[:3], want[:3])
    assert want[2].isnan().all() and all(slope.isnan().any() for slope in got[3:])


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_points(backend):
    found = evaluate(backend, random_points(n=0), random_planes(k=3, h=4), torch.zeros(0).double(), n_guides=2)
    union, total, guides, *slopes = found
    assert union.shape == total.shape == (0,)
    assert torch.equal(guides, torch.zeros(3, 2).double())
    assert all((s == 0).all() for s in slopes)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_convexes(backend):
    points, planes = random_points(2, n=4), [t[:0] for t in random_planes(k=3, h=4)]
    with ops.backend(backend):
        found = ops.training_indicators(points, *planes, occupancy=labels_of(points), n_guides=2)
    assert torch.equal(found.union, torch.zeros(2, 4).double()) and torch.equal(found.total, found.union)
    assert found.guides.shape == (2, 0, 2)


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"points": [1.0]}, TypeError, r"points must be a torch tensor, got list \[1.0\]"),
        ({"points": torch.zeros(7, 2)}, ValueError, r"points must have shape \(\.\.\., \*, 3\), got .* \(7, 2\)"),
        ({"normals": torch.zeros(3, 8, 3).int()}, TypeError, "normals must be a floating-point tensor, got .*int32"),
        ({"normals": torch.zeros(3, 0, 3)}, ValueError, "normals must have at least one half-space.*got H = 0"),
        ({"offsets": torch.zeros(3, 9)}, ValueError, r"offsets must have shape \(\.\.\., 3, 8\), got .* \(3, 9\)"),
        ({"translations": torch.zeros(4, 3)}, ValueError, r"translations must have shape .*3, 3\), got .* \(4, 3\)"),
        ({"smoothness": torch.zeros(1)}, ValueError, r"smoothness must have shape \(\.\.\., 3\), got .* \(1,\)"),
        ({"sharpness": 75.0}, TypeError, "sharpness must be a torch tensor, got float 75.0"),
        ({"offsets": torch.zeros(3, 8, device="meta")}, ValueError, "on the same device, got .*offsets on meta"),
        ({"points": torch.zeros(2, 7, 3), "normals": torch.zeros(5, 3, 8, 3)}, ValueError, "axes must broadcast, got"),
        ({"n_guides": 2.0}, TypeError, "n_guides must be an integer, got float 2.0"),
        ({"n_guides": True}, TypeError, "n_guides must be an integer, got bool True"),
        ({"n_guides": -1}, ValueError, "n_guides must not be negative, got -1"),
        ({"occupancy": [0.0]}, TypeError, r"occupancy must be a floating-point or boolean tensor, got list \[0.0\]"),
        ({"occupancy": torch.zeros(7).int()}, TypeError, "occupancy must be a floating-point or boolean .*int32"),
        ({"occupancy": torch.zeros(6)}, ValueError, r"occupancy must hold a label per point, .*7\), got .*\(6,\)"),
        ({"occupancy": torch.tensor(1.0)}, ValueError, r"occupancy must hold a label per point, .*7\), got .*\(\)"),
        (
            {"occupancy": torch.zeros(7, device="meta")},
            ValueError,
            "occupancy must be on the device of points, cpu, got meta",
        ),
        (
            {"points": torch.zeros(2, 7, 3), "occupancy": torch.zeros(3, 7)},
            ValueError,
            r"axes of occupancy and points must broadcast, got \(3,\) and \(2,\)",
        ),
    ],
)
def test_wrong_arguments(change, error, message):
    names = ("normals", "offsets", "translations", "smoothness", "sharpness")
    right = dict(zip(names, random_planes(k=3, h=8, dtype=torch.float32)))
    right.update(points=torch.zeros(7, 3), occupancy=torch.zeros(7))
    with pytest.raises(error, match=message):
        ops.training_indicators(**{**right, **change})
