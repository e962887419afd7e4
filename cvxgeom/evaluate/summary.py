"""From rows to means: over shapes, over classes, with intervals, and differences between predictors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .score import METRICS, Row

_N_RESAMPLES = 2000
_LEVEL = 0.95
# Rows of these groups are told apart; "furniture" is what the project's targets are about.
GROUPS = ("furniture", "furniture, solid", "furniture, thin", "other", "all", "all, solid", "all, thin")


@dataclass(frozen=True)
class Mean:
    """A mean over shapes with the interval that resampling the shapes leaves it in 19 of 20 times."""

    value: float
    low: float
    high: float
    n: int  #: shapes that had a value


@dataclass(frozen=True)
class Summary:
    """What one predictor does on one group of shapes under one condition."""

    predictor: str
    n_views: int
    noise: float
    group: str
    n_shapes: int
    n_failed: int
    means: dict[str, Mean]  #: over shapes, of every metric that has a value
    class_means: dict[str, Mean]  #: the mean over classes of the means over the shapes of each
    per_class: dict[str, dict[str, Mean]]  #: class → metric → mean over its shapes


@dataclass(frozen=True)
class Difference:
    """By how much the IoU of one predictor is above that of another on the same shapes."""

    predictor: str
    other: str
    n_views: int
    noise: float
    group: str
    iou: Mean


def in_group(row: Row, group: str) -> bool:
    """Whether a row counts in one of `GROUPS`."""
    kind, _, fill = group.partition(", ")
    belongs = kind == "all" or row.furniture == (kind == "furniture")
    return belongs and (not fill or row.thin == (fill == "thin"))


def main_group(rows: Sequence[Row]) -> str:
    """The group that the first table is about: furniture where there is any."""
    return "furniture" if any(row.furniture for row in rows) else "all"


def summarize(rows: Sequence[Row], seed: int = 0) -> list[Summary]:
    """Means of every predictor, condition and group that has shapes, in the order of the rows.

    Args:
        rows: any.
        seed: of the resampling.
    """
    summaries = []
    for predictor, n_views, noise in dict.fromkeys((row.predictor, row.n_views, row.noise) for row in rows):
        own = [row for row in rows if (row.predictor, row.n_views, row.noise) == (predictor, n_views, noise)]
        for group in GROUPS:
            chosen = [row for row in own if in_group(row, group)]
            if not chosen or (group != "all" and len(chosen) == len(own) and group.startswith("all")):
                continue
            means, class_means = {}, {}
            per_class: dict[str, dict[str, Mean]] = {}
            for metric in METRICS:
                found = [(getattr(row, metric), row.label) for row in chosen if getattr(row, metric) is not None]
                if not found:
                    continue
                values, labels = np.array([value for value, _ in found], dtype=float), [label for _, label in found]
                means[metric] = bootstrap(values, None, seed)
                class_means[metric] = bootstrap(values, labels, seed)
                for label in sorted(set(labels)):
                    mine = values[[one == label for one in labels]]
                    per_class.setdefault(label, {})[metric] = bootstrap(mine, None, seed)
            n_failed = sum(row.status != "ok" for row in chosen)
            counts = len(chosen), n_failed
            summaries.append(Summary(predictor, n_views, noise, group, *counts, means, class_means, per_class))
    return summaries


def differences(rows: Sequence[Row], seed: int = 0) -> list[Difference]:
    """How far the first predictor is above each other one, shape by shape, in the main group.

    The same shapes are hard for everybody, so that this interval is narrower than those of the two means suggest.

    Args:
        rows: any.
        seed: of the resampling.
    """
    group = main_group(rows)
    names = list(dict.fromkeys(row.predictor for row in rows))
    found = []
    for n_views, noise in dict.fromkeys((row.n_views, row.noise) for row in rows):
        here = [row for row in rows if (row.n_views, row.noise) == (n_views, noise) and in_group(row, group)]
        values = {name: {row.shape: row.iou for row in here if row.predictor == name} for name in names}
        for other in names[1:]:
            both = [shape for shape in values[names[0]] if shape in values[other]]
            if both:
                gaps = np.array([values[names[0]][shape] - values[other][shape] for shape in both])
                found.append(Difference(names[0], other, n_views, noise, group, bootstrap(gaps, None, seed)))
    return found


def bootstrap(values: np.ndarray, labels: Sequence[str] | None, seed: int = 0) -> Mean:
    """Mean, and the percentile interval of means of resampled values.

    Args:
        values: (n,) one a shape.
        labels: class of each; then the mean is that over classes, and shapes are resampled within their class. None for
            the mean over shapes.
        seed: of the resampling.

    Example:
        >>> bootstrap(np.array([0.0, 0.0, 1.0]), ["chair", "chair", "lamp"]).value
        0.5
    """
    rng = np.random.default_rng(seed)
    groups = [values] if labels is None else [values[[one == name for one in labels]] for name in sorted(set(labels))]
    drawn = [group[rng.integers(len(group), size=(_N_RESAMPLES, len(group)))].mean(axis=1) for group in groups]
    value = float(np.mean([group.mean() for group in groups]))
    low, high = np.quantile(np.mean(drawn, axis=0), [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    # Rounding must not leave the mean outside of an interval that has no width.
    return Mean(value, min(float(low), value), max(float(high), value), len(values))
