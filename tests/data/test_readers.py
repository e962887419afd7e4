"""Mesh files: polygons keep their shape, every damaged file gets one clear sentence."""

from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st

from cvxgeom.data import read_mesh
from cvxgeom.data.obj import parse_obj, triangulate_polygons

L_SHAPE = np.array([[0, 0], [3, 0], [3, 1], [1, 1], [1, 3], [0, 3]], dtype=float)  # area 5
BOX = """
# eight corners, six quads
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 4 3 2 1
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""


def write(folder: Path, text: str, name: str = "model.obj") -> Path:
    path = folder / name
    path.write_text(text, encoding="latin-1")
    return path


def tilted(flat: np.ndarray, seed: int = 0) -> np.ndarray:
    """A plane polygon somewhere in space."""
    rotation = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))[0]
    return flat @ rotation[:2] + 5.0


def signed_area(flat: np.ndarray) -> float:
    x, y = flat.T
    return float(0.5 * (x * np.roll(y, -1) - np.roll(x, -1) * y).sum())


@pytest.mark.parametrize("start", range(6))
@pytest.mark.parametrize("turned", [False, True])
def test_a_concave_polygon_keeps_its_area_and_its_side(start: int, turned: bool) -> None:
    corners = np.roll(L_SHAPE, -start, axis=0)[:: -1 if turned else 1]
    vertices = tilted(corners)
    mesh = trimesh.Trimesh(vertices, triangulate_polygons(vertices, [list(range(6))]), process=False)
    assert mesh.area == pytest.approx(5.0)
    np.testing.assert_allclose(mesh.face_normals, np.broadcast_to(mesh.face_normals[0], (4, 3)), atol=1e-12)
    vector_area = 0.5 * np.cross(vertices - 5, np.roll(vertices, -1, axis=0) - 5).sum(axis=0)
    assert vector_area @ mesh.face_normals[0] == pytest.approx(5.0)


@given(st.lists(st.floats(0.2, 3.0), min_size=3, max_size=12), st.integers(0, 100))
def test_star_shaped_polygons_keep_their_area(radii: list[float], seed: int) -> None:
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    flat = np.array(radii)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    vertices = tilted(flat, seed)
    mesh = trimesh.Trimesh(vertices, triangulate_polygons(vertices, [list(range(len(radii)))]), process=False)
    assert len(mesh.faces) == len(radii) - 2
    # equal to the shoelace formula only if no triangle is turned over
    assert mesh.area == pytest.approx(signed_area(flat), rel=1e-6)


def test_polygons_of_mixed_size_stay_in_order() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [2, 0, 0], [2, 1, 0.0]])
    faces = triangulate_polygons(vertices, [[0, 1, 2, 3], [1, 4, 2], [4, 5], [4, 5, 2]])
    assert faces.tolist() == [[0, 1, 2], [0, 2, 3], [1, 4, 2], [4, 5, 2]]
    assert triangulate_polygons(vertices, []).shape == (0, 3)


def test_a_box_of_quads_is_closed(tmp_path: Path) -> None:
    mesh = read_mesh(write(tmp_path, BOX))
    assert mesh.is_volume
    assert mesh.volume == pytest.approx(1.0)


def test_objects_relative_indices_colors_and_continuations(tmp_path: Path) -> None:
    text = (
        "mtllib x.mtl\no first\nv 0 0 0 0.5 0.5 0.5\nv 1 0 0\nv 0 1 0\nvt 0 0\nvn 0 0 1\nf -3/1/1 -2/1/1 -1/1/1\n"
        "o caf\xe9 # Latin-1\ng a b\nusemtl y\ns 1\nv 0 0 2\nv 1 0 2\nv\t0  1 2\nv 7 7 7\nl 1 2\n"
        "f 4//1 \\\n5//1 6//1 # done\n"
    )
    mesh = read_mesh(write(tmp_path, text, "MODEL.OBJ"))
    assert mesh.faces.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert len(mesh.vertices) == 6  # nothing uses the seventh
    assert mesh.area == pytest.approx(1.0)


@pytest.mark.parametrize("ending", [".ply", ".stl", ".off", ".glb"])
def test_other_formats_are_read_through_trimesh(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"ball{ending}"
    ball = trimesh.creation.icosphere(subdivisions=1)
    ball.export(path)
    mesh = read_mesh(path)
    assert len(mesh.faces) == 80
    assert mesh.volume == pytest.approx(ball.volume, rel=1e-5)


def test_a_scene_is_joined_with_the_transforms_of_its_nodes(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    box = trimesh.creation.box()
    for x in (0.0, 5.0):
        scene.add_geometry(box, transform=trimesh.transformations.translation_matrix([x, 0, 0]))
    scene.export(tmp_path / "two.glb")
    mesh = read_mesh(tmp_path / "two.glb")
    assert mesh.volume == pytest.approx(2.0)
    np.testing.assert_allclose(mesh.bounds, [[-0.5, -0.5, -0.5], [5.5, 0.5, 0.5]], atol=1e-6)


def test_a_single_triangle_is_readable(tmp_path: Path) -> None:
    assert read_mesh(write(tmp_path, "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3")).area == pytest.approx(0.5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nowhere\.obj"):
        read_mesh(tmp_path / "nowhere.obj")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_mesh(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no faces"),
        ("v 0 0 0\nv 1 0 0\nf 1 2", "has no faces"),
        ("v 0 0 0\nv 1 0\nv 0 1 0\nf 1 2 3", "line 2 is not a vertex or face: 'v 1 0'"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 x", "line 4 is not a vertex or face"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4", "names vertex 4, but the file has 3 vertices"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2", "a face names a vertex before the first one"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -4 1 2", "a face names a vertex before the first one"),
        ("v 0 0 0\nv nan 0 0\nv 0 1 0\nf 1 2 3", "1 of 3 vertices NaN or infinite"),
        ("v 0 0 0\nv inf 0 0\nv 0 1 0\nv 1 1 1\nf 1 2 3 4", "1 of 4 vertices NaN or infinite"),
    ],
)
def test_a_damaged_obj_gets_a_clear_sentence(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_mesh(write(tmp_path, text))
    assert "model.obj" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"text", "'.docx' is not one of"),
        ("a", b"text", "'' is not one of"),
        ("a.glb", b"not a glb", r"is not a readable \.glb file"),
        ("a.ply", b"not a ply", r"is not a readable \.ply file"),
        ("a.stl", b"", r"is not a readable \.stl file|has no faces"),
        ("a.xyz", b"0 0 0\n1 0 0\n0 1 0\n", "has no faces"),
    ],
)
def test_a_file_that_is_no_mesh_gets_a_clear_sentence(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_mesh(tmp_path / name)


def test_faces_out_of_range_in_other_formats(tmp_path: Path) -> None:
    path = write(tmp_path, "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 7\n", "a.off")
    with pytest.raises(ValueError, match=r"out of range|not a readable \.off file"):
        read_mesh(path)


def test_vertices_not_finite_in_other_formats(tmp_path: Path) -> None:
    path = write(tmp_path, "OFF\n3 1 0\n0 0 0\nnan 0 0\n0 1 0\n3 0 1 2\n", "a.off")
    with pytest.raises(ValueError, match="1 of 3 vertices NaN or infinite"):
        read_mesh(path)


def test_parse_obj_of_an_empty_text() -> None:
    vertices, faces = parse_obj("# nothing\n\n")
    assert vertices.shape == (0, 3)
    assert faces.shape == (0, 3)
