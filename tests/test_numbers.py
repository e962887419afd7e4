"""NumPy's numbers serve wherever Python's do, as counts and sizes come out of arrays; true and false are no numbers."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import cvxgeom
from cvxgeom.evaluate.geometric import SpaceCarving
from cvxgeom.fit import Field
from cvxgeom.metrics import sample_boundary
from cvxgeom.ops import sample_grid, training_indicators
from cvxgeom.prepare import PrepareConfig
from cvxgeom.render import picture
from cvxgeom.simulation import Limits
from cvxgeom.train import TrainConfig

BOX = cvxgeom.box()
PLANES = (BOX.normals, BOX.offsets, BOX.translations, BOX.smoothness)
POINTS = torch.linspace(-1, 1, 12).view(4, 3)


def guides(n: int) -> torch.Tensor:
    planes = (*PLANES, torch.as_tensor(BOX.sharpness))
    return training_indicators(POINTS, *planes, occupancy=torch.zeros(4), n_guides=n).guides


COUNTS: dict[str, tuple[Callable[[int], Any], int]] = {
    "metrics.iou": (lambda n: cvxgeom.metrics.iou(BOX, BOX, n_points=n), 100),
    "metrics.sample_boundary": (lambda n: sample_boundary(BOX, n)[0].tolist(), 8),
    "to_trimesh": (lambda n: len(cvxgeom.to_trimesh(BOX, "grid", resolution=n).faces), 8),
    "ops.sample_grid": (lambda n: sample_grid((-1, -1, -1), 0.5, (n, n, n), *PLANES, truncation=1.0).tolist(), 3),
    "ops.training_indicators": (lambda n: guides(n).tolist(), 1),
    "space carving": (lambda n: SpaceCarving(resolution=n), 8),
    "field": (lambda n: Field(len, ((0, 0, 0), (1, 1, 1)), "sdf", resolution=n).resolution, 16),
    "train": (lambda n: json.dumps(TrainConfig(steps=n, views=(n, n)).to_dict()), 3),
    "prepare": (lambda n: json.dumps(PrepareConfig(grid=n).to_dict()), 16),
    "limits": (lambda n: Limits(n), 8),
}


@pytest.mark.parametrize("name", COUNTS)
def test_whole_numbers(name: str) -> None:
    call, n = COUNTS[name]
    assert call(np.int64(n)) == call(n)  # pyright: ignore[reportArgumentType]
    for wrong in (True, n + 0.5):
        with pytest.raises((TypeError, ValueError), match=r"whole number|integer"):
            call(wrong)


def test_lengths_and_rates() -> None:
    a, b = (sample_grid((-1, -1, -1), h, (3, 3, 3), *PLANES, truncation=2 * h) for h in (0.5, np.float32(0.5)))
    assert torch.equal(a, b)
    settings = TrainConfig(learning_rate=np.float64(0.5), scale=(np.float32(0.5), np.float32(2)))  # pyright: ignore
    assert json.dumps(settings.to_dict()) == json.dumps(TrainConfig(learning_rate=0.5, scale=(0.5, 2.0)).to_dict())
    pictures = [picture(BOX, size=(32, 24), explode=explode) for explode in (0.5, np.float32(0.5))]
    assert pictures[0] == pictures[1]
