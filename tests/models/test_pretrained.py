"""The weights that ship: they load without a network, and know a table when they see one."""

from pathlib import Path

import pytest
import torch

import cvxgeom
from cvxgeom.depth import DepthViews
from cvxgeom.models import CvxNet
from cvxgeom.models.cvxnet import WEIGHTS
from cvxgeom.render import Camera, render_maps


def table() -> cvxgeom.ConvexUnion:
    legs = [cvxgeom.box((0.08, 0.5, 0.08), (x, -0.05, z)) for x in (-0.4, 0.4) for z in (-0.25, 0.25)]
    return cvxgeom.concatenate([cvxgeom.box((1.0, 0.08, 0.65), (0.0, 0.24, 0.0)), *legs])


def views_of(shape: cvxgeom.ConvexUnion, n: int) -> DepthViews:
    places = [(35, 25), (215, 25), (125, -20), (305, -20), (35, -40), (215, 60), (80, 0), (260, 0)]
    cameras = [Camera.looking_at([[-0.5, -0.3, -0.35], [0.5, 0.3, 0.35]], view, size=(224, 224)) for view in places[:n]]
    depth = torch.stack([render_maps(shape, camera).depth for camera in cameras])
    intrinsics, extrinsics = (torch.stack([getattr(c, name) for c in cameras]) for name in ("intrinsics", "extrinsics"))
    return DepthViews(depth, intrinsics.float(), extrinsics.float())


def iou(
    shape: cvxgeom.ConvexUnion, truth: cvxgeom.ConvexUnion, half: tuple[float, float, float] = (0.55, 0.35, 0.4)
) -> float:
    points = (2 * torch.rand(20_000, 3) - 1) * torch.tensor(half)
    mine, right = shape.contains(points), truth.contains(points)
    return float((mine & right).sum() / (mine | right).sum())


def test_several_views_of_a_table_are_a_table() -> None:
    model = CvxNet.from_pretrained("furniture-depth20")
    with torch.no_grad():
        assert iou(model(views_of(table(), 8)), table()) > 0.6


def test_one_view_of_a_table_is_more_than_its_box() -> None:
    model = CvxNet.from_pretrained("furniture-depth1")
    box = cvxgeom.box((1.0, 0.58, 0.65), (0.0, -0.01, 0.0))
    with torch.no_grad():
        assert iou(model(views_of(table(), 1)), table()) > max(0.3, iou(box, table()))


def test_one_picture_of_a_cupboard_is_more_than_what_its_outline_says() -> None:
    shape = cvxgeom.box((0.7, 1.0, 0.5))
    camera = Camera.looking_at([[-0.5] * 3, [0.5] * 3], (35, 20), size=(128, 128))
    maps = render_maps(shape, camera)
    shade = (0.5 + 0.4 * (maps.normals @ torch.tensor([0.3, 0.8, 0.5])).nan_to_num(0.0)).clamp(0, 1)
    mask = maps.depth.isfinite()
    views = cvxgeom.ColorViews(
        shade.expand(1, 3, 128, 128), mask[None], camera.intrinsics[None].float(), camera.extrinsics[None].float()
    )
    with torch.no_grad():
        found = CvxNet.from_pretrained("furniture-rgb1")(views)
    # What the outline leaves of the cube has 0.31.
    assert iou(found, shape, (0.6, 0.6, 0.6)) > 0.4


def test_weights_that_were_left_out_say_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("cvxgeom.models.cvxnet.WEIGHTS", tmp_path)
    with pytest.raises(FileNotFoundError, match="furniture-rgb1 do not come with this version"):
        CvxNet.from_pretrained("furniture-rgb1")


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*.safetensors")), ids=lambda path: path.stem)
def test_each_is_small_and_has_its_card(path: Path) -> None:
    assert path.stat().st_size <= 10e6
    card = path.with_suffix(".md").read_text(encoding="utf-8")
    assert all(word in card for word in ("Data.", "Training.", "Limits.", "Test split"))
