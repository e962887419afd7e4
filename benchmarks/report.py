"""Measurements as Markdown tables, JSON lines and pictures."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .measure import Measurement
from .targets import Verdict

UNSTEADY = 2.0  # greatest over least time from which on a median deserves no trust


def time_text(seconds: float) -> str:
    """Three digits with a unit that suits."""
    unit, factor = ("s", 1.0) if seconds >= 1 else ("ms", 1e3) if seconds >= 1e-3 else ("µs", 1e6)
    return f"{significant(seconds * factor)} {unit}"


def significant(number: float) -> str:
    """Three digits, without an exponent."""
    if number == 0:
        return "0"
    if abs(number) < 1000:
        number = float(f"{number:.3g}")  # 99.99 is written as 100 is
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.1f}" if abs(number) >= 10 else f"{number:.2f}"


def table(title: str, workload: str, rows: Sequence[Measurement]) -> str:
    """One table; the speed-up is that over the first row."""
    shares = any(m.share_of_peak is not None for m in rows)
    head = ["", "median", "spread", "times faster", "memory", *(["of peak"] if shares else []), "error", "note"]
    lines = [f"### {title}", "", f"{workload}", "", _row(head), _row(["---"] * len(head))]
    for m in rows:
        lines.append(_row(_cells(m, rows[0], shares)))
    return "\n".join(lines) + "\n"


def _cells(m: Measurement, first: Measurement, shares: bool) -> list[str]:
    if m.status != "ok":
        return [m.contender, m.status, *[""] * (5 if shares else 4), m.note]
    spread = f"{time_text(min(m.seconds))} … {time_text(max(m.seconds))}" if len(m.seconds) > 1 else "one call"
    if max(m.seconds) > UNSTEADY * min(m.seconds):
        spread += ", unsteady"
    faster = f"{significant(first.median / m.median)}×" if first.seconds else ""
    memory = "" if m.memory is None else f"{significant(m.memory / 1e6)} MB"
    share = [] if not shares else ["" if m.share_of_peak is None else f"{100 * m.share_of_peak:.0f} %"]
    return [m.contender, time_text(m.median), spread, faster, memory, *share, f"{m.error:.0e}", m.note]


def scaling_table(rows: Sequence[Measurement]) -> str:
    """A line per number on an axis, a column per curve."""
    curves = list(dict.fromkeys((m.benchmark, m.contender) for m in rows))
    names = [f"{benchmark.removeprefix('scaling-')}, {contender}" for benchmark, contender in curves]
    title = "### Scaling, one axis at a time from the random points"
    lines = [title, "", _row(["", *names]), _row(["---"] * (1 + len(curves)))]
    found = {(m.workload, m.benchmark, m.contender): m for m in rows if m.seconds}
    for where in dict.fromkeys(m.workload for m in rows):
        own = [found.get((where, *curve)) for curve in curves]
        lines.append(_row([where, *("" if m is None else time_text(m.median) for m in own)]))
    return "\n".join(lines) + "\n"


def verdict_table(verdicts: Sequence[Verdict]) -> str:
    """Targets beside what was found."""
    lines = ["### Targets", "", _row(["", "wanted", "found", ""]), _row(["---"] * 4)]
    for v in verdicts:
        sign = "≤" if v.target.at_most else "≥"
        found = "" if v.found is None else f"{significant(v.found)}{v.target.unit}"
        lines.append(_row([v.target.what, f"{sign} {v.target.wanted:g}{v.target.unit}", found, v.word]))
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """One JSON object per line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records), encoding="utf-8")


def records(measurements: Iterable[Measurement], verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """Measurements and targets as JSON objects, told apart by ``kind``."""
    made: list[dict[str, Any]] = []
    for m in measurements:
        made.append({"kind": "measurement", **asdict(m), "median": m.median if m.seconds else None})
    for v in verdicts:
        own = {"what": v.target.what, "wanted": v.target.wanted, "found": v.found, "verdict": v.word}
        made.append({"kind": "target", **own})
    return made


def plot_times(path: Path, measurements: Sequence[Measurement]) -> None:
    """A panel per benchmark: seconds of each contender, on a logarithmic axis."""
    from matplotlib.figure import Figure

    timed = [m for m in measurements if m.seconds]
    names = list(dict.fromkeys(m.benchmark for m in timed))
    if not names:
        return
    columns = min(3, len(names))
    n_rows = -(-len(names) // columns)
    figure = Figure(figsize=(5.2 * columns, 2.6 * n_rows), layout="constrained")
    panels = figure.subplots(n_rows, columns, squeeze=False).flatten()
    for panel in panels[len(names) :]:
        panel.set_axis_off()
    for panel, name in zip(panels, names):
        rows = [m for m in timed if m.benchmark == name][::-1]
        colors = ["tab:orange" if m.contender.startswith("ours") else "tab:gray" for m in rows]
        # Points, not bars: a logarithmic axis has no zero for bars to start from.
        panel.scatter([m.median for m in rows], [m.contender for m in rows], color=colors)
        panel.set_xscale("log")
        panel.grid(alpha=0.3)
        panel.set_xlabel("seconds")
        panel.set_title(f"{name}\n{rows[0].workload}", fontsize="small")
    figure.savefig(path, dpi=110)


def plot_scaling(path: Path, measurements: Sequence[Measurement]) -> None:
    """A panel per axis of `scaling`: seconds over the number, both axes logarithmic."""
    from matplotlib.figure import Figure

    axes = list(dict.fromkeys(m.workload.split(" = ")[0] for m in measurements))
    figure = Figure(figsize=(4 * len(axes), 3.6), layout="constrained")
    for panel, axis in zip(figure.subplots(1, len(axes), squeeze=False)[0], axes):
        own = [m for m in measurements if m.workload.startswith(f"{axis} = ") and m.seconds]
        for curve in dict.fromkeys((m.benchmark, m.contender) for m in own):
            found = [m for m in own if (m.benchmark, m.contender) == curve]
            numbers = [int(m.workload.split(" = ")[1]) for m in found]
            name = f"{curve[0].removeprefix('scaling-')}, {curve[1]}"
            panel.loglog(numbers, [m.median for m in found], marker="o", label=name)
        panel.set_xlabel(axis)
        panel.grid(alpha=0.3)
    figure.axes[0].set_ylabel("seconds")
    figure.axes[0].legend(fontsize="small")
    figure.savefig(path, dpi=110)
