"""With a real network: weights in a file, their training features beside it, from command to command."""

import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cvxgeom
from cvxgeom.cli import main
from cvxgeom.models import CvxNet, CvxNetConfig
from cvxgeom.reconstruct import Reference, reconstruct

from .standin import camera_at, seen_by

ROOT = Path(cvxgeom.__file__).parent.parent
DEMO = ROOT / "cvxgeom" / "assets" / "chair_depth.png"
TINY = CvxNetConfig(n_convexes=12, width=8, token=32, n_layers=1, latent=32)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    CvxNet(TINY).save(path)
    return path


def write_boxes(folder: Path) -> None:
    """A dataset of boxes: six to train with, four to measure."""
    from cvxgeom.data import Arrays, Facts, write_dataset

    generator = np.random.default_rng(0)
    splits: dict[str, dict] = {}
    for split, n in (("train", 6), ("val", 4)):
        shapes = {}
        for i in range(n):
            box = cvxgeom.box(tuple(generator.uniform(0.2, 1.0, 3).tolist()))
            views = seen_by([camera_at((yaw, 25), (32, 32)) for yaw in (0, 120, 240)], box)
            depth = (views.depth.nan_to_num(posinf=0) * 1e4).round().numpy().astype(np.uint16)
            cameras = {name: getattr(views, name).double().numpy() for name in ("intrinsics", "extrinsics")}
            shapes[f"{split}-{i}"] = (Facts("box"), Arrays(depth=depth, **cameras))
        splits[split] = shapes
    write_dataset(folder, splits)


def test_training_features_stand_beside_the_weights_and_judge_an_input(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("h5py")
    (tmp_path / "data").mkdir()
    write_boxes(tmp_path / "data")
    out = str(tmp_path / "tiny.reference.npz")
    counts = ["--per-shape", "2", "--held-out", "3", "--views", "1", "2"]
    monkeypatch.setattr(sys, "argv", ["make_reference", str(tmp_path / "data"), "-o", out, *counts])
    runpy.run_path(str(ROOT / "scripts" / "make_reference.py"), run_name="__main__")
    assert "12 inputs, 12 distances" in capsys.readouterr().out
    reference = Reference.load(out)
    assert len(reference.coordinates) == 12
    assert set(reference.names) == {"box"}
    code = main(["reconstruct", str(DEMO), "-o", str(tmp_path / "c.glb"), "--model", str(weights), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["model"]) == (0, str(weights))
    assert report["likeness"]["nearest"] == "box"


def test_without_them_the_likeness_is_left_out(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconstruct", str(DEMO), "-o", str(tmp_path / "c.glb"), "--model", str(weights)]) == 0
    assert "training data" not in capsys.readouterr().out


def test_three_lines_of_python(weights: Path) -> None:
    model = CvxNet.load(weights)
    views = cvxgeom.read_depth(DEMO, view=(35, 20))
    shape = model(views)
    assert not shape.batch_size
    low, high = (
        corner.tolist() for corner in (views.points()[views.seen].amin(dim=0), views.points()[views.seen].amax(dim=0))
    )
    middle = shape.translations.mean(dim=0).tolist()
    assert all(a - 0.5 < x < b + 0.5 for a, x, b in zip(low, middle, high, strict=True))


def test_meters_and_place_do_not_matter_to_a_model(tmp_path: Path, weights: Path) -> None:
    model = CvxNet.load(weights)
    one = cvxgeom.read_depth(DEMO)
    ten = cvxgeom.read_depth(DEMO, depth_scale=100)
    with torch.no_grad():
        torch.testing.assert_close(model(ten).translations, 10 * model(one).translations, atol=1e-3, rtol=1e-3)
    assert reconstruct(model, one).agreement.relative_error == pytest.approx(
        reconstruct(model, ten).agreement.relative_error, rel=0.01
    )


def test_a_damaged_weights_file_is_one_sentence(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights.write_bytes(weights.read_bytes()[:1000])
    code = main(["reconstruct", str(DEMO), "-o", str(tmp_path / "c.glb"), "--model", str(weights)])
    assert code == 1
    assert "is damaged or not a safetensors file" in capsys.readouterr().err
    assert not (tmp_path / "c.glb").exists()


def test_the_weights_that_ship_make_a_chair_of_the_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lens = DEMO.with_suffix(".json")
    code = main(["reconstruct", str(DEMO), "-o", str(tmp_path / "c.glb"), "--intrinsics", str(lens), "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["model"], report["notes"]) == (0, "furniture-depth1", [])
    assert report["likeness"]["percentile"] > 0.05
    assert report["agreement"]["silhouette_iou"] > 0.6
    assert report["agreement"]["relative_error"] < 0.03
    assert 0.8 < report["size"][1] < 1.4  # meters


def test_a_photo_becomes_a_shape_by_the_weights_that_ship(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = Image.new("RGB", (300, 200), "white")
    image.paste("brown", (110, 60, 190, 140))
    image.save(tmp_path / "photo.png")
    assert main(["reconstruct", str(tmp_path / "photo.png"), "-o", str(tmp_path / "b.glb"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model"] == "furniture-rgb1" and (tmp_path / "b.glb").stat().st_size > 1000
    assert report["agreement"]["silhouette_iou"] > 0.8
    assert report["likeness"]["percentile"] < 0.05  # a flat square is no furniture
