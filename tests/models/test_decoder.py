"""The paper's parameters, and the decoder that predicts them."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom import PolytopeStatus
from cvxgeom.models.decoder import MlpDecoder
from cvxgeom.models.parameters import n_parameters, raw_of, union_of


def test_the_map_is_that_of_the_official_code() -> None:
    # One convex, two half-spaces; each number worked out by hand.
    a, b = math.atanh(0.5), math.atanh(0.25)  # θ = π/2, φ = π/4
    raw = torch.tensor([math.log(3.0), 1.0, 2.0, 3.0, a, b, 0.0, 0.0, a, math.log(1 / 4)])
    shape = union_of(raw, 1, 2)
    half = math.sqrt(0.5)
    torch.testing.assert_close(shape.normals[0], torch.tensor([[0.0, half, half], [1.0, 0.0, 0.0]]), atol=1e-6, rtol=0)
    torch.testing.assert_close(shape.offsets[0], torch.tensor([-0.25, -0.1]))
    assert shape.translations[0].tolist() == [1.0, 2.0, 3.0]
    torch.testing.assert_close(shape.smoothness, torch.tensor([50 + 0.75 * 250]))
    assert shape.sharpness.tolist() == [75.0]  # type: ignore[union-attr]


def test_numbers_are_ordered_smoothness_translations_planes() -> None:
    k, h = 3, 5
    raw = torch.randn(2, n_parameters(k, h))
    changed = raw.clone()
    changed[:, 1] += 1  # smoothness of the second convex
    changed[:, k + 3 * 2 + 1] += 1  # y of the third
    changed[:, 4 * k + 3 * (h * 1 + 4) + 2] += 1  # the last offset of the second
    before, after = union_of(raw, k, h), union_of(changed, k, h)
    assert (before.smoothness != after.smoothness).nonzero()[:, 1:].tolist() == [[1], [1]]
    assert (before.translations != after.translations).nonzero()[:, 1:].tolist() == [[2, 1], [2, 1]]
    assert (before.offsets != after.offsets).nonzero()[:, 1:].tolist() == [[1, 4], [1, 4]]
    assert torch.equal(before.normals, after.normals)


@given(st.integers(0, 10_000), st.floats(0.1, 30))
def test_any_numbers_are_a_valid_union(seed: int, scale: float) -> None:
    raw = scale * torch.randn(n_parameters(4, 6), generator=torch.Generator().manual_seed(seed))
    shape = union_of(raw, 4, 6)  # checked where it is made: unit normals, δ > 0, all finite
    assert bool((shape.offsets <= 0).all()) and bool((shape.offsets >= -0.5).all())
    assert bool((shape.smoothness >= 50).all()) and bool((shape.smoothness <= 300).all())


@given(st.integers(0, 10_000))
def test_a_union_becomes_the_numbers_that_stand_for_it(seed: int) -> None:
    raw = torch.randn(n_parameters(4, 6), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    shape = union_of(raw, 4, 6)
    again = union_of(raw_of(shape), 4, 6)
    torch.testing.assert_close(again.offsets, shape.offsets, atol=1e-4, rtol=0)
    torch.testing.assert_close(again.smoothness, shape.smoothness, atol=0.05, rtol=0)
    torch.testing.assert_close(again.translations, shape.translations)
    # The squashed angles do not reach their limits: at most 0.03 π off.
    assert float((again.normals - shape.normals).norm(dim=-1).max()) < 0.1


def test_a_wrong_number_of_parameters_is_refused() -> None:
    with pytest.raises(ValueError, match="raw must have 3950 numbers for K = 50, H = 25, got a tensor of shape"):
        union_of(torch.zeros(2, 3951), 50, 25)


def test_every_number_moves_the_union() -> None:
    raw = torch.randn(n_parameters(3, 5), requires_grad=True)
    shape = union_of(raw, 3, 5)
    fields = (shape.normals, shape.offsets, shape.translations, shape.smoothness)
    torch.stack([(field * torch.randn(field.shape)).sum() for field in fields]).sum().backward()
    assert raw.grad is not None and bool((raw.grad != 0).all())


@pytest.mark.parametrize("h", [50, 25])
def test_training_starts_with_varied_convexes_that_are_there(h: int) -> None:
    shape = MlpDecoder(64, 50, h)(torch.randn(4, 64)).detach()
    # The smooth convex contains its origin, by far.
    at_origins = shape.convex_sdf(shape.translations).diagonal(dim1=-2, dim2=-1)
    assert float(at_origins.max()) < -0.03
    points = 2 * torch.rand(30_000, 3) - 1
    inside = shape.indicator(points.expand(4, -1, -1)) > 0.5
    assert not bool((inside & (points.abs() > 0.75).any(dim=-1)).any())
    assert bool((inside.sum(dim=-1) > 500).all())
    # Not one convex fifty times.
    assert float(shape.translations.std(dim=1).min()) > 0.1
    assert float(shape.offsets.mean(dim=-1).std(dim=1).min()) > 0.02
    assert {polytope.status for polytope in shape[0].polytopes()} == {PolytopeStatus.BOUNDED}


def test_the_first_unions_depend_on_the_input() -> None:
    shape = MlpDecoder(64, 5, 10)(torch.randn(8, 64)).detach()
    assert float(shape.translations.std(dim=0).mean()) > 0.01


def test_sizes_are_those_of_the_paper() -> None:
    decoder = MlpDecoder(256, 50, 50)
    weights = [tuple(p.shape) for p in decoder.parameters() if p.ndim == 2]
    assert weights == [(1024, 256), (1024, 1024), (2048, 1024), (7700, 2048)]
    with torch.autocast("cpu", torch.bfloat16):
        assert decoder(torch.randn(1, 256)).dtype == torch.float32
