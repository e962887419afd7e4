"""Shape files: round trips, the authors' layout, damage, atomicity."""

import os

import numpy as np
import pytest
import torch

import cvxgeom
from tests.damage import one_bit_flipped
from tests.shape.test_convex_union import fields, random_union


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_round_trip(tmp_path, batch, dtype):
    shape = random_union(*batch).to(dtype)
    shape.save(tmp_path / "shape.npz")
    again = cvxgeom.load(tmp_path / "shape.npz")
    for name, value in fields(shape).items():
        assert torch.equal(getattr(again, name), value)


def test_file_holds_the_documented_keys_and_no_pickle(tmp_path):
    random_union().save(tmp_path / "shape.npz")
    with np.load(tmp_path / "shape.npz", allow_pickle=False) as archive:
        names = {"normals", "offsets", "translations", "smoothness", "sharpness", "format_version"}
        assert set(archive.files) == names
        assert int(archive["format_version"]) == 1


def test_half_precision_is_stored_wider(tmp_path):
    shape = random_union().to(torch.bfloat16)
    shape.save(tmp_path / "shape.npz")
    torch.testing.assert_close(cvxgeom.load(tmp_path / "shape.npz").offsets, shape.to(torch.float32).offsets)


def test_authors_layout(tmp_path):
    shape = random_union(h=10)
    planes = torch.cat([shape.normals, shape.offsets[..., None]], dim=-1)[None].float().numpy()
    np.savez(tmp_path / "learned.npz", planes=planes, trans=shape.translations[None].float().numpy())
    again = cvxgeom.load(tmp_path / "learned.npz")
    assert again.batch_size == () and again.sharpness.unique().tolist() == [75.0]
    torch.testing.assert_close(again.offsets, shape.offsets.float())


def test_authors_layout_in_whole_numbers(tmp_path):
    planes = np.array([[[1, 0, 0, -1], [-1, 0, 0, -1], [0, 2, 0, -2]]])
    np.savez(tmp_path / "learned.npz", planes=planes, trans=np.array([[1, 2, 3]]))
    shape = cvxgeom.load(tmp_path / "learned.npz")
    assert shape.dtype == torch.float32
    assert shape.offsets.tolist() == [[-1, -1, -1]] and shape.translations.tolist() == [[1, 2, 3]]


def test_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "shape.npz"
    random_union().save(path)
    before = path.read_bytes()

    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", broken)
    with pytest.raises(KeyboardInterrupt):
        random_union(seed=1).save(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["shape.npz"]


def test_wrong_names(tmp_path):
    with pytest.raises(ValueError, match=r"must end in \.npz"):
        random_union().save(tmp_path / "shape.obj")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        random_union().save(tmp_path / "missing" / "shape.npz")


def damaged(tmp_path):
    random_union().save(tmp_path / "good.npz")
    good = (tmp_path / "good.npz").read_bytes()
    arrays = dict(np.load(tmp_path / "good.npz"))
    yield b"", "not a readable"
    yield b"hello", "not a readable"
    yield good[: len(good) // 2], "not a readable"
    yield good[:300] + bytes(50) + good[350:], "not a readable"
    for change, message in (
        ({"normals": None}, "lacks normals"),
        ({"format_version": np.int64(99)}, "format version 99"),
        ({"offsets": np.full((3, 8), np.nan)}, "does not hold a valid shape: offsets must be finite"),
        ({"offsets": np.array(["text"])}, "does not hold a valid shape|not a readable"),
        ({"offsets": np.array([{}], dtype=object)}, "not a readable"),
        ({"format_version": np.array([1, 2])}, "format version"),
        ({"format_version": np.array("1")}, "format version 1, this cvxgeom reads"),
        ({"planes": np.zeros((3, 8, 4)), "trans": np.float64(0)}, r"trans must have shape \(3, 3\)"),
        ({"planes": np.zeros((1, 3, 8, 4)), "trans": np.float64(0)}, r"trans must have shape \(1, 3, 3\)"),
        ({"planes": np.zeros((3, 8, 4), dtype=bool), "trans": np.zeros((3, 3))}, "does not hold a valid shape"),
        ({"planes": np.zeros((3, 8, 4), dtype=complex), "trans": np.zeros((3, 3))}, "does not hold a valid shape"),
    ):
        changed = {k: v for k, v in {**arrays, **change}.items() if v is not None}
        np.savez(tmp_path / "changed.npz", **changed)
        yield (tmp_path / "changed.npz").read_bytes(), message


def test_damaged_and_foreign_files_are_explained(tmp_path):
    path = tmp_path / "bad.npz"
    for content, message in damaged(tmp_path):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=message) as caught:
            cvxgeom.load(path)
        assert "bad.npz" in str(caught.value)
    with pytest.raises(FileNotFoundError, match="no such file"):
        cvxgeom.load(tmp_path / "missing.npz")
    with pytest.raises(ValueError, match="folder"):
        cvxgeom.load(tmp_path)
    np.savez(tmp_path / "bad.npz", planes=np.zeros((3, 2)), trans=np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"bad\.npz"):
        cvxgeom.load(path)


def test_any_flipped_bit_gives_a_shape_or_one_clear_sentence(tmp_path):
    random_union(k=1, h=4).save(tmp_path / "shape.npz")
    for damaged in one_bit_flipped((tmp_path / "shape.npz").read_bytes()):
        (tmp_path / "bad.npz").write_bytes(damaged)
        try:
            cvxgeom.load(tmp_path / "bad.npz")
        except ValueError as error:
            assert "bad.npz" in str(error)
