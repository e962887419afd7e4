"""Counts for splitting: kernels against the plain definitions, and the definitions against numbers by hand."""

import pytest
import torch

from cvxgeom import ops
from cvxgeom.ops.cuts import reference


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.randn(3000, 21, generator=torch.Generator().manual_seed(0))


def test_cuts_by_hand():
    along = torch.tensor([[0.0, 0.0], [1.0, -1.0], [3.0, -3.0]])  # points 0, 1 and 3 along +x and -x
    free = torch.tensor([[0.5, -0.5], [2.0, -2.0], [4.0, -4.0]])
    weights = torch.tensor([1.0, 10.0, 100.0])
    left = torch.tensor([[True, True, False], [True, False, False], [True, True, True], [False, False, True]])
    expected = [[1, 0, 1], [0, 10, 10], [11, 0, 11], [0, 1, 1]]
    assert ops.cut_excess(along, left, free, weights).tolist() == expected
    assert reference.cut_excess(along, left, free, weights).tolist() == expected


def test_kernels_and_definitions_agree(rows: torch.Tensor):
    generator = torch.Generator().manual_seed(1)
    weights = torch.rand(len(rows), generator=generator)
    left = torch.rand(40, 500, generator=generator) < torch.rand(40, 1, generator=generator)
    arguments = rows[:500] * 1.5, left, rows, weights
    torch.testing.assert_close(ops.cut_excess(*arguments), reference.cut_excess(*arguments), rtol=1e-5, atol=1e-3)
    limits = 1.0 + torch.rand(30, 21, generator=generator)
    below = rows, weights, limits
    torch.testing.assert_close(ops.weight_below(*below), reference.weight_below(*below), rtol=1e-5, atol=1e-3)
    neighbors = rows[rows[:, 0].argsort()]  # most blocks of them are skipped, and a block is not whole
    few = torch.cat([torch.linspace(-2, 2, 30)[:, None].expand(30, 3), limits[:, 3:]], dim=1)
    for columns in (2, 6, 21):
        below = neighbors[:2990, :columns].contiguous(), weights[:2990], few[:, :columns].contiguous()
        torch.testing.assert_close(ops.weight_below(*below), reference.weight_below(*below), rtol=1e-5, atol=1e-3)
    points, normals = rows[:, :3].contiguous(), torch.nn.functional.normalize(rows[:17, 3:6], dim=1)
    within = points, normals, -torch.ones(17)
    found = ops.points_within(*within)
    assert torch.equal(found, reference.points_within(*within)) and 0 < int(found.sum()) < len(points)
    many = points.repeat(2, 1)
    for n in (1, 15, 17, 4095, 4097):  # not whole vectors, and more than one task
        some = many[:n].contiguous(), *within[1:]
        assert torch.equal(ops.points_within(*some), reference.points_within(*some))


def test_other_types_and_empty_ones_take_the_definition(rows: torch.Tensor):
    double = rows.double()
    limits = torch.ones(2, 21, dtype=torch.float64)
    assert ops.weight_below(double, torch.ones(3000, dtype=torch.float64), limits).dtype == torch.float64
    assert ops.weight_below(rows[:0], torch.ones(0), torch.ones(2, 21)).tolist() == [0.0, 0.0]
    assert ops.cut_excess(rows[:4], torch.zeros(0, 4, dtype=torch.bool), rows, torch.ones(3000)).shape == (0, 3)
    assert ops.points_within(rows[:5, :3], torch.zeros(0, 3), torch.zeros(0)).all()


def test_nan_is_in_no_convex():
    points = torch.tensor([[float("nan"), 0, 0], [0, 0, 0]])
    assert ops.points_within(points, torch.eye(3), -torch.ones(3)).tolist() == [False, True]


def test_what_does_not_fit_is_named(rows: torch.Tensor):
    with pytest.raises(ValueError, match="limits must have shape"):
        ops.weight_below(rows, torch.ones(3000), torch.ones(2, 20))
    with pytest.raises(TypeError, match="left must be a boolean tensor"):
        ops.cut_excess(rows[:5], torch.ones(2, 5), rows, torch.ones(3000))
    with pytest.raises(ValueError, match=r"left must have shape \(C, 5\)"):
        ops.cut_excess(rows[:5], torch.ones(2, 4, dtype=torch.bool), rows, torch.ones(3000))
    with pytest.raises(ValueError, match="offsets must have shape"):
        ops.points_within(rows[:, :3], torch.eye(3), torch.ones(2))
