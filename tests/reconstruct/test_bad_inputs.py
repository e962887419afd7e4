"""Every way in which an input can be wrong, and the sentence for it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cvxgeom import read_depth
from cvxgeom.reconstruct import read_lens, read_mask
from cvxgeom.reconstruct.files import load_arrays
from tests.damage import one_bit_flipped

GOOD = np.full((40, 60), 1500, np.uint16)


def png(path: Path, numbers: np.ndarray) -> Path:
    Image.fromarray(numbers).save(path)
    return path


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def npy(path: Path, numbers: np.ndarray) -> Path:
    np.save(path, numbers)
    return path


def cut_off(path: Path, n_bytes: int) -> Path:
    path.write_bytes(path.read_bytes()[:n_bytes])
    return path


def renamed(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


EYE3, EYE4 = np.eye(3), np.eye(4)
NOISE = np.random.default_rng(0).integers(1000, 2000, (40, 60)).astype(np.uint16)

FILES: dict[str, tuple[Callable[[Path], Path], str]] = {
    "missing": (lambda d: d / "none.png", "there is no file"),
    "a folder": (lambda d: d, "there is no file"),
    "unknown suffix": (lambda d: png(d / "a.tiff", GOOD), "its ending is not one of .png, .npy, .npz, .exr"),
    "a photo": (lambda d: png(d / "a.jpg", np.zeros((40, 60, 3), np.uint8)), "a.jpg' is a photo, not a depth map"),
    "colors": (lambda d: png(d / "a.png", np.zeros((40, 60, 3), np.uint8)), "is a color picture, not a depth map"),
    "8 bits": (lambda d: png(d / "a.png", np.full((40, 60), 99, np.uint8)), "has 8 bits a pixel, too few"),
    "8 bits in an array": (lambda d: npy(d / "a.npy", np.full((40, 60), 9, np.uint8)), "has 8 bits a pixel, too few"),
    "cut off": (lambda d: cut_off(png(d / "a.png", NOISE), 900), "cannot be read as a picture: it is cut off"),
    "no picture": (lambda d: cut_off(png(d / "a.png", NOISE), 20), "cannot be read as a picture: it is damaged"),
    "cut off array": (lambda d: cut_off(npy(d / "a.npy", NOISE), 900), "cannot be read as a .npy file: it is damaged"),
    "cut off archive": (lambda d: cut_off(npz(d / "a.npz", depth=NOISE), 900), "cannot be read as a .npz file"),
    "an archive as an array": (
        lambda d: renamed(npz(d / "a.npz", depth=NOISE), "b.npy"),
        "holds an archive, as a .npz file does",
    ),
    "an array as an archive": (
        lambda d: renamed(npy(d / "a.npy", NOISE), "b.npz"),
        "holds one array, as a .npy file does",
    ),
    "empty file": (lambda d: cut_off(npy(d / "a.npy", NOISE), 0), "cannot be read as a .npy file"),
    "text": (lambda d: npy(d / "a.npy", np.full((40, 60), "x")), "must be numbers of shape"),
    "one axis": (lambda d: npy(d / "a.npy", np.ones(60)), "must be numbers of shape (h, w) or (views, h, w)"),
    "no pixel": (lambda d: npy(d / "a.npy", np.ones((0, 60))), "must be numbers of shape"),
    "colors in an array": (lambda d: npy(d / "a.npy", np.ones((40, 60, 3))), "these look like colors"),
    "empty": (lambda d: png(d / "a.png", 0 * GOOD), "is empty: every pixel is background"),
    "all background": (lambda d: npy(d / "a.npy", np.full((40, 60), np.inf)), "is empty: every pixel is background"),
    "all NaN": (lambda d: npy(d / "a.npy", np.full((40, 60), np.nan)), "is NaN everywhere: nothing was measured"),
    "hardly anything": (lambda d: npy(d / "a.npy", np.pad(np.ones((3, 3)), 20)), "shows something in 9 pixels only"),
    "negative": (lambda d: npy(d / "a.npy", -np.ones((40, 60))), "depth must not be negative, got -1"),
    "meters for millimeters": (lambda d: png(d / "a.png", GOOD // 500), "say depth_scale=1 (--depth-scale 1)"),
    "millimeters for meters": (
        lambda d: npy(d / "a.npy", GOOD.astype(np.float32)),
        "reads as 1.5e+03 to 1.5e+03 m from the camera at 1 to the meter, farther than 100 m; "
        "if its numbers are millimeters, say depth_scale=1000 (--depth-scale 1000)",
    ),
    "no unit fits": (lambda d: npy(d / "a.npy", np.full((40, 60), 2e8)), "say how many of its numbers make a meter"),
    "views without cameras": (lambda d: npy(d / "a.npy", np.ones((5, 40, 60))), "holds 5 depth maps without their cam"),
    "no depth": (lambda d: npz(d / "a.npz", planes=EYE4), "has no key 'depth'; it holds planes"),
    "no intrinsics": (
        lambda d: npz(d / "a.npz", depth=np.ones((2, 40, 60)), extrinsics=np.stack([EYE4] * 2)),
        "holds 2 views and lacks intrinsics",
    ),
    "too few cameras": (
        lambda d: npz(d / "a.npz", depth=np.ones((2, 40, 60)), intrinsics=EYE3, extrinsics=np.stack([EYE4] * 3)),
        "extrinsics in",
    ),
    "one pose for two": (
        lambda d: npz(d / "a.npz", depth=np.ones((2, 40, 60)), intrinsics=EYE3, extrinsics=EYE4),
        "must tell the 2 views apart",
    ),
    "no rotation": (
        lambda d: npz(d / "a.npz", depth=np.ones((40, 60)), intrinsics=lens_matrix(), extrinsics=2 * EYE4),
        "must be rotations with translations",
    ),
    "a mirror": (
        lambda d: npz(
            d / "a.npz", depth=np.ones((40, 60)), intrinsics=lens_matrix(), extrinsics=np.diag([-1, 1, 1, 1])
        ),
        "must be rotations with translations",
    ),
    "a view that sees nothing": (
        lambda d: npz(
            d / "a.npz",
            depth=np.stack([np.ones((40, 60)), np.full((40, 60), np.inf)]),
            intrinsics=lens_matrix(),
            extrinsics=np.stack([EYE4] * 2),
        ),
        "view 1 of",
    ),
}


def lens_matrix() -> np.ndarray:
    return np.array([[60.0, 0, 30], [0, 60, 20], [0, 0, 1]])


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_one_clear_sentence(name: str, tmp_path: Path) -> None:
    make, sentence = FILES[name]
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        read_depth(make(tmp_path))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


CAMERAS: dict[str, tuple[dict[str, Any], str]] = {
    "two lenses": ({"intrinsics": "1,1,1,1", "field_of_view": 40}, "both describe the lens"),
    "angle": ({"field_of_view": 0}, "field_of_view must be a finite number greater than 0"),
    "wide angle": ({"field_of_view": 180}, "field_of_view must be below 180 degrees"),
    "view": ({"view": (float("nan"), 0.0)}, "view must be 2 finite numbers"),
    "no view": ({"view": ()}, "view must be 2 finite numbers"),
    "three angles": ({"view": np.zeros(3)}, "view must be 2 finite numbers"),
    "scale": ({"depth_scale": -1}, "depth_scale must be a finite number greater than 0"),
    "of a larger image": ({"intrinsics": (525, 525, 320, 240)}, "do not fit"),
    "normalized": ({"intrinsics": (1.2, 1.6, 0.5, 0.5)}, "do not fit"),
    "long lens": ({"intrinsics": (9000, 9000, 30, 20)}, "it would span 0.255 degrees from top to bottom"),
    "wrong order": ({"intrinsics": (60, 20, 30, 20)}, "positive fx and fy of about the same size"),
    "no lens": ({"intrinsics": (0, 0, 30, 20)}, "positive fx and fy of about the same size"),
    "transposed": ({"intrinsics": lens_matrix().T}, "intrinsics must be [[fx, 0, cx], [0, fy, cy], [0, 0, 1]]"),
    "three numbers": ({"intrinsics": (1, 2, 3)}, "intrinsics must be fx, fy, cx, cy or a 3×3 matrix"),
    "no file": ({"intrinsics": "lens.json"}, "there is no file 'lens.json'"),
}


@pytest.mark.parametrize("name", CAMERAS)
def test_a_bad_camera_is_one_clear_sentence(name: str, tmp_path: Path) -> None:
    options, sentence = CAMERAS[name]
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        read_depth(png(tmp_path / "a.png", GOOD), **options)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.json", "{", "must be fx, fy, cx and cy, or intrinsic_matrix"),
        ("a.json", '{"fx": 1}', "must be fx, fy, cx and cy, or intrinsic_matrix"),
        ("a.json", "[1, 2]", "must be fx, fy, cx and cy, or intrinsic_matrix"),
        ("a.txt", "one two three four", "must be four or nine numbers as text"),
        ("a.txt", "1 2 3", "must be four or nine numbers as text"),
        ("a.yaml", "fx: 1", "must be fx,fy,cx,cy or a file that ends in .json, .txt or .npy"),
    ],
)
def test_a_bad_camera_file_is_one_clear_sentence(tmp_path: Path, name: str, text: str, sentence: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence):
        read_lens(tmp_path / name)


def test_any_flipped_bit_gives_depth_or_one_clear_sentence(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", depth=NOISE[:10, :10])
    for damaged in one_bit_flipped((tmp_path / "a.npz").read_bytes()):
        (tmp_path / "b.npz").write_bytes(damaged)
        try:
            load_arrays(tmp_path / "b.npz")
        except ValueError as error:
            assert "b.npz' cannot be read as a .npz file" in str(error)


def test_intrinsics_of_another_image_size(tmp_path: Path) -> None:
    lens = {"fx": 60, "fy": 60, "cx": 30, "cy": 20, "width": 640, "height": 480}
    (tmp_path / "lens.json").write_text(json.dumps(lens))
    with pytest.raises(ValueError, match=r"for images of 640 x 480 pixels, and '.*a.png' has 60 x 40"):
        read_depth(png(tmp_path / "a.png", GOOD), intrinsics=tmp_path / "lens.json")


def test_a_view_beside_extrinsics_is_refused(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", depth=np.ones((40, 60)), intrinsics=lens_matrix(), extrinsics=EYE4)
    assert read_depth(path).n_views == 1
    with pytest.raises(ValueError, match="leave view out"):
        read_depth(path, view=(35, 20))


def test_bad_masks(tmp_path: Path) -> None:
    path = png(tmp_path / "a.png", GOOD)
    with pytest.raises(ValueError, match=r"has 30 x 20 pixels, and '.*a.png' has 60 x 40"):
        read_depth(path, mask=png(tmp_path / "mask.png", np.full((20, 30), 255, np.uint8)))
    with pytest.raises(ValueError, match=r"the mask of .* is empty"):
        read_depth(path, mask=np.zeros((40, 60), dtype=bool))
    with pytest.raises(FileNotFoundError, match=r"there is no file 'none.png'"):
        read_depth(path, mask="none.png")
    with pytest.raises(ValueError, match="must be one number for each pixel"):
        read_mask(npy(tmp_path / "m.npy", np.ones((40, 60, 3))), (60, 40), "a picture")
    half = GOOD.copy()
    half[:, :30] = 0
    with pytest.raises(ValueError, match="has no depth inside the mask"):
        read_depth(png(tmp_path / "b.png", half), mask=np.arange(60)[None].repeat(40, 0) < 30)
    several = {"depth": np.ones((2, 40, 60)), "intrinsics": lens_matrix(), "extrinsics": np.stack([EYE4] * 2)}
    with pytest.raises(ValueError, match="a mask belongs to one view, and there are 2"):
        read_depth(npz(tmp_path / "c.npz", **several), mask=np.ones((40, 60), dtype=bool))


def test_a_missing_exr_reader_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "OpenEXR", None)
    (tmp_path / "a.exr").write_bytes(b"anything")
    with pytest.raises(ImportError, match=r"pip install cvxgeom\[render\]"):
        read_depth(tmp_path / "a.exr")
