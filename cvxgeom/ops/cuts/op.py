"""Public functions: checks and dispatch."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..._checks import check_tensor, describe
from .._dispatch import launcher_for
from . import cpu, reference


def cut_excess(
    along: Float[Tensor, "P D"], left: Bool[Tensor, "C P"], free: Float[Tensor, "M D"], weights: Float[Tensor, " M"]
) -> Float[Tensor, "C 3"]:
    """How much free space the convexes of the two halves of a set of points hold, for each of many cuts.

    The convex of a half is bounded by D fixed directions: it reaches as far in each as the points of the half do.

    Args:
        along: coordinate of each point of the set along each direction.
        left: per cut, which points lie to the left.
        free: coordinates of free samples along the same directions.
        weights: volume that each free sample stands for.

    Returns:
        Volume in the convex of the left half, of the right half, and in either; 0 for a half without points. Not
        differentiable; float32 sums. On a GPU the reference runs.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: shapes do not fit.

    Example:
        >>> along = torch.tensor([[0.0, 0.0], [1.0, -1.0]])  # two points on a line; directions +x and -x
        >>> cut_excess(along, torch.tensor([[True, False]]), torch.tensor([[0.5, -0.5]]), torch.ones(1)).tolist()
        [[0.0, 0.0, 0.0]]
        >>> cut_excess(along, torch.tensor([[True, True]]), torch.tensor([[0.5, -0.5]]), torch.ones(1)).tolist()
        [[1.0, 0.0, 1.0]]
    """
    check_tensor("along", along, (None, None))
    check_tensor("free", free, (None, along.shape[-1]))
    check_tensor("weights", weights, (free.shape[0],))
    if not isinstance(left, Tensor) or left.dtype != torch.bool:
        raise TypeError(f"left must be a boolean tensor, got {describe(left)}")
    if left.ndim != 2 or left.shape[1] != len(along):
        raise ValueError(f"left must have shape (C, {len(along)}) as along demands, got {describe(left)}")
    if _fits(along, free, weights):
        return cpu.cut_excess(along, left, free, weights)
    return reference.cut_excess(along, left, free, weights)


def weight_below(
    rows: Float[Tensor, "M D"], weights: Float[Tensor, " M"], limits: Float[Tensor, "C D"]
) -> Float[Tensor, " C"]:
    """Sum of the weights of the rows that lie below a limit in every column, for each of many limits.

    Args:
        rows: such as coordinates of samples along D directions.
        weights: of the rows.
        limits: such as the reach of C convexes in the same directions.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: shapes do not fit.

    Example:
        >>> weight_below(torch.tensor([[0.0, 1.0], [2.0, 0.0]]), torch.tensor([3.0, 4.0]), torch.ones(1, 2)).tolist()
        [3.0]
    """
    check_tensor("rows", rows, (None, None))
    check_tensor("weights", weights, (rows.shape[0],))
    check_tensor("limits", limits, (None, rows.shape[1]))
    if _fits(rows, weights, limits):
        return cpu.weight_below(rows, weights, limits)
    return reference.weight_below(rows, weights, limits)


def points_within(
    points: Float[Tensor, "N 3"], normals: Float[Tensor, "H 3"], offsets: Float[Tensor, " H"]
) -> Bool[Tensor, " N"]:
    """Which points satisfy all half-spaces n·x + d ≤ 0 of one convex.

    A point is left at the first half-space that it violates, so those that cut off most should come first. For many
    convexes at once there is `cvxgeom.ops.union_contains`.

    Args:
        points: any frame.
        normals: of the half-spaces.
        offsets: d.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: shapes do not fit.

    Example:
        >>> points_within(torch.tensor([[0.0, 0, 0], [2, 0, 0]]), torch.eye(3), -torch.ones(3)).tolist()
        [True, False]
    """
    check_tensor("points", points, (None, 3))
    check_tensor("normals", normals, (None, 3))
    check_tensor("offsets", offsets, (normals.shape[0],))
    if _fits(points, normals, offsets):
        return cpu.points_within(points, normals, offsets)
    return reference.points_within(points, normals, offsets)


def _fits(*tensors: Tensor) -> bool:
    """Whether the kernels take these: float32 on a CPU with the compiled library, none of them empty."""
    return all(t.dtype == torch.float32 and t.numel() for t in tensors) and launcher_for(tensors[0]) == "cpu"
