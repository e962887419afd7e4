"""Encoders: what they are made of, and what they do not notice."""

import pytest
import torch
from torch import Tensor, nn

import cvxgeom
from cvxgeom import DepthViews
from cvxgeom.models.points import PointEncoder, seen_points
from cvxgeom.models.resnet import ColorImageEncoder, DepthImageEncoder, ResNet
from cvxgeom.models.unit import UnitViews

from .scenes import color_views, depth_views, seen_from_afar, table


def test_the_paper_s_network_has_its_layers() -> None:
    network = ResNet(n_channels=20, latent=256)
    n_weights = sum(p.numel() for p in network.parameters())
    # torchvision's ResNet-18 without its head has 11 176 512 with three channels.
    assert n_weights == 11_176_512 + 17 * 7 * 7 * 64 + 512 * 256 + 256
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == 20
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    light = ResNet(20, 256, width=32, light=True)
    assert sum(p.numel() for p in light.parameters()) < n_weights / 10


@pytest.mark.parametrize(("size", "features"), [(224, 7), (137, 5), (33, 2)])
def test_strided_layers_round_up_as_in_tensorflow(size: int, features: int) -> None:
    network = ResNet(1, 8, width=8).eval()
    sizes: list[int] = []
    network.blocks.register_forward_hook(lambda module, inputs, output: sizes.append(output.shape[-1]))
    network(torch.rand(1, 1, size, size))
    assert sizes == [features]


def test_an_odd_border_is_wider_at_the_right_and_the_bottom() -> None:
    # Of 224 pixels and a kernel of 7 with stride 2, "same" pads 2 before and 3 behind.
    network = ResNet(1, 8, width=8).eval()
    first = network.first
    with torch.no_grad():
        first.convolution.weight.zero_()
        first.convolution.weight[:, :, 0, 0] = 1.0  # looks at the top left of its window alone
    image = torch.arange(224.0).expand(1, 1, 224, 224)
    seen = first(image)[0, 0, 100] * (1 + 1e-3) ** 0.5
    torch.testing.assert_close(seen[:4], torch.tensor([0.0, 0.0, 2.0, 4.0]))


def test_weights_start_as_glorot_s() -> None:
    for module in ResNet(4, 32, width=16).modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            area = module.weight[0, 0].numel()
            limit = (6 / (area * sum(module.weight.shape[:2]))) ** 0.5
            assert 0.9 * limit < float(module.weight.detach().abs().max()) <= limit


def trained(encoder: nn.Module) -> nn.Module:
    """As after a training, so that batch normalization does something."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return encoder.eval()


@pytest.mark.parametrize("light", [False, True])
def test_image_encoders_do_not_notice_the_unit(light: bool) -> None:
    encoder = trained(DepthImageEncoder(2, latent=16, width=8, light=light))
    views = depth_views([table(), cvxgeom.box((0.8, 0.6, 1.0))])
    found = encoder(views)
    assert found.shape == (2, 16) and not torch.allclose(found[0], found[1], rtol=0.01)
    torch.testing.assert_close(encoder(seen_from_afar(views, 1000.0, (5.0, -3.0, 2.0))), found, rtol=1e-3, atol=1e-4)


def test_background_and_gaps_are_zero() -> None:
    views = depth_views([table()])
    encoder = DepthImageEncoder(2, latent=16, width=8).eval()
    given: list[Tensor] = []
    encoder.network.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    holes = views.depth.clone()
    holes[0, 0, 20:24, 20:24] = torch.nan
    encoder(DepthViews(holes, views.intrinsics, views.extrinsics))
    assert bool((given[0][~holes.isfinite()] == 0).all())
    size = UnitViews.of(views).size
    torch.testing.assert_close(
        given[0][0][holes[0].isfinite()], holes[0][holes[0].isfinite()] / size, rtol=1e-3, atol=0
    )


def test_the_number_of_views_must_be_that_of_the_network() -> None:
    with pytest.raises(ValueError, match="views must be 3 an object for this network, got 2"):
        DepthImageEncoder(3, latent=16, width=8)(depth_views([table()]))
    with pytest.raises(ValueError, match="views must be 2 an object for this network, got 1"):
        ColorImageEncoder(2, latent=16, width=8)(color_views([table()]))
    with pytest.raises(ValueError, match="views must have one batch axis"):
        DepthImageEncoder(2, latent=16, width=8)(DepthViews(*(t[0] for t in vars(depth_views([table()])).values())))


def test_a_color_image_is_resized_and_its_background_black() -> None:
    views = color_views([table(), table()], n_views=2)
    encoder = ColorImageEncoder(2, latent=16, width=8).eval()
    given: list[Tensor] = []
    encoder.network.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    assert encoder(views).shape == (2, 16)
    assert given[0].shape == (2, 6, 224, 224) and bool((given[0][:, :, :8, :8] == 0).all())


def test_points_are_on_what_is_seen_in_the_unit_frame() -> None:
    views = depth_views([table(), cvxgeom.box()])
    unit = UnitViews.of(seen_from_afar(views, 10.0, (1.0, 2.0, 3.0)))
    points = seen_points(unit, 500)
    assert points.shape == (2, 500, 3) and bool((points.abs() < 0.501).all())
    # On the surface: of each solid in its own frame.
    for shape, own, center, size in zip([table(), cvxgeom.box()], points, unit.center, unit.size):
        original = (own * size + center - torch.tensor([1.0, 2.0, 3.0])) / 10
        distance = shape.to(torch.float32).sdf(original).abs()
        assert float(distance.median()) < 0.01


def test_an_object_with_few_points_repeats_one() -> None:
    views = depth_views([table()])
    sparse = torch.full_like(views.depth, torch.nan)
    sparse[0, 0, 20:24, 24:26] = views.depth[0, 0, 20:24, 24:26]
    unit = UnitViews.of(DepthViews(sparse, views.intrinsics, views.extrinsics))
    points = seen_points(unit, 100)[0]
    n_different = len(points.unique(dim=0))
    assert 2 <= n_different <= 8 and not bool(points.isnan().any())


def test_point_encoders_do_not_notice_the_unit() -> None:
    encoder = PointEncoder(latent=16)
    views = depth_views([table(), cvxgeom.box()])
    found = encoder(views)
    assert found.shape == (2, 16) and encoder.latent_size == 16
    torch.testing.assert_close(encoder(seen_from_afar(views, 1000.0, (5.0, -3.0, 2.0))), found, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("kind", ["depth", "color", "points"])
def test_gradients_reach_all_weights(kind: str) -> None:
    shapes = [table(), cvxgeom.box()]
    views = color_views(shapes) if kind == "color" else depth_views(shapes)
    encoders = {"depth": DepthImageEncoder(2, 16, 8), "color": ColorImageEncoder(1, 16, 8), "points": PointEncoder(16)}
    encoders[kind](views).square().sum().backward()
    weights = encoders[kind].named_parameters()
    assert [name for name, p in weights if p.grad is None or not bool(p.grad.any())] == []
