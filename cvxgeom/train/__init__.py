"""Training of any model on prepared data: batches, the loop, checkpoints, several processes."""

from .batches import Batch, Batches
from .config import TrainConfig
from .loop import TrainResult, train, train_steps
from .presets import PRESETS
from .run import NotFiniteError, Objective, Preview, Validate
from .steps import TrainStep
from .validation import MeanIoU

__all__ = [
    "PRESETS",
    "Batch",
    "Batches",
    "MeanIoU",
    "NotFiniteError",
    "Objective",
    "Preview",
    "TrainConfig",
    "TrainResult",
    "TrainStep",
    "Validate",
    "train",
    "train_steps",
]
