"""A folder of results: tables, curves and pictures from the rows, each file complete or as it was."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .._files import atomic_path
from ..render import save_picture
from .cases import draw_cases, pick_cases
from .plots import plot_noise, plot_size, plot_views
from .prediction import Predictor
from .run import Condition
from .score import Row
from .summary import Difference, Summary, differences, summarize
from .tables import Speed, csv_text, json_text, latex, markdown

log = logging.getLogger("cvxgeom")


@dataclass(frozen=True)
class Results:
    """What `write_results` is made of, apart from the rows.

    Args:
        title: of the report.
        settings: of the run, for the JSON file.
        notes: lines that stand at the top of the report: the command, the data.
        ceiling: what surface metrics say of the truth itself, see `cvxgeom.evaluate.score.ceiling`.
        speeds: from one view to a mesh.
    """

    title: str
    settings: Mapping[str, Any]
    notes: Sequence[str] = ()
    ceiling: Mapping[str, float] = field(default_factory=dict)
    speeds: Sequence[Speed] = ()


@dataclass(frozen=True)
class Written:
    """What came of it.

    Args:
        summaries: means of the rows.
        gaps: how far the first predictor is above the others.
        files: what was written.
        skipped: what was not, and why.
    """

    summaries: list[Summary]
    gaps: list[Difference]
    files: list[Path]
    skipped: list[str]


def write_results(
    folder: Path,
    rows: Sequence[Row],
    results: Results,
    pictures: Callable[[Path], dict[str, str]] | None = None,
) -> Written:
    """Write ``report.md``, ``results.csv``, ``results.tex``, ``results.json``, curves, and pictures of cases.

    Args:
        folder: where; it is there already.
        rows: measured ones, at least one.
        results: the rest.
        pictures: draws pictures of cases into the folder and returns title → file name, see `picture_cases`.

    Returns:
        Summaries and files. What needs a package that is not installed is skipped.
    """
    summaries, gaps = summarize(rows), differences(rows)
    shown: dict[str, str] = {}
    skipped: list[str] = []
    curves: dict[str, Callable[..., None]] = {}
    if len({s.n_views for s in summaries}) > 1:
        curves["IoU against the number of views"] = plot_views
    if any(s.noise for s in summaries):
        curves["IoU against noise"] = plot_noise
    curves["IoU against the size of the result"] = plot_size
    try:
        for name, plot in curves.items():
            path = folder / f"{plot.__name__.removeprefix('plot_')}.png"
            plot(path, summaries)
            shown[name] = path.name
    except ImportError as error:
        skipped.append(f"curves: {error}")
    try:
        shown.update(pictures(folder) if pictures else {})
    except ImportError as error:
        skipped.append(f"pictures of cases: {error}")
    for sentence in skipped:
        log.warning("skipped %s", sentence)
    more = {"ceiling": results.ceiling, "speeds": results.speeds}
    texts = {
        "report.md": markdown(results.title, rows, summaries, gaps, notes=results.notes, pictures=shown, **more),
        "results.csv": csv_text(summaries),
        "results.tex": latex(summaries),
        "results.json": json_text(
            results.settings,
            summaries,
            gaps,
            ceiling=dict(results.ceiling),
            speeds=[asdict(speed) for speed in results.speeds],
            skipped=skipped,
        ),
    }
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return Written(summaries, gaps, [folder / name for name in (*texts, *shown.values())], skipped)


def picture_cases(
    folder: Path,
    rows: Sequence[Row],
    records: Mapping[str, Any],
    predictors: Sequence[Predictor],
    condition: Condition,
    see: Callable[[Any], Any],
) -> dict[str, str]:
    """Draw each predictor's best, median and worst case, and a few cases of the first one with all predictors.

    Args:
        folder: where to write.
        rows: measured ones.
        records: id → record.
        predictors: all of them.
        condition: under which the cases are chosen.
        see: record → what predictors see of it under that condition.

    Returns:
        Title → file name.
    """
    place = condition.n_views, condition.noise
    label = "1 view" if condition.n_views == 1 else f"{condition.n_views} views"
    stem = f"{condition.n_views:02d}-views"
    here = [row for row in rows if (row.n_views, row.noise) == place]
    names = list(dict.fromkeys(row.predictor for row in here))
    scores = {(row.predictor, row.shape): row.iou for row in here}
    found = {}
    for number, name in enumerate(names):
        chosen = pick_cases([row for row in here if row.predictor == name])
        words = ("best", "median", "worst") if len(chosen) == 3 else ("best", "worst")
        cases = [(records[row.shape], f"{word}: {row.label}") for word, row in zip(words, chosen)]
        mine = [predictor for predictor in predictors if predictor.name == name]
        path = folder / f"cases-{stem}-{number:02d}.png"
        save_picture(draw_cases(cases, mine, see, scores), path)
        found[f"Best, median and worst of {name}, {label}"] = path.name
    # Spread over the ranking of the first one, so that nobody picked them.
    chosen = pick_cases([row for row in here if row.predictor == names[0]], tuple(np.linspace(0.9, 0.1, 5)))
    cases = [(records[row.shape], f"{row.label}: {records[row.shape].name}") for row in chosen]
    path = folder / f"compared-{stem}.png"
    save_picture(draw_cases(cases, predictors, see, scores, size=180), path)
    found[f"From the best tenth of {names[0]} to its worst, beside the others, {label}"] = path.name
    return found
