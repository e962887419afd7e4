"""How a shape is made: parts, planes, vertices, concavity."""

from dataclasses import dataclass

import numpy as np

from ..shape import ConvexUnion
from .inside import check_single
from .volume import concavity


@dataclass(frozen=True)
class Structure:
    """Counts of the exact polytopes of a shape; only bounded parts count."""

    n_parts: int  #: bounded convexes
    n_left_out: int  #: convexes that are empty, unbounded or without volume, padding included
    n_planes: int  #: half-spaces that have a face, over all parts
    n_vertices: int  #: vertices of all parts
    planes_per_part: float  #: mean; NaN without any part
    vertices_per_part: float  #: mean; NaN without any part
    concavity: float  #: 1 − |S| / |hull(S)| of the union; NaN without any part


def structure(shape: ConvexUnion) -> Structure:
    """Count what a shape is made of.

    Args:
        shape: a single shape.

    Raises:
        ValueError: the shape has batch axes.

    Example:
        >>> counts = cvxgeom.metrics.structure(cvxgeom.box())
        >>> counts.n_parts, counts.planes_per_part, counts.vertices_per_part, counts.concavity
        (1, 6.0, 8.0, 0.0)
    """
    check_single("shape", shape)
    bounded = [polytope for polytope in shape.polytopes() if polytope.is_bounded]
    planes = [len(polytope.faces) for polytope in bounded]
    vertices = [len(polytope.vertices) for polytope in bounded]
    return Structure(
        n_parts=len(bounded),
        n_left_out=shape.n_convexes - len(bounded),
        n_planes=sum(planes),
        n_vertices=sum(vertices),
        planes_per_part=float(np.mean(planes)) if bounded else float("nan"),
        vertices_per_part=float(np.mean(vertices)) if bounded else float("nan"),
        concavity=concavity(shape) if bounded else float("nan"),
    )
