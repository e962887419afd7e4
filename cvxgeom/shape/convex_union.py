"""ConvexUnion: a solid as five tensors."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from .. import ops
from .._checks import check_finite, check_same_device, check_tensor, describe
from .polytope import Polytope, polytopes
from .transform import rotated, scaled, translated

NORMAL_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 3e-2}
# Padding stands this many extents away: far beyond any query, and still finite in half precision for unit shapes.
FAR = 1e4


@dataclass(frozen=True, eq=False)
class ConvexUnion:
    """A solid as the union of K smooth convexes, each the intersection of H half-spaces; any leading batch axes.

    The value is immutable and differentiable: its tensors may require gradients, and every method passes them on.
    Lengths are in the user's unit, positions in the object frame. A convex without any point is legal padding.

    Args:
        normals: *outward* unit normals n of the half-spaces n·(x − t) + d ≤ 0.
        offsets: d, a length.
        translations: t, origin of each convex's local frame.
        smoothness: δ > 0, log-sum-exp factor in 1/length; larger is sharper corners.
        sharpness: σ > 0, slope of the indicator across the surface in 1/length; one per convex, or a single number.

    Raises:
        TypeError: a field is not a floating-point tensor.
        ValueError: shapes, devices or dtypes do not fit, an entry is NaN or infinite, a normal is not a unit vector,
            or δ or σ is not positive.

    Example:
        >>> shape = cvxgeom.concatenate([cvxgeom.box(), cvxgeom.sphere(radius=0.6, n_halfspaces=40)])
        >>> shape.n_convexes, shape.n_halfspaces
        (2, 40)
        >>> bool(shape.sdf(torch.zeros(1, 3)) < 0)
        True
    """

    normals: Float[Tensor, "*batch K H 3"]
    offsets: Float[Tensor, "*batch K H"]
    translations: Float[Tensor, "*batch K 3"]
    smoothness: Float[Tensor, "*batch K"]
    sharpness: Float[Tensor, "*batch K"] | Float[Tensor, ""] | float | int

    def __post_init__(self) -> None:
        check_tensor("normals", self.normals, (None, None, 3))
        *batch, k, h, _ = self.normals.shape
        if h == 0:
            raise ValueError("normals must have at least one half-space per convex, got H = 0")
        sharpness = self.sharpness
        if isinstance(sharpness, Real) and not isinstance(sharpness, bool):
            sharpness = self.normals.new_full((*batch, k), float(sharpness))
        elif isinstance(sharpness, Tensor) and sharpness.ndim == 0:
            sharpness = sharpness.expand(*batch, k)
        object.__setattr__(self, "sharpness", sharpness)
        wanted = {"offsets": (k, h), "translations": (k, 3), "smoothness": (k,), "sharpness": (k,)}
        for name, last in wanted.items():
            value = getattr(self, name)
            check_tensor(name, value, last)
            if tuple(value.shape) != (*batch, *last):
                raise ValueError(f"{name} must have shape {(*batch, *last)} as normals demand, got {describe(value)}")
            if value.dtype != self.normals.dtype:
                raise ValueError(f"{name} must have the dtype of normals, {self.normals.dtype}, got {describe(value)}")
        check_same_device(**self._tensors())
        for name, value in self._tensors().items():
            check_finite(name, value.detach())
        error = (self.normals.detach().float().norm(dim=-1) - 1).abs()
        tolerance = NORMAL_TOLERANCE.get(self.dtype, 1e-4)
        if error.numel() and float(error.max()) > tolerance:
            raise ValueError(f"normals must be unit vectors, got lengths off by up to {float(error.max()):.2g}")
        for name in ("smoothness", "sharpness"):
            value = getattr(self, name).detach()
            if value.numel() and float(value.min()) <= 0:
                raise ValueError(f"{name} must be greater than 0, got {float(value.min()):.3g}")

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def n_convexes(self) -> int:
        """K, padding included."""
        return self.normals.shape[-3]

    @property
    def n_halfspaces(self) -> int:
        """H, half-spaces per convex, padding included."""
        return self.normals.shape[-2]

    @property
    def batch_size(self) -> torch.Size:
        """Sizes of the leading axes; empty for a single shape."""
        return self.normals.shape[:-3]

    @property
    def dtype(self) -> torch.dtype:
        """Number type of all fields."""
        return self.normals.dtype

    @property
    def device(self) -> torch.device:
        """Where all fields live."""
        return self.normals.device

    def __repr__(self) -> str:
        batch = f"batch_size={tuple(self.batch_size)}, " if self.batch_size else ""
        return f"ConvexUnion({batch}n_convexes={self.n_convexes}, n_halfspaces={self.n_halfspaces}, {self.dtype})"

    # -- queries ------------------------------------------------------------------------------------------------------

    def convex_sdf(self, points: Float[Tensor, "*#batch N 3"]) -> Float[Tensor, "*batch K N"]:
        """Φ_k(x), approximate signed distance to each smooth convex; see `cvxgeom.ops.convex_sdf`."""
        return ops.convex_sdf(points, self.normals, self.offsets, self.translations, self.smoothness)

    def convex_indicator(self, points: Float[Tensor, "*#batch N 3"]) -> Float[Tensor, "*batch K N"]:
        """C_k(x), smooth indicator of each convex; see `cvxgeom.ops.convex_indicator`."""
        return ops.convex_indicator(points, *self._tensors().values())

    def sdf(self, points: Float[Tensor, "*#batch N 3"]) -> Float[Tensor, "*batch N"]:
        """min_k Φ_k(x), approximate signed distance to the union; see `cvxgeom.ops.union_sdf`."""
        return ops.union_sdf(points, self.normals, self.offsets, self.translations, self.smoothness)

    def indicator(self, points: Float[Tensor, "*#batch N 3"]) -> Float[Tensor, "*batch N"]:
        """max_k C_k(x), smooth indicator of the union; see `cvxgeom.ops.union_indicator`."""
        return ops.union_indicator(points, *self._tensors().values())

    def contains(self, points: Float[Tensor, "*#batch N 3"]) -> Bool[Tensor, "*batch N"]:
        """Membership in the exact polytopes; see `cvxgeom.ops.union_contains`."""
        return ops.union_contains(points, self.normals, self.offsets, self.translations)

    def raycast(self, origins: Float[Tensor, "*#batch R 3"], directions: Float[Tensor, "*#batch R 3"]) -> ops.RayHits:
        """First hits of rays with the exact polytopes; see `cvxgeom.ops.raycast`."""
        return ops.raycast(origins, directions, self.normals, self.offsets, self.translations)

    def polytopes(self, clip_to: Float[Tensor, "2 3"] | None = None) -> list[Polytope]:
        """The exact polytope of each convex, with a status that says what its half-spaces enclose.

        Args:
            clip_to: corners (least, greatest) of a box in the object frame; unbounded convexes are clipped to it.

        Returns:
            One `Polytope` per convex, in order.

        Raises:
            ValueError: the shape has batch axes; index one element first.

        Example:
            >>> [float(p.volume) for p in cvxgeom.box(size=2.0).polytopes()]
            [8.0]
        """
        self._require_single("polytopes")
        return polytopes(self.normals, self.offsets, self.translations, clip_to)

    # -- new values from old ------------------------------------------------------------------------------------------

    def to(self, *args: Any, **kwargs: Any) -> "ConvexUnion":
        """The same shape on another device or in another number type; arguments as for `torch.Tensor.to`."""
        moved = {name: value.to(*args, **kwargs) for name, value in self._tensors().items()}
        if moved["normals"].dtype != self.dtype:
            # Unit vectors of one precision are not those of another.
            length = moved["normals"].norm(dim=-1)
            moved["normals"], moved["offsets"] = moved["normals"] / length[..., None], moved["offsets"] / length
        return ConvexUnion(**moved)

    def detach(self) -> "ConvexUnion":
        """The same shape without gradients."""
        return ConvexUnion(*(value.detach() for value in self._tensors().values()))

    def __getitem__(self, index: Any) -> "ConvexUnion":
        """Index the batch axes; raises IndexError for a single shape (use `select` for its convexes)."""
        if not self.batch_size:
            raise IndexError("this shape has no batch axes to index; select(parts) picks convexes")
        depth = len(self.batch_size)
        used = len(index) if isinstance(index, tuple) else 1
        if used > depth or index is Ellipsis or (isinstance(index, tuple) and Ellipsis in index):
            raise IndexError(f"index must address the {depth} batch axes {tuple(self.batch_size)} only, got {index!r}")
        return ConvexUnion(*(value[index] for value in self._tensors().values()))

    def select(self, parts: Sequence[int] | Int[Tensor, " n"] | Bool[Tensor, " K"] | slice) -> "ConvexUnion":
        """The union of some of the convexes.

        Args:
            parts: indices, a mask over the K convexes, or a slice.

        Raises:
            IndexError: an index or the mask's length does not fit K.

        Example:
            >>> cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(3, 0, 0))]).select([1]).n_convexes
            1
        """
        index = parts
        if not isinstance(parts, (slice, Tensor)):
            index = torch.as_tensor(parts, dtype=None if len(parts) else torch.long)
        chosen = torch.arange(self.n_convexes, device=self.device)[index]
        axis = len(self.batch_size)
        return ConvexUnion(*(value.index_select(axis, chosen) for value in self._tensors().values()))

    def translate(self, vector: Float[Tensor, "*#batch 3"] | Sequence[float]) -> "ConvexUnion":
        """Moved by a vector (length units)."""
        return replace(self, **translated(self._tensors(), vector))

    def rotate(self, rotation: Float[Tensor, "*#batch 3 3"] | Sequence[Sequence[float]]) -> "ConvexUnion":
        """Rotated about the origin of the object frame: x ↦ R x with R a proper rotation matrix."""
        return replace(self, **rotated(self._tensors(), rotation))

    def scale(self, factor: float | Float[Tensor, ""]) -> "ConvexUnion":
        """Scaled about the origin of the object frame by a positive number; δ and σ are divided by it."""
        return replace(self, **scaled(self._tensors(), factor))

    def transform(self, matrix: Float[Tensor, "4 4"] | Sequence[Sequence[float]]) -> "ConvexUnion":
        """Moved by a homogeneous 4×4 similarity: rotation, uniform positive scale and translation.

        Raises:
            ValueError: the matrix is not a similarity (shear, reflection, uneven scale or projection).

        Example:
            >>> matrix = [[0, -2, 0, 5], [2, 0, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1]]
            >>> [round(float(p.volume), 6) for p in cvxgeom.box().transform(matrix).polytopes()]
            [8.0]
        """
        wide = torch.as_tensor(matrix, dtype=torch.float64, device=self.device)
        if wide.shape != (4, 4) or not torch.allclose(wide[3], wide.new_tensor([0, 0, 0, 1.0])):
            raise ValueError(f"matrix must be 4×4 with last row (0, 0, 0, 1), got {describe(matrix)}")
        factor = torch.linalg.det(wide[:3, :3]).sign() * torch.linalg.det(wide[:3, :3]).abs() ** (1 / 3)
        if not factor > 0:
            raise ValueError(f"matrix must be a similarity, got a linear part of scale {float(factor):.3g}")
        return self.scale(factor).rotate(wide[:3, :3] / factor).translate(wide[:3, 3])

    def save(self, path: str | os.PathLike) -> None:
        """Write the shape to an ``.npz`` file that `cvxgeom.load` reads; an existing file is replaced atomically."""
        from .io import save

        save(self, path)

    # -- internal -----------------------------------------------------------------------------------------------------

    def _tensors(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _require_single(self, what: str) -> None:
        if self.batch_size:
            raise ValueError(f"{what} needs a single shape, got batch axes {tuple(self.batch_size)}; index one first")


def stack(shapes: Sequence[ConvexUnion]) -> ConvexUnion:
    """Shapes as one batch along a new first axis; fewer convexes or half-spaces are padded.

    Args:
        shapes: at least one, with equal batch axes.

    Raises:
        ValueError: no shape was given, or batch axes differ.

    Example:
        >>> cvxgeom.stack([cvxgeom.box(), cvxgeom.sphere(n_halfspaces=20)]).batch_size
        torch.Size([2])
    """
    padded = _padded(shapes, n_convexes=max((s.n_convexes for s in shapes), default=0))
    return ConvexUnion(*(torch.stack(values) for values in zip(*(s._tensors().values() for s in padded))))


def concatenate(shapes: Sequence[ConvexUnion]) -> ConvexUnion:
    """The union of several unions: their convexes side by side; fewer half-spaces are padded.

    Args:
        shapes: at least one, with equal batch axes.

    Raises:
        ValueError: no shape was given, or batch axes differ.

    Example:
        >>> cvxgeom.concatenate([cvxgeom.box(), cvxgeom.box(center=(2, 0, 0))]).n_convexes
        2
    """
    padded = _padded(shapes, n_convexes=None)
    axis = len(padded[0].batch_size)
    return ConvexUnion(*(torch.cat(values, dim=axis) for values in zip(*(s._tensors().values() for s in padded))))


def _padded(shapes: Sequence[ConvexUnion], n_convexes: int | None) -> list[ConvexUnion]:
    if not shapes:
        raise ValueError("shapes must hold at least one ConvexUnion, got none")
    if len({shape.batch_size for shape in shapes}) > 1:
        raise ValueError(f"shapes must have equal batch axes, got {[tuple(shape.batch_size) for shape in shapes]}")
    most = max(shape.n_halfspaces for shape in shapes)
    return [_pad(shape, shape.n_convexes if n_convexes is None else n_convexes, most) for shape in shapes]


def _pad(shape: ConvexUnion, n_convexes: int, n_halfspaces: int) -> ConvexUnion:
    """Add far half-spaces (they change nothing) and empty convexes (they hold no point)."""
    n, d, t, delta, sigma = shape._tensors().values()
    batch, k, h = shape.batch_size, shape.n_convexes, shape.n_halfspaces
    distance = min(FAR * _extent(n.detach(), d.detach()), torch.finfo(n.dtype).max / 4)
    if n_halfspaces > h:
        # Parallel to a plane of the convex: any other direction would close an unbounded convex far away.
        n_far, d_far = n.detach()[..., :1, :], d.detach()[..., :1] - distance
        n = torch.cat([n, n_far.expand(*batch, k, n_halfspaces - h, 3)], dim=-2)
        d = torch.cat([d, d_far.expand(*batch, k, n_halfspaces - h)], dim=-1)
    missing = n_convexes - k
    if missing > 0:
        # x ≥ far and x ≤ −far at once: n alternates between +x and −x with d = +far.
        signs = 1 - 2 * (torch.arange(n_halfspaces, device=n.device) % 2)
        opposite = torch.stack([signs, 0 * signs, 0 * signs], dim=-1).to(n.dtype)
        n = torch.cat([n, opposite.expand(*batch, missing, n_halfspaces, 3)], dim=-3)
        d = torch.cat([d, d.new_full((*batch, missing, n_halfspaces), distance)], dim=-2)
        t = torch.cat([t, t.new_zeros((*batch, missing, 3))], dim=-2)
        delta = torch.cat([delta, delta.new_ones((*batch, missing))], dim=-1)
        sigma = torch.cat([sigma, sigma.new_ones((*batch, missing))], dim=-1)
    return ConvexUnion(n, d, t, delta, sigma)


def _extent(n: Float[Tensor, "*batch K H 3"], d: Float[Tensor, "*batch K H"]) -> float:
    """The largest offset, a length greater than 0, without what an earlier `_pad` added: that would count as FAR²."""
    if not d.numel():
        return 1.0
    tolerance = NORMAL_TOLERANCE.get(n.dtype, 1e-4)
    along = (n * n[..., :1, :]).sum(dim=-1)
    # Padding lies behind the first plane; what does cuts nothing, padding or not.
    behind = (along > 1 - tolerance) & (d < d[..., :1])
    # An empty convex has an opposite of the first plane, and no room between both.
    empty = ((along < tolerance - 1) & (d + d[..., :1] > 0)).any(dim=-1, keepdim=True)
    kept = d[~(behind | empty)].abs()
    extent = float(kept.amax()) if len(kept) else float(d.abs().amax()) / FAR
    return extent or 1.0
