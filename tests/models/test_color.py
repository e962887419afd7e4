"""Color views, and the depth that is read from them."""

import math

import pytest
import torch

from cvxgeom import ColorViews
from cvxgeom.models.monocular import MonocularDepth

from .scenes import color_views, depth_views, table


def arguments(**changes: object) -> dict:
    eye = dict(intrinsics=torch.eye(3).expand(2, 3, 3), extrinsics=torch.eye(4).expand(2, 4, 4))
    return dict(rgb=torch.rand(2, 3, 16, 32), mask=torch.ones(2, 16, 32, dtype=torch.bool), **eye) | changes


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (dict(rgb=[1.0]), TypeError, "rgb must be a torch tensor"),
        (dict(rgb=torch.zeros(2, 3, 16, 32, dtype=torch.uint8)), TypeError, "rgb must be a floating-point tensor"),
        (dict(rgb=torch.zeros(2, 4, 16, 32)), ValueError, r"rgb must have shape \(..., \*, 3, \*, \*\)"),
        (dict(rgb=torch.zeros(0, 3, 16, 32)), ValueError, "at least one view and one pixel"),
        (dict(rgb=torch.zeros(2, 3, 0, 32)), ValueError, "at least one view and one pixel"),
        (dict(rgb=torch.full((2, 3, 16, 32), 255.0)), ValueError, "rgb must be within 0 and 1, got 255 to 255"),
        (dict(rgb=torch.full((2, 3, 16, 32), torch.nan)), ValueError, "rgb must be within 0 and 1"),
        (dict(mask=torch.ones(2, 16, 32)), TypeError, "mask must be a boolean tensor"),
        (dict(mask=torch.ones(2, 32, 16, dtype=torch.bool)), ValueError, r"mask must have shape \(2, 16, 32\)"),
        (dict(intrinsics=torch.eye(3)), ValueError, r"intrinsics must have shape \(2, 3, 3\)"),
        (dict(extrinsics=torch.eye(4).expand(2, 4, 4).double()), ValueError, "extrinsics must have the dtype of rgb"),
        (dict(extrinsics=torch.full((2, 4, 4), torch.inf)), ValueError, "extrinsics must be finite"),
    ],
)
def test_a_wrong_field_is_refused(changes: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ColorViews(**arguments(**changes))


def test_views_are_chosen_and_batched() -> None:
    views = ColorViews(**arguments())
    assert (views.n_views, views.batch_size) == (2, torch.Size([]))
    chosen = views.select([1, 1, 0])
    assert chosen.n_views == 3 and torch.equal(chosen.rgb[0], views.rgb[1]) and torch.equal(chosen.rgb[2], views.rgb[0])
    with pytest.raises(IndexError):
        views.select([2])
    assert views.unsqueeze().batch_size == torch.Size([1])
    double = views.to(torch.float64)
    assert double.rgb.dtype == double.extrinsics.dtype == torch.float64 and double.mask.dtype == torch.bool
    assert views.to("cpu").rgb.device == views.rgb.device


def test_the_object_moves_under_the_same_cameras() -> None:
    views = color_views([table()])
    matrix = torch.eye(4)
    matrix[0, 0], matrix[1, 3] = -2.0, 3.0  # a mirror, a stretch and a shift
    point = torch.tensor([0.3, 0.2, -0.1, 1.0])
    torch.testing.assert_close(views.moved(matrix).extrinsics @ (matrix @ point), views.extrinsics @ point)


def test_depth_is_known_where_the_mask_is_and_in_the_right_unit() -> None:
    views = color_views([table(), table()], n_views=2)
    network = MonocularDepth().eval()
    found = network(views)
    assert torch.equal(found.seen, views.mask)
    # Nearly flat before any training: at the distance of the origin.
    distance = views.extrinsics[..., 2, 3][..., None, None].expand_as(found.depth)
    torch.testing.assert_close(found.depth[found.seen], distance[found.seen], rtol=0.05, atol=0)
    # The same picture of an object a thousand times as large: a thousand times as deep.
    extrinsics = views.extrinsics.clone()
    extrinsics[..., :3, 3] *= 1000
    large = network(ColorViews(views.rgb, views.mask, views.intrinsics, extrinsics))
    torch.testing.assert_close(large.depth, 1000 * found.depth)


def test_one_is_half_the_height_of_the_image_at_the_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    views = color_views([table()])
    network = MonocularDepth()
    monkeypatch.setattr(network, "relative", lambda views: torch.ones(views.mask.shape))
    distance = views.extrinsics[0, 0, 2, 3]
    half = distance * math.tan(math.radians(30 / 2))  # the cameras' field of view
    torch.testing.assert_close(network(views).depth[views.mask], (distance + half).expand(int(views.mask.sum())))
    monkeypatch.setattr(network, "relative", lambda views: torch.full(views.mask.shape, -1e3))
    torch.testing.assert_close(network(views).depth[views.mask], (0.05 * distance).expand(int(views.mask.sum())))


def test_the_background_does_not_matter_and_views_do_not_mix() -> None:
    views = color_views([table(), table()], n_views=2)
    network = MonocularDepth().eval()
    painted = torch.where(views.mask[..., None, :, :], views.rgb, 1.0)
    other = ColorViews(painted, views.mask, views.intrinsics, views.extrinsics)
    torch.testing.assert_close(network.relative(other), network.relative(views))
    alone = network.relative(views.select([1]))
    torch.testing.assert_close(alone, network.relative(views)[:, 1:], rtol=1e-4, atol=1e-5)


def test_it_learns_the_depth_of_a_picture() -> None:
    views, truth = color_views([table()], 1, 32), depth_views([table()], 1, 32)
    network = MonocularDepth()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    errors = []
    for _ in range(15):
        error = (network(views).depth - truth.depth)[views.mask].abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.5 * errors[0]
    assert all(bool(p.grad.any()) for p in network.parameters())  # type: ignore[union-attr]


def test_what_it_cannot_read() -> None:
    network, views = MonocularDepth(), color_views([table()])
    with pytest.raises(ValueError, match="multiples of 16"):
        network(ColorViews(views.rgb[..., :40, :], views.mask[..., :40, :], views.intrinsics, views.extrinsics))
    behind = views.extrinsics.clone()
    behind[..., 2, 3] *= -1
    with pytest.raises(ValueError, match="origin before every camera"):
        network(ColorViews(views.rgb, views.mask, views.intrinsics, behind))


def test_it_is_small() -> None:
    assert sum(p.numel() for p in MonocularDepth().parameters()) < 1_500_000
