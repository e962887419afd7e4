"""What all surfaces share: which parts can be meshed, and a trimesh with part ids, colors and names."""

import logging
from collections.abc import Mapping, Sequence

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from .._checks import describe
from ..shape import ConvexUnion, Polytope
from ..shape.palette import part_colors

logger = logging.getLogger("cvxgeom")


class EmptyShapeError(ValueError):
    """There is nothing to mesh: the result would have no vertex. The message says why, part by part."""


def check_single_shape(shape: ConvexUnion, what: str) -> None:
    """Demand one shape without batch axes.

    Raises:
        TypeError: ``shape`` is not a ConvexUnion.
        ValueError: it has batch axes.
    """
    if not isinstance(shape, ConvexUnion):
        raise TypeError(f"shape must be a ConvexUnion, got {describe(shape)}")
    if shape.batch_size:
        raise ValueError(f"{what} needs a single shape, got batch axes {tuple(shape.batch_size)}; index one first")


def part_name(part: int) -> str:
    """The name a part has in meshes and files."""
    return f"part_{part:02d}"


def report_skipped(skipped: Mapping[int, str], n_parts: int) -> None:
    """Log which parts have no mesh; raise if none has one.

    Args:
        skipped: part id → sentence that says why.
        n_parts: how many parts the shape has.

    Raises:
        EmptyShapeError: every part is skipped.
    """
    if len(skipped) == n_parts:
        reasons = "; ".join(dict.fromkeys(skipped.values())) or "it has no convexes"
        raise EmptyShapeError(f"the shape has no part that can be meshed: {reasons}")
    for part, reason in skipped.items():
        logger.warning("%s is left out of the mesh: %s", part_name(part), reason)


def skip_unbounded(polytopes: Sequence[Polytope]) -> dict[int, str]:
    """Part id → sentence of every part that is not a bounded solid, each of them logged.

    Raises:
        EmptyShapeError: no part is a bounded solid.
    """
    skipped = {part: polytope.message for part, polytope in enumerate(polytopes) if not polytope.is_bounded}
    report_skipped(skipped, len(polytopes))
    return skipped


def colored_mesh(
    vertices: np.ndarray, triangles: np.ndarray, parts: np.ndarray, metadata: Mapping[str, object]
) -> trimesh.Trimesh:
    """A trimesh with `face_attributes["part"]` and face colors from the palette.

    Args:
        vertices: (V, 3).
        triangles: (F, 3).
        parts: (F,) part id of each triangle.
        metadata: stored with the mesh.
    """
    mesh = trimesh.Trimesh(vertices, triangles, process=False, metadata=dict(metadata))
    mesh.face_attributes["part"] = parts
    mesh.visual = ColorVisuals(mesh, face_colors=part_colors(parts))
    return mesh
