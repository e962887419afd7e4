"""Public functions: checks, common precision, bounded memory."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from ..._checks import check_same_device, check_tensor
from .._dispatch import launcher_for
from . import fused, pieces


def convex_sdf(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
) -> Float[Tensor, "*batch K N"]:
    """Approximate signed distance Φ_k(x) from points to each smooth convex, negative inside.

    Φ_k(x) = (1/δ_k) log Σ_h exp(δ_k L_kh(x)) with L_kh(x) = n_kh·(x − t_k) + d_kh. It is convex and 1-Lipschitz in x
    and max_h L ≤ Φ ≤ max_h L + log(H)/δ: the smooth convex lies inside the exact polytope of its half-spaces. A
    half-space given twice shrinks the convex by up to log(2)/δ.

    All inputs are in the object frame, lengths in the user's unit; leading axes broadcast. Twice differentiable with
    respect to every argument. Memory is bounded: long lists of points are evaluated piece by piece, and recomputed in
    the backward pass. Half precision is evaluated in float32.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper.

    Returns:
        Φ, in units of length.

    Raises:
        TypeError: an argument is not a floating-point tensor.
        ValueError: shapes or devices do not fit.

    Source: CvxNet (Deng et al., CVPR 2020), section 3; the 1/δ follows the official code.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])  # the slab |x| <= 1
        >>> convex_sdf(torch.zeros(1, 3), normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.tensor([1e4]))
        tensor([[-0.9999]])
    """
    return _evaluate(False, points, normals, offsets, translations, smoothness, None)


def convex_indicator(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
    sharpness: Float[Tensor, "*#batch K"] | Float[Tensor, ""],
) -> Float[Tensor, "*batch K N"]:
    """Smooth indicator C_k(x) = sigmoid(−σ_k Φ_k(x)) of each convex: 1 inside, 0 outside, ½ on its surface.

    Arguments, precision, memory and errors as for `convex_sdf`.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper corners.
        sharpness: σ > 0, in 1/length, per convex or one for all; the slope across the surface is σ/4.

    Returns:
        C, in [0, 1].

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])
        >>> planes = (normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.tensor([1e4]))
        >>> convex_indicator(torch.tensor([[1.0, 5.0, 0.0]]), *planes, torch.tensor(75.0))
        tensor([[0.5000]])
    """
    return _evaluate(False, points, normals, offsets, translations, smoothness, sharpness)


def union_sdf(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
) -> Float[Tensor, "*batch N"]:
    """Approximate signed distance min_k Φ_k(x) to the union of the smooth convexes; +∞ if there is none (K = 0).

    Its absolute value never exceeds the distance to the level set 0 by more than the smooth convexes allow (it is
    1-Lipschitz), so it is a safe step for sphere tracing. A convex given twice changes nothing. Where two convexes are
    equally near, the first has the gradient. Arguments, precision, memory and errors as for `convex_sdf`.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper corners.

    Returns:
        min over k of Φ_k, in units of length.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])
        >>> union_sdf(torch.tensor([[3.0, 0, 0]]), normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.ones(1))
        tensor([2.0025])
    """
    return _evaluate(True, points, normals, offsets, translations, smoothness, None)


def union_indicator(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
    sharpness: Float[Tensor, "*#batch K"] | Float[Tensor, ""],
) -> Float[Tensor, "*batch N"]:
    """Smooth indicator max_k C_k(x) of the union: 1 inside, 0 outside, ½ on the surface; 0 if K = 0.

    Level ½ is the same surface as level 0 of `union_sdf`. Where two convexes are equally likely, the first has the
    gradient. Arguments, precision, memory and errors as for `convex_indicator`.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, in 1/length; larger is sharper corners.
        sharpness: σ > 0, in 1/length, per convex or one for all.

    Returns:
        max over k of C_k, in [0, 1].

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])
        >>> planes = (normals, -torch.ones(1, 2), torch.zeros(1, 3), torch.ones(1))
        >>> union_indicator(torch.tensor([[9.0, 0, 0]]), *planes, torch.tensor(75.0)) < 1e-6
        tensor([True])
    """
    return _evaluate(True, points, normals, offsets, translations, smoothness, sharpness)


def union_contains(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
) -> Bool[Tensor, "*batch N"]:
    """Whether points lie in one of the *exact* polytopes (surface included), not in the smooth convexes.

    Not differentiable. Memory is bounded. Arguments and errors as for `convex_sdf`.

    Args:
        points: query points x.
        normals: outward unit normals n.
        offsets: d; a half-space is n·(x − t) + d ≤ 0.
        translations: t, origin of each convex's local frame.

    Returns:
        True where max_h n_kh·(x − t_k) + d_kh ≤ 0 for some k.

    Example:
        >>> normals = torch.tensor([[[1.0, 0, 0], [-1.0, 0, 0]]])
        >>> union_contains(torch.tensor([[1.0, 0, 0], [1.5, 0, 0]]), normals, -torch.ones(1, 2), torch.zeros(1, 3))
        tensor([ True, False])
    """
    ready = (points, normals, offsets, translations)
    if is_ready(*ready) and (launcher := launcher_for(points)):
        return fused.contains(launcher, *(tensor.detach() for tensor in ready))
    tensors = dict(points=points, normals=normals, offsets=offsets, translations=translations)
    check_union_tensors(**tensors)
    inputs = common_type(*(tensor.detach() for tensor in tensors.values()))
    launcher = None if _is_empty(*inputs) else launcher_for(inputs[0])
    if launcher is None:
        return pieces.contains(*inputs)
    return fused.contains(launcher, *common_batch(*inputs))


def _evaluate(union: bool, *inputs: Tensor | None) -> Tensor:
    """Check, bring to a common type and shape, and evaluate on the implementation that is to run."""
    given_tensors = inputs if inputs[-1] is not None else inputs[:-1]
    if is_ready(*given_tensors) and (launcher := launcher_for(inputs[0])):  # type: ignore[arg-type]
        return fused.evaluate(launcher, union, *inputs)
    names = ("points", "normals", "offsets", "translations", "smoothness", "sharpness")
    given = {name: t for name, t in zip(names, inputs) if t is not None or name != "sharpness"}
    check_union_tensors(**given)  # type: ignore[arg-type]  # a missing tensor is named there
    *tensors, sharpness = inputs
    dtype = result_type(*(t for t in inputs if t is not None))
    # Half precision would overflow in δ·L; float32 inside costs nothing on the way out.
    working = torch.promote_types(dtype, torch.float32)
    tensors = [t.to(working) for t in tensors if t is not None]
    if sharpness is not None:
        sharpness = sharpness.to(working)
        sharpness = sharpness.expand(tensors[-1].shape) if sharpness.ndim == 0 else sharpness
    launcher = None if _is_empty(*tensors) else launcher_for(tensors[0])
    if launcher is None:
        return pieces.evaluate(union, *tensors, sharpness).to(dtype)
    if sharpness is None:
        return fused.evaluate(launcher, union, *common_batch(*tensors), None).to(dtype)
    return fused.evaluate(launcher, union, *common_batch(*tensors, sharpness)).to(dtype)


def is_ready(points: Any, normals: Any, offsets: Any, translations: Any, *per_convex: Any) -> bool:
    """Whether nothing needs to be checked, converted or expanded: the quick way for most calls.

    Of points (or origins of rays), planes, and whatever else has a number per convex; any of them may be wrong.
    """
    tensors = (points, normals, offsets, translations, *per_convex)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            return False
    if normals.ndim < 3 or points.ndim < 2:
        return False
    shape, dtype, device = normals.shape, points.dtype, points.device
    *batch, k, h, three = shape
    same = (
        (dtype is torch.float32 or dtype is torch.float64)
        and three == 3
        and k * h > 0
        and [*points.shape[:-2], points.shape[-1]] == [*batch, 3]
        and points.numel() > 0
        and offsets.shape == shape[:-1]
        and [*translations.shape] == [*batch, k, 3]
    )
    if not same:
        return False
    for tensor in per_convex:
        if tensor.shape != shape[:-2]:
            return False
    return all(t.dtype is dtype and t.device == device for t in tensors)


def result_type(*tensors: Tensor) -> torch.dtype:
    """The type that all promote to."""
    dtype = tensors[0].dtype
    for tensor in tensors:
        dtype = torch.promote_types(dtype, tensor.dtype)
    return dtype


def common_type(*tensors: Tensor) -> list[Tensor]:
    """The tensors in the type that all promote to, float32 at least."""
    working = torch.promote_types(result_type(*tensors), torch.float32)
    return [t.to(working) for t in tensors]


def common_batch(points: Tensor, *planes: Tensor) -> list[Tensor]:
    """Points (or rays), normals and what belongs to them, expanded to the same leading axes."""
    cores = [2, 3, 2, 2, 1, 1][: 1 + len(planes)]
    tensors = [points, *planes]
    batch = torch.broadcast_shapes(*(t.shape[: t.ndim - core] for t, core in zip(tensors, cores)))
    return [t.expand(*batch, *t.shape[t.ndim - core :]) for t, core in zip(tensors, cores)]


def _is_empty(points: Tensor, normals: Tensor, *_: Tensor) -> bool:
    return points.numel() == 0 or normals.numel() == 0


def check_union_tensors(**tensors: Tensor) -> None:
    """Check types, shapes and devices of a union's tensors (any of points, normals, offsets, ..., by name).

    Raises:
        TypeError: one is not a floating-point tensor.
        ValueError: shapes or devices do not fit.
    """
    check_tensor("normals", tensors["normals"], (None, None, 3))
    k, h = tensors["normals"].shape[-3:-1]
    if h == 0:
        raise ValueError("normals must have at least one half-space per convex, got H = 0")
    sizes: dict[str, tuple[int | None, ...]] = {
        "points": (None, 3),
        "origins": (None, 3),
        "directions": (None, 3),
        "offsets": (k, h),
        "translations": (k, 3),
        "smoothness": (k,),
        "sharpness": (k,),
    }
    for name, last in sizes.items():
        if name in tensors:
            scalar = name == "sharpness" and isinstance(tensors[name], Tensor) and tensors[name].ndim == 0
            check_tensor(name, tensors[name], () if scalar else last)
    check_same_device(**tensors)
    core = {"normals": 3, "offsets": 2, "translations": 2, "smoothness": 1, "sharpness": 1}
    leading = {name: tuple(t.shape[: max(0, t.ndim - core.get(name, 2))]) for name, t in tensors.items()}
    try:
        torch.broadcast_shapes(*leading.values())
    except RuntimeError:
        found = ", ".join(f"{name} {shape}" for name, shape in leading.items())
        raise ValueError(f"the leading (batch) axes must broadcast, got {found}") from None
