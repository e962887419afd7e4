"""One process of a distributed run: python -m tests.train.worker FOLDER [LEAVE [DIE]], the last two are steps."""

import os
import sys
from pathlib import Path

import torch

from cvxgeom.train import TrainConfig, train_steps
from tests.train.stand_ins import Plain, boxes, objective, seeded

CONFIG = TrainConfig(
    steps=8,
    batch_size=4,
    learning_rate=1e-2,
    warmup=3,
    n_uniform=30,
    n_near=30,
    views=(1, 2),
    checkpoint_every=3,
    device="cpu",
)


def main(folder: str, leave: str = "", die: str = "") -> None:
    torch.set_num_threads(1)
    doomed = os.environ.get("RANK") == "1" and os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"
    for step in train_steps(seeded(Plain), boxes(5), objective, CONFIG, Path(folder)):
        if doomed and str(step.step) == die:
            os._exit(9)
        if str(step.step) == leave:
            break


if __name__ == "__main__":
    main(*sys.argv[1:])
