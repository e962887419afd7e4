"""What the CUDA kernels share, in Triton: planes, blocks of neighboring points, bounds over a block.

The rules of all of them: one program per block of points, planes as scalars in a loop (large tiles would be unrolled
and spill), one-dimensional grids, no float atomics, no read-back to the host. Values that bounds do not cover (NaN or
huge planes, δ or σ not positive, points that are no points) make bounds infinite, which means "visit": NaN then spreads
as in the reference. Comparisons are written so that nothing depends on what a maximum makes of NaN, since GPUs and the
interpreter differ there.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

TILES = 64  # a list of points is cut into so many, whose boxes are found side by side
# Sizes change from call to call: none is compiled in, not even the value 1.
SIZES = (
    *("n", "k", "h", "blocks", "total", "bits", "steps", "tiles", "pieces", "groups", "needs", "guides"),
    *("nx", "ny", "nz", "views", "height", "width"),
)


def jit(function: Callable, exact: bool = False) -> Any:
    """`triton.jit` for code that runs on the GPU, or in the interpreter.

    Args:
        function: the code.
        exact: of a kernel: products and sums are rounded one after the other, as PyTorch does it, and not at once.
    """
    function = inspect.unwrap(function)  # Triton reads the source and wants no wrapper, as of annotation checks, around
    names = [name for name in inspect.signature(function).parameters if name in SIZES]
    kernel: Any = triton.jit(function, do_not_specialize=names)  # type: ignore[call-overload]
    kernel.exact = exact
    return kernel


@dataclass(frozen=True)
class Configuration:
    """How kernels are launched: points per program and warps, forward (``block``),
    backward (``piece``) and of grids, whose cubes have 512 nodes.
    """

    block: int
    warps: int
    piece: int
    piece_warps: int
    cube_warps: int


# By compute capability, the largest that is not above the device's. That of 90 is the quickest of those that
# `benchmarks.cuda_times` tried on an H100: one warp waits for no other, and small blocks rule more convexes out. That
# of 80 was never timed.
CONFIGURATIONS = {
    80: Configuration(block=128, warps=2, piece=256, piece_warps=4, cube_warps=8),
    90: Configuration(block=64, warps=1, piece=128, piece_warps=1, cube_warps=4),
}


def configuration_for(device: torch.device) -> Configuration:
    """The launch configuration of a CUDA device; for the interpreter that of the largest blocks."""
    capability = _capability(device) if device.type == "cuda" else 0
    return CONFIGURATIONS[max((known for known in CONFIGURATIONS if known <= capability), default=min(CONFIGURATIONS))]


@cache
def _capability(device: torch.device) -> int:
    major, minor = torch.cuda.get_device_capability(device)
    return 10 * major + minor


def ceil_div(n: int, size: int) -> int:
    """How many pieces of this size n makes."""
    return -(-n // size)


# Kernels as they run on a device, by all that Triton compiles in; to look one up costs a third of what Triton takes.
_compiled: dict[tuple[Any, ...], Any] = {}


def launch(kernel: Any, programs: int, *arguments: Any, warps: int = 4, **constants: Any) -> None:
    """Run ``programs`` programs of a kernel on the device of its first argument.

    Constants are the kernel's last parameters.
    """
    device = arguments[0].device
    if device.type != "cuda":
        kernel[(programs,)](*arguments, **constants)
        return
    if device.index != torch.cuda.current_device():
        with torch.cuda.device(device):
            return launch(kernel, programs, *arguments, warps=warps, **constants)
    # Of a tensor its type and alignment, of a number its width.
    kinds = [
        (a.dtype, a.data_ptr() & 15) if isinstance(a, Tensor) else None if a is None else a >> 31 for a in arguments
    ]
    key = (kernel, device.index, warps, *constants.values(), *kinds)
    known = _compiled.get(key)
    if known is None:
        _compiled[key] = kernel[(programs,)](*arguments, **compiler_options(kernel, warps), **constants)
        return
    known[(programs, 1, 1)](*arguments, *[constants[name] for name in kernel.arg_names[len(arguments) :]])


def compiler_options(kernel: Any, warps: int) -> dict[str, int | bool]:
    """Options with which a kernel is compiled for so many warps, at most 8."""
    # Left alone, ptxas spills a few registers of some kernels to make room for more programs than there are.
    return dict(num_warps=warps, maxnreg=255, enable_fp_fusion=not kernel.exact)


# -- numbers ----------------------------------------------------------------------------------------------------------

EPSILON_32, EPSILON_64 = tl.constexpr(2.0**-23), tl.constexpr(2.0**-52)
# Coordinates beyond this could overflow in a product of two.
HUGE_32, HUGE_64 = tl.constexpr(1e18), tl.constexpr(1e150)
# sigmoid(−s) is exactly 0 from the first on, exactly 1 below minus the second.
ZERO_FROM_32, ZERO_FROM_64 = tl.constexpr(89.0), tl.constexpr(710.0)
ONE_FROM_32, ONE_FROM_64 = tl.constexpr(17.5), tl.constexpr(37.6)
INFINITY = tl.constexpr(float("inf"))


@jit
def is_usual(x):
    """Whether bounds hold for these values; False for NaN."""
    return tl.abs(x) <= (HUGE_64 if x.dtype == tl.float64 else HUGE_32)


@jit
def zero_from(x):
    """The score from which on the indicator is exactly 0."""
    return ZERO_FROM_64 if x.dtype == tl.float64 else ZERO_FROM_32


@jit
def one_from(x):
    """The indicator is exactly 1 for scores below minus this."""
    return ONE_FROM_64 if x.dtype == tl.float64 else ONE_FROM_32


@jit
def any_of(condition):
    """Whether a condition holds for one of the points of a block."""
    return tl.max(condition.to(tl.int32), axis=0) > 0


@jit
def indicator_of(score):
    """sigmoid(−score)."""
    return 1 / (1 + tl.exp(score))


# -- planes -----------------------------------------------------------------------------------------------------------


@jit
def load_plane(normals, offsets, at):
    """Normal and offset of the half-space ``at``, as scalars."""
    return (
        tl.load(normals + 3 * at),
        tl.load(normals + 3 * at + 1),
        tl.load(normals + 3 * at + 2),
        tl.load(offsets + at),
    )


@jit
def distance_to(normals, offsets, at, x, y, z):
    """L of one half-space at points in the convex's frame."""
    nx, ny, nz, d = load_plane(normals, offsets, at)
    return tl.fma(nx, x, tl.fma(ny, y, tl.fma(nz, z, d)))


@jit
def to_local(x, y, z, translations, row):
    """Points in the frame of convex ``row``."""
    t = translations + 3 * row
    return x - tl.load(t), y - tl.load(t + 1), z - tl.load(t + 2)


@jit
def largest_distance(normals, offsets, first, h, x, y, z):
    """max over h of L."""
    most = tl.full(x.shape, -INFINITY, x.dtype)
    for j in tl.range(0, h, loop_unroll_factor=2 if x.dtype == tl.float64 else 4):  # type: ignore[attr-defined]
        most = tl.maximum(most, distance_to(normals, offsets, first + j, x, y, z))
    return most


@jit
def sum_of_exponentials(normals, offsets, first, h, x, y, z, most, delta):
    """Σ_h exp(δ (L − max L)). One NaN among the L gives NaN, also where `largest_distance` passed over it."""
    total = tl.zeros(x.shape, x.dtype)
    for j in tl.range(0, h, loop_unroll_factor=2 if x.dtype == tl.float64 else 4):
        total += tl.exp(delta * (distance_to(normals, offsets, first + j, x, y, z) - most))
    return total


# -- blocks -----------------------------------------------------------------------------------------------------------


@jit
def load_points(points, at):
    """Coordinates of the points at row numbers ``at``."""
    return tl.load(points + 3 * at), tl.load(points + 3 * at + 1), tl.load(points + 3 * at + 2)


@jit
def points_of_block(order, b, block, n, BLOCK: tl.constexpr):
    """Row numbers of a block's points in an array with the batch axis flattened, and which are no padding.

    The last block is padded by the last point.
    """
    i = block * BLOCK + tl.arange(0, BLOCK)
    return b * n + tl.load(order + b * n + tl.minimum(i, n - 1)), i < n


@jit
def extents(points, found, n, tiles, BLOCK: tl.constexpr):
    """found (B, tiles, 6): the box of the usual points of each tile, lowest and highest coordinates.

    points (B, N, 3). A tile is every so many blocks of points. One program per tile (B · tiles).
    """
    b, tile = (tl.program_id(0) // tiles).to(tl.int64), tl.program_id(0) % tiles
    real: tl.constexpr = points.dtype.element_ty
    lx, ly, lz = (
        tl.full((BLOCK,), INFINITY, real),
        tl.full((BLOCK,), INFINITY, real),
        tl.full((BLOCK,), INFINITY, real),
    )
    hx, hy, hz = -lx, -ly, -lz
    for start in range(tile * BLOCK, n, tiles * BLOCK):
        x, y, z = load_points(points, b * n + tl.minimum(start + tl.arange(0, BLOCK), n - 1))
        usual = is_usual(x) & is_usual(y) & is_usual(z)
        lx, hx = tl.where(usual & (x < lx), x, lx), tl.where(usual & (x > hx), x, hx)
        ly, hy = tl.where(usual & (y < ly), y, ly), tl.where(usual & (y > hy), y, hy)
        lz, hz = tl.where(usual & (z < lz), z, lz), tl.where(usual & (z > hz), z, hz)
    to = found + 6 * (b * tiles + tile)
    tl.store(to, tl.min(lx, axis=0))
    tl.store(to + 1, tl.min(ly, axis=0))
    tl.store(to + 2, tl.min(lz, axis=0))
    tl.store(to + 3, tl.max(hx, axis=0))
    tl.store(to + 4, tl.max(hy, axis=0))
    tl.store(to + 5, tl.max(hz, axis=0))


@jit
def extent_along(found, b, axis, tiles, TILES: tl.constexpr):
    """Lowest and highest coordinate of all tiles along an axis."""
    tile = tl.arange(0, TILES)
    at = found + 6 * (b * tiles + tile) + axis
    return (
        tl.min(tl.load(at, mask=tile < tiles, other=INFINITY), axis=0),
        tl.max(tl.load(at + 3, mask=tile < tiles, other=-INFINITY), axis=0),
    )


@jit
def curve_keys(points, found, keys, n, tiles, bits, BLOCK: tl.constexpr, TILES: tl.constexpr):
    """Cells of points along a Morton curve through the box of ``found`` (`extents`); unusual points last.

    points (B, N, 3), keys (B, N), int16 for up to 5 bits, else int32.
    """
    programs = tl.cdiv(n, BLOCK)
    b = (tl.program_id(0) // programs).to(tl.int64)
    i = tl.program_id(0) % programs * BLOCK + tl.arange(0, BLOCK)
    at = b * n + tl.minimum(i, n - 1)
    usual = tl.full((BLOCK,), 1, tl.int1)
    key = tl.zeros((BLOCK,), tl.int32)
    longest = tl.zeros((), points.dtype.element_ty)
    for axis in tl.static_range(3):
        low, high = extent_along(found, b, axis, tiles, TILES)
        longest = tl.maximum(longest, high - low)
    for axis in tl.static_range(3):
        x = tl.load(points + 3 * at + axis)
        low, high = extent_along(found, b, axis, tiles, TILES)
        extent = tl.maximum(high - low, longest / 4)  # cells are cubes, or flat in flat sets
        share = tl.where(extent > 0, (x - low) / extent, 0.0)
        usual &= is_usual(x)
        cell = (tl.where(usual, share, 0.0) * (1 << bits)).to(tl.int32)
        cell = tl.maximum(tl.minimum(cell, (1 << bits) - 1), 0)
        for bit in tl.static_range(8):
            key |= ((cell >> bit) & 1) << (3 * bit + axis)
    # The last of 2¹⁵ cells has its neighbor's number, since that of no point has to fit in, too.
    LAST: tl.constexpr = 32767 if keys.dtype.element_ty == tl.int16 else 1 << 24
    key = tl.where(usual, tl.minimum(key, LAST - 1), LAST)
    tl.store(keys + at, key.to(keys.dtype.element_ty), mask=i < n)


@jit
def block_boxes(points, order, boxes, n, blocks, total, BLOCK: tl.constexpr):
    """Center and half extents of each block's box; infinite extents if it holds an unusual point.

    points (B, N, 3), order (B, N), boxes (6, total) with total = B · blocks.
    """
    b = (tl.program_id(0) // blocks).to(tl.int64)
    at, _ = points_of_block(order, b, tl.program_id(0) % blocks, n, BLOCK)
    EPSILON: tl.constexpr = EPSILON_64 if boxes.dtype.element_ty == tl.float64 else EPSILON_32
    for axis in tl.static_range(3):  # type: ignore[attr-defined]
        x = tl.load(points + 3 * at + axis)
        unusual = any_of(~is_usual(x))
        low, high = tl.min(x, axis=0), tl.max(x, axis=0)
        center = low / 2 + high / 2
        # Measured from the rounded center, so its rounding does no harm.
        half = tl.maximum(high - center, center - low) * (1 + 2 * EPSILON)
        tl.store(boxes + axis * total + tl.program_id(0), tl.where(unusual, 0.0, center))
        tl.store(boxes + (3 + axis) * total + tl.program_id(0), tl.where(unusual, INFINITY, half))


@jit
def load_box(boxes, at, total, mask):
    """Center and half extents of boxes; harmless numbers where masked."""
    cx, cy = tl.load(boxes + at, mask=mask, other=0.0), tl.load(boxes + total + at, mask=mask, other=0.0)
    cz, ex = (
        tl.load(boxes + 2 * total + at, mask=mask, other=0.0),
        tl.load(boxes + 3 * total + at, mask=mask, other=0.0),
    )
    ey, ez = (
        tl.load(boxes + 4 * total + at, mask=mask, other=0.0),
        tl.load(boxes + 5 * total + at, mask=mask, other=0.0),
    )
    return cx, cy, cz, ex, ey, ez


@jit
def score_bounds(
    boxes, normals, offsets, translations, smoothness, sharpness, low, high, blocks, total, k, h, LANES: tl.constexpr
):
    """Bounds of σΦ over each block's box, rounding included; (−∞, ∞) where none can be given.

    boxes (6, total), planes (B, K, ...), low and high (total, K). No smoothness: of max_h L. No sharpness: σ = 1.
    """
    tiles = tl.cdiv(blocks, LANES)
    row = (tl.program_id(0) // tiles).to(tl.int64)
    i = tl.program_id(0) % tiles * LANES + tl.arange(0, LANES)
    at = row // k * blocks + i
    cx, cy, cz, ex, ey, ez = load_box(boxes, at, total, i < blocks)
    cx, cy, cz = to_local(cx, cy, cz, translations, row)
    size = tl.abs(cx) + tl.abs(cy) + tl.abs(cz) + ex + ey + ez
    usual = is_usual(size)  # of the boxes, and `sound` of the convex; the interpreter cannot combine the two
    sound = tl.full((), 1, tl.int1)
    below = tl.full((LANES,), -INFINITY, cx.dtype)
    above, largest_n, largest_d = below, tl.zeros((LANES,), cx.dtype), tl.zeros((LANES,), cx.dtype)
    for j in tl.range(0, h):
        nx, ny, nz, d = load_plane(normals, offsets, row * h + j)
        sound &= is_usual(nx) & is_usual(ny) & is_usual(nz) & is_usual(d)
        center = tl.fma(nx, cx, tl.fma(ny, cy, tl.fma(nz, cz, d)))
        radius = tl.fma(tl.abs(nx), ex, tl.fma(tl.abs(ny), ey, tl.abs(nz) * ez))
        below, above = tl.maximum(below, center - radius), tl.maximum(above, center + radius)
        largest_n = tl.maximum(largest_n, tl.maximum(tl.abs(nx), tl.maximum(tl.abs(ny), tl.abs(nz))))
        largest_d = tl.maximum(largest_d, tl.abs(d))
    EPSILON: tl.constexpr = EPSILON_64 if boxes.dtype.element_ty == tl.float64 else EPSILON_32
    margin = 16 * EPSILON * (largest_n * size + largest_d)
    below, above = below - margin, above + margin
    if smoothness is not None:
        delta = tl.load(smoothness + row)
        sound &= (delta > 0) & is_usual(delta) & is_usual(1 / delta)
        # The logarithms of GPUs are approximate; these allowances are larger than their errors.
        below -= 1e-6 / delta
        above += tl.log(h.to(cx.dtype)) * 1.00001 / delta + 1e-6 / delta
    if sharpness is not None:
        sigma = tl.load(sharpness + row)
        sound &= (sigma > 0) & is_usual(sigma) & is_usual(1 / sigma)
        below, above = sigma * below, sigma * above
    below, above = below - 8 * EPSILON * tl.abs(below), above + 8 * EPSILON * tl.abs(above)
    usual &= (below == below) & (above == above)  # products may overflow
    below, above = tl.where(usual, below, -INFINITY), tl.where(usual, above, INFINITY)
    to = at * k + row % k
    tl.store(low + to, tl.where(sound, below, -INFINITY), mask=i < blocks)
    tl.store(high + to, tl.where(sound, above, INFINITY), mask=i < blocks)


@jit
def nearest_first(low, high, at, k, TILE: tl.constexpr):
    """Of the K bounds from ``at`` on: the smallest upper one, the smallest lower one, and the convex that has it."""
    columns = tl.arange(0, TILE)
    ceiling = tl.full((TILE,), INFINITY, low.dtype.element_ty)
    lowest, nearest = ceiling, tl.zeros((TILE,), tl.int32)
    for start in range(0, k, TILE):
        j = start + columns
        ceiling = tl.minimum(ceiling, tl.load(high + at + j, mask=j < k, other=INFINITY))
        this = tl.load(low + at + j, mask=j < k, other=INFINITY)
        nearest = tl.where(this < lowest, j, nearest)
        lowest = tl.minimum(lowest, this)
    floor = tl.min(lowest, axis=0)
    return tl.min(ceiling, axis=0), floor, tl.min(tl.where(lowest == floor, nearest, k - 1), axis=0)


def order_along_curve(points: Tensor, block: int) -> Tensor:
    """Permutation, int32 ``(B, N)``, of points ``(B, N, 3)`` that makes neighbors in the list neighbors in space.

    Points with NaN, infinite or huge coordinates come last.
    """
    batch, n, _ = points.shape
    if n <= block:
        return torch.arange(n, dtype=torch.int32, device=points.device).expand(batch, n).contiguous()
    # About eight points per cell: finer cells would not make the blocks more compact.
    bits = min(8, max(1, (((n - 1) // 8).bit_length() + 2) // 3))
    # A sort costs the less the shorter its keys are.
    keys = torch.empty((batch, n), dtype=torch.int16 if bits <= 5 else torch.int32, device=points.device)
    tiles = min(TILES, ceil_div(n, 1024))
    found = points.new_empty((batch, tiles, 6))
    launch(extents, batch * tiles, points, found, n, tiles, BLOCK=1024)
    launch(curve_keys, batch * ceil_div(n, 256), points, found, keys, n, tiles, bits, BLOCK=256, TILES=TILES)
    return keys.sort(dim=-1, stable=True).indices.to(torch.int32)


def boxes_of(points: Tensor, order: Tensor, block: int) -> Tensor:
    """Boxes of the blocks of ``block`` points along ``order``: center and half extents, ``(6, B · blocks)``."""
    batch, n, _ = points.shape
    blocks = ceil_div(n, block)
    boxes = points.new_empty((6, batch * blocks))
    launch(block_boxes, batch * blocks, points, order, boxes, n, blocks, batch * blocks, BLOCK=block)
    return boxes


def bounds_of(boxes: Tensor, *planes: Tensor | None) -> tuple[Tensor, Tensor]:
    """`score_bounds`, low and high ``(B · blocks, K)``, of normals, offsets, translations, smoothness and sharpness."""
    normals = planes[0]
    assert normals is not None
    batch, k, h, _ = normals.shape
    total = boxes.shape[1]
    blocks = total // batch
    low, high = boxes.new_empty((total, k)), boxes.new_empty((total, k))
    programs = batch * k * ceil_div(blocks, 128)
    launch(score_bounds, programs, boxes, *planes, low, high, blocks, total, k, h, LANES=128)
    return low, high
