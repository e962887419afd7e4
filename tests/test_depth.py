"""Depth views: what they refuse, where their points lie, and what stays the same when the object moves."""

import math

import pytest
import torch
from torch import Tensor

import cvxgeom
from cvxgeom import ConvexUnion, DepthViews
from cvxgeom.render import Camera, rays, render_maps

CAMERAS = [
    Camera(position=place, target=(0.1, 0, 0), size=(24, 17)) for place in ((2, 1.5, 2.5), (-2.5, 1, -1), (0.5, -2, 2))
]


def solid() -> ConvexUnion:
    return cvxgeom.concatenate([cvxgeom.box((1.0, 0.2, 0.6)), cvxgeom.box((0.2, 0.8, 0.2), center=(0.3, 0.2, 0))])


def views_of(shape: ConvexUnion, dtype: torch.dtype = torch.float64) -> DepthViews:
    shape = shape.to(torch.float64)
    depth = torch.stack([render_maps(shape, camera).depth for camera in CAMERAS])
    intrinsics = torch.stack([camera.intrinsics for camera in CAMERAS])
    return DepthViews(depth, intrinsics, torch.stack([camera.extrinsics for camera in CAMERAS])).to(dtype)


def arguments(**changes: object) -> dict:
    eye = dict(intrinsics=torch.eye(3).expand(2, 3, 3), extrinsics=torch.eye(4).expand(2, 4, 4))
    return dict(depth=torch.ones(2, 5, 7), **eye) | changes


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(depth=[[1.0]]), TypeError, "depth must be a torch tensor"),
        (dict(depth=torch.ones(2, 5, 7, dtype=torch.int32)), TypeError, "depth must be a floating-point tensor"),
        (dict(depth=torch.ones(5, 7)), ValueError, r"depth must have shape \(..., \*, \*, \*\)"),
        (dict(depth=torch.ones(0, 5, 7)), ValueError, "at least one view and one pixel"),
        (dict(depth=torch.ones(2, 5, 0)), ValueError, "at least one view and one pixel"),
        (dict(depth=torch.zeros(2, 5, 7)), ValueError, "depth must be greater than 0, got 0 at the least"),
        (dict(depth=torch.full((2, 5, 7), -2.0)), ValueError, "depth must be greater than 0, got -2 at the least"),
        (dict(depth=torch.full((2, 5, 7), -math.inf)), ValueError, "depth must be greater than 0"),
        (dict(intrinsics=torch.ones(2, 3, 4)), ValueError, r"intrinsics must have shape \(..., 3, 3\)"),
        (dict(intrinsics=torch.eye(3).expand(3, 3, 3)), ValueError, r"intrinsics must have shape \(2, 3, 3\) as depth"),
        (dict(extrinsics=torch.eye(4)), ValueError, r"extrinsics must have shape \(2, 4, 4\) as depth demands"),
        (dict(extrinsics=torch.eye(4).expand(2, 4, 4).int()), TypeError, "extrinsics must be a floating-point"),
        (dict(extrinsics=torch.eye(4).expand(2, 4, 4).double()), ValueError, "extrinsics must have the dtype of depth"),
        (dict(intrinsics=torch.full((2, 3, 3), torch.nan)), ValueError, "intrinsics must be finite"),
    ],
)
def test_a_wrong_field_is_refused(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        DepthViews(**arguments(**changes))


def test_background_and_gaps_are_allowed_and_not_seen() -> None:
    depth = torch.ones(2, 5, 7)
    depth[0, 1, 2], depth[1, 0, 0] = math.inf, math.nan
    views = DepthViews(**arguments(depth=depth))
    assert (~views.seen).nonzero().tolist() == [[0, 1, 2], [1, 0, 0]]
    assert (views.points().isnan().all(dim=-1)).nonzero().tolist() == [[0, 1, 2], [1, 0, 0]]


def test_points_lie_on_the_rays_of_the_cameras_and_on_the_solid() -> None:
    views = views_of(solid())
    points = views.points()
    for camera, own, seen in zip(CAMERAS, points, views.seen):
        origins, directions = rays(camera, dtype=torch.float64)
        along = own - origins.reshape(own.shape)
        off = torch.linalg.cross(along, directions.reshape(own.shape))[seen]
        assert float(off.abs().max()) < 1e-9 and bool((own[~seen].isnan()).all())
        pixels, _ = camera.project(own[seen])
        row, column = seen.nonzero(as_tuple=True)
        torch.testing.assert_close(pixels, torch.stack([column, row], dim=-1).double() + 0.5)
    found = points[views.seen]
    torch.testing.assert_close(views.evidence(found).surface, torch.zeros(len(found), dtype=torch.float64))
    # Distance of a cuboid's surface from a point on or in it.
    boxes = (found.abs(), (1.0, 0.2, 0.6)), ((found - found.new_tensor([0.3, 0.2, 0])).abs(), (0.2, 0.8, 0.2))
    depths = [(x - torch.tensor(sides) / 2).amax(dim=-1) for x, sides in boxes]
    torch.testing.assert_close(torch.minimum(*depths), torch.zeros(len(found)).double(), rtol=0, atol=1e-6)


def test_centers_are_those_of_the_cameras() -> None:
    positions = torch.tensor([camera.position for camera in CAMERAS], dtype=torch.float64)
    torch.testing.assert_close(views_of(solid()).centers(), positions)


@pytest.mark.parametrize("stride", [2, 3, 100])
def test_a_stride_leaves_middle_pixels(stride: int) -> None:
    views = views_of(solid())
    first = [min(stride // 2, n - 1) for n in (17, 24)]
    expected = views.points()[:, first[0] :: stride, first[1] :: stride]
    torch.testing.assert_close(views.points(stride), expected, equal_nan=True)


@pytest.mark.parametrize("n_pixels", [1, 50, 1224, 10**6])
def test_the_stride_for_so_many_pixels(n_pixels: int) -> None:
    views = views_of(solid())
    stride = views.stride(n_pixels)
    assert stride >= 1 and 3 * 17 * 24 / stride**2 <= n_pixels
    assert stride == 1 or 3 * 17 * 24 / (stride - 1) ** 2 > n_pixels


def test_strides_must_be_positive() -> None:
    with pytest.raises(ValueError, match="stride must be a finite number greater than 0"):
        views_of(solid()).points(0)
    with pytest.raises(ValueError, match="n_pixels must be a finite number greater than 0"):
        views_of(solid()).stride(0)


def test_the_frame_is_the_box_of_what_is_seen() -> None:
    views = views_of(solid())
    center, size = views.frame()
    seen = views.points()[views.seen]
    torch.testing.assert_close(center, (seen.amin(dim=0) + seen.amax(dim=0)) / 2)
    torch.testing.assert_close(size, (seen.amax(dim=0) - seen.amin(dim=0)).max())
    assert 0.9 < float(size) < 1.000001


def test_a_frame_needs_something_seen() -> None:
    empty = torch.full((2, 5, 7), math.inf)
    with pytest.raises(ValueError, match="depth must show the object in several pixels, got background and gaps alone"):
        DepthViews(**arguments(depth=empty)).frame()
    one = DepthViews(**arguments())
    batch = DepthViews(
        torch.stack([one.depth, empty]),
        one.intrinsics.expand(2, 2, 3, 3).clone(),
        one.extrinsics.expand(2, 2, 4, 4).clone(),
    )
    with pytest.raises(ValueError, match="depth must show the object"):
        batch.frame()


def mirror() -> Tensor:
    return torch.diag(torch.tensor([-1.0, 1, 1, 1], dtype=torch.float64))


def stretch() -> Tensor:
    matrix = torch.tensor([[1.5, 0.2, 0, 3], [0, 0.7, 0, -2], [0.1, 0, 2, 1], [0, 0, 0, 1]], dtype=torch.float64)
    return matrix


def unit() -> Tensor:
    return torch.diag(torch.tensor([1000.0, 1000, 1000, 1], dtype=torch.float64))


@pytest.mark.parametrize("matrix", [mirror(), stretch(), unit()], ids=["mirror", "stretch", "unit"])
def test_evidence_moves_with_the_object(matrix: Tensor) -> None:
    views = views_of(solid())
    moved = views.moved(matrix)
    points = 1.5 * torch.rand(500, 3, dtype=torch.float64) - 0.75
    there = points @ matrix[:3, :3].T + matrix[:3, 3]
    for before, after in zip(views.evidence(points), moved.evidence(there)):
        torch.testing.assert_close(after, before)
    seen = views.points()[views.seen] @ matrix[:3, :3].T + matrix[:3, 3]
    torch.testing.assert_close(moved.points()[moved.seen], seen)
    torch.testing.assert_close(moved.centers(), views.centers() @ matrix[:3, :3].T + matrix[:3, 3])
    back = moved.moved(torch.linalg.inv(matrix))
    torch.testing.assert_close(back.extrinsics, views.extrinsics)


def test_evidence_says_what_is_hidden() -> None:
    views = views_of(solid())
    points = 1.5 * torch.rand(2000, 3, dtype=torch.float64) - 0.75
    hidden = views.evidence(points).hidden
    inside = solid().to(torch.float64).contains(points)
    # A pixel's depth counts for its whole area, so at the outline a camera may be said to look through the solid.
    assert float((hidden[inside] > -0.05).double().mean()) > 0.9
    assert float((hidden[~inside] < 0).double().mean()) > 0.8


def test_views_are_selected_in_order() -> None:
    views = views_of(solid())
    chosen = views.select([2, 0])
    assert chosen.n_views == 2
    for name in ("depth", "intrinsics", "extrinsics"):
        assert torch.equal(getattr(chosen, name), getattr(views, name)[[2, 0]])
    assert views.select(torch.tensor([1])).n_views == 1
    with pytest.raises(IndexError):
        views.select([3])
    batch = views.unsqueeze()
    assert batch.batch_size == torch.Size([1]) and batch.select([1]).depth.shape == (1, 1, 17, 24)


def test_a_batch_is_its_objects() -> None:
    shapes = [solid(), cvxgeom.box((0.5, 0.9, 0.4))]
    single = [views_of(shape) for shape in shapes]
    fields = ("depth", "intrinsics", "extrinsics")
    batch = DepthViews(*(torch.stack([getattr(views, name) for views in single]) for name in fields))
    points = torch.rand(2, 100, 3, dtype=torch.float64) - 0.5
    center, size = batch.frame()
    hidden, surface = batch.evidence(points)
    for i, views in enumerate(single):
        torch.testing.assert_close(batch.points()[i], views.points(), equal_nan=True)
        torch.testing.assert_close((center[i], size[i]), views.frame())
        torch.testing.assert_close((hidden[i], surface[i]), tuple(views.evidence(points[i])))


def test_number_types() -> None:
    views = views_of(solid()).to(torch.float32)
    assert views.depth.dtype == views.extrinsics.dtype == torch.float32 and views.to("cpu").depth.dtype == torch.float32
    assert views.evidence(torch.zeros(1, 3, dtype=torch.float64)).hidden.dtype == torch.float32
