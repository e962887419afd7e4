"""Depth files as views: units, gaps, frames, cameras."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cvxgeom
from cvxgeom import read_depth
from cvxgeom.reconstruct import read_lens, read_mask
from cvxgeom.render import Camera

from .standin import camera_at, seen_by

ASSETS = Path(cvxgeom.__file__).parent / "assets"


def write_png(path: Path, meters: np.ndarray, scale: float = 1000.0) -> Path:
    numbers = np.where(np.isfinite(meters), np.nan_to_num(meters, posinf=0) * scale, 0)
    Image.fromarray(numbers.round().astype(np.uint16)).save(path)
    return path


@pytest.fixture
def depth() -> np.ndarray:
    """(64, 80) m, of the table, seen at azimuth 35 and elevation 20."""
    return seen_by([camera_at((35, 20))]).depth[0].numpy()


def test_a_png_in_millimeters_becomes_meters_and_background(tmp_path: Path, depth: np.ndarray) -> None:
    views = read_depth(write_png(tmp_path / "d.png", depth))
    assert torch.equal(views.depth[0].isposinf(), torch.from_numpy(np.isinf(depth)))
    seen = np.isfinite(depth)
    np.testing.assert_allclose(views.depth[0].numpy()[seen], depth[seen], atol=0.00051)
    assert views.depth.dtype == torch.float32


def test_the_object_stands_upright_about_the_origin_as_the_view_says(tmp_path: Path, depth: np.ndarray) -> None:
    # The camera that took it: the points of the read views are those of the true ones, moved to their own middle.
    np.save(tmp_path / "d.npy", depth)
    views = read_depth(tmp_path / "d.npy", view=(35, 20), field_of_view=40)
    true = seen_by([camera_at((35, 20))])
    middle, side = true.frame()
    torch.testing.assert_close(views.points(), true.points() - middle, atol=1e-5, rtol=0, equal_nan=True)
    torch.testing.assert_close(views.frame()[0], torch.zeros(3), atol=1e-6, rtol=0)
    torch.testing.assert_close(views.frame()[1], side)


@pytest.mark.parametrize("view", [(0, 0), (90, 0), (-120, 35), (10, 90)])
def test_any_view_is_the_one_of_a_camera_that_looks_from_there(
    tmp_path: Path, depth: np.ndarray, view: tuple[float, float]
) -> None:
    np.save(tmp_path / "d.npy", depth)
    views = read_depth(tmp_path / "d.npy", view=view)
    expected = Camera.looking_at([[-1, -1, -1], [1, 1, 1]], view).extrinsics[:3, :3].float()
    torch.testing.assert_close(views.extrinsics[0, :3, :3], expected)


def test_the_view_may_be_a_list_or_an_array_and_the_scale_a_number_of_numpy(tmp_path: Path, depth: np.ndarray) -> None:
    path = write_png(tmp_path / "d.png", depth)
    expected = read_depth(path, view=(50, 10), depth_scale=1000)
    for view, scale in (([50, 10], np.int64(1000)), (np.array([50, 10]), np.float32(1000))):
        views = read_depth(path, view=view, depth_scale=scale)
        assert torch.equal(views.extrinsics, expected.extrinsics)
        assert torch.equal(views.depth, expected.depth)


def test_scale_changes_the_unit_alone(tmp_path: Path, depth: np.ndarray) -> None:
    coarse = read_depth(write_png(tmp_path / "a.png", depth, 1000))
    fine = read_depth(write_png(tmp_path / "b.png", depth, 10000), depth_scale=10000)
    torch.testing.assert_close(coarse.points(), fine.points(), atol=2e-3, rtol=0, equal_nan=True)


# -- gaps -------------------------------------------------------------------------------------------------------------

GAP = {"inf": np.inf, "zero": 0.0, "nan": np.nan}


@pytest.mark.parametrize(
    ("held", "background", "missing"),
    [
        ({"inf"}, {"inf"}, set()),
        ({"zero"}, {"zero"}, set()),
        ({"nan"}, {"nan"}, set()),
        ({"inf", "zero"}, {"inf"}, {"zero"}),
        ({"zero", "nan"}, {"zero"}, {"nan"}),
        ({"inf", "zero", "nan"}, {"inf"}, {"zero", "nan"}),
    ],
    ids=lambda value: "+".join(sorted(value)),
)
def test_the_strongest_marker_is_the_background(
    tmp_path: Path, held: set[str], background: set[str], missing: set[str]
) -> None:
    numbers = np.full((16, 16), 2.0)
    places = {"inf": (0, 0), "zero": (1, 1), "nan": (2, 2)}
    for name in held:
        numbers[places[name]] = GAP[name]
    np.save(tmp_path / "d.npy", numbers)
    read = read_depth(tmp_path / "d.npy").depth[0]
    assert {name for name in held if read[places[name]].isposinf()} == background
    assert {name for name in held if read[places[name]].isnan()} == missing
    assert int(read.isfinite().sum()) == 16 * 16 - len(held)


def test_a_mask_says_what_is_background_and_what_was_not_measured(tmp_path: Path) -> None:
    numbers = np.full((16, 16), 2000, np.uint16)
    numbers[5, 5] = 0
    Image.fromarray(numbers).save(tmp_path / "d.png")
    mask = np.zeros((16, 16), np.uint8)
    mask[2:14, 2:14] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    read = read_depth(tmp_path / "d.png", mask=tmp_path / "mask.png").depth[0]
    assert torch.equal(read.isposinf(), torch.from_numpy(mask == 0))
    assert read[5, 5].isnan()
    assert int(read.isfinite().sum()) == 12 * 12 - 1


@pytest.mark.parametrize("kind", ["ones.png", "alpha.png", "smeared.jpg", "bool.npy"])
def test_masks_of_every_kind(tmp_path: Path, kind: str) -> None:
    shown = np.zeros((40, 60), dtype=bool)
    shown[10:30, 20:50] = True
    path = tmp_path / kind
    if kind == "bool.npy":
        np.save(path, shown)
    elif kind == "alpha.png":
        pixels = np.full((40, 60, 4), 255, np.uint8)
        pixels[..., 3] = 255 * shown
        Image.fromarray(pixels).save(path)
    else:
        Image.fromarray(shown.astype(np.uint8) * (1 if kind == "ones.png" else 255)).save(path)
    np.testing.assert_array_equal(read_mask(path, (60, 40), "a picture"), shown)


def test_renderers_write_huge_numbers_for_nothing(tmp_path: Path, depth: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", np.where(np.isinf(depth), 1e10, depth).astype(np.float32))
    np.testing.assert_array_equal(read_depth(tmp_path / "d.npy").depth[0].isposinf(), np.isinf(depth))


def test_a_few_pixels_of_the_wall_behind_do_not_set_the_frame(
    tmp_path: Path, depth: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(tmp_path / "clean.npy", depth)
    clean = read_depth(tmp_path / "clean.npy")
    assert not caplog.records
    dirty = depth.copy()
    edge = np.argwhere(np.isfinite(depth))[[0, -1]]
    dirty[tuple(edge.T)] = 6.0
    np.save(tmp_path / "dirty.npy", dirty)
    views = read_depth(tmp_path / "dirty.npy")
    assert f"2 of {np.isfinite(depth).sum()} pixels lie far from the rest and are left out" in caplog.text
    assert int(views.depth.isnan().sum()) == 2
    torch.testing.assert_close(views.frame()[1], clean.frame()[1], rtol=0.02, atol=0)


# -- several views ----------------------------------------------------------------------------------------------------


def test_an_archive_of_views_keeps_its_frame(tmp_path: Path) -> None:
    true = seen_by([camera_at((35, 20)), camera_at((150, 40))])
    fields = {name: getattr(true, name).numpy() for name in ("depth", "intrinsics", "extrinsics")}
    np.savez(tmp_path / "views.npz", **fields)
    views = read_depth(tmp_path / "views.npz")
    for name, value in fields.items():
        np.testing.assert_allclose(getattr(views, name).numpy(), value, rtol=1e-6)


def test_one_view_in_an_archive_may_leave_its_camera_to_the_caller(tmp_path: Path, depth: np.ndarray) -> None:
    np.savez(tmp_path / "d.npz", depth=depth)
    np.save(tmp_path / "d.npy", depth)
    one, other = (read_depth(tmp_path / name, view=(10, 5)) for name in ("d.npz", "d.npy"))
    assert torch.equal(one.points().nan_to_num(), other.points().nan_to_num())


def test_one_lens_serves_all_views(tmp_path: Path) -> None:
    true = seen_by([camera_at((35, 20)), camera_at((150, 40))])
    matrix = true.intrinsics[0].numpy()
    np.savez(tmp_path / "v.npz", depth=true.depth, intrinsics=matrix, extrinsics=true.extrinsics)
    assert torch.equal(read_depth(tmp_path / "v.npz").intrinsics, true.intrinsics)


def test_exr(tmp_path: Path, depth: np.ndarray) -> None:
    exr = pytest.importorskip("OpenEXR")
    header = {"type": exr.scanlineimage, "compression": exr.ZIP_COMPRESSION}
    stored = np.where(np.isinf(depth), 1e10, depth).astype(np.float32)
    exr.File(header, {"ViewLayer.Depth.Z": stored}).write(str(tmp_path / "d.exr"))
    np.save(tmp_path / "d.npy", depth)
    assert torch.equal(read_depth(tmp_path / "d.exr").depth, read_depth(tmp_path / "d.npy").depth)
    exr.File(header, dict.fromkeys("RGB", stored)).write(str(tmp_path / "gray.exr"))
    assert torch.equal(read_depth(tmp_path / "gray.exr").depth, read_depth(tmp_path / "d.npy").depth)
    exr.File(header, {"R": stored, "G": stored, "B": 2 * stored}).write(str(tmp_path / "color.exr"))
    with pytest.raises(ValueError, match=r"has no channel of depth \(Z, V or Y\); it has B, G, R"):
        read_depth(tmp_path / "color.exr")
    (tmp_path / "torn.exr").write_bytes((tmp_path / "d.exr").read_bytes()[:150])
    with pytest.raises(ValueError, match=r"torn.exr' cannot be read as an .exr file"):
        read_depth(tmp_path / "torn.exr")


# -- lenses -----------------------------------------------------------------------------------------------------------


def test_lenses_of_every_kind(tmp_path: Path) -> None:
    numbers = {"fx": 500.0, "fy": 510.0, "cx": 320.0, "cy": 240.0}
    matrix = np.array([[500.0, 0, 320], [0, 510, 240], [0, 0, 1]])
    (tmp_path / "a.json").write_text(json.dumps({**numbers, "width": 640, "height": 480, "view": [10, 20]}))
    realsense = {"fx": 500.0, "fy": 510.0, "ppx": 320.0, "ppy": 240.0}
    (tmp_path / "b.json").write_text(json.dumps(realsense))
    (tmp_path / "c.json").write_text(json.dumps({"intrinsic_matrix": matrix.T.reshape(-1).tolist()}))  # as Open3D
    (tmp_path / "d.json").write_text(json.dumps({"intrinsic_matrix": matrix.tolist()}))
    (tmp_path / "e.txt").write_text("500 0 320\n0 510 240\n0 0 1\n")
    (tmp_path / "f.txt").write_text("500, 510, 320, 240")
    np.save(tmp_path / "g.npy", matrix)
    sources = [*sorted(tmp_path.iterdir()), "500,510,320,240", (500, 510, 320, 240), matrix]
    assert len(sources) == 10
    for source in sources:
        np.testing.assert_array_equal(read_lens(source).matrix, matrix)
    lens = read_lens(tmp_path / "a.json")
    assert (lens.size, lens.view) == ((640, 480), (10.0, 20.0))


def test_intrinsics_and_the_angle_that_they_are_agree(tmp_path: Path, depth: np.ndarray) -> None:
    np.save(tmp_path / "d.npy", depth)
    (fx, _, cx), (_, fy, cy), _ = camera_at((35, 20)).intrinsics.tolist()
    one = read_depth(tmp_path / "d.npy", intrinsics=(fx, fy, cx, cy))
    other = read_depth(tmp_path / "d.npy", field_of_view=40)
    torch.testing.assert_close(one.points(), other.points(), equal_nan=True)


def test_the_view_of_the_camera_file_is_the_default(tmp_path: Path) -> None:
    path = ASSETS / "chair_depth.png"
    plain, told = read_depth(path), read_depth(path, intrinsics=ASSETS / "chair_depth.json")
    torch.testing.assert_close(plain.points(), told.points(), equal_nan=True)
    (tmp_path / "turned.json").write_text((ASSETS / "chair_depth.json").read_text().replace("35.0", "80.0"))
    turned = read_depth(path, intrinsics=tmp_path / "turned.json")
    torch.testing.assert_close(turned.points(), read_depth(path, view=(80, 20)).points(), equal_nan=True)


def test_the_depth_map_of_the_demo_is_a_chair_on_its_feet() -> None:
    path = ASSETS / "chair_depth.png"
    assert path.stat().st_size < 100_000
    views = read_depth(path)
    points = views.points()[views.seen]
    width, height, deep = (points.amax(dim=0) - points.amin(dim=0)).tolist()
    assert height == pytest.approx(0.95, abs=0.02)
    assert 0.4 < width < 0.5 and 0.4 < deep < 0.5
    # The seat is level: no two neighbors in it differ much in height.
    assert 0.1 < float(views.seen.float().mean()) < 0.5
