"""Grids of the signed distance: against the union's own values at the nodes, truncation, work, errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes

from cvxgeom import ops
from cvxgeom.ops import _native
from cvxgeom.ops.indicator import pieces

from .shapes import random_planes

native = pytest.mark.skipif(_native.LIBRARY is None, reason=_native.SENTENCE)
BACKENDS = [pytest.param("cpu", marks=native), "reference"]
TYPES = [torch.float32, torch.float64]
# One more than a cube of nodes on each level of the octree, and one less.
SIZES = [(1, 1, 1), (3, 3, 3), (4, 4, 4), (5, 5, 5), (33, 33, 33), (1, 7, 35), (31, 4, 2), (64, 1, 9)]


def some_planes(*batch, k=5, h=12, dtype=torch.float64, seed=0):
    return random_planes(*batch, k=k, h=h, dtype=dtype, seed=seed)[:4]


def covering(size):
    """First node and spacing of a grid over the cube [−0.75, 0.75]³."""
    return (-0.75, -0.75, -0.75), tuple(1.5 / max(1, n - 1) for n in size)


def at_nodes(lower, spacing, size, planes):
    """`union_sdf` in float64, node by node, through the reference."""
    axes = [low + step * torch.arange(n).double() for low, step, n in zip(lower, spacing, size)]
    nodes = torch.cartesian_prod(*axes)
    with ops.backend("reference"):
        value = ops.union_sdf(nodes, *(t.double() for t in planes))
    return value.reshape(*value.shape[:-1], *size)


def close(got, want):
    rounding = 1e-6 if got.dtype == torch.float32 else 1e-13
    torch.testing.assert_close(got.double(), want, rtol=rounding, atol=rounding)


# -- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_values_are_those_at_the_nodes(backend, dtype, size):
    planes, (lower, spacing) = some_planes(dtype=dtype), covering(size)
    with ops.backend(backend):
        got = ops.sample_grid(lower, spacing, size, *planes)
    assert got.shape == size and got.dtype == dtype
    close(got, at_nodes(lower, spacing, size, planes))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_truncation_clamps_and_changes_nothing_else(backend, dtype, size):
    planes, (lower, spacing) = some_planes(dtype=dtype), covering(size)
    with ops.backend(backend):
        whole = ops.sample_grid(lower, spacing, size, *planes)
        for truncation in (0.01, 0.0625, 10.0):
            cut = ops.sample_grid(lower, spacing, size, *planes, truncation=truncation)
            assert torch.equal(cut, whole.clamp(-truncation, truncation))


def test_values_in_closed_form():
    """A half-space, a grid with another spacing along each axis, values that all types hold."""
    plane = (torch.tensor([[[0.0, 1, 0]]]), torch.tensor([[-1.0]]), torch.zeros(1, 3), torch.ones(1))
    got = ops.sample_grid((5.0, -1.0, 2.0), (1.0, 0.5, 0.25), (2, 9, 3), *plane, truncation=1.25)
    want = torch.linspace(-2, 2, 9).clamp(-1.25, 1.25)[None, :, None].expand(2, 9, 3)
    assert torch.equal(got, want)
    same = ops.sample_grid([5, -1, 2], 0.5, [2, 9, 3], *plane, truncation=1.25)
    assert torch.equal(same, want)


@native
@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    k=st.integers(1, 9),
    h=st.integers(1, 40),
    size=st.tuples(*[st.integers(1, 40)] * 3),
    truncation=st.sampled_from([1e-3, 0.05, 0.3, math.inf]),
)
def test_agrees_with_the_reference(seed, k, h, size, truncation):
    grid = (*covering(size), size, *some_planes(k=k, h=h, seed=seed), truncation)
    with ops.backend("reference"):
        want = ops.sample_grid(*grid)
    torch.testing.assert_close(ops.sample_grid(*grid), want, rtol=1e-12, atol=1e-13)


@native
@pytest.mark.parametrize("delta", [1.0, 1e4])
def test_soft_and_sharp_convexes(delta):
    normals, offsets, translations, _ = some_planes()
    planes, size = (normals, offsets, translations, torch.full((5,), delta).double()), (21, 22, 23)
    close(ops.sample_grid(*covering(size), size, *planes), at_nodes(*covering(size), size, planes))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [(0, 4, 4), (4, 0, 4), (4, 4, 0), (0, 0, 0)], ids=str)
def test_no_nodes(backend, size):
    with ops.backend(backend):
        assert ops.sample_grid((0.0, 0.0, 0.0), 1.0, size, *some_planes()).shape == size


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_convexes_are_the_empty_set(backend):
    planes = [t[:0] for t in some_planes()]
    with ops.backend(backend):
        assert (ops.sample_grid((0.0, 0.0, 0.0), 1.0, (2, 3, 4), *planes, truncation=0.5) == 0.5).all()
        assert (ops.sample_grid((0.0, 0.0, 0.0), 1.0, (2, 3, 4), *planes) == math.inf).all()


@native
def test_a_batch_equals_a_loop():
    planes, size = some_planes(2, 3), (9, 37, 5)
    together = ops.sample_grid(*covering(size), size, *planes, truncation=0.1)
    assert together.shape == (2, 3, *size)
    for i in range(2):
        for j in range(3):
            alone = ops.sample_grid(*covering(size), size, *(t[i, j] for t in planes), truncation=0.1)
            assert torch.equal(together[i, j], alone)


@native
def test_views_and_expanded_inputs():
    normals, offsets, translations, smoothness = planes = some_planes()
    size = (9, 10, 11)
    want = ops.sample_grid(*covering(size), size, *planes)
    views = [torch.stack([t, t], dim=-1)[..., 0] for t in planes]
    assert not views[0].is_contiguous()
    assert torch.equal(ops.sample_grid(*covering(size), size, *views), want)
    shared = ops.sample_grid(
        *covering(size), size, normals.expand(3, -1, -1, -1), offsets, translations, smoothness.expand(2, 1, -1)
    )
    assert torch.equal(shared, want.expand(2, 3, *size))


def test_there_is_no_derivative():
    planes = [t.requires_grad_() for t in some_planes()]
    for backend in ("auto", "reference"):
        with ops.backend(backend):
            assert not ops.sample_grid((0.0, 0.0, 0.0), 1.0, (2, 2, 2), *planes).requires_grad


def test_half_precision_goes_through_float32():
    planes, size = some_planes(dtype=torch.float16), (5, 6, 7)
    got = ops.sample_grid(*covering(size), size, *planes)
    assert torch.equal(got, ops.sample_grid(*covering(size), size, *(t.float() for t in planes)).half())


@native
def test_kernels_read_no_memory_that_they_did_not_write(monkeypatch):
    """Results come in fresh memory: filled with NaN beforehand, they must be the same."""
    planes, size = some_planes(), (34, 3, 29)
    want = ops.sample_grid(*covering(size), size, *planes, truncation=0.05)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True)
    try:
        got = ops.sample_grid(*covering(size), size, *planes, truncation=0.05)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(got, want)


# -- work -------------------------------------------------------------------------------------------------------------


def visited_by(resolution, truncation_cells, k=20):
    size = (resolution,) * 3
    lower, spacing = covering(size)
    with _native.count_work() as work:
        ops.sample_grid(
            lower, spacing, size, *some_planes(k=k, h=20, dtype=torch.float32), truncation_cells * spacing[0]
        )
    return work


@native
def test_with_a_truncation_the_work_follows_the_surface():
    whole, cut = visited_by(128, math.inf), visited_by(128, 1)
    assert whole.pairs == cut.pairs == 32**3 * 20
    assert cut.visited < 0.25 * whole.visited
    assert cut.kept < cut.planes
    # Blocks near a surface grow as the square of the resolution, all blocks as its cube.
    coarse, fine = visited_by(64, 1), visited_by(256, 1)
    assert cut.visited < 6 * coarse.visited and fine.visited < 6 * cut.visited
    assert visited_by(256, math.inf).visited > 6 * whole.visited


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", TYPES)
def test_marching_cubes_gives_the_same_mesh_with_and_without_truncation(backend, dtype):
    planes, size = some_planes(k=6, h=14, dtype=dtype), (48, 50, 49)
    lower, spacing = covering(size)
    with ops.backend(backend):
        whole = ops.sample_grid(lower, spacing, size, *planes)
        cut = ops.sample_grid(lower, spacing, size, *planes, truncation=max(spacing))
    assert (cut != whole).any() and (cut < 0).any()
    wanted, found = (marching_cubes(values.numpy(), 0.0)[:2] for values in (whole, cut))
    for w, f in zip(wanted, found):
        np.testing.assert_array_equal(f, w)


# -- strange values ---------------------------------------------------------------------------------------------------


@native
@pytest.mark.parametrize("which", range(4))
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_planes_that_are_no_numbers_go_to_the_reference(which, bad):
    planes, size = [t.clone() for t in some_planes()], (6, 5, 4)
    planes[which][1] = bad
    with _native.count_work() as work:
        got = ops.sample_grid(*covering(size), size, *planes, truncation=0.1)
    assert work.pairs == 0
    with ops.backend("reference"):
        want = ops.sample_grid(*covering(size), size, *planes, truncation=0.1)
    torch.testing.assert_close(got, want, equal_nan=True)


@native
def test_a_grid_that_reaches_too_far_goes_to_the_reference():
    grid = ((-1e30, 0.0, 0.0), (1e30, 1.0, 1.0), (3, 2, 2), *some_planes(dtype=torch.float32), 0.1)
    with ops.backend("reference"):
        want = ops.sample_grid(*grid)
    torch.testing.assert_close(ops.sample_grid(*grid), want)


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"lower": 0.0}, TypeError, "lower must be three numbers, got float 0.0"),
        ({"lower": (0.0, 1.0)}, TypeError, r"lower must be three numbers, got tuple \(0.0, 1.0\)"),
        ({"lower": ("a", "b", "c")}, TypeError, "lower must be three numbers, got tuple"),
        ({"lower": (0.0, math.nan, 0.0)}, ValueError, r"lower must be finite, got \(0.0, nan, 0.0\)"),
        ({"spacing": (1.0, 1.0)}, TypeError, r"spacing must be three numbers, got tuple \(1.0, 1.0\)"),
        ({"spacing": None}, TypeError, "spacing must be three numbers, got NoneType None"),
        ({"spacing": 0.0}, ValueError, r"spacing must be positive, got \(0.0, 0.0, 0.0\)"),
        ({"spacing": (1.0, -1.0, 1.0)}, ValueError, r"spacing must be positive, got \(1.0, -1.0, 1.0\)"),
        ({"spacing": math.inf}, ValueError, "spacing must be finite, got"),
        ({"size": 4}, ValueError, "size must be three whole numbers, .*, got int 4"),
        ({"size": (4, 4)}, ValueError, r"size must be three whole numbers, .*, got tuple \(4, 4\)"),
        ({"size": (4, 4.0, 4)}, ValueError, "size must be three whole numbers, .*, got tuple"),
        ({"size": (4, -1, 4)}, ValueError, "size must be three whole numbers, .*, got tuple"),
        ({"truncation": 0.0}, ValueError, "truncation must be a positive length, got float 0.0"),
        ({"truncation": math.nan}, ValueError, "truncation must be a positive length, got float nan"),
        ({"truncation": "1"}, ValueError, "truncation must be a positive length, got str '1'"),
        ({"normals": [1.0]}, TypeError, r"normals must be a torch tensor, got list \[1.0\]"),
        ({"normals": torch.zeros(5, 0, 3)}, ValueError, "normals must have at least one half-space.*got H = 0"),
        ({"offsets": torch.zeros(5, 11)}, ValueError, r"offsets must have shape \(\.\.\., 5, 12\), got .* \(5, 11\)"),
        ({"translations": torch.zeros(5, 3).int()}, TypeError, "translations must be a floating-point .*int32"),
        ({"smoothness": torch.zeros(4)}, ValueError, r"smoothness must have shape \(\.\.\., 5\), got .* \(4,\)"),
        ({"offsets": torch.zeros(5, 12, device="meta")}, ValueError, "on the same device, got .*offsets on meta"),
        (
            {"offsets": torch.zeros(2, 5, 12), "smoothness": torch.zeros(3, 5)},
            ValueError,
            r"axes must broadcast, got normals \(\), offsets \(2,\), .*smoothness \(3,\)",
        ),
    ],
)
def test_wrong_arguments(change, error, message):
    right = dict(zip(("normals", "offsets", "translations", "smoothness"), some_planes(dtype=torch.float32)))
    right.update(lower=(0.0, 0.0, 0.0), spacing=1.0, size=(2, 2, 2))
    with pytest.raises(error, match=message):
        ops.sample_grid(**{**right, **change})


@pytest.mark.parametrize("size", [(33, 17, 9), (8, 8, 8), (1, 5, 40)])
def test_without_kernels_most_nodes_are_never_evaluated(size, monkeypatch):
    """And the values are the reference's, cut off where they are."""
    grid, planes = ((-0.8, -0.7, -0.6), 0.05, size), [t.clone() for t in some_planes(h=9)]
    with ops.backend("reference"):
        want = ops.sample_grid(*grid, *planes, truncation=0.05)
    monkeypatch.setattr(_native, "LIBRARY", None)
    evaluated = []
    evaluate = pieces.evaluate
    monkeypatch.setattr(pieces, "evaluate", lambda *a: evaluated.append(a[1].shape[-2]) or evaluate(*a))
    got = ops.sample_grid(*grid, *planes, truncation=0.05)
    torch.testing.assert_close(got, want, rtol=1e-12, atol=1e-14)
    assert torch.equal(got.abs() == 0.05, want.abs() == 0.05)
    assert len(evaluated) == 2 and (sum(evaluated) < want.numel() or min(size) < 9)
    planes[1][2] = math.nan
    got = ops.sample_grid(*grid, *planes, truncation=0.05)
    assert got.isnan().all()
