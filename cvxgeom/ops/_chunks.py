"""Bounded memory: evaluate a long axis of queries piece by piece."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

# Numbers that one piece may hold per intermediate tensor: 8 MB in float32, which is also where eager CPU code is
# fastest, since larger pieces leave the cache. On a GPU small pieces leave most of it idle: 128 MB.
CHUNK_NUMBERS, GPU_CHUNK_NUMBERS = 1 << 21, 1 << 25


def chunk_numbers(device: torch.device) -> int:
    """How many numbers an intermediate tensor of one piece may hold."""
    return GPU_CHUNK_NUMBERS if device.type == "cuda" else CHUNK_NUMBERS


def chunked(function: Callable[[Tensor], Tensor], queries: Tensor, numbers_per_query: int) -> Tensor:
    """Apply ``function`` to slices of ``queries`` along axis -2 and join the results along axis -1.

    If the result requires gradients, each slice but the first is recomputed in the backward pass, so that memory stays
    bounded there too; the result is differentiable as often as ``function`` is.

    Args:
        function: maps ``(*batch, n, 3)`` to ``(..., n)``, independently for each query.
        queries: ``(*batch, N, 3)``.
        numbers_per_query: how many numbers an intermediate tensor of ``function`` holds per query.
    """
    n = queries.shape[-2]
    step = max(1, chunk_numbers(queries.device) // max(1, numbers_per_query))
    if n <= step:
        return function(queries)
    pieces = torch.split(queries, step, dim=-2)
    first = function(pieces[0])
    if first.requires_grad:
        rest = [checkpoint(function, p, use_reentrant=False, preserve_rng_state=False) for p in pieces[1:]]
        return torch.cat([first, *rest], dim=-1)  # type: ignore[list-item]
    out = first.new_empty((*first.shape[:-1], n))
    out[..., :step] = first
    for start, piece in zip(range(step, n, step), pieces[1:]):
        out[..., start : start + piece.shape[-2]] = function(piece)
    return out
