"""The definition of what is right: plain PyTorch, any float type, any device, twice differentiable.

Source: CvxNet (Deng et al., CVPR 2020), with the 1/δ of the official code, so that Φ is a length.
"""

from jaxtyping import Bool, Float
from torch import Tensor


def plane_distances(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
) -> Float[Tensor, "*batch K H N"]:
    """L_kh(x) = n_kh·(x − t_k) + d_kh, negative on the inner side."""
    local = points[..., None, :, :] - translations[..., :, None, :]
    return normals @ local.transpose(-1, -2) + offsets[..., None]


def convex_sdf(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
    smoothness: Float[Tensor, "*#batch K"],
) -> Float[Tensor, "*batch K N"]:
    """Φ_k(x) = (1/δ_k) log Σ_h exp(δ_k (n_kh·(x − t_k) + d_kh))."""
    distances = plane_distances(points, normals, offsets, translations)
    # Taking the maximum out of the sum keeps the exponentials in [0, 1]. It cancels algebraically, so it is a constant
    # for the gradient; carrying it outside of 1/δ also spares the derivative by δ the difference of two large numbers.
    largest = distances.detach().amax(dim=-2, keepdim=True)
    delta = smoothness[..., None]
    excess = (delta[..., None] * (distances - largest)).exp().sum(dim=-2).log() / delta
    return largest.squeeze(-2) + excess


def convex_indicator(
    sdf: Float[Tensor, "*batch K N"], sharpness: Float[Tensor, "*#batch K"]
) -> Float[Tensor, "*batch K N"]:
    """C_k(x) = sigmoid(−σ_k Φ_k(x)), from Φ."""
    return (-sharpness[..., None] * sdf).sigmoid()


def union_sdf(sdf: Float[Tensor, "*batch K N"]) -> Float[Tensor, "*batch N"]:
    """min_k Φ_k(x), from Φ; +∞ where there is no convex. Among equal convexes the first has the gradient."""
    if sdf.shape[-2] == 0:
        return sdf.new_full((*sdf.shape[:-2], sdf.shape[-1]), float("inf"))
    return sdf.min(dim=-2).values


def union_indicator(indicator: Float[Tensor, "*batch K N"]) -> Float[Tensor, "*batch N"]:
    """max_k C_k(x), from C; 0 where there is no convex. Among equal convexes the first has the gradient."""
    if indicator.shape[-2] == 0:
        return indicator.new_zeros((*indicator.shape[:-2], indicator.shape[-1]))
    return indicator.max(dim=-2).values


def union_contains(
    points: Float[Tensor, "*#batch N 3"],
    normals: Float[Tensor, "*#batch K H 3"],
    offsets: Float[Tensor, "*#batch K H"],
    translations: Float[Tensor, "*#batch K 3"],
) -> Bool[Tensor, "*batch N"]:
    """Whether max_h L_kh(x) ≤ 0 for some k: membership in the exact polytopes, surface included."""
    return (plane_distances(points, normals, offsets, translations) <= 0).all(dim=-2).any(dim=-2)
