"""ConvexUnion: construction, queries, indexing, joining, motion."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import cvxgeom
from cvxgeom import ConvexUnion, ops
from tests.ops.shapes import random_planes, random_points


def random_union(*batch, seed=0, **sizes) -> ConvexUnion:
    return ConvexUnion(*random_planes(*batch, seed=seed, **sizes))


def rotation(seed: int) -> torch.Tensor:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return torch.from_numpy(q * np.sign(np.linalg.det(q)))


def fields(shape: ConvexUnion) -> dict[str, torch.Tensor]:
    return {field.name: getattr(shape, field.name) for field in dataclasses.fields(shape)}


def test_queries_are_the_ops():
    planes = random_planes()
    shape, x = ConvexUnion(*planes), random_points()
    assert torch.equal(shape.sdf(x), ops.union_sdf(x, *planes[:4]))
    assert torch.equal(shape.indicator(x), ops.union_indicator(x, *planes))
    assert torch.equal(shape.convex_sdf(x), ops.convex_sdf(x, *planes[:4]))
    assert torch.equal(shape.convex_indicator(x), ops.convex_indicator(x, *planes))
    assert torch.equal(shape.contains(x), ops.union_contains(x, *planes[:3]))
    assert torch.equal(shape.raycast(x, x + 1).part, ops.raycast(x, x + 1, *planes[:3]).part)


def test_sizes_and_repr():
    shape = random_union(2, 5, k=4, h=9)
    assert (shape.batch_size, shape.n_convexes, shape.n_halfspaces) == (torch.Size([2, 5]), 4, 9)
    assert (shape.dtype, shape.device.type) == (torch.float64, "cpu")
    assert repr(shape) == "ConvexUnion(batch_size=(2, 5), n_convexes=4, n_halfspaces=9, torch.float64)"
    assert not hasattr(shape, "shape")


def test_is_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        random_union().offsets = torch.zeros(3, 8)  # type: ignore[misc]


def test_one_sharpness_for_all():
    n, d, t, delta, _ = random_planes(2)
    for value in (75, 75.0, np.float32(75), np.int64(75), torch.tensor(75.0, dtype=torch.float64)):
        assert torch.equal(ConvexUnion(n, d, t, delta, value).sharpness, torch.full((2, 3), 75.0).double())


def test_gradients_pass_through_every_method():
    planes = [t.requires_grad_() for t in random_planes()]
    shape = ConvexUnion(*planes).scale(2.0).rotate(rotation(0)).translate((1.0, 2.0, 3.0)).select([0, 2])
    shape.indicator(2 * random_points()).sum().backward()
    for tensor in planes:
        assert tensor.grad is not None and float(tensor.grad.abs().sum()) > 0
    assert not ConvexUnion(*planes).detach().normals.requires_grad


def test_to_converts_all_fields():
    for dtype in (torch.float16, torch.bfloat16, torch.float32):
        assert {value.dtype for value in fields(random_union().to(dtype)).values()} == {dtype}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"normals": None}, TypeError, "normals must be a torch tensor, got NoneType"),
        ({"offsets": torch.zeros(3, 8, dtype=torch.long)}, TypeError, "offsets must be a floating-point tensor"),
        ({"offsets": torch.zeros(3, 7).double()}, ValueError, r"offsets must have shape \(..., 3, 8\)"),
        ({"translations": torch.zeros(2, 3, 3).double()}, ValueError, r"translations must have shape \(3, 3\)"),
        ({"smoothness": torch.ones(3)}, ValueError, "smoothness must have the dtype of normals"),
        ({"smoothness": torch.zeros(3).double()}, ValueError, "smoothness must be greater than 0"),
        ({"sharpness": -1.0}, ValueError, "sharpness must be greater than 0"),
        ({"offsets": torch.full((3, 8), math.nan).double()}, ValueError, "offsets must be finite, got 24 of 24"),
        ({"normals": torch.ones(3, 8, 3).double()}, ValueError, "normals must be unit vectors"),
        ({"normals": torch.ones(3, 0, 3).double()}, ValueError, "at least one half-space"),
        ({"offsets": torch.zeros(3, 8, device="meta").double()}, ValueError, "same device"),
    ],
)
def test_wrong_fields_are_named(change, error, message):
    with pytest.raises(error, match=message):
        dataclasses.replace(random_union(), **change)


# -- indexing, joining ------------------------------------------------------------------------------------------------


def test_indexing_addresses_the_batch():
    shape, x = random_union(2, 5), random_points()
    assert torch.equal(shape[1, 3].sdf(x), shape.sdf(x)[1, 3])
    assert shape[0].batch_size == (5,) and shape[:, 1:3].batch_size == (2, 2)
    with pytest.raises(IndexError, match="no batch axes"):
        random_union()[0]
    with pytest.raises(IndexError, match="batch axes"):
        shape[0, 0, 0]


def test_select_by_index_mask_and_slice():
    shape, x = random_union(2, k=4), random_points()
    want = shape.convex_sdf(x)[:, [3, 1]].amin(dim=1)
    torch.testing.assert_close(shape.select([3, 1]).sdf(x), want)
    mask = torch.tensor([False, True, False, True])
    assert torch.equal(shape.select(mask).offsets, shape.select([1, 3]).offsets)
    assert torch.equal(shape.select(slice(1, None, 2)).offsets, shape.select([1, 3]).offsets)
    assert shape.select([]).n_convexes == 0
    with pytest.raises(IndexError):
        shape.select([4])


def test_stack_and_concatenate_pad_without_a_trace():
    a, b, x = random_union(k=2, h=5), random_union(k=4, h=9, seed=3), random_points(n=50)
    batch = cvxgeom.stack([a, b])
    assert (batch.batch_size, batch.n_convexes, batch.n_halfspaces) == ((2,), 4, 9)
    torch.testing.assert_close(batch[0].sdf(x), a.sdf(x), rtol=1e-12, atol=0)
    torch.testing.assert_close(batch[1].sdf(x), b.sdf(x), rtol=0, atol=0)
    joined = cvxgeom.concatenate([a, b])
    torch.testing.assert_close(joined.sdf(x), torch.minimum(a.sdf(x), b.sdf(x)), rtol=1e-12, atol=0)
    status = [p.status.value for p in batch[0].polytopes()]
    assert status[2:] == ["empty", "empty"]


def test_padding_does_not_close_what_is_open():
    open_box = cvxgeom.from_planes(cvxgeom.box().normals[:, 1:], cvxgeom.box().offsets[:, 1:])  # no plane towards +x
    joined = cvxgeom.concatenate([open_box, cvxgeom.sphere(n_halfspaces=30)])
    assert [p.status.value for p in joined.polytopes()] == ["unbounded", "bounded"]


def test_padding_survives_half_precision():
    batch = cvxgeom.stack([cvxgeom.box(), cvxgeom.sphere(n_halfspaces=30)]).to(torch.float16)
    assert torch.isfinite(batch.sdf(torch.zeros(1, 3, dtype=torch.float16))).all()


def test_padding_of_padding_does_not_grow():
    """Joined step by step, a union holds the same numbers as joined at once, but for the depth of its padding."""
    parts = [cvxgeom.box(), cvxgeom.sphere(n_halfspaces=12), cvxgeom.sphere(n_halfspaces=20), cvxgeom.sphere()]
    nested = parts[0]
    for part in parts[1:]:
        nested = cvxgeom.concatenate([nested.rotate(rotation(1)), part])
    assert float(nested.offsets.abs().max()) < 2e4
    assert torch.isfinite(nested.to(torch.float16).sdf(torch.zeros(1, 3, dtype=torch.float16))).all()
    assert sum(float(p.volume) for p in nested.polytopes()) == pytest.approx(1 + 3 * math.pi / 6, rel=1e-4)


def test_padding_of_empty_convexes_does_not_grow():
    nested = cvxgeom.box()
    for n in (12, 20, 32):
        nested = cvxgeom.stack([nested, cvxgeom.sphere(n_halfspaces=n).select([0] * n)])[0]
    assert float(nested.offsets.abs().max()) < 2e4
    assert [p.status.value for p in nested.polytopes()] == ["bounded"] + 31 * ["empty"]
    holes = cvxgeom.stack([nested.select([1]), cvxgeom.sphere(n_halfspaces=40)])  # nothing but padding
    assert float(holes.offsets.abs().max()) < 2e4


def test_padding_stands_beyond_large_offsets_too():
    shape = cvxgeom.from_planes(torch.eye(3), torch.tensor([-1e-6, -1.0, -1e6]))
    assert cvxgeom.stack([shape, cvxgeom.sphere()])[0].offsets.min() == -1e10


def test_joining_demands_equal_batches():
    for join in (cvxgeom.stack, cvxgeom.concatenate):
        with pytest.raises(ValueError, match="at least one ConvexUnion"):
            join([])
        with pytest.raises(ValueError, match="equal batch axes"):
            join([random_union(), random_union(2)])


# -- motion -----------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 999), factor=st.floats(1e-3, 1e3))
def test_motion_moves_the_field(seed, factor):
    """sdf scales as a length under x ↦ s R x + v, the indicator does not change."""
    shape, x = random_union(seed=seed), random_points(n=20, seed=seed)
    r, v = rotation(seed), torch.tensor([3.0, -1.0, 0.5]).double()
    matrix = torch.eye(4).double()
    matrix[:3, :3], matrix[:3, 3] = factor * r, v
    moved, y = shape.transform(matrix), factor * x @ r.T + v
    torch.testing.assert_close(moved.sdf(y), factor * shape.sdf(x), rtol=1e-9, atol=1e-9 * factor)
    torch.testing.assert_close(moved.indicator(y), shape.indicator(x), rtol=1e-6, atol=1e-9)


def test_motion_of_a_batch():
    shape, x = random_union(2), random_points(n=5)
    turns = torch.stack([rotation(0), rotation(1)])
    turned = shape.rotate(turns)
    for i in range(2):
        torch.testing.assert_close(turned[i].sdf(x @ turns[i].T), shape[i].sdf(x))
    vectors = torch.tensor([[1.0, 0, 0], [0, 2.0, 0]]).double()
    torch.testing.assert_close(shape.translate(vectors)[1].sdf(x + vectors[1]), shape[1].sdf(x))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.translate((1.0, 2.0)), "vector must have shape"),
        (lambda s: s.rotate([[1.0, 0], [0, 1.0]]), "rotation must have shape"),
        (lambda s: s.rotate(2 * torch.eye(3)), "proper rotation"),
        (lambda s: s.rotate(-torch.eye(3)), "proper rotation"),
        (lambda s: s.scale(0.0), "factor must be a finite number greater than 0"),
        (lambda s: s.scale(-1.0), "factor must be a finite number greater than 0"),
        (lambda s: s.transform(torch.eye(3)), "matrix must be 4×4"),
        (lambda s: s.transform(torch.diag(torch.tensor([1.0, 2, 3, 1]))), "proper rotation"),
        (lambda s: s.transform(torch.diag(torch.tensor([-1.0, 1, 1, 1]))), "matrix must be a similarity"),
    ],
)
def test_wrong_motion_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(random_union())


def test_polytopes_need_a_single_shape():
    with pytest.raises(ValueError, match="needs a single shape"):
        random_union(2).polytopes()
