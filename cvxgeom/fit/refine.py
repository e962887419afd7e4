"""Gradient refinement: move the half-spaces until the union covers the solid and nothing else."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..ops import convex_sdf
from ..shape import ConvexUnion
from ..shape.free import free_union, softness
from .samples import VolumeSamples

_POINTS_PER_CONVEX = 300  # per gradient step
_ASSIGN_EVERY = 20  # steps
_CONCERNS = 5.0  # so far from the boundary of a convex, in units of 1 / sharpness, a sample has no gradient
_LEARNING_RATE = 0.03  # in units of a convex's inradius
# Sharpness in units of 1 / inradius, from soft, which is seen from afar, to hard, which is exact.
_HARDNESS = (20.0, 60.0)
_INRADIUS = (0.003, 0.1)  # limits, per unit of the solid's longest side
# Of the result, per unit of the longest side.
HARD_SMOOTHNESS = 2000.0
HARD_SHARPNESS = 400.0


def refine_steps(
    shape: ConvexUnion, samples: VolumeSamples, n_steps: int, generator: torch.Generator, first: float = 0.0
) -> Iterator[tuple[float, ConvexUnion]]:
    """Yield (loss, shape) after each gradient step.

    The loss estimates the volume of the symmetric difference, as a share of the solid's volume: an occupied point costs
    its weight as far as the best convex does not cover it, a free one as far as each convex covers it. A convex sees
    only the points that can move it (the free ones near it and the occupied ones that none covers better), so a step
    costs the same however many convexes share the samples.

    Args:
        shape: where to start; a solid of longest side about 1, all convexes bounded.
        samples: of the solid.
        n_steps: number of steps; softness is annealed over them.
        generator: draws the mini-batches.
        first: where on the way from soft to hard to begin, from 0 to 1.
    """
    scale = _Scale.of(shape)
    # Both parameters move in units of the inradius: a normal by what its plane moves at the far end of the convex.
    turn = torch.zeros_like(shape.normals).requires_grad_()
    shift = torch.zeros_like(shape.offsets).requires_grad_()
    optimizer = _Adam([turn, shift])
    volume = samples.volume
    nearby = None
    for step in range(n_steps):
        progress = first + (1 - first) * step / max(1, n_steps - 1)
        hardness = _HARDNESS[0] * (_HARDNESS[1] / _HARDNESS[0]) ** progress
        if nearby is None or step % _ASSIGN_EVERY == 0:
            nearby = _Nearby(_moved(shape, scale, turn, shift, hardness), samples)
        local = nearby.draw(generator)
        with torch.enable_grad():  # also where a prediction is refined, which is asked for without
            current = _moved(shape, scale, turn, shift, hardness)
            # One batch element per convex: each meets its own points.
            sdf = convex_sdf(
                local.points,
                current.normals[:, None],
                current.offsets[:, None],
                current.translations[:, None],
                current.smoothness[:, None],
            )[:, 0]
            wrong = (torch.where(local.occupied, sdf, -sdf) * torch.as_tensor(current.sharpness)[:, None]).sigmoid()
            loss = (local.weights * wrong).sum() / volume
            gradients = torch.autograd.grad(loss, [turn, shift])
        rate = _LEARNING_RATE * (0.02 + math.cos(progress * math.pi / 2))
        optimizer.step(gradients, rate)
        yield float(loss.detach()), _moved(shape, scale, turn, shift, hardness).detach()


class _Adam:
    """As `torch.optim.Adam` with its default settings; importing that takes two seconds, a fit may take less."""

    def __init__(self, parameters: list[Tensor]) -> None:
        self.parameters = parameters
        self.mean = [torch.zeros_like(p) for p in parameters]
        self.square = [torch.zeros_like(p) for p in parameters]
        self.n = 0

    def step(self, gradients: tuple[Tensor, ...], rate: float) -> None:
        self.n += 1
        with torch.no_grad():
            for p, g, mean, square in zip(self.parameters, gradients, self.mean, self.square, strict=True):
                mean.lerp_(g, 0.1)
                square.mul_(0.999).addcmul_(g, g, value=0.001)
                root = (square / (1 - 0.999**self.n)).sqrt_().add_(1e-8)
                p.addcdiv_(mean, root, value=-rate / (1 - 0.9**self.n))


@dataclass(frozen=True)
class _Scale:
    """How large each convex is: (K,) radius of its largest ball, and half its diagonal."""

    inradius: Tensor
    reach: Tensor

    @classmethod
    def of(cls, shape: ConvexUnion) -> "_Scale":
        polytopes = shape.detach().polytopes()
        inradius = torch.tensor([p.inradius for p in polytopes], dtype=shape.dtype).clamp(*_INRADIUS)
        reach = torch.tensor([float((p.bounds[1] - p.bounds[0]).norm()) / 2 for p in polytopes], dtype=shape.dtype)
        return cls(inradius, reach)


def _moved(shape: ConvexUnion, scale: _Scale, turn: Tensor, shift: Tensor, hardness: float) -> ConvexUnion:
    return free_union(
        shape.normals + (scale.inradius / scale.reach)[:, None, None] * turn,
        shape.offsets + scale.inradius[:, None] * shift,
        shape.translations,
        *softness(scale.inradius, hardness),
    )


class _Nearby:
    """The samples that concern each convex: the free ones near it and the occupied ones that none covers better.

    Those so far from its boundary that they have no gradient are left out.
    """

    def __init__(self, shape: ConvexUnion, samples: VolumeSamples) -> None:
        reach = _CONCERNS / torch.as_tensor(shape.sharpness)
        middles, radii, points, index = (torch.from_numpy(array) for array in samples.blocks.arrays)
        with torch.no_grad():
            # A signed distance changes no faster than one walks: of a block far away no point is near.
            block, convex = (shape.convex_sdf(middles).T < radii[:, None] + reach).nonzero().unbind(1)
            planes = (x[convex, None] for x in (shape.normals, shape.offsets, shape.translations, shape.smoothness))
            sdf = convex_sdf(points[block], *planes)[:, 0]
        index, reach = index[block], reach[convex, None]
        _, run, length = block.unique_consecutive(return_inverse=True, return_counts=True)
        first = length.cumsum(0) - length
        least = torch.from_numpy(np.minimum.reduceat(sdf.numpy(), first.numpy()))[run] if len(run) else sdf
        best = (sdf == least) & (sdf > -reach)
        concerned = (sdf < reach) & (best | ~samples.occupied[index])
        self.samples = samples
        by_convex = convex.argsort(stable=True)
        order = index[by_convex][concerned[by_convex]]
        self.order = order if len(order) else order.new_zeros(1)
        self.counts = order.new_zeros(shape.n_convexes).index_add_(0, convex, concerned.sum(dim=1))
        self.starts = self.counts.cumsum(0) - self.counts

    def draw(self, generator: torch.Generator) -> VolumeSamples:
        """(K, M) samples, M per convex, weighted to stand for all that concern it."""
        # One of each stratum of neighbors, which tells more than as many drawn at random.
        uniform = torch.rand(len(self.counts), _POINTS_PER_CONVEX, generator=generator)
        uniform = (torch.arange(_POINTS_PER_CONVEX) + uniform) / _POINTS_PER_CONVEX
        last = (self.counts - 1).clamp(min=0)  # which is where rounding up to 1 would pass
        pick = self.starts[:, None] + (uniform * self.counts[:, None]).long().minimum(last[:, None])
        local = self.samples[self.order[pick.clamp(max=len(self.order) - 1)]]
        # A convex that nothing concerns draws anything, with weight 0.
        weights = local.weights * (self.counts / _POINTS_PER_CONVEX)[:, None]
        return VolumeSamples(local.points, local.occupied, weights)


def hardened(shape: ConvexUnion) -> ConvexUnion:
    """The same half-spaces, so smooth and sharp that the smooth union is close to the exact one."""
    k = shape.n_convexes
    return ConvexUnion(
        shape.normals,
        shape.offsets,
        shape.translations,
        shape.offsets.new_full((k,), HARD_SMOOTHNESS),
        HARD_SHARPNESS,
    )
