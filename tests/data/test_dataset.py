"""What is written is what is read, in any process; damage is named."""

import multiprocessing
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.data import Arrays, Dataset, Facts, write_dataset
from cvxgeom.data.manifest import read_manifest, write_manifest

FACTS = Facts("chair", "Stool", "Somebody", "CC0", "stool.obj", "thin", True, True, True, (1.0, 2.0, 3.0), 0.5)


def arrays(seed: int, views: int = 3) -> Arrays:
    random = np.random.default_rng(seed)
    camera = cvxgeom.render.Camera(position=(0, 0, 3), size=(6, 5))
    intrinsics, extrinsics = (np.stack([m.numpy()] * views) for m in (camera.intrinsics, camera.extrinsics))
    return Arrays(
        bounds=np.array([[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]]),
        uniform=random.random((21, 3)),
        uniform_occupancy=random.random(21) < 0.5,
        near=random.random((9, 3)),
        near_occupancy=random.random(9) < 0.5,
        surface=random.random((7, 3)),
        surface_normals=random.random((7, 3)),
        grid=random.random((5, 5, 5)) < 0.5,
        depth=random.integers(0, 3, (views, 5, 6)) * 10_000,
        intrinsics=intrinsics,
        extrinsics=extrinsics,
        rgb=random.integers(0, 256, (views, 5, 6, 4)),
        rgb_depth=random.integers(0, 3, (views, 5, 6)) * 10_000,
        rgb_intrinsics=intrinsics,
        rgb_extrinsics=extrinsics,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shapes = {f"s{i}": (FACTS, arrays(i)) for i in range(3)}
    points_alone = Arrays(uniform=np.zeros((4, 3)), uniform_occupancy=np.ones(4, dtype=bool))
    write_dataset(tmp_path, {"train": shapes, "val": {"dots": (replace(FACTS, label="dots", fill=""), points_alone)}})
    return tmp_path


@pytest.mark.parametrize("cache", [False, True])
def test_what_is_written_is_read(folder: Path, cache: bool) -> None:
    dataset = Dataset(folder, "train", cache=cache)
    assert (len(dataset), dataset.ids, dataset.classes) == (3, ("s0", "s1", "s2"), ("chair", "dots"))
    for _ in range(2):
        record, made = dataset[1], arrays(1)
        told = (record.id, record.label, record.name, record.creator, record.license, record.source, record.thin)
        assert told == ("s1", "chair", "Stool", "Somebody", "CC0", "stool.obj", True)
        assert (record.furniture, record.exact, record.center, record.scale) == (True, True, (1.0, 2.0, 3.0), 0.5)
        np.testing.assert_allclose(record.bounds, made.bounds)
        np.testing.assert_array_equal(record.uniform.points, made.uniform.astype(np.float32))
        np.testing.assert_array_equal(record.uniform.occupancy, made.uniform_occupancy)
        np.testing.assert_array_equal(record.near.occupancy, made.near_occupancy)
        np.testing.assert_array_equal(record.surface[1], made.surface_normals.astype(np.float32))
        np.testing.assert_array_equal(record.grid, made.grid)
        assert (record.n_depth_views, record.n_rgb_views) == (3, 3)
    assert [record.id for record in dataset] == list(dataset.ids)


@pytest.mark.parametrize("cache", [False, True])
def test_views_are_chosen_in_the_order_given(folder: Path, cache: bool) -> None:
    record, made = Dataset(folder, "train", cache=cache)[0], arrays(0)
    whole, some = record.depth(), record.depth([2, 0])
    want = np.where(made.depth == 0, np.inf, made.depth * np.float32(1e-4))
    np.testing.assert_allclose(whole.depth, want)
    assert torch.equal(some.depth, whole.depth[[2, 0]])
    assert torch.equal(cvxgeom.DepthViews(*some).extrinsics, whole.extrinsics[[2, 0]])
    colors = record.rgb([1])
    np.testing.assert_allclose(colors.rgb[0], made.rgb[1, ..., :3].transpose(2, 0, 1) / 255, atol=1e-6)
    np.testing.assert_array_equal(colors.alpha[0], made.rgb[1, ..., 3] >= 128)
    np.testing.assert_array_equal(colors.depth[0].isinf(), made.rgb_depth[1] == 0)
    with pytest.raises(IndexError, match="views must be from 0 to 2"):
        record.depth([3])


def test_equal_shapes_make_equal_files(tmp_path: Path) -> None:
    contents = []
    for name in "ab":
        (tmp_path / name).mkdir()
        write_dataset(tmp_path / name, {"train": {"s": (FACTS, arrays(0))}})
        contents.append((tmp_path / name / "train.h5").read_bytes())
    assert contents[0] == contents[1]


def first_sum(dataset: Dataset) -> float:
    return float(dataset[0].uniform.points.sum()) + float(dataset[2].depth([1]).intrinsics.sum())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_open_the_files_for_themselves(folder: Path, method: str) -> None:
    dataset = Dataset(folder, "train")
    want = first_sum(dataset)
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(first_sum, [dataset, pickle.loads(pickle.dumps(dataset))]) == [want, want]
    dataset.close()
    assert first_sum(dataset) == want


def test_what_a_source_lacks_is_named(folder: Path) -> None:
    record = Dataset(folder, "val")[0]
    assert (record.n_depth_views, record.n_rgb_views, record.thin, record.has("grid")) == (0, 0, False, False)
    for read in (lambda: record.near, lambda: record.grid, lambda: record.surface, record.depth, record.rgb):
        with pytest.raises(ValueError, match=r"shape 'dots' of .* has no "):
            read()


def test_a_wrong_question_is_answered(folder: Path) -> None:
    with pytest.raises(ValueError, match="split must be one of 'train', 'val', got 'test'"):
        Dataset(folder, "test")
    dataset = Dataset(folder, "train")
    with pytest.raises(KeyError, match="no shape 'dots'"):
        dataset.record("dots")
    with pytest.raises(IndexError, match="index must be below 3, got 3"):
        dataset[3]


def test_damage_is_named(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not a prepared dataset"):
        Dataset(folder / "nowhere", "train")
    (folder / "train.h5").write_bytes((folder / "train.h5").read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"shape 's0' in .*train.h5' is damaged .*--check"):
        Dataset(folder, "train")[0]
    (folder / "train.h5").unlink()
    with pytest.raises(FileNotFoundError, match=r"lacks its file 'train.h5'"):
        Dataset(folder, "train")
    manifest = read_manifest(folder)
    write_manifest(folder, {**manifest, "version": 99})
    with pytest.raises(ValueError, match="must be of format cvxgeom-dataset version 1, got cvxgeom-dataset 99"):
        Dataset(folder, "train")
    for text in ("{", "[]", '{"format": "cvxgeom-dataset", "version": 1, "splits": {"a": 3}, "classes": []}'):
        (folder / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="is damaged"):
            Dataset(folder, "train")
