"""The five terms against numbers worked out by hand, and the traps of the official code."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cvxgeom import ConvexUnion
from cvxgeom.losses import (
    LossTerms,
    LossWeights,
    approximation,
    cross_entropy,
    decomposition,
    guidance,
    localization,
    loss_terms,
    parametrization,
    soft_iou,
)


def slabs(*middles: float, requires_grad: bool = False) -> ConvexUnion:
    """|x − middle| ≤ 1 each, with hard corners: C is 1 inside, ½ on the faces and 0 outside."""
    k = len(middles)
    normals = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]).expand(k, 2, 3).clone()
    translations = torch.tensor([[middle, 0.0, 0.0] for middle in middles])
    fields = [normals, -torch.ones(k, 2), translations, torch.full((k,), 1e4), torch.full((k,), 75.0)]
    return ConvexUnion(*(field.requires_grad_(requires_grad) for field in fields))


def on_axis(*x: float) -> Tensor:
    return torch.tensor([[value, 0.0, 0.0] for value in x])


def terms(middles: tuple[float, ...], x: tuple[float, ...], occupancy: tuple[float, ...], n_uniform: int) -> LossTerms:
    return loss_terms(slabs(*middles), on_axis(*x), torch.tensor(occupancy), n_uniform)


# -- approximation ---------------------------------------------------------------------------------------------------


def test_approximation_counts_a_tenth_near_the_surface() -> None:
    # Union at 0, 1, 5 | 0.5, 3: 1, ½, 0 | 1, 0.
    found = terms((0.0,), (0.0, 1.0, 5.0, 0.5, 3.0), (1.0, 1.0, 1.0, 0.0, 0.0), n_uniform=3).approximation
    assert float(found) == pytest.approx((0 + 0.25 + 1) / 3 + 0.1 * (1 + 0) / 2, abs=1e-5)


def test_approximation_takes_the_largest_indicator() -> None:
    found = terms((0.0, 3.0), (0.0, 3.0, 1.5), (1.0, 1.0, 0.0), n_uniform=3).approximation
    assert float(found) == pytest.approx(0.0, abs=1e-6)


def test_points_of_one_kind_do_not_split_at_a_fixed_number() -> None:
    # In its evaluation the official code takes the points from the 1025th on as near the surface.
    union, occupancy = torch.zeros(3000), torch.ones(3000)
    assert float(approximation(union, occupancy, n_uniform=3000)) == pytest.approx(1.0)
    assert float(approximation(union, occupancy, n_uniform=0)) == pytest.approx(0.1)
    assert float(approximation(union, occupancy, 0, near_surface_weight=0.5)) == pytest.approx(0.5)


@pytest.mark.parametrize("term", [approximation, cross_entropy])
@pytest.mark.parametrize("n_uniform", [-1, 4])
def test_the_number_of_uniform_points_must_fit(term: Callable[..., Tensor], n_uniform: int) -> None:
    with pytest.raises(ValueError, match="n_uniform must be between 0 and the number of points, 3"):
        term(torch.zeros(3), torch.zeros(3), n_uniform)
    assert float(term(torch.zeros(2, 0), torch.zeros(2, 0), 0)) == 0


# -- decomposition ---------------------------------------------------------------------------------------------------


def test_two_convexes_at_a_point_cost_nothing_and_origins_are_points_too() -> None:
    # Sums at the points: 4, 0; at the four origins: 4 each. (4 − 2)² five times out of six.
    assert float(terms((0.0,) * 4, (0.0, 5.0), (1.0, 0.0), 2).decomposition) == pytest.approx(5 * 4 / 6, rel=1e-5)
    assert float(terms((0.0, 0.0), (0.0, 5.0), (1.0, 0.0), 2).decomposition) == pytest.approx(0.0, abs=1e-9)
    # Far from all points, stacked origins are still seen: three at 9, one at 0.
    stacked = terms((9.0, 9.0, 9.0, 0.0), (5.0, -5.0), (0.0, 0.0), 2).decomposition
    assert float(stacked) == pytest.approx(3 * 1 / 6, rel=1e-5)
    assert float(decomposition(torch.tensor([3.0, 1.0]), limit=1.0)) == 2.0


# -- parametrization -------------------------------------------------------------------------------------------------


def test_parametrization_is_the_mean_square_of_offsets() -> None:
    assert float(parametrization(torch.tensor([[-1.0, -2.0], [-3.0, 0.0]]))) == pytest.approx(14 / 4)
    assert float(terms((0.0, 2.0), (0.0,), (1.0,), 1).parametrization) == pytest.approx(1.0)


# -- guidance --------------------------------------------------------------------------------------------------------


def test_guides_are_the_twenty_largest_inside() -> None:
    # Thirty points inside: ten where C = 1, five on a face, fifteen outside of the convex. Empty space does not count.
    x = (0.0,) * 10 + (1.0,) * 5 + (5.0,) * 15 + (0.0,) * 40
    found = terms((0.0,), x, (1.0,) * 30 + (0.0,) * 40, n_uniform=70).guidance
    assert float(found) == pytest.approx((10 * 0 + 5 * 0.25 + 5 * 1) / 20, rel=1e-4)


def test_guidance_asks_no_more_points_than_there_are() -> None:
    # The official code would add 17 errors of one.
    found = terms((0.0,), (0.0, 1.0, 5.0, 7.0), (1.0, 1.0, 1.0, 0.0), n_uniform=4).guidance
    assert float(found) == pytest.approx((0 + 0.25 + 1) / 3, rel=1e-4)


def test_guidance_of_a_batch_weighs_shapes_alike() -> None:
    guides = torch.tensor([[[1.0, 0.5, 0.0]], [[0.5, 0.0, 0.0]]])
    occupancy = torch.tensor([[1.0, 1.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    assert float(guidance(guides, occupancy)) == pytest.approx(((0 + 0.25 + 1) / 3 + 0.25) / 2)
    assert float(guidance(guides, occupancy.bool())) == pytest.approx(float(guidance(guides, occupancy)))
    assert float(guidance(guides, torch.zeros_like(occupancy))) == 0.0


# -- localization ----------------------------------------------------------------------------------------------------


def test_localization_is_the_squared_distance_to_the_nearest_inside() -> None:
    # Origins at 0 and 3; inside are 1 and 7, and 3 is not: 1² and 2².
    found = terms((0.0, 3.0), (1.0, 3.0, 7.0), (1.0, 0.0, 1.0), n_uniform=3).localization
    assert float(found) == pytest.approx((1 + 4) / 2)


def test_a_shape_without_a_point_inside_is_not_penalized() -> None:
    # The official code: about 10⁵.
    points, translations = torch.rand(2, 5, 3), torch.rand(2, 4, 3, requires_grad=True)
    occupancy = torch.tensor([[0.0] * 5, [1.0] * 5])
    found = localization(translations, points, occupancy)
    alone = localization(translations[1:], points[1:], occupancy[1:])
    assert found.item() == pytest.approx(alone.item() / 2)
    found.backward()
    assert translations.grad is not None
    assert not bool(translations.grad[0].any()) and bool(translations.grad[1].any())
    nothing = loss_terms(slabs(0.0), on_axis(0.0, 5.0), torch.zeros(2), 1)
    assert float(nothing.localization) == 0 and float(nothing.guidance) == 0
    assert math.isfinite(float(nothing.total()))


# -- all of them -----------------------------------------------------------------------------------------------------


def test_the_total_has_the_weights_of_the_official_code() -> None:
    found = LossTerms(*(torch.tensor(value) for value in (1.0, 10.0, 100.0, 1000.0, 10000.0)))
    assert float(found.total()) == pytest.approx(1 + 0.1 * 10 + 0.001 * 100 + 0.01 * 1000 + 10000)
    assert float(found.total(LossWeights(0, 0, 0, 2, 0))) == pytest.approx(2000)


def test_a_batch_is_the_mean_of_its_shapes() -> None:
    shapes = [slabs(0.0, 0.5, 1.0), slabs(-1.0, 2.0, 2.5)]
    both = ConvexUnion(
        *(
            torch.stack([getattr(shape, name) for shape in shapes])
            for name in ("normals", "offsets", "translations", "smoothness", "sharpness")
        )
    )
    points = 3 * torch.rand(2, 60, 3) - 1
    occupancy = (points[..., 0] < 0.7).float()
    found = loss_terms(both, points, occupancy, 40)
    single = [loss_terms(shape, points[i], occupancy[i], 40) for i, shape in enumerate(shapes)]
    for name, value in found._asdict().items():
        mean = (getattr(single[0], name) + getattr(single[1], name)) / 2
        torch.testing.assert_close(value, mean, msg=name)


REACHED = {
    "approximation": {"normals", "offsets", "translations", "smoothness", "sharpness"},
    "decomposition": {"normals", "offsets", "translations", "smoothness", "sharpness"},
    "guidance": {"normals", "offsets", "translations", "smoothness", "sharpness"},
    "parametrization": {"offsets"},
    "localization": {"translations"},
}


@pytest.mark.parametrize("term", REACHED)
def test_gradients_reach_what_they_should(term: str) -> None:
    k, h = 6, 8
    fields = {
        "normals": torch.nn.functional.normalize(torch.randn(k, h, 3), dim=-1),
        "offsets": -0.2 - 0.1 * torch.rand(k, h),
        "translations": 0.1 * torch.randn(k, 3),
        "smoothness": 20 + 10 * torch.rand(k),
        "sharpness": 10 + torch.rand(k),
    }
    for field in fields.values():
        field.requires_grad_()
    points = torch.rand(200, 3) - 0.5
    occupancy = (points.norm(dim=-1) < 0.4).float()
    getattr(loss_terms(ConvexUnion(**fields), points, occupancy, 100), term).backward()
    assert {name for name, field in fields.items() if field.grad is not None and bool(field.grad.any())} == REACHED[
        term
    ]


def test_gradients_are_those_of_finite_differences() -> None:
    k, h = 3, 8
    points = torch.rand(30, 3, dtype=torch.float64) - 0.5
    occupancy = (points[:, 0] < 0.1).double()

    def total(normals: Tensor, *fields: Tensor) -> Tensor:
        shape = ConvexUnion(torch.nn.functional.normalize(normals, dim=-1), *fields)
        return loss_terms(shape, points, occupancy, 20).total(LossWeights(1, 1, 1, 1, 1))

    fields = (torch.randn(k, h, 3), -0.2 - 0.2 * torch.rand(k, h), 0.2 * torch.randn(k, 3), 50 + 100 * torch.rand(k))
    inputs = [field.double().requires_grad_() for field in (*fields, torch.full((k,), 10.0))]
    assert torch.autograd.gradcheck(total, inputs)


# -- ours ------------------------------------------------------------------------------------------------------------


def test_cross_entropy_by_hand() -> None:
    union, occupancy = torch.tensor([0.9, 0.2, 0.5, 0.25]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    expected = -(math.log(0.9) + math.log(0.8)) / 2 - (math.log(0.5) + math.log(0.75)) / 2
    assert float(cross_entropy(union, occupancy, 2)) == pytest.approx(expected, rel=1e-6)
    alone = -(math.log(0.9) + math.log(0.8) + math.log(0.5) + math.log(0.75)) / 4
    assert float(cross_entropy(union, occupancy, 4)) == pytest.approx(alone, rel=1e-6)
    assert float(cross_entropy(union, occupancy, 0)) == pytest.approx(alone, rel=1e-6)


def test_cross_entropy_of_a_certain_error_is_finite() -> None:
    found = cross_entropy(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 0.0]), 2)
    assert float(found) == pytest.approx(-math.log(1e-5), rel=1e-3)


def test_soft_iou_by_hand() -> None:
    union, occupancy, weights = torch.tensor([0.5, 1.0, 0.25]), torch.tensor([1.0, 1.0, 0.0]), torch.tensor([1.0, 2, 4])
    both, either = 0.5 + 2, 1 * 1.0 + 2 * 1.0 + 4 * 0.25
    assert float(soft_iou(union, occupancy, weights)) == pytest.approx(1 - both / either)
    # Of hard labels it is the IoU; the unit of the weights does not matter; no point inside is the worst.
    hard = torch.tensor([1.0, 1.0, 1.0])
    assert float(soft_iou(hard, occupancy, 7 * torch.ones(3))) == pytest.approx(1 - 2 / 3)
    assert float(soft_iou(hard, torch.zeros(3), weights)) == 1.0
    assert float(soft_iou(torch.zeros(3), torch.zeros(3), weights)) == 1.0


def test_every_shape_counts_the_same_in_soft_iou() -> None:
    union, occupancy, weights = torch.rand(2, 50), (torch.rand(2, 50) < 0.5).float(), torch.rand(2, 50)
    single = [float(soft_iou(union[i], occupancy[i], weights[i])) for i in range(2)]
    assert float(soft_iou(union, occupancy, weights)) == pytest.approx(sum(single) / 2, rel=1e-5)
    weights[0] *= 100
    assert float(soft_iou(union, occupancy, weights)) == pytest.approx(sum(single) / 2, rel=1e-5)


def test_gradients_of_ours_are_right() -> None:
    union = (0.1 + 0.8 * torch.rand(2, 12, dtype=torch.float64)).requires_grad_()
    occupancy = (torch.rand(2, 12) < 0.5).double()
    weights = torch.rand(2, 12, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda u: cross_entropy(u, occupancy, 5), union)
    assert torch.autograd.gradcheck(lambda u: soft_iou(u, occupancy, weights), union)
