"""What is written down while a run goes on: a line for each step, and the same for TensorBoard."""

import json
import math
from pathlib import Path
from typing import Any

from .._files import atomic_path
from .steps import TrainStep

METRICS, BOARD = "metrics.jsonl", "tensorboard"


class Journal:
    """``metrics.jsonl``, one JSON object a step, and event files for TensorBoard where it is installed.

    Args:
        folder: of the run.
        step: that the run goes on from; what was written down of later steps is taken back, for they come again.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / METRICS
        lines = [json.dumps(line) + "\n" for line in read_metrics(self.path) if line["step"] <= step]
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(lines), encoding="utf-8")
        self._file = open(self.path, "a", encoding="utf-8")
        self._board = _board(folder / BOARD, step)

    def add(self, step: TrainStep) -> None:
        """Write a step down; its line is on disk when this returns."""
        line: dict[str, Any] = {
            "step": step.step,
            "loss": step.loss,
            "terms": step.terms,
            "learning_rate": step.learning_rate,
            "gradient_norm": step.gradient_norm,
            "seconds": round(step.seconds, 3),
            "data_wait": round(step.data_wait, 4),
            "shapes_per_second": round(step.shapes_per_second, 3),
        }
        line |= {"scores": step.scores} if step.scores else {}
        self._file.write(json.dumps(_finite(line)) + "\n")
        self._file.flush()
        if self._board is not None:
            self._to_board(step)

    def close(self) -> None:
        """Nothing more will come."""
        self._file.close()
        if self._board is not None:
            self._board.close()

    def _to_board(self, step: TrainStep) -> None:
        numbers = {"loss": step.loss, "learning rate": step.learning_rate, "gradient norm": step.gradient_norm}
        numbers |= {"speed/shapes per second": step.shapes_per_second, "speed/data wait": step.data_wait}
        numbers |= {f"terms/{name}": value for name, value in step.terms.items()}
        numbers |= {f"validation/{name}": value for name, value in step.scores.items()}
        for name, value in numbers.items():
            self._board.add_scalar(name, value, step.step)
        if step.picture is not None:
            import numpy as np
            from PIL import Image

            with Image.open(step.picture) as image:
                self._board.add_image("preview", np.asarray(image.convert("RGB")), step.step, dataformats="HWC")


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Lines of ``metrics.jsonl``, up to the first that is not whole; none if there is no file.

    Args:
        path: of the file.
    """
    found: list[dict[str, Any]] = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            try:
                values = json.loads(line)
            except json.JSONDecodeError:
                break
            if not line.endswith("\n"):
                break
            found.append(values)
    return found


def _board(folder: Path, step: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity."""
    if isinstance(value, dict):
        return {name: _finite(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
