"""The benchmark itself: every predictor on every record under every condition, written down as it goes."""

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .._files import atomic_path
from .prediction import Predictor
from .score import Row, Truth, score_record

ROWS, SETTINGS = "rows.jsonl", "settings.json"
log = logging.getLogger("cvxgeom")
Key = tuple[str, int, float, str]


@dataclass(frozen=True)
class Condition:
    """What the predictors see of each record.

    Args:
        n_views: so many views, from the first on.
        noise: on their depth, see `cvxgeom.evaluate.inputs.depth_views`.
        surface: whether surfaces are compared, or only volumes.
    """

    n_views: int
    noise: float = 0.0
    surface: bool = True


def conditions(views: Sequence[int], noise: Sequence[float], noisy_views: Sequence[int]) -> list[Condition]:
    """Each number of views without noise, and some of them with each level of noise.

    Surfaces are compared without noise only: that takes longest, and volumes say what noise does.

    Args:
        views: numbers of views.
        noise: levels; 0 is always there.
        noisy_views: those numbers of views for which noise is tried.

    Example:
        >>> [(c.n_views, c.noise) for c in conditions([1, 4], [0, 0.01], [4])]
        [(1, 0.0), (4, 0.0), (4, 0.01)]
    """
    clean = [Condition(n) for n in views]
    return clean + [Condition(n, float(s), surface=False) for n in noisy_views for s in noise if s > 0]


class Journal:
    """Rows on disk, one JSON object a line, added as they are measured; a run that was cut short goes on from them.

    Args:
        folder: of the results; made if it is not there.
        settings: everything that the rows depend on, apart from the predictors.
        identities: predictor → what tells it from another one of the same name, such as the hash of its weights. Rows
            of a predictor that has changed, or is not there any more, are dropped.

    Raises:
        ValueError: the folder holds results of other settings.
    """

    def __init__(self, folder: str | os.PathLike, settings: Mapping[str, Any], identities: Mapping[str, str]) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.path = self.folder / ROWS
        stated = self.folder / SETTINGS
        before: dict[str, Any] = {"settings": dict(settings), "predictors": {}}
        if stated.exists():
            before = json.loads(stated.read_text(encoding="utf-8"))
        now = json.loads(json.dumps({"settings": dict(settings), "predictors": dict(identities)}))
        for name in sorted({*before["settings"], *now["settings"]}):
            was, is_now = before["settings"].get(name), now["settings"].get(name)
            if was != is_now:
                raise ValueError(
                    f"{self.folder} holds results with {name} = {was!r}, not {is_now!r}; choose another folder"
                )
        same = {name for name, identity in now["predictors"].items() if before["predictors"].get(name) == identity}
        self.rows = {key_of(row): row for row in read_rows(self.path) if row.predictor in same}
        write_rows(self.path, self.rows.values())  # without a last line that was cut short
        with atomic_path(stated) as temporary:
            temporary.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")

    def add(self, row: Row) -> None:
        """Write a row down; it is on disk when this returns."""
        self.rows[key_of(row)] = row
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(row), ensure_ascii=False) + "\n")


def evaluate(
    records: Sequence[Any],
    predictors: Sequence[Predictor],
    conditions: Sequence[Condition],
    inputs: Callable[[Any, Condition], Any],
    *,
    journal: Journal | None = None,
    seed: int = 0,
    report: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[Row]:
    """Measure every predictor on every record under every condition.

    Args:
        records: a data set, or any sequence of records.
        predictors: with different names.
        conditions: any.
        inputs: what predictors see of a record under a condition.
        journal: where rows are kept; those that it has are not measured again.
        seed: of all samples.
        report: is told how many of how many rows are there.

    Returns:
        The rows of these records, predictors and conditions, record by record.

    Raises:
        ValueError: two predictors have the same name, or there is none, no record or no condition.
    """
    names = [predictor.name for predictor in predictors]
    if len(set(names)) != len(names):
        raise ValueError(f"predictors must have different names, got {names}")
    for name, value in (("records", records), ("predictors", predictors), ("conditions", conditions)):
        if not len(value):
            raise ValueError(f"{name} must hold at least one, got none")
    known = {} if journal is None else journal.rows
    warm: set[tuple[str, Condition]] = set()
    asked = {c: [p for p in predictors if getattr(p, "only_views", None) in (None, c.n_views)] for c in conditions}
    total = len(records) * sum(map(len, asked.values()))
    rows: list[Row] = []
    for index in range(len(records)):
        record = records[index]
        truth = None
        for condition in conditions:
            views = None
            for predictor in asked[condition]:
                row = known.get((predictor.name, condition.n_views, condition.noise, record.id))
                if row is None:
                    truth = truth or Truth(record, seed)
                    views = inputs(record, condition) if views is None else views
                    where = {"n_views": condition.n_views, "noise": condition.noise, "surface": condition.surface}
                    if (predictor.name, condition) not in warm:
                        # The first call may learn or compile something; its time is not that of a prediction.
                        warm.add((predictor.name, condition))
                        with contextlib.suppress(Exception):
                            predictor.predict(views)
                    row = score_record(predictor, views, truth, **where)
                    if row.status != "ok":
                        log.warning("%s failed on %s: %s", row.predictor, row.shape, row.message)
                    if journal is not None:
                        journal.add(row)
                rows.append(row)
                report(len(rows), total)
    return rows


def key_of(row: Row) -> Key:
    """What tells a row from all others."""
    return row.predictor, row.n_views, row.noise, row.shape


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a file, up to the first line that is not whole; none if there is no file."""
    names = {field.name for field in fields(Row)}
    if not path.exists():
        return
    with open(path, encoding="utf-8") as file:
        for line in file:
            try:
                values = json.loads(line)
            except json.JSONDecodeError:
                return
            if not line.endswith("\n") or set(values) != names:
                return
            yield Row(**values)


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """One JSON object a line; the file is complete or as it was."""
    with atomic_path(path) as temporary:
        lines = (json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
        temporary.write_text("".join(lines), encoding="utf-8")
