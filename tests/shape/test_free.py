"""Any numbers make a valid union, and its softness follows its thickness."""

import torch
from hypothesis import given
from hypothesis import strategies as st

import cvxgeom
from cvxgeom.shape.free import free_union, kept_positive, softness


@given(st.integers(0, 2**31), st.floats(1e-3, 1e3))
def test_any_numbers_are_a_valid_union(seed: int, length: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    directions, offsets, translations, inradius = (
        torch.randn(*size, generator=generator) for size in ((2, 3, 8, 3), (2, 3, 8), (2, 3, 3), (2, 3))
    )
    shape = free_union(length * directions, offsets, translations, *softness(inradius.abs() + 1e-3, 12.0))
    torch.testing.assert_close(shape.normals.norm(dim=-1), torch.ones(2, 3, 8))
    assert torch.equal(shape.offsets, offsets) and torch.equal(shape.translations, translations)
    assert bool((shape.smoothness > 0).all()) and bool((torch.as_tensor(shape.sharpness) > 0).all())


def test_gradients_reach_all_that_is_free() -> None:
    box = cvxgeom.box().to(torch.float64)
    free = [2 * box.normals, box.offsets, box.translations, torch.full((1,), 100.0, dtype=torch.float64)]
    points = torch.tensor([[0.5, 0.1, 0.2], [0.2, -0.4, 0.5]], dtype=torch.float64)
    inputs = tuple(value.clone().requires_grad_() for value in free)
    assert torch.autograd.gradcheck(lambda n, d, t, s: free_union(n, d, t, s, 20.0).indicator(points), inputs)


def test_a_convex_of_half_the_size_is_twice_as_sharp() -> None:
    smoothness, sharpness = softness(torch.tensor([0.2, 0.1, 100.0]), 12.0, torch.tensor([1.0, 1.0, 0.5]), 30.0)
    torch.testing.assert_close(sharpness, torch.tensor([60.0, 120.0, 30.0]))
    torch.testing.assert_close(smoothness, torch.tensor([600.0, 1200.0, 150.0]))
    # So the indicator at the middle of each does not depend on its size.
    at_middle = []
    for size in (1.0, 0.1, 0.01):
        box = cvxgeom.box((size, size, size))
        soft = free_union(box.normals, box.offsets, box.translations, *softness(torch.full((1,), size / 2), 4.0))
        at_middle.append(float(soft.indicator(torch.zeros(1, 3))))
    torch.testing.assert_close(torch.tensor(at_middle), torch.full((3,), at_middle[0]))


def test_distances_are_bent_smoothly_and_stay_positive() -> None:
    distances = torch.linspace(-1, 1, 2001, dtype=torch.float64, requires_grad=True)
    kept = kept_positive(distances, 0.1)
    assert bool((kept > 0).all()) and bool((kept.diff() > 0).all())
    above = distances > 0.1
    assert torch.equal(kept[above], distances[above])
    (slope,) = torch.autograd.grad(kept.sum(), distances)
    assert float(slope.diff().abs().max()) < 0.02 and float(slope.max()) <= 1.0 and float(slope.min()) > 0
