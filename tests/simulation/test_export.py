"""What is written: parts and their limits, names, meshes, and what cannot be exported."""

import os
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch
import trimesh

import cvxgeom
from cvxgeom.mesh import EmptyShapeError
from cvxgeom.simulation import Limits, PartStatus, export, rigid_body
from cvxgeom.simulation.reduce import LIMITS, overhang, reduced
from tests.mesh.shapes import nothing, slab, two_boxes

FORMATS = ["mjcf", "urdf", "usd"]


def prism(n: int, height: float = 1.0) -> cvxgeom.ConvexUnion:
    angles = 2 * np.pi * np.arange(n) / n
    rim = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    corners = np.concatenate([np.pad(rim, ((0, 0), (0, 1)), constant_values=z) for z in (0.0, height)])
    return cvxgeom.hull(torch.from_numpy(corners))


# -- limits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", [Limits(64), Limits(20), Limits(8, 6), Limits(4), Limits(20, 20, 6)])
@pytest.mark.parametrize("shape", [cvxgeom.sphere(n_halfspaces=60), prism(40)], ids=["ball", "prism"])
def test_a_reduced_part_keeps_the_limits_and_holds_the_part(shape: cvxgeom.ConvexUnion, limits: Limits) -> None:
    part = shape.polytopes()[0]
    hull = reduced(part, limits)
    assert limits.fit(hull)
    assert len(hull.vertices) <= limits.vertices
    assert len(hull.faces) <= (limits.faces or np.inf)
    assert max(map(len, hull.faces)) <= (limits.per_face or np.inf)
    directions = torch.nn.functional.normalize(torch.randn(200, 3, dtype=torch.float64), dim=1)
    assert (hull.support(directions) >= part.support(directions) - 1e-6).all()


def test_a_part_within_the_limits_stays() -> None:
    part = prism(32).polytopes()[0]
    assert reduced(part, Limits(64)) is part


def test_the_corner_where_many_faces_meet_counts() -> None:
    # PhysX takes at most 32 faces at a corner. The tip of a pyramid of 40 sides has 40.
    angles = 2 * np.pi * np.arange(40) / 40
    corners = np.concatenate([np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1), [[0, 0, 1]]])
    pyramid = cvxgeom.hull(torch.from_numpy(corners)).polytopes()[0]
    assert len(pyramid.vertices) == 41 and not LIMITS["usd"].fit(pyramid)
    assert LIMITS["usd"].fit(reduced(pyramid, LIMITS["usd"]))


def test_overhang_is_how_far_the_hull_reaches_beyond_the_part() -> None:
    inner, outer = (cvxgeom.box(size=size).polytopes()[0] for size in (1.0, 1.2))
    assert overhang(inner, outer) == pytest.approx(0.1 * np.sqrt(3), rel=1e-5)
    assert overhang(outer, inner) == overhang(inner, inner) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ((3,), ValueError, "vertices must be at least 4"),
        ((8.0,), TypeError, "vertices must be a whole number"),
        ((8, 3), ValueError, "faces must be at least 4"),
        ((8, 8, 2), ValueError, "per_face must be at least 3"),
    ],
)
def test_impossible_limits(arguments: tuple, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        Limits(*arguments)


# -- parts ------------------------------------------------------------------------------------------------------------


def test_each_part_has_a_status_and_keeps_its_number() -> None:
    thin = cvxgeom.box(size=(1, 1e-8, 1)).to(torch.float64)
    tiny = cvxgeom.box(size=1e-6).to(torch.float64)
    ball = cvxgeom.sphere(n_halfspaces=100)
    shape = cvxgeom.concatenate([nothing(), slab(), thin, cvxgeom.box(), tiny, ball])
    body = rigid_body(shape)
    assert [part.status.value for part in body.parts] == [
        "empty",
        "unbounded",
        "too_thin",
        "exact",
        "too_small",
        "reduced",
    ]
    assert [part.name for part in body.collision] == ["part_03", "part_05"]
    assert [bool(len(part.vertices)) for part in body.parts] == [part.status.is_exported for part in body.parts]
    assert len(body.collision[1].vertices) <= 64
    for number in (0, 1, 2, 4):
        assert any(f"part_0{number} is left out" in warning for warning in body.warnings)
    assert any("part_05 is simplified" in warning and "more volume" in warning for warning in body.warnings)


def test_every_status_has_a_sentence() -> None:
    assert all(status.sentence.endswith(".") for status in PartStatus)


def test_a_clean_body_has_no_warnings() -> None:
    assert rigid_body(two_boxes()).warnings == ()


@pytest.mark.parametrize("scale", [1e-4, 1e3])
def test_an_odd_size_is_told(scale: float) -> None:
    assert any("give the length of its unit" in warning for warning in rigid_body(two_boxes(), scale=scale).warnings)


@pytest.mark.parametrize("shape", [nothing(), slab(), cvxgeom.box(size=(1, 1e-8, 1)).to(torch.float64)])
def test_nothing_to_export(shape: cvxgeom.ConvexUnion, tmp_path) -> None:
    with pytest.raises(EmptyShapeError, match="no part that an engine takes"):
        export(shape, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# -- files ------------------------------------------------------------------------------------------------------------


def test_mesh_files_have_one_part_each(tmp_path) -> None:
    result = export(two_boxes(), tmp_path, "mjcf", name="pair", up="z")
    meshes = [trimesh.load_mesh(path) for path in result.files[:-1]]
    assert [path.name for path in result.files] == [
        "pair_part_00.obj",
        "pair_part_01.obj",
        "pair_visual.obj",
        "pair.xml",
    ]
    assert [mesh.volume for mesh in meshes] == pytest.approx([1.0, 1.0, 1.875])
    assert all(mesh.is_watertight for mesh in meshes)
    np.testing.assert_allclose(meshes[1].bounds, [[0, 0, 0], [1, 1, 1]], atol=1e-7)


def test_mjcf_has_a_geometry_for_each_part(tmp_path) -> None:
    root = ElementTree.parse(export(two_boxes(), tmp_path, "mjcf", name="pair", margin=0.002).path).getroot()
    (body,) = root.iter("body")
    names = [geom.get("name") for geom in body.iter("geom")]
    assert names == [None, "pair_part_00", "pair_part_01"]  # what is drawn comes first
    (collision,) = (geom for geom in root.find("default").iter("geom") if geom.get("group") == "3")
    assert collision.get("margin") == "0.002"


def test_urdf_has_a_collision_for_each_part(tmp_path) -> None:
    result = export(two_boxes(), tmp_path, "urdf", name="pair", margin=0.002)
    (link,) = ElementTree.parse(result.path).getroot().iter("link")
    assert [entry.get("name") for entry in link.iter("collision")] == ["part_00", "part_01"]
    for mesh in link.iter("mesh"):
        assert (tmp_path / mesh.get("filename")).is_file()
    assert any("cannot hold the margin" in warning for warning in result.warnings)


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_drawn(format: str, tmp_path) -> None:
    mesh = trimesh.creation.icosphere(subdivisions=1)
    texts = {}
    for name, visual in {"union": "union", "smooth": "smooth", "mesh": mesh, "none": None}.items():
        result = export(two_boxes(), tmp_path / name, format, visual=visual)
        texts[name] = "".join(path.read_text() for path in result.files)
        assert ("visual" in texts[name]) == (visual is not None or format in ("mjcf", "urdf"))
        assert any("object_visual.obj" in file.name for file in result.files) == (
            visual is not None and format != "usd"
        )
    assert len(set(texts.values())) == 4


def test_a_mesh_to_draw_is_placed_as_the_shape_is(tmp_path) -> None:
    mesh = trimesh.creation.box((100, 300, 200))
    shape = cvxgeom.box(size=(100.0, 300.0, 200.0))
    result = export(shape, tmp_path, scale=0.01, up="y", visual=mesh)
    part, drawn = (trimesh.load_mesh(path) for path in result.files[:2])
    np.testing.assert_allclose(drawn.bounds, part.bounds, atol=1e-6)
    assert drawn.volume == pytest.approx(6.0)  # not turned inside out


def test_the_origin_at_the_base(tmp_path) -> None:
    mesh = trimesh.creation.box((1, 2, 3)).apply_translation((100, 50, 20))
    shape = cvxgeom.box(size=(1.0, 2.0, 3.0), center=(100, 50, 20))
    kept = rigid_body(shape, visual=mesh, mass=1.0)
    assert any("put the origin at its base" in warning for warning in kept.warnings)
    body = rigid_body(shape, visual=mesh, mass=1.0, origin="base")
    assert body.warnings == ()
    for vertices in (body.collision[0].vertices, body.visual.vertices):
        np.testing.assert_allclose(
            [vertices.min(axis=0), vertices.max(axis=0)], [[-0.5, -1.5, 0], [0.5, 1.5, 2]], atol=1e-5
        )
    np.testing.assert_allclose(body.center, [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(body.inertia, kept.inertia, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("format", FORMATS)
def test_a_mesh_that_cannot_be_drawn_is_refused(format: str, tmp_path) -> None:
    holed = trimesh.creation.box()
    holed.vertices[0, 1] = np.nan
    cloud = trimesh.Trimesh(np.eye(3), process=False)
    for visual, sentence in (
        (trimesh.Trimesh(), "visual must be a mesh with faces, got one of 0 vertices"),
        (cloud, "visual must be a mesh with faces, got one of 3 vertices"),
        (holed, "visual must have finite vertices, got a mesh with 1 of 8 NaN or infinite"),
    ):
        with pytest.raises(ValueError, match=sentence):
            export(two_boxes(), tmp_path / "out", format, visual=visual)
    assert not (tmp_path / "out").exists()


def test_numbers_of_numpy_are_numbers() -> None:
    options = {"scale": 0.5, "mass": 3.0, "margin": 0.25}
    plain = rigid_body(two_boxes(), **options)
    body = rigid_body(two_boxes(), **{name: np.float32(value) for name, value in options.items()})
    # Plain floats again: single precision must not spread to what is computed with them.
    assert [type(value) for value in (body.mass, body.volume, body.margin)] == [float] * 3
    assert (body.mass, body.volume, body.margin) == (plain.mass, plain.volume, plain.margin)
    np.testing.assert_array_equal(body.inertia, plain.inertia)


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_but_the_files_is_left(format: str, tmp_path) -> None:
    result = export(two_boxes(), tmp_path / "out", format)
    assert sorted(result.files) == sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert result.path == result.files[-1]
    again = export(two_boxes(), tmp_path / "out", format)
    assert again.files == result.files


def test_fewer_vertices_on_request(tmp_path) -> None:
    body = export(cvxgeom.sphere(n_halfspaces=40), tmp_path, max_vertices=16, max_faces=9).body
    assert len(body.collision[0].vertices) <= 16 and len(body.collision[0].faces) <= 9


@pytest.mark.parametrize(
    ("options", "error", "sentence"),
    [
        ({"format": "sdf"}, ValueError, "format must be one of"),
        ({"name": "a chair"}, ValueError, "name must consist of"),
        ({"name": "3chairs"}, ValueError, "name must consist of"),
        ({"name": "world"}, ValueError, "name must not be 'world'"),
        ({"name": 3}, TypeError, "name must be a string"),
        ({"density": 0.0}, ValueError, "density must be"),
        ({"mass": -1.0}, ValueError, "mass must be"),
        ({"density": 1.0, "mass": 1.0}, ValueError, "must not both be given"),
        ({"scale": float("inf")}, ValueError, "scale must be"),
        ({"up": "x"}, ValueError, "up must be one of"),
        ({"origin": "center"}, ValueError, "origin must be one of"),
        ({"margin": -0.1}, ValueError, "margin must be"),
        ({"max_vertices": 3}, ValueError, "vertices must be at least 4"),
        ({"visual": "grid"}, ValueError, "visual must be one of"),
    ],
)
def test_wrong_arguments(options: dict, error: type[Exception], sentence: str, tmp_path) -> None:
    with pytest.raises(error, match=sentence):
        export(two_boxes(), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_single_shape_is_needed(tmp_path) -> None:
    with pytest.raises(ValueError, match="single shape"):
        export(cvxgeom.stack([cvxgeom.box(), cvxgeom.box()]), tmp_path)
    with pytest.raises(TypeError, match="ConvexUnion"):
        export(trimesh.creation.box(), tmp_path)


def test_a_missing_folder(tmp_path) -> None:
    with pytest.raises(FileNotFoundError):
        export(cvxgeom.box(), tmp_path / "nowhere" / "out")
    assert os.listdir(tmp_path) == []
