"""Mesh files, read back."""

import json
import struct

import numpy as np
import pytest
import trimesh

import cvxgeom
from cvxgeom.mesh import EmptyShapeError, export_mesh, to_trimesh
from cvxgeom.shape.palette import part_color
from tests.mesh.shapes import nothing, random_shape, two_boxes

FORMATS = ["glb", "obj", "ply", "stl", "3mf"]


def read(path) -> trimesh.Trimesh:
    """A file as one mesh with equal vertices merged, whatever it is made of."""
    mesh = trimesh.load_scene(path).to_mesh()
    return trimesh.Trimesh(mesh.vertices, mesh.faces)


def colors_in(mesh: trimesh.Trimesh) -> set[tuple[int, ...]]:
    return {tuple(color[:3].tolist()) for color in mesh.visual.face_colors}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("surface", ["union", "smooth", "grid"])
def test_a_single_surface_stays_closed_in_place_and_in_its_unit(suffix, surface, tmp_path):
    shape = random_shape(k=3).scale(7.0).translate((1.0, 2.0, 3.0))
    path = tmp_path / f"mesh.{suffix}"
    options = {"resolution": 24} if surface == "grid" else {"tolerance": 0.1}
    export_mesh(shape, path, surface, **options)
    expected, found = to_trimesh(shape, surface, **options), read(path)
    assert found.volume == pytest.approx(expected.volume, rel=1e-5)
    np.testing.assert_allclose(found.bounds, expected.bounds, atol=1e-4)
    assert found.is_watertight
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_parts(suffix, tmp_path):
    path = tmp_path / f"mesh.{suffix}"
    export_mesh(two_boxes(), path)
    found = read(path)
    assert found.volume == pytest.approx(2, rel=1e-6) and found.body_count == 2
    np.testing.assert_allclose(found.bounds, [[-0.5] * 3, [1.0] * 3], atol=1e-7)


@pytest.mark.parametrize("suffix", ["glb", "obj", "3mf"])
def test_names_of_parts(suffix, tmp_path):
    path = tmp_path / f"mesh.{suffix}"
    export_mesh(cvxgeom.concatenate([nothing(), two_boxes()]), path)
    options = {"split_objects": True} if suffix == "obj" else {}
    assert sorted(trimesh.load_scene(path, **options).geometry) == ["part_01", "part_02"]


def srgb(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] as sRGB bytes."""
    return (
        (255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)).round().astype(int)
    )


def test_glb_shows_part_colors(tmp_path):
    path = tmp_path / "mesh.glb"
    export_mesh(two_boxes(), path)
    for name, mesh in trimesh.load_scene(path).geometry.items():
        assert mesh.visual.material.name == name
        # Dark tones lose a few levels, because trimesh keeps eight bits of linear light.
        seen = srgb(mesh.visual.material.baseColorFactor[:3] / 255)
        assert np.abs(seen - part_color(int(name[-2:]))).max() <= 7


def test_glb_of_a_union_has_sharp_color_borders(tmp_path):
    shape, path = two_boxes(), tmp_path / "mesh.glb"
    export_mesh(shape, path, "union")
    (mesh,) = trimesh.load_scene(path, process=False).geometry.values()
    colors = mesh.visual.vertex_attributes["color"][mesh.faces]
    assert (colors == colors[:, :1]).all()
    wanted = np.array([part_color(0), part_color(1)])
    distance = np.abs(srgb(colors[:, 0, None, :3] / 255) - wanted).max(axis=2)
    assert distance.min(axis=1).max() <= 7
    own = to_trimesh(shape, "union").face_attributes["part"]
    assert np.bincount(distance.argmin(axis=1)).tolist() == np.bincount(own).tolist()


def test_glb_material_is_not_metal(tmp_path):
    path = tmp_path / "mesh.glb"
    export_mesh(cvxgeom.box(), path)
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    tree = json.loads(data[20 : 20 + length])
    material = tree["materials"][tree["meshes"][0]["primitives"][0]["material"]]
    assert material["name"] == "part_00" and material["pbrMetallicRoughness"]["metallicFactor"] == 0
    assert srgb(np.array(material["pbrMetallicRoughness"]["baseColorFactor"][:3])).tolist() == list(part_color(0))


def test_obj_has_polygons_and_groups(tmp_path):
    export_mesh(cvxgeom.box(), tmp_path / "parts.obj")
    lines = (tmp_path / "parts.obj").read_text().splitlines()
    faces = [line.split()[1:] for line in lines if line.startswith("f ")]
    assert len(faces) == 6 and {len(face) for face in faces} == {4}
    assert sum(line.startswith("v ") for line in lines) == 8
    export_mesh(two_boxes(), tmp_path / "union.obj", "union")
    groups = trimesh.load_scene(tmp_path / "union.obj", split_groups=True).geometry
    assert sorted(groups) == ["part_00", "part_01"]


@pytest.mark.parametrize("suffix", ["obj", "ply"])
def test_colors_of_obj_and_ply(suffix, tmp_path):
    path = tmp_path / f"mesh.{suffix}"
    export_mesh(two_boxes(), path)
    assert colors_in(trimesh.load_mesh(path)) == {part_color(0), part_color(1)}


def test_colors_of_3mf(tmp_path):
    import zipfile
    from xml.etree import ElementTree

    export_mesh(two_boxes(), tmp_path / "mesh.3mf", "union")
    with zipfile.ZipFile(tmp_path / "mesh.3mf") as package:
        root = ElementTree.fromstring(package.read("3D/3dmodel.model"))
    names = {"m": "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"}
    colors = [base.get("displaycolor") for base in root.iterfind(".//m:base", names)]
    assert colors == ["#{:02X}{:02X}{:02X}FF".format(*part_color(i)) for i in (0, 1)]
    used = [int(triangle.get("p1", -1)) for triangle in root.iterfind(".//m:triangle", names)]
    assert used == to_trimesh(two_boxes(), "union").face_attributes["part"].tolist()


def test_double_precision_survives_text(tmp_path):
    shape = random_shape(k=1)
    export_mesh(shape, tmp_path / "mesh.obj")
    found = trimesh.load_mesh(tmp_path / "mesh.obj", process=False)
    np.testing.assert_array_equal(np.sort(found.vertices, axis=0), np.sort(to_trimesh(shape)[0].vertices, axis=0))


def test_an_existing_file_survives_an_error(tmp_path, monkeypatch):
    path = tmp_path / "mesh.stl"
    path.write_bytes(b"precious")
    with pytest.raises(EmptyShapeError):
        export_mesh(nothing(), path)
    monkeypatch.setattr(trimesh.Trimesh, "export", lambda *_args, **_kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export_mesh(cvxgeom.box(), path)
    assert path.read_bytes() == b"precious" and len(list(tmp_path.iterdir())) == 1


def test_wrong_paths(tmp_path):
    with pytest.raises(
        ValueError, match=r"path must end in one of \.glb, \.obj, \.ply, \.stl, \.3mf, got 'mesh\.docx'"
    ):
        export_mesh(cvxgeom.box(), "mesh.docx")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        export_mesh(cvxgeom.box(), tmp_path / "missing" / "mesh.glb")
