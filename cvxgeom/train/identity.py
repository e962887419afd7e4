"""What tells a model and its data from others, in plain values that a checkpoint keeps."""

import hashlib
import json
from dataclasses import asdict, is_dataclass
from typing import Any

from torch import nn


def about_model(model: nn.Module) -> dict[str, Any]:
    """Its class, and its configuration if it has one."""
    config = getattr(model, "config", None)
    values = asdict(config) if is_dataclass(config) and not isinstance(config, type) else config
    values = values if isinstance(values, dict) else {}
    return json.loads(json.dumps({"class": type(model).__name__, **values}, default=str))


def about_data(datasets: tuple[Any, ...]) -> dict[str, Any]:
    """Which shapes a run learns from: how many, and a fingerprint of their names."""
    ids = (dataset.ids if hasattr(dataset, "ids") else (record.id for record in dataset) for dataset in datasets)
    names = [str(name) for part in ids for name in part]
    return {
        "n_shapes": len(names),
        "fingerprint": hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest(),
    }
