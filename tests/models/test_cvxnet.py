"""CvxNet as a whole, and the baselines with the same encoder: what views mean to them, and their files."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import cvxgeom
from cvxgeom import ConvexUnion, DepthViews
from cvxgeom.models import PRESETS, CvxNet, CvxNetConfig, FieldNet, preset
from cvxgeom.models.unit import UnitViews

from .scenes import color_views, depth_views, seen_from_afar, small, table

NETWORKS: dict[str, dict[str, Any]] = {
    "anchored": {},
    "mlp": dict(decoder="mlp"),
    "resnet": dict(decoder="mlp", encoder="resnet-light", n_views=2),
    "points": dict(decoder="mlp", encoder="points"),
}


def network(kind: str, **changes: Any) -> CvxNet:
    return CvxNet(small(**(NETWORKS[kind] | changes))).eval()


def tensors(shape: ConvexUnion) -> tuple[Tensor, ...]:
    return shape.normals, shape.offsets, shape.translations, shape.smoothness, torch.as_tensor(shape.sharpness)


def test_predicted_convexes_are_bounded_however_odd_the_weights() -> None:
    model = network("anchored")
    views = depth_views([table()])
    with torch.no_grad():
        for parameter in model.decoder.parameters():
            parameter.mul_(8.0)
        raw = [part.status for part in model.stages(views)[-1][0].polytopes()]
        final = model(views)[0]
    assert any(status == "unbounded" for status in raw)
    assert not any(part.status == "unbounded" for part in final.polytopes())
    inside = model.stages(views)[-1][0].contains(points := torch.rand(2000, 3) - 0.5)
    assert torch.equal(final.contains(points), inside)  # nothing is lost near the object


@pytest.mark.parametrize("kind", NETWORKS)
def test_a_batch_is_its_objects_one_by_one(kind: str) -> None:
    model, views = network(kind), depth_views([table(), cvxgeom.box((0.5, 1.0, 0.5))])
    with torch.no_grad():
        batch = model(views)
        n_halfspaces = 18 + 6 * (kind == "anchored")  # a box around each convex
        assert (batch.batch_size, batch.n_convexes, batch.n_halfspaces) == ((2,), 12, n_halfspaces)
        for i in range(2):
            alone = model(DepthViews(views.depth[i], views.intrinsics[i], views.extrinsics[i]))
            assert not alone.batch_size
            for one, of_batch in zip(tensors(alone), tensors(batch)):
                torch.testing.assert_close(one, of_batch[i], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_same_views_give_the_same_shape(kind: str) -> None:
    model, views = network(kind), depth_views([table()])
    with torch.no_grad():
        for first, second in zip(tensors(model(views)), tensors(model(views))):
            assert torch.equal(first, second)


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("scale", [1000.0, 0.01])
def test_the_shape_has_the_unit_and_the_place_of_the_views(kind: str, scale: float) -> None:
    model, views = network(kind), depth_views([table()])
    shift = torch.tensor([3.0, -1.0, 2.0]) * scale
    with torch.no_grad():
        shape = model(views)
        moved = model(seen_from_afar(views, scale, tuple(shift.tolist())))
    torch.testing.assert_close((moved.translations - shift) / scale, shape.translations, rtol=0, atol=2e-3)
    torch.testing.assert_close(moved.offsets / scale, shape.offsets, rtol=0, atol=2e-3)
    torch.testing.assert_close(moved.normals, shape.normals, rtol=0, atol=0.02)
    torch.testing.assert_close(moved.smoothness * scale, shape.smoothness, rtol=0.05, atol=0)
    torch.testing.assert_close(moved.sharpness * scale, shape.sharpness, rtol=0.05, atol=0)


@pytest.mark.parametrize("n_views", [1, 2, 4])
def test_any_number_of_views(n_views: int) -> None:
    views = depth_views([table()], n_views)
    with torch.no_grad():
        assert network("anchored")(views).batch_size == (1,)
        assert network("points").encode(views).shape == (1, 16)


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_unit_frame_is_found_once(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found, calls = UnitViews.of, []
    monkeypatch.setattr(UnitViews, "of", lambda views: calls.append(views) or found(views))
    with torch.no_grad():
        network(kind)(depth_views([table()]))
    assert len(calls) == 1


def test_a_light_image_encoder_is_light_for_colors_too() -> None:
    full, light = (
        CvxNet(CvxNetConfig(input="color", encoder=encoder, decoder="mlp", n_views=1, width=8))
        for encoder in ("resnet18", "resnet-light")
    )
    depth = CvxNet(CvxNetConfig(encoder="resnet-light", decoder="mlp", n_views=3, width=8))
    count = [sum(p.numel() for p in model.encoder.parameters()) for model in (full, light, depth)]
    assert count[1] == count[2] < count[0] / 3  # three color channels are three depth maps


def test_views_of_any_order_and_gaps() -> None:
    model, views = network("mlp"), depth_views([table()], 3)
    with torch.no_grad():
        shape = model(views)
        turned = model(views.select([2, 0, 1]))
        torch.testing.assert_close(turned.translations, shape.translations, rtol=0, atol=1e-4)
        # A view of nothing but gaps says nothing.
        blind = torch.cat([views.depth, torch.full_like(views.depth[:, :1], torch.nan)], dim=1)
        more = DepthViews(
            blind,
            torch.cat([views.intrinsics, views.intrinsics[:, :1]], dim=1),
            torch.cat([views.extrinsics, views.extrinsics[:, :1]], dim=1),
        )
        torch.testing.assert_close(model(more).translations, shape.translations, rtol=0, atol=0.01)


@pytest.mark.parametrize("kind", NETWORKS)
def test_gradients_reach_all_weights(kind: str) -> None:
    model = network(kind).train()
    stages = model.stages(depth_views([table(), cvxgeom.box((0.5, 1.0, 0.5))]), hardness=3.0)
    assert len(stages) == (2 if kind == "anchored" else 1)
    torch.stack([(field * torch.randn(field.shape)).sum() for s in stages for field in tensors(s)]).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


@pytest.mark.parametrize("decoder", ["occupancy", "voxel"])
def test_gradients_reach_all_weights_of_a_field(decoder: str) -> None:
    model = FieldNet(decoder, latent=16, width=8)
    points = torch.rand(2, 50, 3) - 0.5
    model(depth_views([table(), cvxgeom.box()])).logits(points).square().sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None or not bool(p.grad.any())] == []


def test_an_untrained_network_already_covers_what_is_seen() -> None:
    model, views = network("anchored", n_convexes=36), depth_views([cvxgeom.box((0.8, 1.0, 0.8))], 4)
    with torch.no_grad():
        shape = model(views)
    points = views.points(3).flatten(0, -2)
    points = points[~points.isnan().any(dim=-1)]
    # Convexes start on the seen surface.
    assert float(shape.translations[0, :30].sub(points[:, None]).norm(dim=-1).amin(dim=0).median()) < 0.05


@pytest.mark.parametrize("decoder", ["occupancy", "voxel"])
def test_a_field_has_the_unit_and_the_place_of_the_views(decoder: str) -> None:
    model, views = FieldNet(decoder, latent=16, width=8).eval(), depth_views([table()])
    points = torch.rand(1, 200, 3) - 0.5
    shift = torch.tensor([3000.0, -1000.0, 2000.0])
    with torch.no_grad():
        logits = model(views).logits(points)
        moved = model(seen_from_afar(views, 1000.0, (3000.0, -1000.0, 2000.0))).logits(1000 * points + shift)
        alone = model(DepthViews(*(value[0] for value in vars(views).values())))
    torch.testing.assert_close(moved, logits, rtol=0, atol=0.01)
    torch.testing.assert_close(alone.logits(points[0]), logits[0], rtol=1e-4, atol=1e-5)
    assert torch.equal(alone.contains(points[0]), alone.logits(points[0]) > 0)


# -- color -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        dict(decoder="mlp"),
        dict(decoder="mlp", encoder="points"),
        dict(decoder="mlp", encoder="resnet18", n_views=1),
    ],
    ids=["anchored", "mlp", "points", "resnet"],
)
def test_color_views_give_a_shape_too(changes: dict) -> None:
    model, views = CvxNet(small(input="color", **changes)).eval(), color_views([table()], 1)
    with torch.no_grad():
        shape, latent = model(views), model.encode(views)
    assert (shape.batch_size, shape.n_convexes) == ((1,), 12) and latent.shape == (1, 16)
    # About where the object is, though nothing is learned yet.
    assert float(shape.translations.norm(dim=-1).max()) < 2


def test_a_field_of_color_views() -> None:
    model = FieldNet("voxel", latent=16, width=8, color=True).eval()
    views = color_views([table()], 1)
    with torch.no_grad():
        assert model(views).logits(torch.rand(1, 10, 3)).shape == (1, 10)
        assert model.encode(views).shape == (1, 16)


# -- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "color",
    [CvxNet(small(input="color")), FieldNet("voxel", 16, 8, color=True)],
    ids=["convexes", "field"],
)
def test_a_model_of_colors_takes_depth_too_and_a_model_of_depth_no_colors(color: nn.Module) -> None:
    depth = CvxNet(small()) if isinstance(color, CvxNet) else FieldNet("voxel", 16, 8)
    with pytest.raises(TypeError, match="views must be DepthViews for a depth model, got ColorViews"):
        depth(color_views([table()]))
    depth.load_state_dict({name: value for name, value in color.state_dict().items() if "monocular" not in name})
    points, views = torch.rand(1, 100, 3) - 0.5, depth_views([table()])
    assert torch.equal(color(views).contains(points), depth(views).contains(points))


@pytest.mark.parametrize("kind", NETWORKS)
def test_nothing_seen_is_refused(kind: str) -> None:
    views = depth_views([table(), table()])
    empty = views.depth.clone()
    empty[1] = torch.inf
    with pytest.raises(ValueError, match="depth must show the object"):
        network(kind)(DepthViews(empty, views.intrinsics, views.extrinsics))
    with pytest.raises(ValueError, match="depth must show the object"):
        FieldNet("voxel", 16, 8)(DepthViews(empty, views.intrinsics, views.extrinsics))
    one_pixel = torch.full_like(views.depth, torch.inf)
    one_pixel[:, 0, 24, 24] = 2.0
    with pytest.raises(ValueError, match="more than a single point"):
        network(kind)(DepthViews(one_pixel, views.intrinsics, views.extrinsics))


def test_an_image_encoder_takes_its_number_of_views() -> None:
    with pytest.raises(ValueError, match="views must be 2 an object for this network, got 3"):
        network("resnet")(depth_views([table()], 3))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (dict(input="sound"), "input must be one of 'depth', 'color', got 'sound'"),
        (dict(encoder="vgg"), "encoder must be one of 'grid', 'resnet18', 'resnet-light', 'points', got 'vgg'"),
        (dict(decoder="tree"), "decoder must be one of 'anchored', 'mlp', got 'tree'"),
        (dict(n_convexes=0), "n_convexes must be a finite number greater than 0"),
        (dict(encoder="points"), 'encoder must be "grid" for the anchored decoder'),
        (dict(n_halfspaces=25), "n_halfspaces must be 18 for the anchored decoder, got 25"),
    ],
)
def test_a_configuration_that_makes_no_network_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CvxNetConfig(**changes)


def test_unknown_names() -> None:
    with pytest.raises(ValueError, match=r"name must be one of 'furniture-depth20', .*, got 'cars'"):
        CvxNet.from_pretrained("cars")
    with pytest.raises(ValueError, match=r"name must be one of .*, got 'cars'"):
        preset("cars")
    with pytest.raises(ValueError, match="decoder must be one of 'occupancy', 'voxel', got 'mesh'"):
        FieldNet("mesh")


def test_presets_are_those_of_the_paper() -> None:
    depth, color = PRESETS["paper-depth"], PRESETS["paper-rgb"]
    assert (depth.n_convexes, depth.n_halfspaces, depth.n_views, depth.latent, depth.width) == (50, 50, 20, 256, 64)
    assert (color.n_convexes, color.n_halfspaces, color.n_views, color.encoder) == (50, 25, 1, "resnet18")
    model = preset("paper-rgb")
    assert isinstance(model, CvxNet) and model.config == color and model.monocular is None


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_saved_network_predicts_the_same(kind: str, dtype: torch.dtype, tmp_path: Path) -> None:
    model, views = network(kind), depth_views([table()])
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.num_batches_tracked is not None
            module.num_batches_tracked.fill_(800_000)  # more than a half can count
    model.save(tmp_path / "model.safetensors", dtype)
    loaded = CvxNet.load(tmp_path / "model.safetensors")
    assert loaded.config == model.config and not loaded.training
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    half, full = dtype == torch.float16, model.state_dict()
    for name, value in loaded.state_dict().items():
        torch.testing.assert_close(value, full[name], rtol=1e-3 if half else 0, atol=1e-6 if half else 0)
    with torch.no_grad():
        for before, after in zip(tensors(model(views)), tensors(loaded(views))):
            torch.testing.assert_close(before, after, rtol=0.02 if half else 0, atol=0.02 if half else 0)


def test_half_precision_halves_the_file(tmp_path: Path) -> None:
    model = network("mlp")
    model.save(tmp_path / "full.safetensors")
    model.save(tmp_path / "half.safetensors", torch.float16)
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("full", "half")]
    assert 1.9 < sizes[0] / sizes[1] < 2.1


@pytest.mark.parametrize("decoder", ["occupancy", "voxel"])
def test_a_saved_field_predicts_the_same(decoder: str, tmp_path: Path) -> None:
    model, views, points = FieldNet(decoder, 16, 8).eval(), depth_views([table()]), torch.rand(1, 100, 3)
    model.save(tmp_path / "model.safetensors")
    with torch.no_grad():
        logits = FieldNet.load(tmp_path / "model.safetensors")(views).logits(points)
        torch.testing.assert_close(logits, model(views).logits(points), rtol=0, atol=0)


def test_files_that_are_no_network(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match="there is no file"):
        CvxNet.load(path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
        CvxNet.load(path)
    model = network("mlp")
    model.save(path)
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
        CvxNet.load(path)
    FieldNet("voxel", 16, 8).save(path)
    with pytest.raises(ValueError, match="does not hold a cvxgeom-cvxnet-1 model, its format is 'cvxgeom-fieldnet-1'"):
        CvxNet.load(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="does not hold a cvxgeom-cvxnet-1 model, its format is None"):
        CvxNet.load(path)
    save_file({"x": torch.zeros(1)}, path, {"format": "cvxgeom-cvxnet-1"})
    with pytest.raises(ValueError, match="has no configuration that this version knows"):
        CvxNet.load(path)
    newer = asdict(model.config) | {"n_dreams": 3}
    save_file(model.state_dict(), path, {"format": "cvxgeom-cvxnet-1", "config": json.dumps(newer)})
    with pytest.raises(ValueError, match="has no configuration that this version knows"):
        CvxNet.load(path)


def test_weights_of_another_configuration(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    model, path = network("mlp"), tmp_path / "model.safetensors"
    other = replace(model.config, n_convexes=13)
    save_file(model.state_dict(), path, {"format": "cvxgeom-cvxnet-1", "config": json.dumps(asdict(other))})
    with pytest.raises(ValueError, match="holds weights that do not fit its configuration"):
        CvxNet.load(path)
