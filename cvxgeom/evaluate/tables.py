"""Summaries as Markdown, CSV, LaTeX and JSON."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .score import METRICS, Row
from .summary import Difference, Mean, Summary

# Column title, metric, format. Arrows say which way is better.
_COLUMNS = (
    ("in its box ↑", "iou_in_box", "{:.3f}"),
    ("exact ↑", "iou_exact", "{:.3f}"),
    ("Chamfer ×100, squared ↓", "chamfer_l2sq_sum_x100", "{:.3f}"),
    ("Chamfer-L1 ↓", "chamfer_l1_mean", "{:.4f}"),
    ("F at 0.01 ↑", "f_score", "{:.3f}"),
    ("normals ↑", "normal_consistency", "{:.3f}"),
    ("parts", "n_parts", "{:.1f}"),
    ("numbers", "n_numbers", "{:.0f}"),
    ("seconds", "seconds", "{:.3f}"),
)
LEGEND = """IoU: at the points of the data set in the bounding box of the truth and at random ones outside, up to
[−0.65, 0.65]³; the interval holds the mean in 95 % of resamples of the shapes. *In its box*: at points in the bounding
box of the truth alone, as CvxNet's code has it; what a prediction fills outside is not counted. *Exact*: of the exact
polytopes, where the IoU is that of smooth convexes. *Chamfer ×100, squared*: 100 times the sum of both mean squared
distances, as CvxNet's code has it. *Chamfer-L1*: half the sum of both mean distances; the longest side of a shape is 1.
*F*: F-score at a distance of 0.01. *Numbers*: that state the result: 4 for each plane that has a face, 6 for a box, 1
for each cube or node of a grid. *Seconds*: from views to prediction, without its mesh. A shape on which a predictor
fails counts as IoU, F and normals 0; Chamfer leaves it out.

Results of the literature are for ShapeNet, which is not here, and not from our own runs: they are not in these tables.
"""


@dataclass(frozen=True)
class Speed:
    """How long one predictor takes from the fewest views that are tried, medians in milliseconds."""

    predictor: str
    n_shapes: int
    predict: float
    mesh: float  #: prediction and its mesh: the exact parts of a union, marching cubes of anything else
    union: float | None  #: prediction and the watertight union of its parts
    n_threads: int


def markdown(
    title: str, rows: Sequence[Row], summaries: Sequence[Summary], gaps: Sequence[Difference], **more: Any
) -> str:
    """The whole report.

    Args:
        title: of it.
        rows: measured ones.
        summaries: of the rows, see `cvxgeom.evaluate.summarize`.
        gaps: of the rows, see `cvxgeom.evaluate.differences`.
        **more: ``notes`` (lines), ``ceiling`` (metric → number), ``speeds``, ``pictures`` (title → file name).
    """
    lines = [f"# {title}", "", *more.get("notes", ()), "", LEGEND, ""]
    if not summaries:
        return "\n".join(lines)
    group = summaries[0].group
    clean = [s for s in summaries if s.group == group and not s.noise]
    for n_views in dict.fromkeys(s.n_views for s in clean):
        chosen = [s for s in clean if s.n_views == n_views]
        lines += [f"## {_views(n_views)}: {group}, {chosen[0].n_shapes} shapes", ""]
        lines += [*_main_table(chosen, summaries, more.get("ceiling")), ""]
    for n_views in dict.fromkeys(s.n_views for s in clean):
        lines += [f"## IoU of each class, {_views(n_views)}", ""]
        lines += [*_class_table([s for s in clean if s.n_views == n_views]), ""]
    lines += ["## IoU against the number of views", "", *_curve_table(clean, "views", lambda s: s.n_views), ""]
    for n_views in dict.fromkeys(s.n_views for s in summaries if s.noise):
        own = [s for s in summaries if s.group == group and s.n_views == n_views]
        lines += [f"## IoU against noise, {_views(n_views)}", "", *_curve_table(own, "noise", lambda s: s.noise), ""]
    others = [s for s in summaries if s.group in ("other", "all") and not s.noise]
    if others and group == "furniture":
        lines += ["## Not furniture, and everything", "", *_group_table(others), ""]
    if gaps:
        lines += [f"## How far {gaps[0].predictor} is above the others, shape by shape", "", *_gap_table(gaps), ""]
    if more.get("speeds"):
        lines += ["## From the fewest views to a mesh", "", *_speed_table(more["speeds"]), ""]
    for name, path in more.get("pictures", {}).items():
        lines += [f"![{name}]({path})", ""]
    failed = [row for row in rows if row.status != "ok"]
    if failed:
        lines += ["## Failures", ""]
        lines += [f"- {r.predictor}, {_views(r.n_views)}, noise {r.noise:g}: {r.shape}: {r.message}" for r in failed]
        lines.append("")
    return "\n".join(lines)


def csv_text(summaries: Iterable[Summary]) -> str:
    """One line a predictor, condition, group, class and metric; class "mean": that of classes; "": of shapes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = "predictor,views,noise,group,class,metric,mean,low,high,shapes,failed".split(",")
    writer.writerow(head)
    for s in summaries:
        for label, means in {"": s.means, "mean": s.class_means, **s.per_class}.items():
            for metric, mean in means.items():
                place = (s.predictor, s.n_views, s.noise, s.group, label, metric)
                writer.writerow([*place, repr(mean.value), repr(mean.low), repr(mean.high), mean.n, s.n_failed])
    return out.getvalue()


def latex(summaries: Sequence[Summary]) -> str:
    """The main table for a paper (booktabs): one block for each number of views without noise."""
    group = summaries[0].group
    head = ["", "IoU", "classes", "Chamfer", "F-score", "normals", "parts"]
    lines = [r"\begin{tabular}{l" + "r" * (len(head) - 1) + "}", r"\toprule", " & ".join(head) + r" \\"]
    clean = [s for s in summaries if s.group == group and not s.noise]
    for n_views in dict.fromkeys(s.n_views for s in clean):
        lines += [r"\midrule", rf"\multicolumn{{{len(head)}}}{{l}}{{{_views(n_views)}}} \\"]
        for s in (s for s in clean if s.n_views == n_views):
            iou = s.means["iou"]
            cells = [_escaped(s.predictor), rf"${iou.value:.3f}_{{{iou.low:.3f}}}^{{{iou.high:.3f}}}$"]
            cells += [_cell(s.class_means, "iou", "{:.3f}"), _cell(s.means, "chamfer_l2sq_sum_x100", "{:.3f}")]
            cells += [_cell(s.means, "f_score", "{:.3f}"), _cell(s.means, "normal_consistency", "{:.3f}")]
            lines.append(" & ".join([*cells, _cell(s.means, "n_parts", "{:.1f}")]) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def json_text(
    settings: Mapping[str, Any], summaries: Sequence[Summary], gaps: Sequence[Difference], **more: Any
) -> str:
    """Everything as one JSON object.

    Args:
        settings: of the run.
        summaries: means.
        gaps: differences.
        **more: further entries.
    """
    whole = {"settings": dict(settings), "metrics": list(METRICS), **more}
    whole["summaries"], whole["differences"] = [asdict(s) for s in summaries], [asdict(gap) for gap in gaps]
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _main_table(chosen: list[Summary], everything: Sequence[Summary], ceiling: Mapping[str, float] | None) -> list[str]:
    titles = [
        "",
        "IoU ↑",
        "95 %",
        "mean of classes ↑",
        "solid ↑",
        "thin ↑",
        *(title for title, _, _ in _COLUMNS),
        "failed",
    ]
    lines = [_line(titles), _line(["---"] * len(titles))]
    for s in chosen:
        iou = s.means["iou"]
        cells = [
            s.predictor,
            f"{iou.value:.3f}",
            f"{iou.low:.3f} … {iou.high:.3f}",
            _cell(s.class_means, "iou", "{:.3f}"),
        ]
        for fill in ("solid", "thin"):
            place = (s.predictor, s.n_views, s.noise, f"{s.group}, {fill}")
            found = [o for o in everything if (o.predictor, o.n_views, o.noise, o.group) == place]
            cells.append(_cell(found[0].means, "iou", "{:.3f}") if found else "")
        cells += [_cell(s.means, metric, form) for _, metric, form in _COLUMNS]
        lines.append(_line([*cells, str(s.n_failed or "")]))
    if ceiling:
        cells = ["*the truth, sampled again*", "1.000", "", "1.000", "1.000", "1.000"]
        cells += [form.format(ceiling[metric]) if metric in ceiling else "" for _, metric, form in _COLUMNS]
        lines.append(_line([*cells, ""]))
    return lines


def _class_table(chosen: list[Summary]) -> list[str]:
    labels = sorted({label for s in chosen for label in s.per_class})
    counts = {label: max(s.per_class[label]["iou"].n for s in chosen if label in s.per_class) for label in labels}
    lines = [_line(["", *(f"{label} ({counts[label]})" for label in labels)]), _line(["---"] * (1 + len(labels)))]
    for s in chosen:
        lines.append(_line([s.predictor, *(_cell(s.per_class.get(label, {}), "iou", "{:.3f}") for label in labels)]))
    return lines


def _curve_table(chosen: list[Summary], what: str, axis: Any) -> list[str]:
    places = sorted({axis(s) for s in chosen})
    lines = [_line([what, *(f"{place:g}" for place in places)]), _line(["---"] * (1 + len(places)))]
    for name in dict.fromkeys(s.predictor for s in chosen):
        found = {axis(s): s.means for s in chosen if s.predictor == name}
        lines.append(_line([name, *(_cell(found.get(place, {}), "iou", "{:.3f}") for place in places)]))
    return lines


def _group_table(chosen: list[Summary]) -> list[str]:
    places = sorted({(s.n_views, s.group) for s in chosen})
    titles = [f"{_views(n_views)}, {group}" for n_views, group in places]
    lines = [_line(["IoU", *titles]), _line(["---"] * (1 + len(places)))]
    for name in dict.fromkeys(s.predictor for s in chosen):
        found = {(s.n_views, s.group): s.means for s in chosen if s.predictor == name}
        lines.append(_line([name, *(_cell(found.get(place, {}), "iou", "{:.3f}") for place in places)]))
    return lines


def _gap_table(gaps: Sequence[Difference]) -> list[str]:
    places = list(dict.fromkeys((gap.n_views, gap.noise) for gap in gaps))
    titles = [_views(n_views) + (f", noise {noise:g}" if noise else "") for n_views, noise in places]
    lines = [_line(["IoU", *titles]), _line(["---"] * (1 + len(places)))]
    for other in dict.fromkeys(gap.other for gap in gaps):
        found = {(gap.n_views, gap.noise): gap.iou for gap in gaps if gap.other == other}
        lines.append(_line([other, *(_signed(found[place]) if place in found else "" for place in places)]))
    return lines


def _speed_table(speeds: Sequence[Speed]) -> list[str]:
    titles = ["median, ms", "prediction", "with its mesh", "with a watertight union", "shapes", "threads"]
    lines = [_line(titles), _line(["---"] * len(titles))]
    for s in speeds:
        union = "" if s.union is None else f"{s.union:.0f}"
        lines.append(
            _line([s.predictor, f"{s.predict:.0f}", f"{s.mesh:.0f}", union, str(s.n_shapes), str(s.n_threads)])
        )
    return lines


def _views(n: int) -> str:
    return "1 view" if n == 1 else f"{n} views"


def _cell(means: Mapping[str, Mean], metric: str, form: str) -> str:
    return form.format(means[metric].value) if metric in means else ""


def _signed(mean: Mean) -> str:
    return f"{mean.value:+.3f} ({mean.low:+.3f} … {mean.high:+.3f})"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    return "".join("\\" + letter if letter in "&%$#_{}" else letter for letter in text)
