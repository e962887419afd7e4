"""Who competes in each op on points: eager PyTorch, the official layout, torch.compile, KeOps, and ours."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from cvxgeom import ops
from cvxgeom.ops.indicator import reference
from cvxgeom.ops.training.reference import combine

from . import formulas
from .contender import Contender, Job
from .formulas import Formula, pieces
from .workloads import Inputs

IN_PIECES = "over points in pieces that fit the cache"
N_GUIDES = 20
Values = Callable[[Inputs], tuple[Tensor, ...]]


def by_backend(backend: str, values: Values) -> Callable[[Inputs], Job]:
    """A job that calls the library with one of its backends."""

    def prepare(inputs: Inputs) -> Job:
        def job() -> tuple[Tensor, ...]:
            with ops.backend(backend):
                return values(inputs)

        return job

    return prepare


def eager_and_ours(values: Values) -> tuple[Contender, Contender]:
    """The library's plain PyTorch, in its bounded memory, and whatever it chooses by itself."""
    note = f'backend("reference"), {IN_PIECES}; backward recomputes them'
    return Contender("eager", by_backend("reference", values), note), Contender("ours", by_backend("auto", values))


def _first_line(formula: Formula) -> str:
    return (formula.__doc__ or "").splitlines()[0].rstrip(".")


# -- every point against every convex, and the union ------------------------------------------------------------------


def indicator_values(inputs: Inputs) -> tuple[Tensor, ...]:
    """C_k(x), as the library gives it."""
    with torch.no_grad():  # else the reference prepares a backward pass that never comes
        return (ops.convex_indicator(inputs.points, *inputs.planes, inputs.sharpness),)


def union_values(inputs: Inputs) -> tuple[Tensor, ...]:
    """min_k Φ_k(x), as the library gives it."""
    with torch.no_grad():
        return (ops.union_sdf(inputs.points, *inputs.planes),)


def _no_grad(make: Callable[[], Formula], inputs: Inputs, finish: Callable[[Tensor], Tensor]) -> Job:
    formula = make()

    def job() -> tuple[Tensor, ...]:
        with torch.no_grad():
            parts = [finish(formula(p, *inputs.planes)) for p in pieces(inputs.points, inputs.normals)]
            return (torch.cat(parts, dim=-1),)

    return job


def _whole(inputs: Inputs, formula: Callable[[], tuple[Tensor, ...]], copies: int) -> Job:
    numbers = copies * inputs.normals.shape[:-1].numel() * inputs.points.shape[-2]
    formulas.check_memory(numbers, inputs.points.device.type)
    return formula


def _inference(own: Values, finish: Callable[[Inputs, Tensor], Tensor], keops: Formula) -> list[Contender]:
    def prepare(make: Callable[[], Formula]) -> Callable[[Inputs], Job]:
        return lambda inputs: _no_grad(make, inputs, lambda sdf: finish(inputs, sdf))

    def whole(inputs: Inputs) -> Job:
        def job() -> tuple[Tensor, ...]:
            with torch.no_grad():
                return (finish(inputs, reference.convex_sdf(inputs.points, *inputs.planes)),)

        return _whole(inputs, job, 4)

    def by_keops(inputs: Inputs) -> Job:
        formulas.lazy_tensor()

        def job() -> tuple[Tensor, ...]:
            with torch.no_grad():
                sdf = keops(inputs.points, *inputs.planes)
            return (sdf if keops is formulas.keops_union else finish(inputs, sdf),)

        return job

    eager, ours = eager_and_ours(own)
    return [
        eager,
        Contender("eager, one piece", whole, "the same formula on all points at once"),
        Contender("official layout", prepare(lambda: formulas.official), IN_PIECES),
        Contender("torch.compile", prepare(formulas.compiled), f"of the eager formula, {IN_PIECES}", compiles=True),
        Contender("KeOps", by_keops, _first_line(keops), compiles=True),
        ours,
    ]


def convex_contenders() -> list[Contender]:
    """N×K indicator, forward."""
    return _inference(
        indicator_values,
        lambda inputs, sdf: reference.convex_indicator(sdf, inputs.sharpness),
        formulas.keops_convex,
    )


def union_contenders() -> list[Contender]:
    """Union SDF, forward."""
    return _inference(union_values, lambda _, sdf: reference.union_sdf(sdf), formulas.keops_union)


# -- forward and backward ---------------------------------------------------------------------------------------------


def _leaves(inputs: Inputs, n: int) -> tuple[Inputs, tuple[Tensor, ...]]:
    """Inputs whose first n of normals, offsets, translations and smoothness want gradients."""
    names = ("normals", "offsets", "translations", "smoothness")[:n]
    leaves = {name: getattr(inputs, name).detach().clone().requires_grad_() for name in names}
    return replace(inputs, **leaves), tuple(leaves.values())


def _accumulated(losses: Iterable[tuple[Tensor, Sequence[Tensor]]], leaves: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Values joined along the last axis and the sum of the gradients: backward after each piece, no recomputation."""
    values = []
    for loss, kept in losses:
        loss.backward()
        values.append([v.detach() for v in kept])
    return (*(torch.cat(parts, dim=-1) for parts in zip(*values)), *(_gradient(leaf) for leaf in leaves))


def _gradient(leaf: Tensor) -> Tensor:
    assert leaf.grad is not None
    return leaf.grad


def union_and_gradients(inputs: Inputs) -> tuple[Tensor, ...]:
    """min_k Φ_k(x) and the derivatives of its sum to normals, offsets and translations."""
    inputs, leaves = _leaves(inputs, 3)
    value = ops.union_sdf(inputs.points, *inputs.planes)
    return (value.detach(), *torch.autograd.grad(value.sum(), leaves))


def union_backward_contenders() -> list[Contender]:
    """Union SDF, forward and backward to the planes."""

    def prepare(make: Callable[[], Formula], whole: bool = False) -> Callable[[Inputs], Job]:
        def prepared(inputs: Inputs) -> Job:
            formula = make()

            def job() -> tuple[Tensor, ...]:
                own, leaves = _leaves(inputs, 3)
                parts = [own.points] if whole else pieces(own.points, own.normals)
                values = (formula(p, *own.planes) for p in parts)
                unions = (v if formula is formulas.keops_union else reference.union_sdf(v) for v in values)
                return _accumulated(((u.sum(), [u]) for u in unions), leaves)

            return _whole(inputs, job, 6) if whole and formula is reference.convex_sdf else job

        return prepared

    def keops() -> Formula:
        formulas.lazy_tensor()
        return formulas.keops_union

    by_piece = f"{IN_PIECES}, backward after each: nothing is recomputed"
    eager, ours = eager_and_ours(union_and_gradients)
    return [
        eager,
        Contender(
            "eager, one piece", prepare(lambda: reference.convex_sdf, True), "the same formula, all points at once"
        ),
        Contender("eager, piece by piece", prepare(lambda: reference.convex_sdf), by_piece),
        Contender("official layout", prepare(lambda: formulas.official), by_piece),
        Contender("torch.compile", prepare(formulas.compiled), f"of the eager formula, {by_piece}", compiles=True),
        Contender("KeOps", prepare(keops, True), _first_line(formulas.keops_union), compiles=True),
        ours,
    ]


# -- training ---------------------------------------------------------------------------------------------------------


def _queries(inputs: Inputs) -> tuple[Tensor, Tensor]:
    """Points with the translations appended, as the overlap loss wants them, and labels: the appended never guide."""
    assert inputs.occupancy is not None
    labels = torch.nn.functional.pad(inputs.occupancy, (0, inputs.translations.shape[-2]))
    return torch.cat([inputs.points, inputs.translations], dim=-2), labels


def _mixture(union: Tensor, total: Tensor, guides: Tensor) -> Tensor:
    """A loss of all three: as those of CvxNet in what it differentiates."""
    return (union - 0.5).square().sum() + (total - 2).relu().square().sum() + (1 - guides).square().sum()


def training_and_gradients(inputs: Inputs) -> tuple[Tensor, ...]:
    """Union, total and guides, and the derivatives of a loss of them to normals, offsets, translations, smoothness."""
    inputs, leaves = _leaves(inputs, 4)
    points, labels = _queries(inputs)
    found = ops.training_indicators(points, *inputs.planes, inputs.sharpness, labels, N_GUIDES)
    return (*(v.detach() for v in found), *torch.autograd.grad(_mixture(*found), leaves))


def training_contenders() -> list[Contender]:
    """Loss inputs of a training batch, forward and backward."""

    def prepare(make: Callable[[], Formula], whole: bool = False) -> Callable[[Inputs], Job]:
        def prepared(inputs: Inputs) -> Job:
            formula = make()

            def one(points: Tensor, labels: Tensor, sharpness: Tensor, *planes: Tensor) -> tuple[Tensor, ...]:
                return combine(reference.convex_indicator(formula(points, *planes), sharpness), labels, N_GUIDES)

            def job() -> tuple[Tensor, ...]:
                own, leaves = _leaves(inputs, 4)
                values = []
                for b in [...] if whole else range(len(own.points)):
                    shape = replace(own, **{name: getattr(own, name)[b] for name in _BATCHED})
                    found = one(*_queries(shape), shape.sharpness, *shape.planes)
                    _mixture(*found).backward()
                    values.append([v.detach() for v in found])
                joined = values[0] if whole else [torch.stack(rows) for rows in zip(*values)]
                return (*joined, *(_gradient(leaf) for leaf in leaves))

            return job

        return prepared

    def keops() -> Formula:
        formulas.lazy_tensor()
        return formulas.keops_convex

    by_shape = "shape by shape, whose tensors fit the cache, backward after each"
    eager, ours = eager_and_ours(training_and_gradients)
    return [
        eager,
        Contender("eager, shape by shape", prepare(lambda: reference.convex_sdf), by_shape),
        Contender("official layout", prepare(lambda: formulas.official), by_shape),
        Contender("torch.compile", prepare(formulas.compiled), f"of Φ, {by_shape}", compiles=True),
        Contender("KeOps", prepare(keops, True), "Φ only; the rest in PyTorch, on a B × K × N table", compiles=True),
        ours,
    ]


_BATCHED = ("points", "normals", "offsets", "translations", "smoothness", "sharpness", "occupancy")


# -- grids ------------------------------------------------------------------------------------------------------------


def sample_grid(inputs: Inputs, surface_only: bool = False) -> Tensor:
    """Our values at all nodes; with ``surface_only`` cut to one spacing."""
    truncation = inputs.spacing if surface_only else float("inf")
    return ops.sample_grid(
        inputs.lower, inputs.spacing, (inputs.resolution,) * 3, *inputs.planes, truncation=truncation
    )


def _dense_error(inputs: Inputs, found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> float:
    return float((found[0].flatten()[inputs.nodes] - wanted[0]).abs().max())


def _surface_error(inputs: Inputs, found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> float:
    return _dense_error(inputs, found, (wanted[0].clamp(-inputs.spacing, inputs.spacing),))


def grid_contenders() -> list[Contender]:
    """Union SDF at all nodes of a grid; others are timed on a sample of the nodes."""
    sampled = [
        replace(c, sampled=True, note=f"timed on a sample of the nodes; {c.note}")
        for c in union_contenders()
        if c.name not in ("ours", "eager, one piece")
    ]
    return [
        *sampled,
        Contender("ours, as points", by_backend("auto", _as_points), "all nodes as a list of points", _dense_error),
        Contender("ours, dense", by_backend("auto", lambda i: (sample_grid(i),)), error=_dense_error),
        Contender(
            "ours, surface only",
            by_backend("auto", lambda i: (sample_grid(i, True),)),
            "cut to one spacing: all that marching cubes needs",
            _surface_error,
        ),
    ]


def _as_points(inputs: Inputs) -> tuple[Tensor, ...]:
    axis = inputs.lower[0] + inputs.spacing * torch.arange(inputs.resolution, device=inputs.normals.device)
    with torch.no_grad():
        return (ops.union_sdf(torch.cartesian_prod(axis, axis, axis), *inputs.planes),)
