"""The winding number on a kernel, equal to the definition in `cvxgeom.data.winding` to the bit."""

from typing import Any

import numpy as np

from .. import _native


def winding_number(
    points: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    depth: int,
    cell: float,
    shape: tuple[int, int],
    **of_triangles: np.ndarray,
) -> np.ndarray:
    """Winding numbers (N,) int64 of points.

    Args:
        points: (N, 3).
        low: (3,) lowest corner of the bounding box; all that follows is seen from there.
        high: (3,) highest corner.
        depth: the axis along which lines are drawn; the others, in cyclic order, are those of the plane.
        cell: side of a cell of the grid.
        shape: number of cells along each axis of the plane.
        of_triangles: ``left`` and ``right`` (F, 3, 2) ends of edges, ``sign`` (F, 3) int8, ``near`` and ``far`` (F,),
            ``slopes`` (F, 2), ``anchor`` (F, 3), ``starts`` (C + 1,) int64 and ``triangles`` (P,) int32, which are
            those of each cell; float64 where nothing else is said.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    result = np.empty(len(points), dtype=np.int64)
    arrays = {"points": points, "result": result, **of_triangles}
    assert all(array.flags.c_contiguous for array in arrays.values())
    call: Any = _native.WindingCall(**{name: array.ctypes.data for name, array in arrays.items()})
    call.low[:], call.high[:], call.shape[:] = low.tolist(), high.tolist(), shape
    call.n, call.cell, call.depth = len(points), cell, depth
    _native.run("winding", call)
    return result
