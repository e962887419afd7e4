"""A folder of results: tables, plots and pictures from the rows."""

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from .._files import atomic_path
from .pictures import draw_worst, plot_pareto
from .run import Row
from .tables import LEGEND, csv_text, figures, gaps, latex, markdown, of_set, present

log = logging.getLogger("cvxgeom")


def write_report(folder: Path, rows: Sequence[Row], notes: Sequence[str] = (), *, pictures: bool = True) -> list[Path]:
    """Write ``report.md``, ``results.csv``, ``results.tex`` and ``results.json`` into a folder of results.

    For each set also ``pareto-SET.png``, and ``worst-SET.png``: the shapes on which its first contender is worst.

    Args:
        folder: of the rows.
        rows: at least one.
        notes: lines at the top of the report, such as the command.
        pictures: whether worst cases are drawn.

    Returns:
        What was written. What needs a package that is not installed is left out, with a warning.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("rows must hold at least one, got none")
    sets = {name: [row for row in rows if row.set == name] for name in dict.fromkeys(row.set for row in rows)}
    tables = {name: of_set(chosen) for name, chosen in sets.items()}
    lines = ["# Decomposition into convexes", "", *(line for note in notes for line in (note, "")), LEGEND]
    written = []
    for name, chosen in sets.items():
        lines += [f"## {name}: {len({row.shape for row in chosen})} shapes", "", *markdown(tables[name]), ""]
        if (table := gaps(chosen))[1]:
            lines += [f"How far *{present(chosen)[0]}* is above the others, shape by shape:", "", *markdown(table), ""]
        pareto, worst = folder / f"pareto-{name}.png", folder / f"worst-{name}.png"
        try:
            plot_pareto(pareto, chosen)
            lines += [f"![IoU against parts, planes and seconds]({pareto.name})", ""]
            written.append(pareto)
            if pictures and draw_worst(worst, folder, chosen):
                lines += [f"![Where {present(chosen)[0]} is worst: the mesh, and all contenders]({worst.name})", ""]
                written.append(worst)
        except ImportError as error:
            log.warning("skipped pictures of %s: %s", name, error)
    if failed := [row for row in rows if row.status != "ok"]:
        lines += ["## Failures", ""]
        lines += [f"- {row.set}, {row.shape}, {row.contender}: {row.status}: {row.message}" for row in failed]
        lines.append("")
    means = {name: figures(chosen) for name, chosen in sets.items()}
    whole = {"sets": means, "rows": [asdict(row) for row in rows]}
    texts = {
        "report.md": "\n".join(lines),
        "results.csv": csv_text(tables),
        "results.tex": latex(tables),
        "results.json": json.dumps(whole, indent=1) + "\n",
    }
    for name, text in texts.items():
        with atomic_path(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [*(folder / name for name in texts), *written]
