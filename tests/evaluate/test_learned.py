"""Networks from files as predictors."""

from pathlib import Path

import pytest
import torch

import cvxgeom

pytest.importorskip("safetensors")

from cvxgeom.data import Dataset
from cvxgeom.evaluate import (
    ConvexPredictor,
    FieldPredictor,
    Learned,
    Plan,
    Truth,
    benchmark,
    depth_views,
    load_learned,
    score_record,
)
from cvxgeom.models import CvxNet, CvxNetConfig, FieldNet


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    CvxNet(CvxNetConfig(n_convexes=12, width=8, token=32, n_layers=1)).save(folder / "convexes.safetensors")
    image = CvxNetConfig(encoder="resnet-light", decoder="mlp", n_convexes=8, n_halfspaces=8, n_views=2, width=8)
    CvxNet(image).save(folder / "images.safetensors")
    for decoder in ("occupancy", "voxel"):
        FieldNet(decoder, latent=32, width=8).save(folder / f"{decoder}.safetensors")
    return folder


def test_networks_are_told_apart(weights: Path) -> None:
    found = {name: load_learned(name, str(weights / f"{name}.safetensors")) for name in ("convexes", "images", "voxel")}
    assert isinstance(found["convexes"].predictor, ConvexPredictor) and found["convexes"].predictor.only_views is None
    assert isinstance(found["images"].predictor, ConvexPredictor) and found["images"].predictor.only_views == 2
    assert isinstance(found["voxel"].predictor, FieldPredictor) and found["voxel"].predictor.n_numbers == 64**3
    assert len({learned.identity for learned in found.values()}) == 3
    assert found["convexes"].encode is None


def test_weights_that_ship_are_told_apart_by_their_content() -> None:
    path = Path(cvxgeom.__file__).parent / "assets" / "weights" / "furniture-depth1.safetensors"
    by_name, by_file = (load_learned("it", place).identity for place in ("furniture-depth1", str(path)))
    assert by_name == by_file and len(by_name) == 64


def test_two_networks_are_asked_for_one_view_and_for_several(weights: Path, dataset: Path) -> None:
    def ask(place: str, n_views: int) -> torch.Tensor:
        views = depth_views(Dataset(dataset, "test")[0], n_views)
        return load_learned("it", place).predictor.predict(views).contains(torch.rand(99, 3, generator=seeded()) - 0.5)

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    one, several = str(weights / "occupancy.safetensors"), str(weights / "voxel.safetensors")
    assert not torch.equal(ask(one, 1), ask(several, 1))
    for n_views, which in ((1, one), (2, several)):
        assert torch.equal(ask(f"{one},{several}", n_views), ask(which, n_views))
    with pytest.raises(ValueError, match="must be of one kind, got FieldNet and CvxNet"):
        load_learned("it", f"{one},{weights / 'convexes.safetensors'}")
    with pytest.raises(ValueError, match="one for one view and one for several, got 3"):
        load_learned("it", ",".join([one] * 3))


@pytest.mark.parametrize("name", ["convexes", "occupancy", "voxel"])
def test_each_is_scored(weights: Path, dataset: Path, name: str) -> None:
    record = Dataset(dataset, "test").record("table-c")
    predictor = load_learned(name, str(weights / f"{name}.safetensors")).predictor
    if isinstance(predictor, FieldPredictor):
        predictor = FieldPredictor(predictor.model, resolution=16)
    row = score_record(predictor, depth_views(record, 2), Truth(record), n_views=2)
    assert row.status == "ok", row.message
    assert (row.n_parts is None) == (name != "convexes") and row.seconds is not None


def test_retrieval_by_the_encoder_of_a_network(weights: Path, dataset: Path, tmp_path: Path) -> None:
    learned = load_learned("ours", str(weights / "convexes.safetensors"), retrieve=True)
    assert isinstance(learned, Learned) and learned.encode is not None
    plan = Plan(dataset, predictors=(), views=(2,), noise=(0,), pictures=False)
    written = benchmark(plan, tmp_path, [learned])
    assert {s.predictor for s in written.summaries} == {"ours", "retrieval by ours"}
    assert all(s.n_failed == 0 for s in written.summaries)


@pytest.mark.parametrize(("place", "error"), [("no_such.safetensors", FileNotFoundError), ("no-such-name", ValueError)])
def test_what_is_not_there(place: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"no.such"):
        load_learned("ours", place)


def test_a_damaged_file(tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match="damaged"):
        load_learned("ours", str(path))
