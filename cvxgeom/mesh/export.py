"""Mesh files: glb, obj, ply, stl and 3mf, written completely or not at all."""

import os
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.visual import ColorVisuals

from .._files import EXPORT_ENDINGS, atomic_path
from ..shape import ConvexUnion
from ..shape.palette import part_color, part_colors
from .build import part_name
from .to_trimesh import to_trimesh


def export_mesh(shape: ConvexUnion, path: str | os.PathLike, surface: str = "parts", **options: Any) -> None:
    """Write a mesh of a shape to a file; its suffix chooses the format.

    Unit and frame stay those of the shape (a viewer that expects meters with y up shows other shapes turned or scaled).
    Parts keep their names part_00, part_01, ... and their colors as far as the format can:

    - ``.glb``: one named node per part; a single surface is one node whose vertices are split where colors change.
    - ``.obj``: one named object per part, with its planar polygons; a single surface is one object with a named group
      per part. Colors are at vertices: on a border between parts one of the two colors is taken.
    - ``.3mf``: one named object per part, in its color; a single surface has the part colors on its triangles. The unit
      is written as millimeters.
    - ``.ply``: everything in one mesh, colors on faces.
    - ``.stl``: everything in one mesh, no colors and no names.

    Args:
        shape: a single shape.
        path: where to write; an existing file is replaced, and kept if anything goes wrong.
        surface: ``"parts"``, ``"union"``, ``"smooth"`` or ``"grid"``, see `to_trimesh`.
        options: further options of `to_trimesh`.

    Raises:
        ValueError: the suffix names no format of these, or `to_trimesh` refuses.
        EmptyShapeError: there is nothing to write.
        FileNotFoundError: the folder does not exist.

    Example:
        >>> cvxgeom.mesh.export_mesh(cvxgeom.box(), "box.obj")
        >>> trimesh.load_mesh("box.obj").is_watertight
        True
    """
    suffix = Path(path).suffix.lower()
    if suffix not in _WRITERS:
        raise ValueError(f"path must end in one of {', '.join(_WRITERS)}, got {os.fspath(path)!r}")
    found = to_trimesh(shape, surface, **options)
    meshes = found if isinstance(found, list) else [found]
    with atomic_path(path) as temporary:
        _WRITERS[suffix](meshes, temporary)


def _write_glb(meshes: Sequence[trimesh.Trimesh], path: Path) -> None:
    scene, color_of = trimesh.Scene(), {}
    for mesh in meshes:
        name, parts = mesh.metadata["name"], mesh.face_attributes["part"]
        used = np.unique(parts)
        if len(used) == 1:
            written = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
            color_of[name] = [*_linear(used)[0].tolist(), 1.0]
        else:
            # glTF has colors at vertices only: one vertex for each part it belongs to.
            rank = np.searchsorted(used, parts)
            pairs, faces = np.unique(mesh.faces * len(used) + rank[:, None], return_inverse=True)
            written = trimesh.Trimesh(mesh.vertices[pairs // len(used)], faces.reshape(-1, 3), process=False)
            colors = (255 * _linear(used)[pairs % len(used)]).round().astype(np.uint8)
            written.visual = ColorVisuals(written, vertex_colors=colors)
            color_of[name] = [1.0] * 4  # multiplies the colors of the vertices
        scene.add_geometry(written, geom_name=name, node_name=name)

    def add_materials(tree: dict) -> None:
        # Without a material glTF means polished metal, which shows hardly any color.
        for i, mesh in enumerate(tree["meshes"]):
            look = {"baseColorFactor": color_of[mesh["name"]], "metallicFactor": 0.0, "roughnessFactor": 0.9}
            tree.setdefault("materials", []).append({"name": mesh["name"], "pbrMetallicRoughness": look})
            for primitive in mesh["primitives"]:
                primitive["material"] = i

    data = export_glb(scene, include_normals=False, tree_postprocessor=add_materials)
    path.write_bytes(data)


def _linear(parts: np.ndarray) -> np.ndarray:
    """Colors of parts as glTF wants them: (N, 3) in [0, 1], linear light instead of sRGB."""
    srgb = part_colors(parts) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _write_obj(meshes: Sequence[trimesh.Trimesh], path: Path) -> None:
    lines = ["# cvxgeom: " + meshes[0].metadata["surface"]]
    start = 1
    for mesh in meshes:
        lines.append(f"o {mesh.metadata['name']}")
        parts = mesh.face_attributes["part"]
        colors = np.zeros((len(mesh.vertices), 3))
        colors[mesh.faces] = part_colors(parts)[:, None, :3] / 255
        lines += [
            f"v {x:.17g} {y:.17g} {z:.17g} {r:.4f} {g:.4f} {b:.4f}"
            for (x, y, z), (r, g, b) in zip(mesh.vertices, colors)
        ]
        if "polygons" in mesh.metadata:
            lines += ["f " + " ".join(str(start + v) for v in polygon) for polygon in mesh.metadata["polygons"]]
        else:
            for part in np.unique(parts):
                lines.append(f"g {part_name(part)}")
                lines += [f"f {a} {b} {c}" for a, b, c in mesh.faces[parts == part] + start]
        start += len(mesh.vertices)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_ply(meshes: Sequence[trimesh.Trimesh], path: Path) -> None:
    _joined(meshes).export(path, file_type="ply")


def _write_stl(meshes: Sequence[trimesh.Trimesh], path: Path) -> None:
    _joined(meshes).export(path, file_type="stl")


def _joined(meshes: Sequence[trimesh.Trimesh]) -> trimesh.Trimesh:
    starts = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    joined = trimesh.Trimesh(
        np.concatenate([mesh.vertices for mesh in meshes]),
        np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts)]),
        process=False,
    )
    colors = part_colors(np.concatenate([mesh.face_attributes["part"] for mesh in meshes]))
    joined.visual = ColorVisuals(joined, face_colors=colors)
    return joined


_RELATIONS = """<?xml version="1.0" encoding="UTF-8"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">
<Relationship Target="/3D/3dmodel.model" Id="rel0" Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/>
</Relationships>"""
_CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="model" ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/>
</Types>"""


def _write_3mf(meshes: Sequence[trimesh.Trimesh], path: Path) -> None:
    """A 3MF package: a zip archive with one XML model. Ours, because trimesh's writer has no colors and needs lxml."""
    used = np.unique(np.concatenate([mesh.face_attributes["part"] for mesh in meshes]))
    material = {part: i for i, part in enumerate(used)}
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<model unit="millimeter" xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02"><resources>',
        '<basematerials id="1">',
    ]
    for part in used:
        red, green, blue = part_color(part)
        lines.append(f'<base name="{part_name(part)}" displaycolor="#{red:02X}{green:02X}{blue:02X}FF"/>')
    lines.append("</basematerials>")
    for i, mesh in enumerate(meshes, start=2):
        own = [material[part] for part in mesh.face_attributes["part"]]
        lines.append(
            f'<object id="{i}" name={quoteattr(mesh.metadata["name"])} type="model" pid="1" pindex="{own[0]}">'
        )
        lines.append("<mesh><vertices>")
        lines += [f'<vertex x="{x:.17g}" y="{y:.17g}" z="{z:.17g}"/>' for x, y, z in mesh.vertices]
        lines.append("</vertices><triangles>")
        lines += [f'<triangle v1="{a}" v2="{b}" v3="{c}" pid="1" p1="{m}"/>' for (a, b, c), m in zip(mesh.faces, own)]
        lines.append("</triangles></mesh></object>")
    lines.append("</resources><build>")
    lines += [f'<item objectid="{i}"/>' for i in range(2, len(meshes) + 2)]
    lines.append("</build></model>")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("[Content_Types].xml", _CONTENT_TYPES)
        package.writestr("_rels/.rels", _RELATIONS)
        package.writestr("3D/3dmodel.model", "\n".join(lines))


_Writer = Callable[[Sequence[trimesh.Trimesh], Path], None]
_WRITERS: dict[str, _Writer] = dict(
    zip(EXPORT_ENDINGS, (_write_glb, _write_obj, _write_ply, _write_stl, _write_3mf), strict=True)
)
