"""Photos: where the object is, and what is no photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cvxgeom.reconstruct import is_photo, read_photo


@pytest.fixture
def shown() -> np.ndarray:
    shown = np.zeros((40, 60), dtype=bool)
    shown[10:30, 20:50] = True
    return shown


def picture(shown: np.ndarray, background: tuple[int, int, int] = (250, 250, 250)) -> Image.Image:
    return Image.fromarray(np.where(shown[..., None], (200, 30, 30), background).astype(np.uint8))


@pytest.mark.parametrize("ending", [".png", ".jpg", ".webp"])
def test_a_plain_background_is_left_out(tmp_path: Path, shown: np.ndarray, ending: str) -> None:
    path = tmp_path / f"photo{ending}"
    picture(shown).save(path)
    assert is_photo(path)
    photo = read_photo(path)
    wrong = photo.shown.numpy() != shown
    assert wrong.mean() < (0.001 if ending == ".png" else 0.1)  # others smear the edges
    assert tuple(photo.color.shape) == (3, 40, 60)
    np.testing.assert_allclose(photo.color[:, 20, 30].numpy(), np.array([200, 30, 30]) / 255, atol=0.05)


def test_the_object_may_have_the_color_of_the_background_inside(tmp_path: Path, shown: np.ndarray) -> None:
    ring = shown.copy()
    ring[15:25, 30:40] = False
    picture(ring).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "photo.png").shown.numpy(), shown)


def test_alpha_tells_and_what_is_transparent_is_white(tmp_path: Path, shown: np.ndarray) -> None:
    image = picture(shown, (0, 255, 0))
    image.putalpha(Image.fromarray((255 * shown).astype(np.uint8)))
    image.save(tmp_path / "photo.png")
    photo = read_photo(tmp_path / "photo.png")
    np.testing.assert_array_equal(photo.shown.numpy(), shown)
    assert photo.color[:, 0, 0].tolist() == [1.0, 1.0, 1.0]


def test_a_mask_comes_first(tmp_path: Path, shown: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_photo(tmp_path / "photo.png", mask=shown).shown.numpy(), shown)
    with pytest.raises(ValueError, match=r"neither an alpha channel nor a plain background.*--mask"):
        read_photo(tmp_path / "photo.png")
    with pytest.raises(ValueError, match="shows the object in 0 pixels only"):
        read_photo(tmp_path / "photo.png", mask=np.zeros_like(shown))


def test_depth_maps_and_others_are_no_photos(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60), 1500, np.uint16)).save(tmp_path / "depth.png")
    assert not is_photo(tmp_path / "depth.png")
    with pytest.raises(ValueError, match="has 16 bits and no colors: it is a depth map"):
        read_photo(tmp_path / "depth.png")
    with pytest.raises(ValueError, match=r"its ending is not one of .png, .jpg, .jpeg, .webp"):
        (tmp_path / "a.gif").write_bytes(b"")
        read_photo(tmp_path / "a.gif")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        is_photo(tmp_path / "none.jpg")
    Image.new("RGB", (40, 60), "white").save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match="shows the object in 0 pixels only"):
        read_photo(tmp_path / "blank.png")
