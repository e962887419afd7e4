"""How long it takes from one view to a mesh."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ..mesh import to_trimesh
from ..shape import ConvexUnion
from .prediction import Predictor
from .tables import Speed


def measure_speed(predictor: Predictor, records: Sequence[Any], see: Callable[[Any], Any]) -> Speed:
    """Median times of a predictor, after one turn that does not count.

    Args:
        predictor: any.
        records: as many as shall be timed; those on which it fails are left out.
        see: record → what the predictor sees of it.

    Raises:
        ValueError: it fails on all of them.
    """
    times: list[tuple[float, float, float]] = []
    for turn, record in enumerate([records[0], *records]):
        views = see(record)
        start = time.perf_counter()
        try:
            with torch.no_grad():
                prediction = predictor.predict(views)
            predicted = time.perf_counter() - start
            surface = prediction.surface()
            if isinstance(surface, ConvexUnion):
                to_trimesh(surface)
            meshed = time.perf_counter() - start
            united = float("nan")
            if isinstance(surface, ConvexUnion):
                start = time.perf_counter()
                to_trimesh(surface, "union")
                united = predicted + time.perf_counter() - start
        except (ImportError, MemoryError):
            raise
        except Exception:
            continue
        if turn:
            times.append((predicted, meshed, united))
    if not times:
        raise ValueError(f"records must hold one on which {predictor.name} does not fail, got {len(records)} others")
    predicted, meshed, united = (1000 * float(value) for value in np.median(times, axis=0))
    union = None if np.isnan(united) else united
    return Speed(predictor.name, len(times), predicted, meshed, union, torch.get_num_threads())
