"""Pictures for people: the input beside the colored parts and the parts pulled apart."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import trimesh
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .._checks import check_choice, check_finite, describe, is_real
from .._files import atomic_path
from .._types import PolytopeStatus
from ..shape import ConvexUnion
from ..shape.palette import part_color
from .camera import Camera, Number
from .maps import Caster, shape_caster
from .mesh_maps import mesh_caster
from .shading import shaded

MESH_COLOR = (214, 212, 208)
LABEL_COLOR, LABEL_SIZE, LABEL_PLACE = (110, 112, 116), 14, (14, 10)
# A long lens: lines stay nearly parallel, as in a catalog.
FIELD_OF_VIEW = 24.0
FORMATS = (".png", ".jpg", ".jpeg", ".webp")


def picture(
    shape: ConvexUnion,
    *,
    mesh: trimesh.Trimesh | None = None,
    size: tuple[int, int] = (480, 480),
    explode: Number = 0.35,
    view: tuple[Number, Number] = (35.0, 20.0),
    up: str = "y",
    labels: bool = True,
) -> Image.Image:
    """Panels side by side: the input mesh if given, the parts in their colors, the parts pulled apart.

    Shows the exact polytopes, each part in the color that it has everywhere (`cvxgeom.shape.palette`), lit softly on a
    white ground. Empty and degenerate parts do not show; unbounded ones are cut at the bounding box of all the others
    and the mesh. Drawn on the CPU by our own ray caster, always the same for the same arguments; time grows with
    the number of faces that the parts have.

    Args:
        shape: a single shape.
        mesh: what the shape stands for, in the same frame; open or inside-out meshes are fine.
        size: (width, height) of each panel in pixels.
        explode: how far each part moves away from the middle, as a fraction of the distance of its centroid from there;
            0 leaves this panel out.
        view: (azimuth, elevation) in degrees, see `Camera.looking_at`.
        up: ``"y"`` or ``"z"``, the axis that points up.
        labels: whether each panel says what it shows.

    Returns:
        An RGB image as wide as its panels together.

    Raises:
        ImportError: there is a mesh to show, and embreex is not installed.
        TypeError: the shape is not a ConvexUnion, or the mesh is not a Trimesh.
        ValueError: the shape has batch axes, no part of it has anything to show, the mesh has no triangle or a vertex
            that is not finite, or another argument is out of range.

    Example:
        >>> table = cvxgeom.concatenate([cvxgeom.box((2, 0.1, 1)), cvxgeom.box((0.2, 1, 0.2), center=(0, -0.55, 0))])
        >>> picture(table, size=(64, 48)).size
        (128, 48)
    """
    if not isinstance(shape, ConvexUnion):
        raise TypeError(f"shape must be a ConvexUnion, got {describe(shape)}")
    if shape.batch_size:
        raise ValueError(f"shape must be a single one, got batch axes {tuple(shape.batch_size)}; index one first")
    if not is_real(explode) or not 0 <= explode < float("inf"):
        raise ValueError(f"explode must be a finite number of at least 0, got {describe(explode)}")
    check_choice("up", up, ("y", "z"))
    surface = None if mesh is None else _mesh_vertices(mesh)
    solid = _cut(shape.detach().to("cpu", torch.float64), surface)
    polytopes = solid.polytopes()
    shown = [k for k, polytope in enumerate(polytopes) if polytope.is_bounded and float(polytope.volume) > 0]
    if not shown:
        raise ValueError(f"shape has nothing to show: none of its {shape.n_convexes} parts is a bounded solid")

    # Everything is brought to unit size about the origin, which is what the shading expects and float32 likes.
    corners = torch.cat([polytopes[k].vertices for k in shown])
    everything = corners if surface is None else torch.cat([corners, surface])
    low, high = everything.amin(dim=0), everything.amax(dim=0)
    center, scale = (low + high) / 2, 1 / float((high - low).max())
    parts = _normalized(solid, center, scale)
    everything = (everything - center) * scale
    colors = torch.tensor([part_color(k) for k in range(shape.n_convexes)]) / 255
    upward = torch.tensor([0.0, 1.0, 0.0] if up == "y" else [0.0, 0.0, 1.0])

    def panel(label: str, cast: Caster, camera: Camera, bounds: Tensor, colors: Tensor) -> Image.Image:
        with _one_thread():
            image = Image.fromarray(shaded(cast, camera, bounds.float(), colors, upward))
        if labels:
            font = ImageFont.load_default(LABEL_SIZE)
            ImageDraw.Draw(image).text(LABEL_PLACE, label, fill=LABEL_COLOR, font=font)
        return image

    camera = Camera.looking_at(everything, view, up=up, field_of_view=FIELD_OF_VIEW, size=size)
    panels = []
    if mesh is not None:
        cast = mesh_caster(_moved(mesh, center, scale), smooth=True)
        panels.append(panel("input", cast, camera, everything, torch.tensor([MESH_COLOR]) / 255))
    label = "1 part" if len(shown) == 1 else f"{len(shown)} parts"
    panels.append(panel(label, shape_caster(parts), camera, everything, colors))
    if explode > 0:
        shift = torch.zeros(shape.n_convexes, 3, dtype=torch.float64)
        for k in shown:
            shift[k] = explode * scale * (polytopes[k].centroid - (corners.amin(dim=0) + corners.amax(dim=0)) / 2)
        apart = replace(parts, translations=shift.float())
        spread = torch.cat([(polytopes[k].vertices - center) * scale + shift[k] for k in shown])
        camera = Camera.looking_at(spread, view, up=up, field_of_view=FIELD_OF_VIEW, size=size)
        panels.append(panel("exploded", shape_caster(apart), camera, spread, colors))

    joined = Image.new("RGB", (size[0] * len(panels), size[1]), "white")
    for i, image in enumerate(panels):
        joined.paste(image, (i * size[0], 0))
    return joined


def save_picture(image: Image.Image, path: str | os.PathLike) -> None:
    """Write a picture completely or not at all; an existing file is replaced.

    Args:
        image: what to write.
        path: file name ending in .png, .jpg, .jpeg or .webp, which names the format.

    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: the ending is another one.

    Example:
        >>> save_picture(picture(cvxgeom.box(), size=(32, 32)), "box.png")
    """
    if Path(path).suffix.lower() not in FORMATS:
        raise ValueError(f"path must end in one of {', '.join(FORMATS)}, got {str(path)!r}")
    with atomic_path(path) as temporary:
        image.save(temporary)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Thousands of small operations follow: threads would wait for each other, on a busy machine for ages."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


def _mesh_vertices(mesh: trimesh.Trimesh) -> Float[Tensor, "V 3"]:
    if not isinstance(mesh, trimesh.Trimesh):
        raise TypeError(f"mesh must be a trimesh.Trimesh, got {describe(mesh)}")
    if len(mesh.faces) == 0:
        raise ValueError("mesh must have at least one triangle, got none")
    vertices = torch.tensor(np.asarray(mesh.triangles).reshape(-1, 3), dtype=torch.float64)
    check_finite("mesh.triangles", vertices)
    return vertices


def _moved(mesh: trimesh.Trimesh, center: Tensor, scale: float) -> trimesh.Trimesh:
    vertices = (np.asarray(mesh.vertices) - center.numpy()) * scale
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


def _cut(shape: ConvexUnion, surface: Tensor | None) -> ConvexUnion:
    """The shape, with every part cut at the bounding box of the bounded parts and the mesh, if one is unbounded."""
    polytopes = shape.polytopes()
    if all(polytope.status is not PolytopeStatus.UNBOUNDED for polytope in polytopes):
        return shape
    corners = torch.cat([polytope.vertices for polytope in polytopes] + ([] if surface is None else [surface]))
    if len(corners) == 0:
        return shape
    axes = torch.eye(3, dtype=torch.float64)
    normals = torch.cat([axes, -axes]).expand(shape.n_convexes, 6, 3)
    limits = torch.cat([corners.amax(dim=0), -corners.amin(dim=0)])
    offsets = (normals * shape.translations[:, None]).sum(-1) - limits
    return replace(
        shape,
        normals=torch.cat([shape.normals, normals], dim=1),
        offsets=torch.cat([shape.offsets, offsets], dim=1),
    )


def _normalized(shape: ConvexUnion, center: Tensor, scale: float) -> ConvexUnion:
    """Moved by -center, scaled, and in float32 about the new origin."""
    moved = shape.translate(-center).scale(scale)
    # The local frames go to the origin before the rounding: they may be far away, and the offsets then large.
    offsets = moved.offsets - (moved.normals * moved.translations[:, None]).sum(-1)
    return replace(moved, offsets=offsets, translations=torch.zeros_like(moved.translations)).to(torch.float32)
