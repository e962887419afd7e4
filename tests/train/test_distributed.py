"""Several processes: the same gradients as one, and a restart with fewer of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cvxgeom.train.checkpoint import newest, read_tensors
from cvxgeom.train.distributed import team
from cvxgeom.train.journal import read_metrics
from tests.train.worker import main

ROOT = Path(__file__).parents[2]


def launched(folder: Path, *arguments: str, processes: int = 2) -> None:
    """What torchrun does."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--max-restarts", "1"]
    command += ["--nproc-per-node", str(processes)]
    done = subprocess.run(
        [*command, "-m", "tests.train.worker", str(folder), *arguments],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr


def losses(folder: Path) -> list[tuple[int, float]]:
    return [(line["step"], line["loss"]) for line in read_metrics(folder / "metrics.jsonl")]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("alone")
    main(str(folder))
    return folder


def agree(one: Path, other: Path) -> None:
    """Equal up to the order of sums."""
    a, b = losses(one), losses(other)
    assert [step for step, _ in a] == [step for step, _ in b] == list(range(1, 9))
    assert torch.allclose(torch.tensor([x for _, x in a]), torch.tensor([x for _, x in b]), rtol=1e-5)
    mine, theirs = (read_tensors(folder / "model.safetensors")[0] for folder in (one, other))
    for name, value in mine.items():
        assert torch.allclose(value, theirs[name], rtol=1e-4, atol=1e-6), name


def test_two_processes_learn_what_one_does_even_if_one_dies_on_the_way(alone: Path, tmp_path: Path) -> None:
    """One process begins, two go on, one of them dies, torchrun starts both again, and one ends it."""
    main(str(tmp_path), "1")
    launched(tmp_path, "7", "5")
    found = newest(tmp_path / "checkpoints")
    assert found is not None and found.step == 7
    assert losses(tmp_path)[-1][0] == 7
    main(str(tmp_path))
    agree(alone, tmp_path)


def test_alone_there_is_nothing_to_agree_on() -> None:
    with team("cpu") as mates:
        assert (mates.rank, mates.world, mates.device.type) == (0, 1, "cpu")
        assert mates.agree(3) and float(mates.mean(torch.tensor(2.0))) == 2
        module = torch.nn.Linear(1, 1)
        assert mates.wrapped(module) is module


def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(ValueError, match='got "cuda": torch sees no GPU'), team("cuda"):
        pass
