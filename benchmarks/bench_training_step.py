"""Time of a training step of CvxNet outside its encoder, against a direct port of the original to eager PyTorch.

    python -m benchmarks.bench_training_step [--threads 2] [--repeats 5] [--batch 32] [--convexes 50]
                                             [--halfspaces 50] [--points 2048]

What is timed: a network's raw numbers → valid parameters → all five losses → their weighted sum → its derivative to the
raw numbers; and the same from the latent vector on, with the paper's decoder and the derivatives to its weights. Loss
and derivatives of all contenders are compared before. A port gets as many shapes at a time as fit 3 GiB, which is no
slower than whole batches (see `training` in README.md). Prints a Markdown table.
"""

import argparse
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import relu

from cvxgeom import ConvexUnion
from cvxgeom.losses import LossWeights, loss_terms
from cvxgeom.models.decoder import MlpDecoder
from cvxgeom.models.parameters import raw_of, union_of

from .workloads import Workload

TARGET = 10.0  # times faster, of the issue that asked for it
LATENT = 256
TOLERANCE = 1e-3  # of the largest derivative: float32, and sums over 10⁸ numbers in another order
N_GUIDES = 20
MEMORY = 3 * 2**30  # bytes that a port may have: it is given as many shapes at a time as that allows


class Step(NamedTuple):
    """A batch, and what a network said about it."""

    raw: Tensor  #: (B, P)
    points: Tensor  #: (B, N, 3), the first half uniform
    occupancy: Tensor  #: (B, N)
    k: int
    h: int


Loss = Callable[[Tensor, Step], Tensor]


def make_step(batch: int, n: int, k: int, h: int, seed: int = 0) -> Step:
    """Raw numbers of random unions; points and labels of others. The workload "training" of other benchmarks."""
    inputs = Workload("training-step", "training", n, k=k, h=h, batch=batch).make(seed)
    assert inputs.occupancy is not None
    shape = ConvexUnion(inputs.normals, inputs.offsets, inputs.translations, inputs.smoothness, inputs.sharpness)
    return Step(raw_of(shape), inputs.points, inputs.occupancy, k, h)


def ours(raw: Tensor, step: Step) -> Tensor:
    """The library's functions."""
    shape = union_of(raw, step.k, step.h)
    return loss_terms(shape, step.points, step.occupancy, step.points.shape[1] // 2).total(LossWeights())


def port(raw: Tensor, step: Step, copies: bool = True) -> Tensor:
    """The formulas of the official code, one after the other on whole tables, without guards.

    Args:
        raw: smoothness (K), translations (K, 3), and (angle, angle, offset) of all half-spaces.
        step: points and labels.
        copies: as the original does it, every half-space gets a copy of all points in its convex's frame, which a
            matrix product then takes. Without: one product for all half-spaces of a convex, quicker than the original.
    """
    k, h, n = step.k, step.h, step.points.shape[1]
    smooth, places, planes = raw.split([k, 3 * k, 3 * k * h], dim=-1)
    places, planes = places.reshape(-1, k, 3), planes.reshape(-1, k, h, 3)
    delta = (250 * smooth.sigmoid() + 50)[:, :, None, None]
    azimuth, altitude = math.pi * planes[..., 0].tanh(), math.pi * planes[..., 1].tanh()
    normals = torch.stack([altitude.sin() * azimuth.cos(), altitude.sin() * azimuth.sin(), altitude.cos()], dim=-1)
    offsets = 0.5 * planes[..., 2].sigmoid()

    queries = torch.cat([step.points, places], dim=1)
    local = queries[:, None] - places[:, :, None]
    if copies:
        distances = (local[:, :, None].repeat(1, 1, h, 1, 1) @ normals[..., None])[..., 0]
    else:
        distances = normals @ local.mT
    distances = distances - offsets[..., None]
    phi = torch.logsumexp(delta * distances, dim=2) / delta[..., 0]
    indicators = (-75 * phi).sigmoid()
    at_points = indicators[..., :n]
    union = at_points.amax(dim=1)

    error = (step.occupancy - union).square()
    sample = error[:, : n // 2].mean() + 0.1 * error[:, n // 2 :].mean()
    overlap = relu(indicators.sum(dim=1) - 2).square().mean()
    center = offsets.square().mean()
    largest = (at_points * step.occupancy[:, None]).topk(N_GUIDES, dim=-1).values
    balance = (1 - largest).square().mean()
    inside = (step.occupancy > 0.5).to(raw.dtype)[:, None]
    squares = (places[:, :, None] - step.points[:, None]).square().sum(dim=-1)
    localization = (inside * squares + (1 - inside) * 1e5).amin(dim=-1).mean()
    return sample + 0.1 * overlap + 0.001 * center + 0.01 * balance + localization


def port_without_copies(raw: Tensor, step: Step) -> Tensor:
    """`port` with one matrix product for each convex."""
    return port(raw, step, copies=False)


CONTENDERS: dict[str, tuple[Loss, int]] = {  # and about how many numbers it holds for each half-space and point
    "port": (port, 14),
    "port without copies of the points": (port_without_copies, 8),
    "ours": (ours, 0),
}


def slope_of(loss: Loss, raw: Tensor, step: Step, shapes: int) -> tuple[Tensor, Tensor]:
    """Loss and its derivative to the raw numbers, a few shapes at a time; as means over shapes they add up."""
    leaf = raw.detach().requires_grad_()
    total, slope = torch.zeros(()), torch.zeros_like(raw)
    for first in range(0, len(raw), shapes):
        some = slice(first, first + shapes)
        own = leaf[some]
        part = Step(own, step.points[some], step.occupancy[some], step.k, step.h)
        value = loss(own, part) * (len(own) / len(raw))
        total += value.detach()
        slope += torch.autograd.grad(value, leaf)[0]
    return total, slope


def from_latent(loss: Loss, step: Step, shapes: int, decoder: MlpDecoder) -> Callable[[], tuple[Tensor, ...]]:
    """The derivatives of the loss to the latent vector and all weights of the decoder."""
    latent = torch.randn(len(step.raw), LATENT, generator=torch.Generator().manual_seed(1)).requires_grad_()
    leaves = [latent, *decoder.parameters()]

    def job() -> tuple[Tensor, ...]:
        raw = decoder.layers(latent)
        return torch.autograd.grad(raw, leaves, slope_of(loss, raw, step, shapes)[1])

    return job


def check(loss: Loss, step: Step) -> None:
    """Refuse a contender whose loss or derivatives differ from ours."""
    one = Step(step.raw[:1], step.points[:1], step.occupancy[:1], step.k, step.h)
    value, slope = slope_of(loss, one.raw, one, 1)
    wanted, exact = slope_of(ours, one.raw, one, 1)
    worst = float((slope - exact).abs().max() / exact.abs().max())
    if not worst <= TOLERANCE or not torch.isclose(value, wanted, rtol=TOLERANCE):
        raise RuntimeError(f"derivatives differ by {worst:.1e}, losses are {float(value):.6f} and {float(wanted):.6f}")


def most_shapes(step: Step, tables: int) -> int:
    """How many shapes at a time take no more than the memory that a port may have."""
    one = tables * step.k * step.h * (step.points.shape[1] + step.k)
    return max(1, min(len(step.raw), MEMORY // (4 * max(1, one))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--points", type=int, default=2048)
    parser.add_argument("--convexes", type=int, default=50)
    parser.add_argument("--halfspaces", type=int, default=50)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    step = make_step(args.batch, args.points, args.convexes, args.halfspaces)
    decoder = MlpDecoder(LATENT, args.convexes, args.halfspaces)
    jobs: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {}
    at_once: dict[str, int] = {}
    for name, (loss, tables) in CONTENDERS.items():
        check(loss, step)  # and a warm-up
        n = at_once[name] = most_shapes(step, tables)
        jobs[name] = (partial(slope_of, loss, step.raw, step, n), from_latent(loss, step, n, decoder))
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in jobs}
    for _ in range(args.repeats):  # in turns: what else the machine does meets all of them alike
        for name, pair in jobs.items():
            for found, job in zip(seconds[name], pair, strict=True):
                start = time.perf_counter()
                job()
                found.append(time.perf_counter() - start)
    sizes = f"batch {args.batch}, K = {args.convexes}, H = {args.halfspaces}, N = {args.points}"
    print(f"{sizes}; {args.threads} threads, median of {args.repeats}, target {TARGET:.0f}×\n")
    print(
        "| | shapes at a time | raw numbers → losses → derivatives, ms | ÷ ours | from the latent vector, ms | ÷ ours |"
    )
    print("|---|---|---|---|---|---|")
    medians = {name: [1000 * statistics.median(times) for times in pair] for name, pair in seconds.items()}
    for name, found in medians.items():
        cells = [f"{m:.1f} | {m / own:.1f}" for m, own in zip(found, medians["ours"], strict=True)]
        print(f"| {name} | {at_once[name]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
