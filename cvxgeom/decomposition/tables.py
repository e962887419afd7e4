"""Rows as tables: Markdown, CSV, LaTeX."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from ..evaluate.summary import bootstrap
from .contenders import CONTENDERS
from .run import Row

Table = tuple[list[str], list[list[str]]]  # header and lines, all with a cell for each column
# Figure, heading, factor and format of its cells.
_COLUMNS = (
    ("iou", "IoU", 1.0, "{:.3f}"),
    ("over_coverage", "outside", 1.0, "{:.3f}"),
    ("under_coverage", "missed", 1.0, "{:.3f}"),
    ("chamfer_l1", "Chamfer-L1 ×1000", 1e3, "{:.2f}"),
    ("f_score", "F-score 1 %", 1.0, "{:.3f}"),
    ("parts", "parts", 1.0, "{:.1f}"),
    ("parts_per_known", "parts ÷ known", 1.0, "{:.2f}"),
    ("planes_per_part", "planes per part", 1.0, "{:.1f}"),
    ("vertices_per_part", "vertices per part", 1.0, "{:.1f}"),
    ("bytes", "kB", 1e-3, "{:.1f}"),
    ("cpu_seconds", "processor s", 1.0, "{:.2f}"),
    ("ratio", "× ours", 1.0, "{:.2g}"),
    ("seconds", "clock s", 1.0, "{:.2f}"),
    ("peak_bytes", "peak MB", 1e-6, "{:.0f}"),
    ("iou_failed_0", "IoU, failed as 0", 1.0, "{:.3f}"),
    ("failed", "failed", 1.0, "{:.0f}"),
    ("shapes", "shapes", 1.0, "{:.0f}"),
)
_SCORES = ("over_coverage", "under_coverage", "chamfer_l1", "f_score", "parts", "planes_per_part", "vertices_per_part")
LEGEND = """Scores are those of the exact polytopes; the longest side of a mesh is 1. *IoU*: uniform in the joint
bounding box. *Outside*: share of the result outside of the solid; *missed*: share of the solid outside of the result.
*Planes*: faces of the hulls, coplanar triangles merged. *kB*: 16 bytes for each plane. Means over the shapes that a
contender finished; beside them the mean IoU with 0 where it failed, and the number of failures: ran out of time,
crashed, or has no result. Times and memory are medians, from the mesh in memory to the parts, on one thread, after a
first call that does not count; a contender that ran out of time took its limit. *Processor s* does not depend on what
else the machine does; *× ours*: its ratio to that of the first contender's on the same mesh. *Peak MB*: what the call
added.
"""


def figures(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Means and medians of each contender, by the names in `_COLUMNS`; what nobody knows is left out.

    Args:
        rows: of one set; times are compared with those of its first contender, in the order of `CONTENDERS`.
    """
    names = present(rows)
    ours = {row.shape: row.cpu_seconds for row in rows if row.contender == names[0] and row.cpu_seconds}
    found = {}
    for name in names:
        mine = [row for row in rows if row.contender == name]
        good = [row for row in mine if row.scores]
        values = {key: [row.scores[key] for row in good] for key in ("iou", *_SCORES, "bytes")}
        known = [row for row in good if row.scores.get("known_parts")]
        values["parts_per_known"] = [row.scores["parts"] / row.scores["known_parts"] for row in known]
        values["iou_failed_0"] = [row.scores.get("iou", 0.0) for row in mine]
        times = {
            "cpu_seconds": [row.cpu_seconds for row in mine if row.cpu_seconds is not None],
            "ratio": [row.cpu_seconds / ours[row.shape] for row in mine if row.cpu_seconds and row.shape in ours],
            "seconds": [row.seconds for row in mine if row.seconds is not None],
            "peak_bytes": [row.peak_bytes for row in good if row.peak_bytes is not None],
        }
        found[name] = {key: float(np.mean(several)) for key, several in values.items() if several}
        found[name] |= {key: float(np.median(several)) for key, several in times.items() if several}
        found[name] |= {"failed": len(mine) - len(good), "shapes": len(mine)}
    return found


def of_set(rows: Sequence[Row]) -> Table:
    """`figures` as a table.

    Args:
        rows: of one set.
    """
    body = []
    for name, known in figures(rows).items():
        cells = [form.format(factor * known[key]) if key in known else "" for key, _, factor, form in _COLUMNS]
        body.append([CONTENDERS[name].title, *cells])
    return ["", *(heading for _, heading, _, _ in _COLUMNS)], body


def gaps(rows: Sequence[Row]) -> Table:
    """By how much the IoU of the first contender is above each other's, on the shapes that both finished.

    Args:
        rows: of one set.
    """
    names = present(rows)
    ious = {
        name: {row.shape: row.scores["iou"] for row in rows if row.contender == name and row.scores} for name in names
    }
    body = []
    for other in names[1:]:
        both = [ious[names[0]][shape] - ious[other][shape] for shape in ious[names[0]] if shape in ious[other]]
        if both:
            gap = bootstrap(np.array(both), None)
            cells = f"{gap.value:+.3f}", f"{gap.low:+.3f} … {gap.high:+.3f}", str(gap.n)
            body.append([CONTENDERS[other].title, *cells])
    return ["IoU above", "mean", "19 of 20 resamples", "shapes"], body


def present(rows: Sequence[Row]) -> list[str]:
    """The contenders that have rows, in the order of `CONTENDERS`."""
    return [name for name in CONTENDERS if any(row.contender == name for row in rows)]


def markdown(table: Table) -> list[str]:
    """Lines of a table."""
    header, body = table
    return [_line(header), _line(["---"] * len(header)), *map(_line, body)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def csv_text(tables: Mapping[str, Table]) -> str:
    """Tables of sets, one below the other, the set in the first column."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for number, (name, (header, body)) in enumerate(tables.items()):
        if not number:
            writer.writerow(["set", "contender", *header[1:]])
        writer.writerows([name, *cells] for cells in body)
    return text.getvalue()


def latex(tables: Mapping[str, Table]) -> str:
    """One table for each set, with the rules of booktabs."""
    lines = []
    for name, (header, body) in tables.items():
        lines += [f"% {name}", f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}", "\\toprule"]
        rows = [header, *body]
        texts = [" & ".join(map(_escaped, row)) + r" \\" for row in rows]
        lines += [texts[0], "\\midrule", *texts[1:], "\\bottomrule", "\\end{tabular}", ""]
    return "\n".join(lines)


def _escaped(text: str) -> str:
    for letter, command in (("%", r"\%"), ("×", r"$\times$"), ("÷", r"$\div$")):
        text = text.replace(letter, command)
    return text
