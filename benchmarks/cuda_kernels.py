"""What the Triton kernels need on a GPU, and how long they should take there: without a GPU.

    python -m benchmarks.cuda_kernels [--csv]

Compiles every kernel ahead of time for every configuration, reads registers, spills and shared memory from the
machine code, writes them to tests/golden/cuda_kernels.csv and prints them as a table, followed by a roofline estimate.
``--csv`` writes the table to the standard output and does nothing else. `benchmarks.cuda_times` measures how long
kernels do take.
"""

import argparse
import csv
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

os.environ.pop("TRITON_INTERPRET", None)  # read when triton is imported

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

from cvxgeom import ops
from cvxgeom.ops import _native, _triton
from cvxgeom.ops.evidence import cuda as evidence
from cvxgeom.ops.grid import cuda as grid
from cvxgeom.ops.indicator import cuda_kernels as indicator
from cvxgeom.ops.indicator.cuda import groups_of_convexes
from cvxgeom.ops.raycast import cuda as raycast
from cvxgeom.ops.training import cuda as training

from .workloads import pinhole_rays

TABLE = Path(__file__).parents[1] / "tests" / "golden" / "cuda_kernels.csv"
CAPABILITIES = (80, 90, 100)
TILE = 64

INTEGERS = ("order", "part", "list_starts", "piece_starts")
# Pointers to other types than those of the kernel: (kernel, argument) -> type.
POINTERS = {
    ("curve_keys", "keys"): "*i16",
    ("union_keys", "keys"): "*i16",
    ("list_convexes", "keys"): "*i16",
    ("union_backward", "sorted_to"): "*i64",
    ("contains", "value"): "*i8",
    ("first_hits", "part"): "*i64",
    ("first_hits", "half_space"): "*i64",
    ("first_hits", "within"): "*i8",
}


@dataclass(frozen=True)
class Resources:
    """One compiled kernel."""

    kernel: str
    variant: str
    type: str
    capability: int
    warps: int
    registers: int
    stack: int
    spills: int
    shared: int


@dataclass(frozen=True)
class Case:
    """A kernel as it is launched: its constants, which arguments are None, and pointers that differ by variant."""

    kernel: Any
    constants: dict[str, Any]
    warps: int
    variant: str = ""
    absent: tuple[str, ...] = ()
    pointers: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.kernel.fn.__name__


def cases(capability: int) -> Iterator[Case]:
    """Every kernel and variant that ships, as launched on this compute capability."""
    known = [c for c in _triton.CONFIGURATIONS if c <= capability]
    config = _triton.CONFIGURATIONS[max(known)]
    forward, backward = dict(BLOCK=config.block), dict(BLOCK=config.piece)
    yield Case(_triton.extents, dict(BLOCK=1024), 4)
    along = dict(BLOCK=256, TILES=_triton.TILES)
    yield Case(_triton.curve_keys, along, 4)
    yield Case(_triton.curve_keys, along, 4, "more than 262144 points", pointers={"keys": "*i32"})
    yield Case(_triton.block_boxes, forward, 4)
    yield Case(_triton.score_bounds, dict(LANES=128), 4, "indicator")
    yield Case(_triton.score_bounds, dict(LANES=128), 4, "sdf", ("sharpness",))
    yield Case(_triton.score_bounds, dict(LANES=128), 4, "exact", ("sharpness", "smoothness"))
    for variant, absent in (("indicator", ()), ("sdf", ("sharpness",))):
        yield Case(indicator.union_forward, dict(forward, TILE=TILE), config.warps, variant, absent)
        yield Case(indicator.convex_forward, forward, config.warps, variant, absent)
        yield Case(indicator.union_keys, dict(BLOCK=256, INDICATOR=not absent), 4, variant)
        many = f"{variant} of 32768 convexes or more"
        yield Case(indicator.union_keys, dict(BLOCK=256, INDICATOR=not absent), 4, many, pointers={"keys": "*i32"})
        yield Case(indicator.union_backward, dict(backward, TILE=TILE), config.piece_warps, variant, absent)
        yield Case(indicator.convex_backward, dict(backward, COLUMNS=128), config.piece_warps, variant, absent)
    lists = dict(PIECE=config.piece, TILE=256)
    yield Case(indicator.list_convexes, lists, 4)
    yield Case(indicator.list_convexes, lists, 4, "of 32768 convexes or more", pointers={"keys": "*i32"})
    yield Case(indicator.contains, forward, config.warps)
    yield Case(indicator.add_pieces, dict(ROWS=16, COLUMNS=128), 4)
    yield Case(training.training_forward, forward, config.warps)
    yield Case(training.training_backward, dict(backward, COLUMNS=128), config.piece_warps)
    yield Case(raycast.ray_bounds, dict(LANES=128), 4)
    yield Case(raycast.first_hits, dict(forward, TILE=TILE), config.warps)
    yield Case(grid.cube_boxes, dict(EDGE=grid.EDGE, BLOCK=128), 4)
    yield Case(grid.grid_cubes, dict(EDGE=grid.EDGE, TILE=TILE), config.cube_warps)
    yield Case(evidence.look_through, dict(BLOCK=evidence.BLOCK), 4)


def signature(case: Case, real: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Types of the arguments by name, and the values of the constant ones."""
    types, constants = {}, dict(case.constants)
    for name in case.kernel.arg_names:
        if name in case.absent:
            constants[name] = None
        if name in constants:
            types[name] = "constexpr"
        elif name in _triton.SIZES:
            types[name] = "i32"
        else:
            usual = POINTERS.get((case.name, name), "*i32" if name in INTEGERS else f"*{real}")
            types[name] = case.pointers.get(name, usual)
    return types, constants


def compile_one(case: Case, real: str, capability: int) -> Resources:
    """Compile for a compute capability and read what the machine code needs."""
    types, constants = signature(case, real)
    positions = {name: i for i, name in enumerate(case.kernel.arg_names)}
    aligned = {(positions[n],): [["tt.divisibility", 16]] for n, kind in types.items() if kind.startswith("*")}
    source = ASTSource(case.kernel, types, {(positions[n],): v for n, v in constants.items()}, aligned)
    options = _triton.compiler_options(case.kernel, case.warps)
    binary = triton.compile(source, GPUTarget("cuda", capability, 32), options=options)
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(binary.asm["cubin"])
        file.flush()
        cuobjdump = Path(get_ptxas(capability).path).parent / "cuobjdump"
        shown = subprocess.run(
            [cuobjdump, "--dump-resource-usage", file.name], capture_output=True, text=True, check=True
        )
    used = {key: int(value) for key, value in re.findall(r"(REG|STACK|SHARED|LOCAL):(\d+)", shown.stdout)}
    return Resources(
        case.name,
        case.variant,
        real,
        capability,
        case.warps,
        used["REG"],
        used["STACK"],
        used["LOCAL"] + used["STACK"],
        binary.metadata.shared,
    )


def resources() -> list[Resources]:
    """Of every kernel, variant, type and compute capability."""
    kinds = [(capability, real) for capability in CAPABILITIES for real in ("fp32", "fp64")]
    return [compile_one(case, real, capability) for capability, real in kinds for case in cases(capability)]


# -- roofline ---------------------------------------------------------------------------------------------------------

# An H100 SXM, from its data sheet: memory, fused multiply-adds in float32 (two operations each), and the special
# functions, 16 per clock and multiprocessor (132 at 1.755 GHz). Assumptions, all of them.
BYTES_PER_SECOND, OPERATIONS_PER_SECOND, SPECIAL_PER_SECOND = 3.35e12, 67e12, 132 * 16 * 1.755e9
N, K, H = 100_000, 50, 25
PIXELS, NODES, GUIDES = 316, 128, 20  # about N rays; nodes along an axis of the grid


@dataclass(frozen=True)
class Work:
    """What one launch moves and computes, in float32."""

    kernel: str
    bytes: float
    operations: float
    special: float

    def times(self) -> dict[str, float]:
        """Seconds that each unit needs if nothing else holds it up."""
        return {
            "memory": self.bytes / BYTES_PER_SECOND,
            "arithmetic": self.operations / OPERATIONS_PER_SECOND,
            "special functions": self.special / SPECIAL_PER_SECOND,
        }


def workload() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """Points and planes of the benchmark of the ops, and a sharpness of 75."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(N, 3, generator=generator) - 0.5
    normals = torch.nn.functional.normalize(torch.randn(K, H, 3, generator=generator), dim=-1)
    offsets = -0.05 - 0.2 * torch.rand(K, H, generator=generator)
    translations = torch.rand(K, 3, generator=generator) - 0.5
    return points, (normals, offsets, translations, torch.full((K,), 100.0), torch.full((K,), 75.0))


def visited_pairs() -> dict[str, int]:
    """(block of 64 points, convex) pairs that the CPU library evaluates; the CUDA kernels cull by the same bounds."""
    if _native.LIBRARY is None:
        raise SystemExit(f"the estimate counts with the CPU library: {_native.SENTENCE}")
    points, planes = workload()
    counts = {}
    for name in ("union_sdf", "union_indicator", "convex_sdf", "convex_indicator"):
        inputs = [t.clone().requires_grad_() for t in (points, *planes[: 5 if "indicator" in name else 4])]
        with _native.count_work() as forward:
            value = getattr(ops, name)(*inputs)
        with _native.count_work() as backward:
            value.sum().backward()
        counts[name], counts[f"{name} backward"] = forward.visited, backward.visited
    with _native.count_work() as work:
        ops.union_contains(points, *planes[:3])
    counts["contains"] = work.visited
    with _native.count_work() as work:
        ops.raycast(*pinhole_rays(PIXELS), *planes[:3])
    counts["raycast"] = work.visited
    occupancy = ops.union_contains(points, *planes[:3])
    inputs = [t.clone().requires_grad_() for t in (points, *planes)]
    with _native.count_work() as forward:
        found = ops.training_indicators(*inputs, occupancy=occupancy, n_guides=GUIDES)
    with _native.count_work() as backward:
        sum(value.sum() for value in found).backward()  # type: ignore[union-attr]
    counts["training"], counts["training backward"] = forward.visited, backward.visited
    return counts


def visited_cubes() -> int:
    """(cube of 512 nodes, convex) pairs that the grid's kernel evaluates, at most: values may rule out further ones.

    Counted here, since the cubes of the CPU library are smaller.
    """
    _, (normals, offsets, translations, smoothness, _) = workload()
    spacing = 1 / (NODES - 1)
    centers = (torch.arange(NODES // grid.EDGE) * grid.EDGE + (grid.EDGE - 1) / 2) * spacing - 0.5
    local = torch.cartesian_prod(centers, centers, centers)[None] - translations[:, None]
    middle = local @ normals.transpose(-1, -2) + offsets[:, None]
    radius = normals.abs().sum(dim=-1)[:, None] * (grid.EDGE - 1) / 2 * spacing
    low = (middle - radius).amax(dim=-1)
    high = (middle + radius).amax(dim=-1) + math.log(H) / smoothness[:, None]
    ceiling = high.amin(dim=0)
    undecided = (low.amin(dim=0) <= spacing) & (ceiling >= -spacing)
    return int((undecided & (low <= ceiling.clamp(max=spacing))).sum())


def estimates() -> list[Work]:
    """Work of each kernel on the standard workload. Operations per plane and point are counted in the source."""
    visited = visited_pairs()
    config = _triton.CONFIGURATIONS[90]
    blocks, tiles, sums = N / config.block, N / config.piece, 4 * (4 * H + 2)
    pieces, moved_sums = tiles + K, tiles * K * sums
    planes, point = 4 * K * H * 4, 3 * 4 + 4  # of a point: coordinates and place along the curve
    per_plane = 64 * H  # of a visited pair
    moved_back = N * (point + 12 + 8 * K) + moved_sums
    groups = groups_of_convexes(int(tiles) + 1, K)
    bounds, grads = blocks * K * 8, 12 * groups * N
    rays, nodes, cubes = PIXELS**2, NODES**3, (NODES // grid.EDGE) ** 3
    bundles, in_cubes = rays / config.block, visited_cubes() * grid.EDGE**3 * H

    def forward(kernel: str, name: str, moved: float) -> Work:
        pairs = visited[name] * per_plane
        return Work(f"{kernel} ({name})", moved + planes, 17 * pairs, pairs)

    def backward(kernel: str, name: str, moved: float) -> Work:
        pairs = visited[f"{name} backward"] * per_plane
        return Work(f"{kernel} ({name})", moved + planes, 45 * pairs, 2 * pairs)

    return [
        Work("curve_keys", N * point, 80 * N, 0),
        Work("block_boxes", N * point + blocks * 24, 10 * N, 0),
        Work("score_bounds", blocks * (24 + 8 * K) + planes, 30 * blocks * K * H, 0),
        forward("union_forward", "union_sdf", N * (point + 8) + blocks * K * 8),
        forward("union_forward", "union_indicator", N * (point + 8) + blocks * K * 8),
        forward("convex_forward", "convex_sdf", N * (point + 4 * K)),
        forward("convex_forward", "convex_indicator", N * (point + 4 * K) + blocks * K * 8),
        backward("union_backward", "union_sdf", N * (point + 20) + pieces * sums),
        backward("union_backward", "union_indicator", N * (point + 20) + pieces * sums),
        backward("convex_backward", "convex_sdf", moved_back),
        backward("convex_backward", "convex_indicator", moved_back),
        Work("contains", N * (point + 1) + bounds + planes, 7 * visited["contains"] * per_plane, 0),
        Work(
            "training_forward",
            N * (point + 4 + 12 + 4 * K) + bounds + planes,
            17 * visited["training"] * per_plane,
            visited["training"] * per_plane,
        ),
        Work(
            "training_backward",
            N * (point + 4 + 12 + 4 * K) + tiles * K * 8 + planes + grads + moved_sums,
            45 * visited["training backward"] * per_plane,
            2 * visited["training backward"] * per_plane,
        ),
        # A division is a reciprocal, which is special, and some eight operations that correct it.
        Work("ray_bounds", bundles * (48 + 4 * K) + planes, 80 * bundles * K * H, 2 * bundles * K * H),
        Work(
            "first_hits",
            rays * (28 + 4 + 12 + 8 + 8 + 1) + bundles * K * 4 + planes,
            34 * visited["raycast"] * per_plane,
            visited["raycast"] * per_plane,
        ),
        Work(
            f"grid_cubes ({NODES}³ nodes, truncation of one spacing)",
            4 * nodes + cubes * K * 8 + planes,
            17 * in_cubes,
            in_cubes,
        ),
        Work("add_pieces (union)", pieces * sums, pieces * sums / 4, 0),
        Work("add_pieces (convex)", moved_sums, moved_sums / 4, 0),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--csv", action="store_true")
    args = parser.parse_args()
    columns = [field.name for field in fields(Resources)]
    rows = [astuple(found) for found in resources()]
    if args.csv:
        csv.writer(sys.stdout, lineterminator="\n").writerows([columns, *rows])
        return
    TABLE.parent.mkdir(exist_ok=True)
    with TABLE.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([("triton", triton.__version__), columns, *rows])
    print(f"Compiled ahead of time by Triton {triton.__version__}.\n")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |")
    print(f"\nEstimate, not measured. N = {N}, K = {K}, H = {H}, float32, H100 SXM by its data sheet.")
    print(f"Without sorting and launches. {PIXELS**2} rays; {GUIDES} guides. Pairs of a block and a convex are those")
    print(
        "that the CPU library visits, in blocks of 64 points; backward kernels have larger ones and visit some more.\n"
    )
    print("| kernel (estimate) | MB | MFLOP | million special functions | bound by | expected µs |")
    print(f"|{'---|' * 6}")
    for work in estimates():
        times = work.times()
        limit = max(times, key=lambda name: times[name])
        numbers = f"{work.bytes / 1e6:.1f} | {work.operations / 1e6:.0f} | {work.special / 1e6:.0f}"
        print(f"| {work.kernel} | {numbers} | {limit} | {1e6 * times[limit]:.1f} |")


if __name__ == "__main__":
    main()
