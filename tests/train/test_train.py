"""The loop: it learns, it can be killed anywhere, and it says what is wrong."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cvxgeom.train import Batch, MeanIoU, NotFiniteError, TrainConfig, TrainStep, train, train_steps
from cvxgeom.train.checkpoint import newest, paths, read_tensors
from cvxgeom.train.journal import read_metrics
from tests.train.stand_ins import Plain, TinyField, boxes, objective, seeded

CONFIG = TrainConfig(
    steps=12, batch_size=4, learning_rate=1e-2, warmup=3, n_uniform=30, n_near=30, views=(1, 2), checkpoint_every=4
)
COMPARED = ("step", "loss", "terms", "learning_rate", "gradient_norm", "scores")


def run(folder: Path, stop: int | None = None, config: TrainConfig = CONFIG, **options: Any) -> list[TrainStep]:
    """Train until a step, and leave."""
    made: list[TrainStep] = []
    steps = train_steps(seeded(TinyField), boxes(5), objective, config, folder, **options)
    for step in steps:
        made.append(step)
        if step.step == stop:
            break
    steps.close()  # pyright: ignore[reportAttributeAccessIssue]
    return made


def curve(steps: list[TrainStep]) -> list[tuple[Any, ...]]:
    return [tuple(getattr(step, name) for name in COMPARED) for step in steps]


def weights(path: Path) -> dict[str, Tensor]:
    return read_tensors(path)[0]


def equal(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[TrainStep]]:
    """A run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder)


def test_it_learns(tmp_path: Path) -> None:
    config = replace(CONFIG, steps=150, learning_rate=3e-2, checkpoint_every=1000)
    made = run(tmp_path, config=config)
    first, last = (sum(step.terms["entropy"] for step in part) / 10 for part in (made[:10], made[-10:]))
    assert last < 0.8 * first


@pytest.mark.parametrize("stop", [1, 3, 4, 11, 12])
def test_a_resumed_run_is_the_uninterrupted_one(whole: tuple[Path, list[TrainStep]], tmp_path: Path, stop: int) -> None:
    folder, made = whole
    before = run(tmp_path, stop)
    after = run(tmp_path)
    assert curve(before + after) == curve(made)
    assert equal(weights(tmp_path / "model.safetensors"), weights(folder / "model.safetensors"))
    mine, theirs = (newest(f / "checkpoints") for f in (tmp_path, folder))
    assert mine is not None and theirs is not None and equal(mine.tensors, theirs.tensors)
    lines = [(line["step"], line["loss"]) for line in read_metrics(tmp_path / "metrics.jsonl")]
    assert lines == [(step.step, step.loss) for step in made]


@pytest.mark.parametrize("where", ["objective", "validate", "body"])
def test_an_interrupt_anywhere_leaves_a_checkpoint(
    whole: tuple[Path, list[TrainStep]], tmp_path: Path, where: str
) -> None:
    """In the middle of a step, too: batch normalization has seen the batch by then, and must not have seen it twice."""

    def interrupted(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        found = objective(model, batch, progress)
        if where == "objective" and batch.step == 6:
            raise KeyboardInterrupt
        return found

    def validate(model: nn.Module, progress: float) -> dict[str, float]:
        if where == "validate":
            raise KeyboardInterrupt
        return {}

    def steps() -> Iterator[TrainStep]:
        config = replace(CONFIG, validate_every=6)
        yield from train_steps(seeded(TinyField), boxes(5), interrupted, config, tmp_path, validate=validate)

    with pytest.raises(KeyboardInterrupt):
        for step in steps():
            if where == "body" and step.step == 6:
                raise KeyboardInterrupt
    found = newest(tmp_path / "checkpoints")
    assert found is not None and found.step == 6
    run(tmp_path)
    assert equal(weights(tmp_path / "model.safetensors"), weights(whole[0] / "model.safetensors"))


KILLED = """
import os, signal, sys
sys.path.insert(0, {root!r})
import torch
torch.set_num_threads(1)
from pathlib import Path
from tests.train.test_train import CONFIG, objective, seeded, TinyField, boxes, train_steps
for step in train_steps(seeded(TinyField), boxes(5), objective, CONFIG, Path({folder!r})):
    if step.step == 6:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_goes_on_from_its_last_checkpoint(whole: tuple[Path, list[TrainStep]], tmp_path: Path) -> None:
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", KILLED.format(root=root, folder=str(tmp_path))], check=False)
    assert done.returncode == -signal.SIGKILL
    assert [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")][-1] >= 5
    after = run(tmp_path)
    assert curve(after) == curve(whole[1][4:])
    assert [line["step"] for line in read_metrics(tmp_path / "metrics.jsonl")] == list(range(1, 13))
    assert equal(weights(tmp_path / "model.safetensors"), weights(whole[0] / "model.safetensors"))


@pytest.mark.parametrize("harm", ["cut", "flipped", "empty", "other"])
def test_a_damaged_checkpoint_is_passed_over(
    whole: tuple[Path, list[TrainStep]], tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path, 9)
    path = paths(tmp_path / "checkpoints")[0]
    content = path.read_bytes()
    middle = len(content) - 100
    harmed = {
        "cut": content[:-10],
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "empty": b"",
        "other": b"PK\x03\x04" + content,
    }
    path.write_bytes(harmed[harm])
    with caplog.at_level(logging.WARNING, "cvxgeom"):
        after = run(tmp_path)
    assert f"{path} is damaged and passed over" in caplog.text
    assert after[0].step == 9  # step 8 was the one before
    assert curve(after) == curve(whole[1][8:])


def test_only_damaged_checkpoints_are_an_error(tmp_path: Path) -> None:
    run(tmp_path, 2)
    for path in paths(tmp_path / "checkpoints"):
        path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"checkpoints in .* are damaged; remove them to start afresh"):
        run(tmp_path)


def test_so_many_checkpoints_stay_as_asked(tmp_path: Path) -> None:
    run(tmp_path, config=replace(CONFIG, checkpoint_every=2, keep=3))
    assert [path.stem for path in paths(tmp_path / "checkpoints")] == [f"step-{n:08d}" for n in (12, 10, 8)]


def test_another_config_is_refused_by_its_fields(tmp_path: Path) -> None:
    run(tmp_path, 2)
    with pytest.raises(
        ValueError, match=r"differs in batch_size \(4 there, 2 here\); seed \(0 there, 5 here\)\. Go on"
    ):
        run(tmp_path, config=replace(CONFIG, seed=5, batch_size=2))
    with pytest.raises(ValueError, match=r"differs in the data \(.*'n_shapes': 5.*'n_shapes': 4"):
        list(train_steps(seeded(TinyField), boxes(4), objective, CONFIG, tmp_path))
    with pytest.raises(ValueError, match=r"differs in the data \(.*'fingerprint'"):
        list(train_steps(seeded(TinyField), boxes(5, first=1), objective, CONFIG, tmp_path))
    with pytest.raises(ValueError, match=r"differs in the model \(.*TinyField.*Plain"):
        list(train_steps(seeded(Plain), boxes(5), objective, CONFIG, tmp_path))
    watched = replace(CONFIG, workers=1, keep=5, log_every=3, checkpoint_every=6)  # these may change
    assert len(run(tmp_path, config=watched)) == 10


def test_other_weights_are_refused(tmp_path: Path) -> None:
    run(tmp_path, 2)
    wider = seeded(TinyField)
    wider.layers[4] = nn.Linear(16, 2)  # pyright: ignore[reportIndexIssue]
    with pytest.raises(ValueError, match=r"weights of another model: layers\.4\.bias, layers\.4\.weight differ"):
        list(train_steps(wider, boxes(5), objective, CONFIG, tmp_path))


@pytest.mark.parametrize("kind", ["loss", "gradient"])
def test_what_is_not_finite_stops_with_the_batch_saved(tmp_path: Path, kind: str) -> None:
    def broken(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        loss, terms = objective(model, batch, progress)
        if batch.step == 5:
            # sqrt(0) is 0 with an infinite slope
            loss = loss * torch.nan if kind == "loss" else loss + (0 * loss).sqrt()
        return loss, terms

    model = seeded(TinyField)
    with pytest.raises(
        NotFiniteError, match=r"step 6: the loss must be finite, got a loss of .* batch and weights are in"
    ):
        list(train_steps(model, boxes(5), broken, CONFIG, tmp_path))
    (path,) = (tmp_path / "failures").iterdir()
    tensors, about = read_tensors(path)
    assert tensors["batch.points"].shape == (4, 60, 3) and len(about["ids"]) == 4 and about["step"] == 6
    assert torch.equal(tensors["model.layers.0.weight"], model.layers[0].weight)  # pyright: ignore
    found = newest(tmp_path / "checkpoints")
    assert found is not None and found.step == 5
    assert all(value.isfinite().all() for value in found.tensors.values())


def test_average_is_kept_validated_and_written(tmp_path: Path) -> None:
    heard: list[tuple[float, bool]] = []

    def validate(model: nn.Module, progress: float) -> dict[str, float]:
        heard.append((progress, model.training))
        return {"iou": 1 - abs(progress - 0.5), "other": 0.0}

    model = seeded(TinyField)
    config = replace(CONFIG, validate_every=3)
    result = train(model, boxes(5), objective, config, tmp_path, validate=validate)
    assert heard == [(0.25, False), (0.5, False), (0.75, False), (1.0, False)]
    assert result.scores == {"iou": 0.5, "other": 0.0} and result.steps == 12
    assert result.model == tmp_path / "model.safetensors" and result.best == tmp_path / "best.safetensors"
    kept = weights(result.model)
    assert equal(kept, dict(model.state_dict()))
    found = newest(tmp_path / "checkpoints")
    assert found is not None and equal(found.part("average"), kept)
    assert not torch.equal(found.part("model")["layers.0.weight"], kept["layers.0.weight"])
    assert read_tensors(result.best)[1]["step"] == 6
    assert [line["scores"]["iou"] for line in read_metrics(tmp_path / "metrics.jsonl") if "scores" in line][1] == 1.0


def test_a_finished_run_makes_no_further_steps(tmp_path: Path) -> None:
    run(tmp_path)
    model = seeded(TinyField)
    result = train(model, boxes(5), objective, CONFIG, tmp_path)
    assert result.steps == 12 and result.loss is None
    assert result.model is not None and equal(weights(result.model), dict(model.state_dict()))


def test_previews_are_files_and_go_to_tensorboard(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    config = replace(CONFIG, preview_every=6)
    made = run(tmp_path, config=config, preview=lambda _model, _progress: Image.new("RGB", (8, 6)))
    assert [step.picture for step in made if step.picture] == [
        tmp_path / "previews" / f"step-{n:08d}.png" for n in (6, 12)
    ]
    board = EventAccumulator(str(tmp_path / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    board.Reload()
    assert [event.step for event in board.Scalars("loss")] == list(range(1, 13))
    assert [event.step for event in board.Images("preview")] == [6, 12]


def test_steps_say_how_long_it_takes(whole: tuple[Path, list[TrainStep]]) -> None:
    made = whole[1]
    assert [step.step for step in made] == list(range(1, 13)) and made[0].of == 12
    assert all(0 <= step.data_wait <= 1 and step.shapes_per_second > 0 for step in made)
    assert made[-1].seconds_left == 0 and made[0].seconds_left > made[-2].seconds_left > 0
    assert made[-1].seconds > made[0].seconds
    line = json.loads((whole[0] / "metrics.jsonl").read_text().splitlines()[0])
    assert {"step", "loss", "terms", "learning_rate", "gradient_norm", "data_wait", "shapes_per_second"} <= line.keys()


def test_mixed_precision_computes_in_half(tmp_path: Path) -> None:
    kinds = set()

    def noted(model: nn.Module, batch: Batch, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        kinds.add(model.logits(batch.points).dtype)  # pyright: ignore[reportCallIssue]
        return objective(model, batch, progress)

    config = replace(CONFIG, steps=2, precision="bfloat16")
    made = list(train_steps(seeded(Plain), boxes(2), noted, config, tmp_path))
    assert kinds == {torch.bfloat16} and all(step.loss < 10 for step in made)
    found = newest(tmp_path / "checkpoints")
    assert found is not None and found.tensors["model.layers.0.weight"].dtype == torch.float32


def test_the_random_state_of_the_caller_is_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    run(tmp_path, 2)
    assert torch.equal(torch.rand(1), expected)


def test_mean_iou_of_the_truth_is_one() -> None:
    data = boxes(5, first=20)

    class Truth(nn.Module):
        def __init__(self, shrink: float) -> None:
            super().__init__()
            self.shrink = nn.Parameter(torch.tensor(shrink))

        def forward(self, views: Any) -> Any:
            half = torch.stack([r.half for r in data if any(torch.equal(r.maps[0][0], d[0]) for d in views.depth)])
            return Box(half * self.shrink)

    class Box:
        def __init__(self, half: Tensor) -> None:
            self.half = half

        def contains(self, points: Tensor) -> Tensor:
            return (points.abs() <= self.half[:, None]).all(dim=-1)

    score = MeanIoU(data, (1, 3), batch_size=2, n_points=6000)
    assert score(Truth(1.0)) == {"iou": 1.0, "iou_1": 1.0, "iou_3": 1.0}
    assert abs(score(Truth(0.9))["iou"] - 0.9**3) < 0.03
    assert len(MeanIoU(data, 2, n_shapes=3).indices) == 3
    with pytest.raises(ValueError, match="views must be at most 4"):
        MeanIoU(data, 5)(Truth(1.0))
    with pytest.raises(ValueError, match="dataset must hold at least one shape"):
        MeanIoU([], 5)
