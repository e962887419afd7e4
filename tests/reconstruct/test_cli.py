"""``cvxgeom reconstruct``: journeys with a stand-in model, every error path, and what is left behind."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.color import ColorViews
from cvxgeom.fit import FitConfig
from cvxgeom.reconstruct import Reference

from .standin import Slices, camera_at, seen_by

DEMO = Path(cvxgeom.__file__).parent / "assets" / "chair_depth.png"


class Run(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    reference = Reference.of(torch.randn(40, 256) * 0.1)
    monkeypatch.setattr("cvxgeom.cli.reconstruct.load_model", lambda name: (Slices(), reference))

    def run_here(*arguments: object) -> Run:
        code = main(["reconstruct", *(str(argument) for argument in arguments)])
        return Run(code, *capsys.readouterr())

    return run_here


# -- journeys ---------------------------------------------------------------------------------------------------------


def test_from_a_depth_map_to_mesh_shape_and_picture(tmp_path: Path, run: Callable[..., Run]) -> None:
    mesh, shape, picture = tmp_path / "c.glb", tmp_path / "c.npz", tmp_path / "c.png"
    done = run(DEMO, "-o", mesh, "--shape", shape, "--picture", picture, "--json")
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    assert report["outputs"] == {"mesh": str(mesh), "shape": str(shape), "picture": str(picture)}
    assert (report["model"], report["views"], report["pixels"]) == ("furniture-depth1", 1, [224, 224])
    assert (report["parts"], report["refuted"]) == (13, 2)
    assert report["volume"] > 0
    assert 0 < report["likeness"]["percentile"] <= 1
    assert 0.3 < report["agreement"]["silhouette_iou"] < 1
    size = trimesh.load_scene(mesh).extents
    assert size[1] == pytest.approx(0.947, abs=0.01)  # meters, y up
    assert report["size"] == pytest.approx(size.tolist(), rel=1e-5)
    assert cvxgeom.load(shape).n_convexes == 13
    with Image.open(picture) as image:
        assert image.width == 3 * image.height


def test_what_a_person_reads(tmp_path: Path, run: Callable[..., Run]) -> None:
    done = run(DEMO, "-o", tmp_path / "c.obj")
    lines = done.out.splitlines()
    assert done.code == 0
    assert lines[0].endswith("chair_depth.png: a depth map of 224 x 224 pixels")
    assert "the picture is assumed to span 40 degrees from top to bottom" in lines[1]
    assert lines[2].startswith("13 convex parts, volume 0.")
    assert lines[2].endswith(" s with furniture-depth1")
    assert lines[3] == "  2 more parts were left out: the camera saw that nothing is there"
    assert "the training data" in lines[4]
    assert lines[5].startswith("  Seen from the camera, the silhouette agrees with the input to an IoU of 0.")
    assert lines[6].split()[0] == "mesh"
    told = run(DEMO, "-o", tmp_path / "c.obj", "--intrinsics", DEMO.with_suffix(".json"))
    assert "assumed" not in told.out


def test_several_views_take_the_model_for_them(tmp_path: Path, run: Callable[..., Run]) -> None:
    views = seen_by([camera_at((35, 20)), camera_at((150, 40))])
    np.savez(tmp_path / "v.npz", depth=views.depth, intrinsics=views.intrinsics, extrinsics=views.extrinsics)
    report = json.loads(run(tmp_path / "v.npz", "-o", tmp_path / "t.stl", "--surface", "union", "--json").out)
    assert (report["model"], report["views"]) == ("furniture-depth20", 2)
    assert trimesh.load_mesh(tmp_path / "t.stl").is_watertight
    assert "2 depth maps of 80 x 64 pixels" in run(tmp_path / "v.npz", "-o", tmp_path / "t.stl").out


def test_a_refined_shape_agrees_better_with_the_depth_map(tmp_path: Path, run: Callable[..., Run]) -> None:
    plain, refined = (
        json.loads(run(DEMO, "-o", tmp_path / "c.glb", "--json", *more).out) for more in ((), ("--refine",))
    )
    assert (plain["refined"], refined["refined"]) == (False, True)
    assert refined["agreement"]["silhouette_iou"] > plain["agreement"]["silhouette_iou"] + 0.1
    assert refined["agreement"]["depth_error"] < plain["agreement"]["depth_error"]
    assert 1 <= refined["parts"] <= FitConfig().max_parts


def test_options_reach_the_reader(tmp_path: Path, run: Callable[..., Run]) -> None:
    depth = np.full((60, 60), 2000, np.uint16)
    Image.fromarray(depth).save(tmp_path / "d.png")
    mask = np.zeros((60, 60), np.uint8)
    mask[20:40, 20:40] = 255
    Image.fromarray(mask).save(tmp_path / "m.png")
    out = ("-o", tmp_path / "d.glb", "--json")
    whole = json.loads(run(tmp_path / "d.png", *out).out)
    assert any("no pixel is background" in note for note in whole["notes"])
    options = ("--mask", tmp_path / "m.png", "--fov", "90", "--view", "0", "0", "--depth-scale", "500")
    report = json.loads(run(tmp_path / "d.png", *options, *out).out)
    assert report["notes"] == []
    assert report["size"][:2] == pytest.approx([19 / 60 * 8, 19 / 60 * 8], rel=0.01)  # 4 m away, 90 degrees
    pose = np.array(report["extrinsics"][0])
    np.testing.assert_allclose(pose[:3, :3], np.diag([1, -1, -1]), atol=1e-6)
    assert pose[2, 3] == pytest.approx(4.0)


def test_an_object_at_the_border_is_reported(tmp_path: Path, run: Callable[..., Run]) -> None:
    depth = np.zeros((60, 60), np.uint16)
    depth[20:, 20:40] = 2000
    Image.fromarray(depth).save(tmp_path / "d.png")
    assert "the object reaches the border of the picture" in run(tmp_path / "d.png", "-o", tmp_path / "d.glb").out


def test_a_photo_takes_the_model_for_it(
    tmp_path: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.new("RGB", (300, 200), "white")
    image.paste("brown", (110, 60, 190, 140))
    image.save(tmp_path / "photo.jpg")
    seen: list[ColorViews] = []

    def model(views: ColorViews) -> cvxgeom.ConvexUnion:
        seen.append(views)
        return cvxgeom.box(0.9)

    monkeypatch.setattr("cvxgeom.cli.reconstruct.load_model", lambda name: (model, None))
    options = ("-o", tmp_path / "b.glb", "--picture", tmp_path / "b.png", "--view", 0, 0)
    report = json.loads(run(tmp_path / "photo.jpg", *options, "--json").out)
    assert (report["model"], report["kind"], report["pixels"]) == ("furniture-rgb1", "photo", [128, 128])
    assert report["agreement"]["silhouette_iou"] > 0.7
    assert report["agreement"]["depth_error"] is None
    assert seen[0].mask.float().mean() == pytest.approx(0.84**2, abs=0.08)  # .jpg smears
    with Image.open(tmp_path / "b.png") as picture:
        assert np.asarray(picture)[240, 240].tolist() == pytest.approx([165, 42, 42], abs=8)  # brown
    said = run(tmp_path / "photo.jpg", *options).out
    assert "photo.jpg: a photo, looked at in 128 x 128 pixels" in said
    assert "0.9 x 0.9 x 0.9, of no known unit" in said
    assert "the object is assumed to span 40 degrees" in said


def test_what_a_model_of_others_reads_is_known_when_it_is_loaded(
    tmp_path: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Slices()
    model.config = SimpleNamespace(input="color")
    monkeypatch.setattr("cvxgeom.cli.reconstruct.load_model", lambda name: (model, None))
    done = run(DEMO, "-o", tmp_path / "c.glb", "--model", "others.safetensors")
    assert done.code == 1
    assert "is a depth map, and the model others.safetensors reads photos" in done.err


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["d.png"], "required: -o"),
        (["d.png", "-o", "a.txt"], "'a.txt' must end in .glb"),
        (["d.png", "-o", "a.glb", "--shape", "a.obj"], "'a.obj' must end in .npz"),
        (["d.png", "-o", "a.glb", "--picture", "a.jpg"], "'a.jpg' must end in .png"),
        (["d.png", "-o", "a.glb", "--fov", "40", "--intrinsics", "1,1,1,1"], "not allowed with argument"),
        (["d.png", "-o", "a.glb", "--fov", "0"], "'0' must be greater than 0"),
        (["d.png", "-o", "a.glb", "--depth-scale", "-1"], "'-1' must be greater than 0"),
        (["d.png", "-o", "a.glb", "--view", "35"], "expected 2 arguments"),
        (["d.png", "-o", "a.glb", "--surface", "grid"], "invalid choice: 'grid'"),
    ],
)
def test_bad_usage_ends_with_code_2(arguments: list[str], sentence: str, run: Any, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def inputs(folder: Path) -> None:
    good = np.full((40, 60), 1500, np.uint16)
    good[:5] = 0
    images = {
        "good": good,
        "empty": 0 * good,
        "meters": good // 500,
        "8bit": good.astype(np.uint8),
        "color": np.zeros((40, 60, 3), np.uint8),
        "small": np.full((20, 30), 255, np.uint8),
        "dark": np.zeros((40, 60), np.uint8),
    }
    for name, numbers in images.items():
        Image.fromarray(numbers).save(folder / f"{name}.png")
    Image.fromarray(images["color"]).save(folder / "color.jpg")
    (folder / "torn.png").write_bytes((folder / "good.png").read_bytes()[:70])
    (folder / "good.tiff").write_bytes(b"II*\0")
    np.save(folder / "nan.npy", np.full((40, 60), np.nan))
    np.save(folder / "far.npy", np.full((40, 60), 1500.0))
    np.savez(folder / "good.npz", depth=good)


OUT = ["-o", "out.glb", "--shape", "out.npz", "--picture", "out.png"]
BAD: list[tuple[list[str], str]] = [
    (["none.png", *OUT], "there is no file 'none.png'"),
    (["empty.png", *OUT], "'empty.png' is empty: every pixel is background"),
    (["nan.npy", *OUT], "'nan.npy' is NaN everywhere"),
    (
        ["meters.png", *OUT],
        "nearer than any camera sees; if its numbers are meters, say depth_scale=1 (--depth-scale 1)",
    ),
    (
        ["far.npy", *OUT],
        "farther than 100 m; if its numbers are millimeters, say depth_scale=1000 (--depth-scale 1000)",
    ),
    (["good.png", *OUT, "--mask", "small.png"], "the mask 'small.png' has 30 x 20 pixels, and 'good.png' has 60 x 40"),
    (["good.png", *OUT, "--mask", "dark.png"], "the mask of 'good.png' is empty"),
    (["good.png", *OUT, "--mask", "none.png"], "there is no file 'none.png'"),
    (["good.png", *OUT, "--intrinsics", "525,525,320,240"], "do not fit 'good.png' of 60 x 40 pixels"),
    (["good.png", *OUT, "--intrinsics", "none.json"], "there is no file 'none.json'"),
    (["good.png", *OUT, "--intrinsics", "1,2,3"], "there is no file '1,2,3'"),
    (
        ["color.png", *OUT, "--model", "furniture-depth1"],
        "is a color picture, and the model furniture-depth1 reads depth",
    ),
    (["color.png", *OUT, "--refine"], "--refine fits to what a depth map says, and 'color.png' is a color picture"),
    (["color.jpg", *OUT, "--model", "furniture-depth20"], "try --model furniture-rgb1"),
    (["good.png", *OUT, "--model", "furniture-rgb1"], "is a depth map, and the model furniture-rgb1 reads photos"),
    (["8bit.png", *OUT], "'8bit.png' has 8 bits a pixel, too few for a depth map"),
    (["torn.png", *OUT], "'torn.png' cannot be read as a picture: it is cut off"),
    (["good.tiff", *OUT], "its ending is not one of .png, .npy, .npz, .exr"),
    (["good.png", "-o", "nowhere/out.glb"], "there is no folder 'nowhere'"),
    (["good.npz", "-o", "out.glb", "--shape", "good.npz"], "'good.npz' is an input; choose another name"),
    (["good.png", "-o", "out.glb", "--picture", "good.png"], "'good.png' is an input; choose another name"),
    (["good.png", "-o", "out.glb", "--mask", "dark.png", "--picture", "dark.png"], "'dark.png' is an input"),
]


@pytest.mark.parametrize(
    ("arguments", "sentence"), BAD, ids=lambda value: " ".join(value) if type(value) is list else ""
)
def test_bad_input_ends_with_code_1_and_one_sentence(
    tmp_path: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    inputs(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    done = run(*arguments, "--json")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("cvxgeom reconstruct: ")
    assert sentence in done.err
    assert done.err.count("\n") == 1
    assert {path: path.read_bytes() for path in sorted(tmp_path.iterdir())} == before


def test_a_model_that_finds_nothing_writes_nothing(
    tmp_path: Path, run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = cvxgeom.from_planes(torch.eye(3), torch.zeros(3))
    monkeypatch.setattr("cvxgeom.cli.reconstruct.load_model", lambda name: (lambda views: empty, None))
    done = run(DEMO, "-o", tmp_path / "c.glb")
    assert (done.code, list(tmp_path.iterdir())) == (1, [])
    assert "the model found nothing solid" in done.err
