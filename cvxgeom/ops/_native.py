"""Finds and loads the compiled CPU library, and says why there is none."""

import ctypes
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from . import _build

ABI = 6  # of _native/api.h
OK, UNUSUAL, NO_MEMORY = range(3)
NEEDS_POINTS, NEEDS_PLANES, NEEDS_SMOOTHNESS, NEEDS_SHARPNESS = 1, 2, 4, 8


def needs_of(wanted: Sequence[bool]) -> int:
    """The bits for gradients to points, normals, offsets, translations, smoothness and sharpness."""
    points, normals, offsets, translations, smoothness, sharpness = wanted
    planes = normals or offsets or translations  # from the same sums
    return NEEDS_POINTS * points | NEEDS_PLANES * planes | NEEDS_SMOOTHNESS * smoothness | NEEDS_SHARPNESS * sharpness


def _structure(name: str, pointers: str, sizes: str, integers: str) -> type[ctypes.Structure]:
    fields = [(field, ctypes.c_void_p) for field in pointers.split()]
    fields += [(field, ctypes.c_int64) for field in sizes.split()]
    fields += [(field, ctypes.c_int32) for field in integers.split()]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


IndicatorCall = _structure(
    "IndicatorCall",
    "points normals offsets translations smoothness sharpness value part order grad grad_points grad_normals "
    "grad_offsets grad_translations grad_smoothness grad_sharpness counters",
    "batch n k h",
    "is_double threads needs",
)
TrainingCall = _structure(
    "TrainingCall",
    "points normals offsets translations smoothness sharpness occupancy union_value total guides part guide_index "
    "order grad_union grad_total grad_guides grad_points grad_normals grad_offsets grad_translations grad_smoothness "
    "grad_sharpness counters",
    "batch n k h n_guides",
    "is_double threads needs",
)
RaycastCall = _structure(
    "RaycastCall",
    "origins directions normals offsets translations distance facing part half_space inside counters",
    "batch n k h",
    "is_double threads",
)
EvidenceCall = _structure(
    "EvidenceCall",
    "points depth cameras hidden surface counters",
    "batch n views height width",
    "is_double threads",
)
CutsCall = _structure("CutsCall", "rows weights along left result", "n columns n_along n_cuts", "threads")


class GridCall(ctypes.Structure):
    """As in _native/api.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in "normals offsets translations smoothness value counters".split()),
        *((name, ctypes.c_int64) for name in ("batch", "k", "h")),
        ("size", ctypes.c_int64 * 3),
        ("lower", ctypes.c_double * 3),
        ("spacing", ctypes.c_double * 3),
        ("truncation", ctypes.c_double),
        *((name, ctypes.c_int32) for name in ("is_double", "threads")),
    )


class WindingCall(ctypes.Structure):
    """As in _native/api.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in "points left right sign near far slopes anchor starts triangles".split()),
        ("result", ctypes.c_void_p),
        ("n", ctypes.c_int64),
        ("shape", ctypes.c_int64 * 2),
        ("low", ctypes.c_double * 3),
        ("high", ctypes.c_double * 3),
        ("cell", ctypes.c_double),
        *((name, ctypes.c_int32) for name in ("depth", "threads")),
    )


class PeakCall(ctypes.Structure):
    """As in _native/api.h."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("fused_multiply_adds", "exponentials", "logarithms", "sigmoids")),
        ("threads", ctypes.c_int32),
    )


FUNCTIONS: dict[str, type[ctypes.Structure]] = {
    **dict.fromkeys(
        ("convex_forward", "convex_backward", "union_forward", "union_backward", "contains"), IndicatorCall
    ),
    **dict.fromkeys(("training_forward", "training_backward"), TrainingCall),
    "raycast": RaycastCall,
    "sample_grid": GridCall,
    "evidence": EvidenceCall,
    **dict.fromkeys(("cut_excess", "weight_below", "points_within"), CutsCall),
    "winding": WindingCall,
    "peak": PeakCall,
}


@dataclass(frozen=True)
class Library:
    """The compiled library: its functions by name (each takes a call structure), its vector width in words."""

    functions: dict[str, Callable[[ctypes.Structure], int]]
    instruction_set: str
    path: Path


def load(path: Path = _build.PACKAGE / "_native" / _build.LIBRARY) -> tuple[Library | None, str]:
    """The library if it can be used, and a sentence that says so or why not."""
    if os.environ.get("CVXGEOM_NATIVE") == "0":
        return None, "the compiled CPU library is switched off by CVXGEOM_NATIVE=0"
    if not path.exists():
        return None, "there is no compiled CPU library: cvxgeom was installed without a C++ compiler (g++)"
    try:
        binary = ctypes.CDLL(str(path))
        abi = binary.cvxgeom_abi()
        binary.cvxgeom_sources.restype = binary.cvxgeom_instruction_set.restype = ctypes.c_char_p
        sources = binary.cvxgeom_sources().decode()
        functions = {name: getattr(binary, f"cvxgeom_{name}") for name in FUNCTIONS}
    except (OSError, AttributeError) as error:
        return None, f"the compiled CPU library does not load: {error}"
    if abi != ABI or sources != (_build.sources_digest() or sources):
        return None, "the compiled CPU library was built from other sources: install cvxgeom again"
    for name, function in functions.items():
        function.argtypes = [ctypes.POINTER(FUNCTIONS[name])]
    instruction_set = binary.cvxgeom_instruction_set().decode()
    return Library(functions, instruction_set, path), f"compiled kernels ({instruction_set}) for float32 and float64"


# When the module is imported rather than at the first call: torch.compile may trace that one, and cannot trace this.
LIBRARY, SENTENCE = load()

_counters: Tensor | None = None


def run(name: str, call: ctypes.Structure) -> bool:
    """Run a function of the library without the interpreter's lock; False if the values are not for it.

    Raises:
        MemoryError: there was none.
    """
    assert LIBRARY is not None
    call.threads = torch.get_num_threads()  # type: ignore[attr-defined]
    if _counters is not None:
        call.counters = _counters.data_ptr()  # type: ignore[attr-defined]
    status = LIBRARY.functions[name](call)
    if status == NO_MEMORY:
        raise MemoryError(f"out of memory in {name}")
    return status == OK


def peak(threads: int | None = None) -> dict[str, float]:
    """What this machine can do at most, measured now for about half a second: float32 numbers per second.

    Args:
        threads: how many work at once; as many as torch uses, if not given.

    Returns:
        ``fma``: fused multiply-adds; ``exp``, ``log`` and ``sigmoid``: as the kernels compute them; all with the
        vectors that the kernels use.
    """
    call = PeakCall(threads=threads or torch.get_num_threads())
    assert LIBRARY is not None
    LIBRARY.functions["peak"](call)
    rates = (call.fused_multiply_adds, call.exponentials, call.logarithms, call.sigmoids)
    return dict(zip(("fma", "exp", "log", "sigmoid"), rates))


class count_work:
    """Count what the kernels do inside a ``with`` block, for tests and measurements; one block at a time.

    ``pairs`` (block of points, convex) in all, ``near`` of these after a first choice for many blocks together,
    ``visited`` of these, ``planes`` of the visited convexes and ``kept`` of these.
    """

    def __enter__(self) -> "count_work":
        global _counters
        _counters = self._values = torch.zeros(5, dtype=torch.int64)
        return self

    def __exit__(self, *_: object) -> None:
        global _counters
        _counters = None
        self.pairs, self.near, self.visited, self.planes, self.kept = self._values.tolist()
