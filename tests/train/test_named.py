"""Runs by name, and the weights that they begin with."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cvxgeom.models.weights import write_weights
from cvxgeom.train.named import initialize, named_run

Save = Callable[[nn.Module, str], Path]


class Parts(nn.Module):
    """A model of some parts, each one layer."""

    def __init__(self, *names: str, wide: int = 2) -> None:
        super().__init__()
        for name in names:
            self.add_module(name, nn.Linear(2, wide))


@pytest.fixture
def saved(tmp_path: Path) -> Save:
    def save(model: nn.Module, name: str) -> Path:
        write_weights(tmp_path / name, model, {}, torch.float32)
        return tmp_path / name

    return save


def equal(one: nn.Module, other: nn.Module, part: str) -> bool:
    return torch.equal(weight(one, part), weight(other, part))


def weight(model: nn.Module, part: str) -> Tensor:
    return model.state_dict()[f"{part}.weight"].clone()


def test_a_named_run_has_the_same_weights_each_time() -> None:
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    one, other = named_run("voxel-depth1"), named_run("voxel-depth1")
    assert torch.equal(torch.random.get_rng_state(), before)
    for (name, mine), value in zip(one.model.state_dict().items(), other.model.state_dict().values(), strict=True):
        assert torch.equal(mine, value), name
    assert one.config == other.config
    with pytest.raises(ValueError, match="name must be one of 'furniture-depth1'"):
        named_run("huge")


def test_parts_without_a_file_begin_with_random_weights(saved: Save, caplog: pytest.LogCaptureFixture) -> None:
    given, model = Parts("encoder"), Parts("encoder", "color")
    untouched = weight(model, "color")
    with caplog.at_level("WARNING", "cvxgeom"):
        initialize(model, [saved(given, "a")])
    assert equal(model, given, "encoder") and torch.equal(weight(model, "color"), untouched)
    assert "no file has weights for color, which begins with random ones" in caplog.text


def test_each_file_fills_what_those_before_it_did_not(saved: Save, caplog: pytest.LogCaptureFixture) -> None:
    # As for the baselines: their own encoder and decoder, and the color part of another model with another decoder.
    first, second = Parts("encoder", "decoder"), Parts("color", "encoder", wide=3)
    second.add_module("decoder", nn.Sequential(nn.Linear(2, 2)))
    model = Parts("color", "encoder", "decoder")
    model.color = nn.Linear(2, 3)
    with caplog.at_level("WARNING", "cvxgeom"):
        initialize(model, [saved(first, "a"), saved(second, "b")])
    assert not caplog.text
    assert equal(model, first, "encoder") and equal(model, first, "decoder") and equal(model, second, "color")


def test_weights_of_another_model_are_refused(saved: Save, tmp_path: Path) -> None:
    small = saved(Parts("encoder"), "small")
    with pytest.raises(ValueError, match=r"those of another model, such as encoder\.bias"):
        initialize(Parts("encoder", wide=3), [small])
    with pytest.raises(ValueError, match=r"those of another model, such as encoder\.bias"):
        initialize(Parts("decoder"), [small])  # it has a part that the model lacks
    with pytest.raises(ValueError, match=r"'.*small' has no weights that the model does not have from"):
        initialize(Parts("encoder"), [small, small])
    with pytest.raises(FileNotFoundError, match="there is no file"):
        initialize(Parts("encoder"), [tmp_path / "none"])
    (tmp_path / "damaged").write_bytes(b"no")
    with pytest.raises(ValueError, match="is damaged or not a safetensors file"):
        initialize(Parts("encoder"), [tmp_path / "damaged"])
