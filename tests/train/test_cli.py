"""``cvxgeom train`` from the command line to the files, with a model that fits into a test."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from cvxgeom.cli import main
from cvxgeom.cli.parser import parse
from cvxgeom.cli.settings import changed
from cvxgeom.data import Arrays, Facts, write_dataset
from cvxgeom.train import PRESETS, Batch, Objective, TrainConfig
from cvxgeom.train.named import NamedRun
from tests.train.stand_ins import BoxRecord, TinyField, boxes, objective, seeded

TINY = TrainConfig(
    steps=6, batch_size=2, n_uniform=30, n_near=30, views=(1, 2), checkpoint_every=2, validate_every=3, device="cpu"
)


def arrays(record: BoxRecord) -> Arrays:
    depth, intrinsics, extrinsics = (value.numpy() for value in record.maps)
    cells = np.stack(np.meshgrid(*[(np.arange(16) + 0.5) / 16 - 0.5] * 3, indexing="ij"), axis=-1)
    return Arrays(
        bounds=np.stack([-record.half.numpy(), record.half.numpy()]),
        uniform=record.uniform.points.numpy(),
        uniform_occupancy=record.uniform.occupancy.numpy(),
        near=record.near.points.numpy(),
        near_occupancy=record.near.occupancy.numpy(),
        grid=(np.abs(cells) <= record.half.numpy()).all(axis=-1),
        depth=(np.nan_to_num(depth, posinf=0) * 1e4).round().astype(np.uint16),
        intrinsics=intrinsics,
        extrinsics=extrinsics,
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    records = {record.id: (Facts(label="box"), arrays(record)) for record in boxes(6)}
    names = list(records)
    write_dataset(folder, {"train": {n: records[n] for n in names[:4]}, "val": {n: records[n] for n in names[4:]}})
    return folder


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    preset_is(monkeypatch, objective)


def preset_is(monkeypatch: pytest.MonkeyPatch, goal: Objective) -> None:
    monkeypatch.setitem(PRESETS, "tiny", TINY)
    run = lambda _name: NamedRun(seeded(TinyField), TINY, goal)  # noqa: E731  # pyright: ignore[reportArgumentType]
    monkeypatch.setattr("cvxgeom.train.named.named_run", run)


def report_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


def test_from_a_dataset_to_weights(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    arguments = ["train", str(dataset), "-o", str(run), "--preset", "tiny", "--steps", "5", "--set", "views=2,2"]
    assert main([*arguments, "--json"]) == 0
    report = report_of(capsys)
    assert report["step"] == report["steps"] == 5 and report["shapes"] == {"train": 4, "validation": 2}
    assert 0 <= report["scores"]["iou"] <= 1 and report["status"] == "finished"
    assert set(report["outputs"]) == {"run", "model", "best"}
    assert json.loads((run / "config.json").read_text())["config"]["views"] == [2, 2]
    assert main(arguments) == 0  # nothing is left to do
    assert "5 of 5 steps, none of them now" in capsys.readouterr().out


@pytest.fixture
def ctrl_c_counts() -> Iterator[None]:
    """Shells let what they start in the background ignore Ctrl-C, and Python leaves it at that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_counts")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_a_checkpoint_and_the_same_command_goes_on(
    number: int, dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def interrupted(model: nn.Module, batch: Batch, progress: float) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Every fifth step a signal comes in its middle."""
        asked.append(batch.step)
        if len(asked) % 5 == 0:
            signal.raise_signal(number)
        return objective(model, batch, progress)

    preset_is(monkeypatch, interrupted)
    arguments = ["train", str(dataset), "-o", str(tmp_path / "run"), "--preset", "tiny", "--steps", "100", "--json"]
    arguments += ["--set", "validate_every=0", "--set", "checkpoint_every=100000"]
    before = 0
    for _ in range(2):
        assert main(arguments) == 130
        report = report_of(capsys)
        assert report["status"] == "canceled" and before < report["step"] < 11
        assert (tmp_path / "run" / "checkpoints" / f"step-{report['step']:08d}.safetensors").exists()
        before = report["step"]
    # The second run began with the step that the first one did not finish, or with the one after it.
    assert asked[5] - asked[4] in (0, 1) and asked[5:] == list(range(asked[5], asked[5] + 5))


def test_wrong_input_is_one_sentence(dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = ["train", str(dataset), "-o", str(tmp_path / "run"), "--preset", "tiny"]
    file = tmp_path / "file"
    file.touch()
    cases = {
        "--set nonsense must be a field of TrainConfig": [*good, "--set", "nonsense=1"],
        "--set views must be two numbers, A,B, got '3'": [*good, "--set", "views=3"],
        "--set mirror must be true or false, got 'maybe'": [*good, "--set", "mirror=maybe"],
        "n_inside must be at most n_uniform": [*good, "--set", "n_inside=31"],
        "views must be at most 4, which is all that": [*good, "--set", "views=5,5"],
        "split must be one of 'train', 'val', got 'x'": [*good, "--split", "x"],
        "is a file; a run is a folder": [*good, "-o", str(file)],
        "there is no folder": [*good, "-o", str(tmp_path / "no" / "run")],
    }
    for sentence, arguments in cases.items():
        assert main(arguments) == 1
        assert sentence in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main([*good, "--set", "views"])
    assert ended.value.code == 2 and "'views' must be FIELD=VALUE" in capsys.readouterr().err


def test_unknown_presets_are_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert main(["train", str(dataset), "-o", str(tmp_path / "run"), "--preset", "huge"]) == 1
    assert "--preset must be one of" in capsys.readouterr().err


def test_every_kind_of_field_can_be_set() -> None:
    options = parse(["train", "d", "-o", "r", "--preset", "p", "--init", "a", "--init", "b", "--set", "scale=0.9,1.1"])
    assert options.init == [Path("a"), Path("b")] and options.set == [("scale", "0.9,1.1")]
    texts = [*options.set, ("mirror", "no"), ("keep", "7"), ("yaw", "any"), ("ema_decay", "0.5")]
    config = changed(TrainConfig(), {"learning_rate": 0.5, "keep": 3}, texts)
    assert (config.learning_rate, config.scale, config.mirror) == (0.5, (0.9, 1.1), False)
    assert (config.keep, config.yaw, config.ema_decay, config.steps) == (7, "any", 0.5, TrainConfig().steps)


def test_previews_show_what_is_predicted_beside_the_truth(dataset: Path, tmp_path: Path) -> None:
    pytest.importorskip("embreex")
    arguments = ["train", str(dataset), "-o", str(tmp_path / "run"), "--preset", "tiny", "--steps", "2"]
    assert main([*arguments, "--set", "preview_every=2", "--set", "validate_every=0"]) == 0
    # without validation there is nothing to draw
    assert not (tmp_path / "run" / "previews").exists()
    arguments[3] = str(tmp_path / "other")
    assert main([*arguments, "--set", "preview_every=2"]) == 0
    assert [path.name for path in (tmp_path / "other" / "previews").iterdir()] == ["step-00000002.png"]


def test_a_run_can_begin_with_the_weights_of_another(dataset: Path, tmp_path: Path) -> None:
    arguments = ["train", str(dataset), "--preset", "tiny", "--steps", "1", "--set", "validate_every=0", "-o"]
    assert main([*arguments, str(tmp_path / "first")]) == 0
    weights = tmp_path / "first" / "model.safetensors"
    assert main([*arguments, str(tmp_path / "second"), "--init", str(weights), "--learning-rate", "1e-9"]) == 0
    first, second = (load_file(tmp_path / run / "model.safetensors") for run in ("first", "second"))
    assert torch.equal(first["layers.0.weight"].round(decimals=5), second["layers.0.weight"].round(decimals=5))


def test_a_model_with_its_own_format_is_asked_to_save_itself(tmp_path: Path) -> None:
    from cvxgeom.train.checkpoint import save_model

    class Own(nn.Module):
        def save(self, path: Path) -> None:
            path.write_text("mine")

    save_model(Own(), tmp_path / "model.safetensors", {})
    assert (tmp_path / "model.safetensors").read_text() == "mine"
