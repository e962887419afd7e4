"""Φ of all convexes and its minimum, as others would write them: the official layout, torch.compile, KeOps."""

import os
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from cvxgeom.ops._chunks import chunk_numbers
from cvxgeom.ops.indicator import reference

from .contender import Unavailable

Formula = Callable[..., Tensor]  # points, normals, offsets, translations, smoothness -> (*batch, K, N)


def official(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor, smoothness: Tensor) -> Tensor:
    """The layout of the official code: a copy of the points for each half-space, then a sum of products."""
    local = points[..., None, :, :] - translations[..., :, None, :]
    tiled = local[..., :, None, :, :].expand(*normals.shape[:-1], *local.shape[-2:]).contiguous()
    distances = torch.einsum("...nc,...c->...n", tiled, normals) + offsets[..., None]
    return torch.logsumexp(smoothness[..., None, None] * distances, dim=-2) / smoothness[..., None]


def compiled() -> Formula:
    """The reference's formula under torch.compile, for sizes that stay the same."""
    torch._dynamo.reset()  # each benchmark has sizes of its own, and the number of variants is limited
    return torch.compile(reference.convex_sdf, dynamic=False)


def keops_convex(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor, smoothness: Tensor) -> Tensor:
    """KeOps with convexes (and shapes) as batches and log-sum-exp as the reduction over the half-spaces."""
    LazyTensor = lazy_tensor()
    batch, n = normals.shape[:-2], points.shape[-2]
    n_batch, h = batch.numel(), normals.shape[-2]
    rate = smoothness[..., None]
    at = points[..., None, :, :].expand(*batch, n, 3).reshape(n_batch, n, 1, 3)
    slopes = (rate[..., None] * normals).reshape(n_batch, 1, h, 3)
    constants = (rate * (offsets - (normals * translations[..., None, :]).sum(-1))).reshape(n_batch, 1, h, 1)
    distances = (LazyTensor(slopes) * LazyTensor(at)).sum(-1) + LazyTensor(constants)
    return distances.logsumexp(dim=2).reshape(*batch, n) / rate


def keops_union(points: Tensor, normals: Tensor, offsets: Tensor, translations: Tensor, smoothness: Tensor) -> Tensor:
    """KeOps with a convex as one vector of planes: which one is nearest, in one reduction without a table, K × N.

    Only that one is then evaluated by PyTorch, which is also the quickest way to its derivatives.
    """
    LazyTensor = lazy_tensor()
    k, h = normals.shape[-3:-1]
    with torch.no_grad():
        constants = offsets - (normals * translations[..., None, :]).sum(-1)
        at = LazyTensor(points[..., :, None, :].contiguous())
        slopes = LazyTensor(normals.reshape(*normals.shape[:-3], 1, k, 3 * h))
        rate = LazyTensor(smoothness[..., None, :, None].contiguous())
        distances = slopes.matvecmult(at) + LazyTensor(constants[..., None, :, :].contiguous())
        most = distances.max()
        value = most + ((distances - most) * rate).exp().sum().log() / rate
        nearest = value.argmin(dim=points.ndim - 1).squeeze(-1)
    return _own_sdf(points, nearest, normals, offsets, translations, smoothness)


def _own_sdf(points: Tensor, part: Tensor, *planes: Tensor) -> Tensor:
    """Φ of one convex per point."""
    if points.ndim > 2:
        rows = [_own_sdf(points[b], part[b], *(t[b] for t in planes)) for b in range(len(points))]
        return torch.stack(rows)
    normals, offsets, translations, smoothness = (t[part] for t in planes)
    local = (points - translations)[..., None]
    distances = (normals @ local).squeeze(-1) + offsets
    return torch.logsumexp(smoothness[..., None] * distances, dim=-1) / smoothness


def lazy_tensor() -> type:
    """KeOps' LazyTensor."""
    try:
        from pykeops.torch import LazyTensor
    except ImportError as error:
        raise Unavailable("not installed: pip install 'cvxgeom[bench]'") from error
    return LazyTensor


def pieces(points: Tensor, normals: Tensor) -> Iterator[Tensor]:
    """Points in pieces whose plane distances fit the cache, of nearly equal sizes: two variants for a compiler."""
    n_pieces = -(-points.shape[-2] * normals.shape[:-1].numel() // chunk_numbers(points.device))
    yield from points.tensor_split(max(1, n_pieces), dim=-2)


def check_memory(numbers: int, device: str = "cpu") -> None:
    """Refuse what would not fit into half of the free memory.

    Args:
        numbers: float32 numbers held at once.
        device: that holds them, by its type.
    """
    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
    else:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if 4 * numbers > free / 2:
        raise Unavailable(f"would need about {4 * numbers / 2**30:.1f} GiB, more than half of the free memory")
