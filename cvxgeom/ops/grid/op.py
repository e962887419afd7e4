"""Public function: checks, common precision."""

import math
from collections.abc import Sequence
from numbers import Real

import torch
from jaxtyping import Float
from torch import Tensor

from ..._checks import describe, is_real, is_whole
from .._dispatch import launcher_for, may_improvise
from ..indicator.fused import is_plain
from ..indicator.op import check_union_tensors, common_type, result_type
from . import cpu, reference
from .coarse import sample_near_surface


def sample_grid(
    lower: Sequence[float],
    spacing: float | Sequence[float],
    size: Sequence[int],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
    truncation: float = math.inf,
) -> Float[Tensor, "*batch X Y Z"]:
    """The union's approximate signed distance, as `union_sdf`, at the nodes of a regular grid, clamped to ±truncation.

    With a truncation of one spacing every edge of the grid that the surface crosses has its exact value at both ends,
    which is all that marching cubes needs, and the time follows the surface instead of the volume: cubes of nodes
    that lie beyond it are recognized as a whole. Not differentiable. +truncation everywhere if K = 0.

    Args:
        lower: the first node, object frame.
        spacing: between nodes, along each axis or the same along all; > 0.
        size: how many nodes along x, y and z.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper corners.
        truncation: values beyond it are cut to it; > 0, in units of length.

    Returns:
        Values at lower + (i, j, k) · spacing, in units of length.

    Raises:
        TypeError: an argument is not a floating-point tensor, or not numbers.
        ValueError: shapes, devices or numbers do not fit.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])  # the slab |x| <= 1
        >>> slab = (normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.tensor([1e4]))
        >>> sample_grid((-2.0, 0.0, 0.0), 0.5, (5, 1, 1), *slab, truncation=0.7).flatten()
        tensor([ 0.7000,  0.5000,  0.0000, -0.5000, -0.7000])
    """
    start = _numbers("lower", lower)
    step = _numbers("spacing", (spacing,) * 3 if isinstance(spacing, (int, float, Real)) else spacing)
    if min(step) <= 0:
        raise ValueError(f"spacing must be positive, got {step}")
    if not isinstance(size, Sequence) or len(size) != 3 or not all(is_whole(n) and n >= 0 for n in size):
        raise ValueError(f"size must be three whole numbers, how many nodes along each axis, got {describe(size)}")
    if not is_real(truncation) or not truncation > 0:
        raise ValueError(f"truncation must be a positive length, got {describe(truncation)}")
    tensors = dict(normals=normals, offsets=offsets, translations=translations, smoothness=smoothness)
    check_union_tensors(**tensors)
    dtype = result_type(*tensors.values())
    planes = common_type(*(tensor.detach() for tensor in tensors.values()))
    cores = (3, 2, 2, 1)
    batch = torch.broadcast_shapes(*(t.shape[: t.ndim - core] for t, core in zip(planes, cores)))
    planes = [t.expand(*batch, *t.shape[t.ndim - core :]) for t, core in zip(planes, cores)]
    nodes = (int(size[0]), int(size[1]), int(size[2]))
    launcher = launcher_for(planes[0]) if math.prod(nodes) and planes[0].numel() else None
    if launcher is not None:
        return cpu.sample_grid(launcher, start, step, nodes, float(truncation), *planes).to(dtype)
    single = batch.numel() == 1 and planes[0].numel() > 0
    shortcut = single and math.isfinite(truncation) and may_improvise() and is_plain(*planes)
    with torch.no_grad():
        if shortcut:
            return sample_near_surface(start, step, nodes, float(truncation), *planes).to(dtype)
        return reference.sample_grid(start, step, nodes, float(truncation), *planes).to(dtype)


def _numbers(name: str, value: Sequence[float]) -> tuple[float, float, float]:
    """Three finite floats."""
    try:
        x, y, z = (float(v) for v in value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be three numbers, got {describe(value)}") from None
    if not all(map(math.isfinite, (x, y, z))):
        raise ValueError(f"{name} must be finite, got {(x, y, z)}")
    return x, y, z
