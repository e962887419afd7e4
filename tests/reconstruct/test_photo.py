"""Photos: where the object is, and what is no photo."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cvxgeom
from cvxgeom.reconstruct import agreement, cut_out, is_photo, read_mask, read_photo


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
    photo = cut_out(path)
    wrong = photo.shown.numpy() != shown
    assert wrong.mean() < (0.001 if ending == ".png" else 0.1)  # others smear the edges
    assert tuple(photo.color.shape) == (3, 40, 60)
    np.testing.assert_allclose(photo.color[:, 20, 30].numpy(), np.array([200, 30, 30]) / 255, atol=0.05)


def test_the_object_may_have_the_color_of_the_background_inside(tmp_path: Path, shown: np.ndarray) -> None:
    ring = shown.copy()
    ring[15:25, 30:40] = False
    picture(ring).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(cut_out(tmp_path / "photo.png").shown.numpy(), shown)


def test_alpha_tells_and_what_is_transparent_is_white(tmp_path: Path, shown: np.ndarray) -> None:
    image = picture(shown, (0, 255, 0))
    image.putalpha(Image.fromarray((255 * shown).astype(np.uint8)))
    image.save(tmp_path / "photo.png")
    photo = cut_out(tmp_path / "photo.png")
    np.testing.assert_array_equal(photo.shown.numpy(), shown)
    assert photo.color[:, 0, 0].tolist() == [1.0, 1.0, 1.0]


def test_a_mask_comes_first(tmp_path: Path, shown: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(cut_out(tmp_path / "photo.png", mask=shown).shown.numpy(), shown)
    with pytest.raises(ValueError, match=r"neither an alpha channel nor a plain background.*--mask"):
        cut_out(tmp_path / "photo.png")
    with pytest.raises(ValueError, match="shows the object in 0 pixels only"):
        cut_out(tmp_path / "photo.png", mask=np.zeros_like(shown))


def test_depth_maps_and_others_are_no_photos(tmp_path: Path) -> None:
    Image.fromarray(np.full((40, 60), 1500, np.uint16)).save(tmp_path / "depth.png")
    assert not is_photo(tmp_path / "depth.png")
    with pytest.raises(ValueError, match="has 16 bits and no colors: it is a depth map"):
        cut_out(tmp_path / "depth.png")
    with pytest.raises(ValueError, match=r"its ending is not one of .png, .jpg, .jpeg, .webp"):
        (tmp_path / "a.gif").write_bytes(b"")
        cut_out(tmp_path / "a.gif")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        is_photo(tmp_path / "none.jpg")
    Image.new("RGB", (40, 60), "white").save(tmp_path / "blank.png")
    with pytest.raises(ValueError, match="shows the object in 0 pixels only"):
        cut_out(tmp_path / "blank.png")


def test_pictures_and_masks_are_turned_as_their_exif_orientation_says(tmp_path: Path, shown: np.ndarray) -> None:
    upright, exif = shown.copy(), Image.Exif()
    upright[10:15, 20:35] = False
    exif[0x0112] = 6  # a camera held upright: the sensor's picture is to be turned by 90 degrees clockwise
    for stored, ending in ((picture(upright), "png"), (picture(upright), "jpg")):
        stored.transpose(Image.Transpose.ROTATE_90).save(tmp_path / f"photo.{ending}", exif=exif, quality=100)
    photo = cut_out(tmp_path / "photo.png")
    np.testing.assert_array_equal(photo.shown.numpy(), upright)
    assert cut_out(tmp_path / "photo.jpg").shown.shape == upright.shape
    mask = Image.fromarray(upright).convert("L").transpose(Image.Transpose.ROTATE_90)
    mask.save(tmp_path / "mask.png", exif=exif)
    np.testing.assert_array_equal(read_mask(tmp_path / "mask.png", (60, 40), "a picture"), upright)


def test_damaged_exif_data_do_not_cost_the_picture(tmp_path: Path, shown: np.ndarray) -> None:
    picture(shown).save(tmp_path / "photo.jpg", exif=b"Exif\x00\x00 no directory")
    assert cut_out(tmp_path / "photo.jpg").shown.shape == shown.shape


# -- as a model sees it ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [(100, 50), (0, 0), (240, 120)])
def test_the_object_is_brought_to_the_size_of_training_pictures(tmp_path: Path, place: tuple[int, int]) -> None:
    image = Image.new("RGB", (300, 200), "white")
    image.paste((180, 40, 20), (*place, place[0] + 60, place[1] + 80))
    image.save(tmp_path / "photo.png")
    mask = np.zeros((200, 300), dtype=bool)
    mask[place[1] : place[1] + 80, place[0] : place[0] + 60] = True
    views = read_photo(tmp_path / "photo.png", mask=mask)
    shown = views.mask[0]
    rows, columns = shown.any(dim=1).nonzero(), shown.any(dim=0).nonzero()
    assert len(rows) == pytest.approx(0.84 * 128, abs=2)
    assert len(columns) == pytest.approx(0.75 * 0.84 * 128, abs=2)
    for line in (rows, columns):
        assert float(line.double().mean()) == pytest.approx(63.5, abs=1.5)
    # No color of the background bleeds in.
    torch.testing.assert_close(
        views.rgb[0][:, shown], (torch.tensor([180.0, 40, 20]) / 255)[:, None].expand(3, int(shown.sum()))
    )


def test_a_box_as_long_as_promised_fills_its_photo(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 200), "white")
    image.paste("red", (100, 50, 200, 150))
    image.save(tmp_path / "photo.png")
    for lens in ({}, {"field_of_view": 70}, {"intrinsics": (180, 180, 150, 100)}):
        views = read_photo(tmp_path / "photo.png", view=(0, 0), **lens)
        # The front face of a flat box of side 1.
        found = agreement(cvxgeom.box((1.0, 1.0, 0.01)), views)
        assert found.silhouette_iou == pytest.approx((1 / (2 * 0.665 * 0.84)) ** 2, abs=0.05)


def test_the_lens_says_how_far_away_it_is(tmp_path: Path) -> None:
    image = Image.new("RGB", (300, 200), "white")
    image.paste("red", (100, 50, 200, 150))
    image.save(tmp_path / "photo.png")
    near, far = (read_photo(tmp_path / "photo.png", field_of_view=angle) for angle in (80, 20))
    assert float(near.extrinsics[0, 2, 3]) < float(far.extrinsics[0, 2, 3]) / 3
    with pytest.raises(ValueError, match="do not fit"):
        read_photo(tmp_path / "photo.png", intrinsics=(2000, 2000, 1500, 1000))


def test_the_view_may_be_a_list_or_an_array(tmp_path: Path, shown: np.ndarray) -> None:
    picture(shown).save(tmp_path / "photo.png")
    expected = read_photo(tmp_path / "photo.png", view=(10, 5)).extrinsics
    for view in ([10, 5], np.array([10, 5])):
        assert torch.equal(read_photo(tmp_path / "photo.png", view=view).extrinsics, expected)
