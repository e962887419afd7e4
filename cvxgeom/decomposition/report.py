"""Tables, plots and pictures of the rows."""

import csv
import io
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from .._files import atomic_path
from .contenders import CONTENDERS
from .run import Row

log = logging.getLogger("cvxgeom")
# Key of the scores (or of the row), heading, format.
_COLUMNS = (
    ("iou", "IoU", "{:.3f}"),
    ("over_coverage", "outside", "{:.3f}"),
    ("under_coverage", "missed", "{:.3f}"),
    ("chamfer_l1", "Chamfer-L1 ×1000", "{:.2f}"),
    ("f_score", "F-score 1 %", "{:.3f}"),
    ("parts", "parts", "{:.1f}"),
    ("planes_per_part", "planes per part", "{:.1f}"),
    ("vertices_per_part", "vertices per part", "{:.1f}"),
    ("bytes", "kB", "{:.1f}"),
)
_FACTORS = {"chamfer_l1": 1000.0, "bytes": 1e-3}
_PLOTS = (("parts", "parts"), ("planes", "planes"), ("cpu_seconds", "processor seconds"))


def write_report(folder: Path, rows: Sequence[Row], notes: Sequence[str] = ()) -> list[Path]:
    """Write ``report.md``, ``results.csv``, ``results.tex``, ``results.json`` and ``pareto-SET.png`` into a folder.

    Means are over the shapes that every contender of a set has a row of, and for which all but those that failed have a
    result; a contender's failures are counted beside, and its means are over what it finished.

    Args:
        folder: it is there already.
        rows: at least one.
        notes: lines at the top of the report, such as the command.

    Returns:
        What was written. Plots need matplotlib and are left out, with a warning, where it is not installed.
    """
    sets = list(dict.fromkeys(row.set for row in rows))
    tables = {name: _table([row for row in rows if row.set == name]) for name in sets}
    lines = ["# Decomposition into convexes", "", *(line for note in notes for line in (note, ""))]
    written = []
    for name in sets:
        header, body = tables[name]
        n = len({row.shape for row in rows if row.set == name})
        lines += [f"## {name}: {n} shapes", "", _line(header), _line(["---"] * len(header)), *map(_line, body), ""]
        path = folder / f"pareto-{name}.png"
        try:
            _plot(path, name, [row for row in rows if row.set == name])
        except ImportError as error:
            log.warning("skipped the plots: %s", error)
        else:
            lines += [f"![IoU against parts, planes and seconds]({path.name})", ""]
            written.append(path)
    texts = {
        "report.md": "\n".join(lines),
        "results.csv": _csv(tables),
        "results.tex": _latex(tables),
        "results.json": json.dumps([asdict(row) for row in rows], indent=1),
    }
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*(folder / name for name in texts), *written]


def _table(rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    header = ["", *(heading for _, heading, _ in _COLUMNS), "median s", "median × ours", "peak MB", "failed"]
    ours = {row.shape: row.cpu_seconds for row in rows if row.contender == "balanced" and row.cpu_seconds}
    body = []
    for name in (name for name in CONTENDERS if any(row.contender == name for row in rows)):
        mine = [row for row in rows if row.contender == name]
        good = [row for row in mine if row.scores]
        cells = [CONTENDERS[name].title]
        for key, _, form in _COLUMNS:
            values = [_FACTORS.get(key, 1.0) * row.scores[key] for row in good]
            cells.append(form.format(np.mean(values)) if values else "")
        # One that ran out of time took at least so long.
        seconds = [row.cpu_seconds for row in mine if row.cpu_seconds is not None]
        ratios = [row.cpu_seconds / ours[row.shape] for row in mine if row.cpu_seconds and row.shape in ours]
        memory = [row.peak_bytes / 1e6 for row in good if row.peak_bytes is not None]
        cells += [f"{np.median(seconds):.2f}" if seconds else "", f"{np.median(ratios):.2g}" if ratios else ""]
        cells += [f"{np.median(memory):.0f}" if memory else "", f"{len(mine) - len(good)} of {len(mine)}"]
        body.append(cells)
    return header, body


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _csv(tables: dict[str, tuple[list[str], list[list[str]]]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, (name, (header, body)) in enumerate(tables.items()):
        if not number:
            writer.writerow(["set", "contender", *header[1:]])
        writer.writerows([name, *cells] for cells in body)
    return text.getvalue()


def _latex(tables: dict[str, tuple[list[str], list[list[str]]]]) -> str:
    lines = []
    for name, (header, body) in tables.items():
        lines += [f"% {name}", f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", "\\toprule"]
        rows = [header, *body]
        texts = [
            " & ".join(cell.replace("%", "\\%").replace("×", "$\\times$") for cell in row) + r" \\" for row in rows
        ]
        lines += [texts[0], "\\midrule", *texts[1:], "\\bottomrule", "\\end{tabular}", ""]
    return "\n".join(lines)


def _plot(path: Path, name: str, rows: Sequence[Row]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 3.6), layout="constrained")
    panels = figure.subplots(1, len(_PLOTS), sharey=True)
    for panel, (key, label) in zip(panels, _PLOTS, strict=True):
        for number, contender in enumerate(CONTENDERS):
            good = [row for row in rows if row.contender == contender and row.scores]
            if not good:
                continue
            values = [row.cpu_seconds or 0.0 if key == "cpu_seconds" else row.scores[key] for row in good]
            values = np.maximum(values, 1e-3)  # the axis has no zero
            scores = [row.scores["iou"] for row in good]
            color = f"C{number}"
            panel.scatter(values, scores, s=6, color=color, alpha=0.35)
            panel.scatter(np.median(values), np.mean(scores), s=60, color=color, label=CONTENDERS[contender].title)
        panel.set(xscale="log", xlabel=label)
        panel.grid(alpha=0.3)
    panels[0].set(ylabel="IoU", title=f"{name}: each shape, and median and mean")
    panels[-1].legend(fontsize=7, loc="lower right")
    FigureCanvasAgg(figure)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)
