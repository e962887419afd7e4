"""Every kind of source, from made-up files of its layout."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from cvxgeom.prepare import Item, open_source
from cvxgeom.prepare.compute import compute
from cvxgeom.prepare.materials import mesh_file_patches, obj_patches
from cvxgeom.prepare.sources.splits import drawn_split

from .meshes import SMALL, make_folder, make_library


def told(items: list[Item]) -> list[tuple[str, str, str]]:
    return [(item.id, item.split, item.label) for item in items]


def brick(path: Path, extents: tuple[float, float, float] = (1.0, 2.0, 3.0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    trimesh.creation.box(extents).export(path)
    return path


# -- folders of meshes ------------------------------------------------------------------------------------------------


def test_classes_are_folders_and_splits_are_drawn(tmp_path: Path) -> None:
    items = open_source(make_folder(tmp_path, 2))
    assert [(item.id, item.label) for item in items] == [
        ("chair.box0", "chair"),
        ("chair.broken", "chair"),
        ("table.box1", "table"),
    ]
    assert all(item.split == drawn_split(item.id, 0) for item in items)
    shares = [drawn_split(str(i), seed=3) for i in range(2000)]
    assert shares.count("train") == pytest.approx(1600, abs=60) and shares.count("val") == pytest.approx(200, abs=45)
    assert shares != [drawn_split(str(i), seed=4) for i in range(2000)]


@pytest.mark.parametrize("place", ["test/chair/a.off", "chair/test/a.off"])
def test_folders_called_like_splits_are_the_split(tmp_path: Path, place: str) -> None:
    brick(tmp_path / place)
    assert told(open_source(tmp_path)) == [("chair.a", "test", "chair")]


def test_a_split_file_chooses_from_a_folder(tmp_path: Path) -> None:
    make_folder(tmp_path)
    table = tmp_path / "split.csv"
    table.write_text("path,split,class,license\nchair/box0.obj,val,seat,CC0\n")
    (item,) = open_source(tmp_path, table)
    assert (item.split, item.label, item.facts.license) == ("val", "seat", "CC0")
    assert item.load().mesh.extents.tolist() == [1, 2, 0.5]


def test_equal_names_get_numbers(tmp_path: Path) -> None:
    brick(tmp_path / "a.off"), brick(tmp_path / "a.ply")
    assert [item.id for item in open_source(tmp_path)] == ["a-1", "a-2"]


# -- furniture libraries ----------------------------------------------------------------------------------------------


def test_a_library_with_a_split_file(tmp_path: Path) -> None:
    make_library(tmp_path / "Lib.sh3f")
    table = tmp_path / "split.csv"
    table.write_text("library,model,name,class,furniture,fill,split,creator\nLib,desk,Big desk,table,1,thin,test,Me\n")
    (item,) = open_source(tmp_path, table)
    facts = item.facts
    assert (item.id, item.split, item.label, facts.name) == ("Lib.desk", "test", "table", "Big desk")
    assert (facts.fill, facts.furniture, facts.creator, facts.license) == ("thin", True, "Me", "CC-BY 3.0")
    loaded = item.load()
    np.testing.assert_allclose(loaded.mesh.extents, [1, 3, 2])
    (patch,) = loaded.patches()
    assert patch.color == (0.9, 0.1, 0.1, 1.0)
    np.testing.assert_allclose(np.ptp(patch.corners.reshape(-1, 3), axis=0), [1, 3, 2])


def test_a_library_by_itself(tmp_path: Path) -> None:
    items = open_source(make_library(tmp_path / "Lib.sh3f"))
    assert [(item.id, item.label, item.facts.creator) for item in items] == [
        ("Lib.stool", "Office", "Maker1"),
        ("Lib.desk", "Office", "Maker2"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("library,model,class,split\nLib,chair,c,test\n", "names a model that is not there: Lib.sh3f has no model"),
        ("library,model,class,split\nOther,desk,c,test\n", "names the library 'Other', but there is no Other.sh3f"),
        ("library,model,class,split\nLib,desk,c,rest\n", "line 2 of .* split must be one of .* got 'rest'"),
        ("library,model,split\nLib,desk,test\n", "must have the columns .* got none called 'class'"),
        ("library,model,class,split\n", "must list at least one shape"),
    ],
)
def test_a_wrong_split_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    make_library(tmp_path / "Lib.sh3f")
    (tmp_path / "split.csv").write_text(text)
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        open_source(tmp_path, tmp_path / "split.csv")


# -- ShapeNet and what was made of it ---------------------------------------------------------------------------------


def arrow(path: Path, tip: tuple[int, int, int]) -> None:
    """A mesh whose one far vertex shows where the front is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [(0, 0, 0), (0, 0.1, 0), (0.1, 0, 0.1), tip]
    faces = "f 1 2 3\nf 1 2 4\nf 2 3 4\nf 1 3 4\n"
    path.write_text("".join(f"v {x} {y} {z}\n" for x, y, z in rows) + faces)


@pytest.mark.parametrize(("file", "front"), [("model.obj", (1, 0, 0)), ("models/model_normalized.obj", (0, 0, -1))])
def test_shapenet_trees_with_lists(tmp_path: Path, file: str, front: tuple[int, int, int]) -> None:
    for model in ("aa", "bb", "unlisted"):
        arrow(tmp_path / "03001627" / model / file, front)
    (tmp_path / "03001627" / "train.lst").write_text("aa\nmissing\n")
    (tmp_path / "03001627" / "test.lst").write_text("bb\n")
    items = open_source(tmp_path)
    assert told(items) == [
        ("03001627.aa", "train", "chair"),
        ("03001627.missing", "train", "chair"),
        ("03001627.bb", "test", "chair"),
    ]
    vertices = items[0].load().mesh.vertices
    np.testing.assert_allclose(vertices[np.linalg.norm(vertices, axis=1).argmax()], (0, 0, 1), atol=1e-9)
    with pytest.raises(FileNotFoundError, match="has neither"):
        items[1].load()


def test_shapenet_with_its_table(tmp_path: Path) -> None:
    arrow(tmp_path / "core" / "02691156" / "aa" / "model.obj", (1, 0, 0))
    (tmp_path / "all.csv").write_text(
        "id,synsetId,subSynsetId,modelId,split\n1,02691156,0,aa,val\n2,03001627,0,bb,val\n"
    )
    assert told(open_source(tmp_path / "core", tmp_path / "all.csv")) == [("02691156.aa", "val", "airplane")]


@pytest.mark.parametrize("with_mesh", [False, True])
def test_points_of_occupancy_networks(tmp_path: Path, with_mesh: bool) -> None:
    folder = tmp_path / "04256520" / "aa"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    points = random.uniform(-0.55, 0.55, (4001, 3)).astype(np.float16)
    half = np.array([0.5, 0.2, 0.1])  # longest along x, which is the front there
    inside = (np.abs(points) < half).all(axis=1)
    np.savez(folder / "points.npz", points=points, occupancies=np.packbits(inside), loc=np.zeros(3), scale=1.0)
    box = trimesh.creation.box(2 * half)
    surface, face = trimesh.sample.sample_surface(box, 3000, seed=0)
    np.savez(folder / "pointcloud.npz", points=surface.astype(np.float16), normals=box.face_normals[face])
    if with_mesh:
        box.export(folder / "model_watertight.off")
    (item,) = open_source(tmp_path)
    _, arrays = compute(item, item.load(), SMALL)
    assert item.label == "sofa" and len(arrays.uniform) == 4001
    turned = (np.abs(arrays.uniform) < half[[2, 1, 0]]).all(axis=1)
    assert (turned == arrays.uniform_occupancy).mean() > 0.99
    assert (arrays.depth is not None) == with_mesh
    assert 0 < arrays.near_occupancy.mean() < 1
    np.testing.assert_allclose(np.abs(arrays.surface).max(axis=0), half[[2, 1, 0]], atol=2e-3)


# -- random objects ---------------------------------------------------------------------------------------------------


def test_random_objects_are_unions_of_hulls(tmp_path: Path) -> None:
    for number in ("000", "850", "950"):
        folder = tmp_path / "random_urdfs" / number
        folder.mkdir(parents=True)
        (folder / f"{number}.urdf").write_text("<robot/>")
        text, first = "", 1
        for k, shift in enumerate((0.0, 0.5)):
            box = trimesh.creation.box().apply_translation((shift, 0, 0))
            text += f"o convex_{k}\n" + "".join(f"v {x} {y} {z}\n" for x, y, z in box.vertices)
            text += f"f {first} {first + 1} {first + 2}\n"
            first += 8
        (folder / f"{number}.obj").write_text(text)
    items = open_source(tmp_path)
    assert [item.split for item in items] == ["train", "val", "test"]
    facts, arrays = compute(items[0], items[0].load(), SMALL)
    assert facts.exact and facts.scale == pytest.approx(1 / 1.5)
    assert arrays.uniform_occupancy.all() and arrays.grid.sum() == pytest.approx(16**3 / 1.5**2, rel=0.2)


# -- TFRecords --------------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def tfrecord(features: dict[str, np.ndarray | bytes]) -> bytes:
    """A record of a tf.train.Example, with wrong checksums: nobody looks at them."""
    entries = b""
    for key, value in features.items():
        kind = 1 if isinstance(value, bytes) else 2
        content = value if isinstance(value, bytes) else value.astype("<f4").tobytes()
        entries += field(1, field(1, key.encode()) + field(2, field(kind, field(1, content))))
    message = field(1, entries)
    return struct.pack("<Q", len(message)) + b"\0" * 4 + message + b"\0" * 4


@pytest.mark.parametrize("as_bytes", [False, True])
def test_tfrecords_of_the_original(tmp_path: Path, as_bytes: bool) -> None:
    random = np.random.default_rng(0)

    def samples() -> np.ndarray:
        points = random.uniform(-2, 2, (3000, 3))
        return np.column_stack([points, np.abs(points).max(axis=1) - 1]).astype(np.float32)

    depth, rgb = np.zeros((20, 8, 8), dtype=np.float32), np.zeros((24, 6, 6, 3), dtype=np.float32)
    depth[:, 2:6, 2:6], rgb[:, 2:4, 2:4] = 3000, 0.5
    values = {"bbox_samples": samples(), "surf_samples": samples(), "depth": depth, "rgb": rgb}
    packed = {key: value.tobytes() if as_bytes else value.reshape(-1) for key, value in values.items()}
    record = tfrecord({**packed, "name": b"03001627-aa"})
    (tmp_path / "chair-test-00000-of-00001").write_bytes(record + record)
    items = open_source(tmp_path)
    assert [(item.split, item.label) for item in items] == [("test", "chair")] * 2
    facts, arrays = compute(items[1], items[1].load(), SMALL)
    assert not facts.cameras_known and facts.scale == pytest.approx(0.5, rel=0.02)
    inside = np.abs(arrays.uniform).max(axis=1) < 0.5
    assert (inside == arrays.uniform_occupancy).mean() > 0.99
    assert arrays.depth[0, 4, 4] == pytest.approx(3 * facts.scale * 10_000, rel=1e-3) and arrays.depth[0, 0, 0] == 0
    assert arrays.rgb.shape == (24, 6, 6, 4) and arrays.rgb[0, 2, 2].tolist() == [128, 128, 128, 255]
    (tmp_path / "chair-test-00000-of-00001").write_bytes(record + record[:-1])
    with pytest.raises(ValueError, match="ends within a record"):
        open_source(tmp_path)


def test_a_damaged_record_is_refused(tmp_path: Path) -> None:
    for content, message in ((b"\xff\xff", "not a tf.train.Example"), (field(1, b""), "has no bbox_samples")):
        record = struct.pack("<Q", len(content)) + b"\0" * 4 + content + b"\0" * 4
        (tmp_path / "chair-train-0").write_bytes(record)
        (item,) = open_source(tmp_path)
        with pytest.raises(ValueError, match=message):
            item.load()


# -- in general -------------------------------------------------------------------------------------------------------


def test_what_is_no_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="there is no"):
        open_source(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds no shapes"):
        open_source(tmp_path)
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ValueError, match=r"must be a folder or a \.sh3f library"):
        open_source(tmp_path / "a.txt")


def test_colors_of_other_formats(tmp_path: Path) -> None:
    box = trimesh.creation.box()
    box.visual.face_colors = [200, 100, 50, 255]
    painted = trimesh.creation.box().apply_translation((0, 3, 0))
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.new("RGB", (2, 2), (0, 0, 255)))
    painted.visual = trimesh.visual.TextureVisuals(uv=np.zeros((8, 2)), material=material)
    trimesh.Scene([box, painted]).export(tmp_path / "two.glb")
    patches = mesh_file_patches(tmp_path / "two.glb")
    plain = next(patch for patch in patches if patch.texture is None)
    textured = next(patch for patch in patches if patch.texture is not None)
    np.testing.assert_allclose(plain.color, np.array([200, 100, 50, 255]) / 255, atol=0.01)
    assert textured.texture.getpixel((0, 0)) == (0, 0, 255) and textured.corners[..., 1].min() == pytest.approx(2.5)
    trimesh.creation.box().export(tmp_path / "plain.stl")
    assert len(mesh_file_patches(tmp_path / "plain.stl")) == 1


def test_materials_textures_and_concave_polygons() -> None:
    picture = io.BytesIO()
    Image.new("RGB", (2, 2), (10, 200, 30)).save(picture, "PNG")
    files = {
        "a.mtl": b"newmtl t\nKd .64 .64 .64\nmap_Kd pic.png\nnewmtl gone\nKd 2 0 0\nd 0.5\nmap_Kd gone.png",
        "pic.png": picture.getvalue(),
    }
    text = "mtllib a.mtl\nv 0 0 0\nv 2 0 0\nv .5 .5 0\nv 0 2 0\nvt 0 0\nvt 1 0\nvt .25 .25\nvt 0 1\nvn 0 0 1\n"
    text += "usemtl t\nf 2/2/1 3/3/1 4/4/1 1/1/1\nusemtl gone\nf -4 -3 -2\nusemtl unused\n"
    textured, plain = obj_patches(text.encode(), files.get)
    areas = np.cross(*(textured.corners[:, k] - textured.corners[:, 0] for k in (1, 2)))[:, 2] / 2
    assert areas.sum() == pytest.approx(1.0) and (areas > 0).all()  # the dart, not its hull
    np.testing.assert_allclose(textured.uv[..., 0], textured.corners[..., 0] / 2)
    assert textured.texture.getpixel((0, 0)) == (10, 200, 30) and textured.color[:3] == (1, 1, 1)
    np.testing.assert_array_equal(textured.normals[..., 2], 1)
    assert plain.color == (1.0, 0.0, 0.0, 0.5) and plain.texture is None and plain.uv is None
    with pytest.raises(ValueError, match=r"line 1 of the \.obj file cannot be read"):
        obj_patches(b"f 1 2 3", files.get)
