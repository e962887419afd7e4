"""One call for the whole benchmark of a prepared data set: predictors by name, measured, summed up, written down."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import check_choice
from ..data import Dataset, color_views
from .geometric import BoundingBox, SeenHull, SpaceCarving, VisualHull
from .inputs import depth_views
from .learned import Learned
from .memory import MeanShape, Retrieval, TunedCarving
from .prediction import Predictor
from .results import Results, Written, picture_cases, write_results
from .run import Condition, Journal, conditions, evaluate
from .score import ceiling
from .speed import measure_speed
from .summary import main_group

TASKS: dict[str, tuple[str, ...]] = {
    "depth-to-3d": ("box", "hull", "carving", "tuned-carving", "mean", "retrieval"),
    "rgb-to-3d": ("visual-hull", "mean", "retrieval"),
}
LEARN_FROM = ("furniture", "all")
_N_TIMED = 10


@dataclass(frozen=True)
class Plan:
    """What is measured on what.

    Args:
        dataset: folder that ``cvxgeom prepare`` wrote.
        task: one of `TASKS`.
        predictors: built-in ones by name, see `TASKS`; by default all of the task.
        views: numbers of views; by default 1, 2, 4, 8 and 20 depth views, and one picture.
        noise: levels, see `cvxgeom.evaluate.depth_views`; pictures have none.
        noisy_views: numbers of views for which noise is tried; by default the least and the greatest.
        split: that is measured.
        limit: at most so many shapes, evenly spaced over the split; None for all.
        furniture: whether only shapes that are marked as furniture are measured.
        surface_views: numbers of views for which surfaces are compared, too, which takes longest; by default the least
            and the greatest.
        train: split whose shapes mean shape and retrieval remember.
        val: split on which levels and slacks are chosen.
        learn_from: ``"furniture"`` to remember furniture alone (if there is any), or ``"all"``.
        seed: of all samples and noise.
        pictures: whether cases are drawn.

    Raises:
        ValueError: a choice is unknown, or a number of views is not there.
    """

    dataset: Path
    task: str = "depth-to-3d"
    predictors: Sequence[str] | None = None
    views: Sequence[int] | None = None
    noise: Sequence[float] = (0.0, 0.005, 0.01, 0.02)
    noisy_views: Sequence[int] | None = None
    split: str = "test"
    limit: int | None = None
    furniture: bool = False
    surface_views: Sequence[int] | None = None
    train: str = "train"
    val: str = "val"
    learn_from: str = "furniture"
    seed: int = 0
    pictures: bool = True

    def __post_init__(self) -> None:
        check_choice("task", self.task, tuple(TASKS))
        check_choice("learn_from", self.learn_from, LEARN_FROM)
        is_depth = self.task == "depth-to-3d"
        defaults = {"predictors": TASKS[self.task], "views": (1, 2, 4, 8, 20) if is_depth else (1,)}
        for name, value in defaults.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        if not is_depth:
            object.__setattr__(self, "noise", (0.0,))
        for name in self.predictors or ():
            check_choice("predictors", name, TASKS[self.task])
        for name in ("views", "noise"):
            if not len(getattr(self, name)):
                raise ValueError(f"{name} must hold at least one number, got none")

    @property
    def ends(self) -> list[int]:
        """The least and the greatest number of views."""
        assert self.views is not None
        return sorted({min(self.views), max(self.views)})

    def conditions(self) -> list[Condition]:
        """Each number of views without noise, some with."""
        assert self.views is not None
        noisy, surface = (self.ends if n is None else n for n in (self.noisy_views, self.surface_views))
        return [
            replace(c, surface=c.surface and c.n_views in surface) for c in conditions(self.views, self.noise, noisy)
        ]

    def see(self, record: Any, n_views: int, noise: float = 0.0) -> Any:
        """What predictors see of a record."""
        if self.task == "depth-to-3d":
            return depth_views(record, n_views, noise, self.seed)
        return color_views(record, n_views)

    def settings(self) -> dict[str, Any]:
        """What rows depend on, as plain values."""
        manifest = (self.dataset / "manifest.json").read_bytes()
        learned = {"train": self.train, "val": self.val, "learn_from": self.learn_from}
        place = {"dataset": hashlib.sha256(manifest).hexdigest(), "split": self.split, "task": self.task}
        return {**place, **learned, "seed": self.seed}


def benchmark(
    plan: Plan,
    folder: Path,
    learned: Sequence[Learned] = (),
    *,
    notes: Sequence[str] = (),
    report: Callable[[str, int, int], None] = lambda _what, _done, _all: None,
) -> Written:
    """Measure predictors on a data set and write the results; what is there already of the same plan is kept.

    Args:
        plan: what is measured on what.
        folder: of the results.
        learned: predictors from outside; they come first in all tables, and differences are those of the first one.
        notes: lines for the top of the report.
        report: is told what goes on, and how much of it is done.

    Returns:
        Summaries and files.

    Raises:
        FileNotFoundError: there is no such data set.
        ValueError: it has no such split, or the folder holds results of another plan.
    """
    records = _spaced(_measured(plan), plan.limit)
    predictors, identities = _predictors(plan, learned)
    settings = plan.settings()
    journal = Journal(folder, settings, identities)

    chosen = plan.conditions()
    rows = evaluate(
        records,
        predictors,
        chosen,
        lambda record, condition: plan.see(record, condition.n_views, condition.noise),
        journal=journal,
        seed=plan.seed,
        report=lambda done, total: report("measuring", done, total),
    )
    first = plan.ends[0]
    timed = [p for p in predictors if getattr(p, "only_views", None) in (None, first)]
    speeds = []
    for i, predictor in enumerate(timed):
        report("timing", i, len(timed))
        speeds.append(measure_speed(predictor, _spaced(records, _N_TIMED), lambda record: plan.see(record, first)))
    by_id = {record.id: record for record in records}

    def pictures(place: Path) -> dict[str, str]:
        found: dict[str, str] = {}
        for i, n_views in enumerate(plan.ends):
            report("drawing", i, len(plan.ends))
            able = [p for p in predictors if getattr(p, "only_views", None) in (None, n_views)]
            found |= picture_cases(
                place, rows, by_id, able, Condition(n_views), lambda record, n=n_views: plan.see(record, n)
            )
        return found

    group = main_group(rows)
    ceilings = [ceiling(record) for record in records if group == "all" or record.furniture]
    mean_ceiling = {name: float(np.mean([one[name] for one in ceilings])) for name in ceilings[0]}
    which = {"limit": plan.limit, "furniture": plan.furniture}
    results = Results(_title(plan), {**settings, **which}, notes, mean_ceiling, speeds)
    return write_results(folder, rows, results, pictures if plan.pictures else None)


def _predictors(plan: Plan, learned: Sequence[Learned]) -> tuple[list[Predictor], dict[str, str]]:
    """All predictors with their identities; the training shapes are opened if one needs them."""
    found: list[Predictor] = [entry.predictor for entry in learned]
    identities = {entry.predictor.name: entry.identity for entry in learned}
    encoders = [entry for entry in learned if entry.encode is not None]
    train: list[Any] = []
    val: list[Any] = []
    if encoders or {"tuned-carving", "mean", "retrieval"} & set(plan.predictors or ()):
        train = _learned_from(Dataset(plan.dataset, plan.train), plan.learn_from)
        val = _learned_from(Dataset(plan.dataset, plan.val), plan.learn_from)
    make: Mapping[str, Callable[[], Predictor]] = {
        "box": BoundingBox,
        "hull": SeenHull,
        "carving": SpaceCarving,
        "tuned-carving": lambda: TunedCarving(val),
        "visual-hull": VisualHull,
        "mean": lambda: MeanShape(train, val, see=plan.see),
        "retrieval": lambda: Retrieval(train, see=plan.see),
    }
    for name in plan.predictors or ():
        found.append(make[name]())
    for entry in encoders:
        assert entry.encode is not None
        name = f"retrieval by {entry.predictor.name}"
        found.append(Retrieval(train, entry.encode, name=name, see=plan.see))
        identities[name] = entry.identity
    return found, {predictor.name: identities.get(predictor.name, "") for predictor in found}


def _learned_from(dataset: Dataset, learn_from: str) -> list[Any]:
    records = list(dataset)
    furniture = [record for record in records if record.furniture]
    return furniture if learn_from == "furniture" and furniture else records


def _measured(plan: Plan) -> Sequence[Any] | Dataset:
    dataset = Dataset(plan.dataset, plan.split)
    if not plan.furniture:
        return dataset
    found = [record for record in dataset if record.furniture]
    if not found:
        raise ValueError(f"furniture must be marked in the dataset to be measured alone, got none in {plan.split}")
    return found


def _spaced(records: Sequence[Any] | Dataset, limit: int | None) -> list[Any]:
    """At most so many, evenly spaced, so that nobody picked them."""
    n = len(records) if limit is None else min(limit, len(records))
    return [records[int(i)] for i in np.linspace(0, len(records) - 1, n).round()]


def _title(plan: Plan) -> str:
    return f"{plan.task}: {plan.dataset.name}, {plan.split} split"
