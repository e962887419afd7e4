"""Curves: IoU against the number of views, against noise, and against the size of the result."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from .._files import atomic_path
from .summary import Mean, Summary


def plot_views(path: str | os.PathLike, summaries: Sequence[Summary]) -> None:
    """IoU of each predictor against the number of views, without noise; the first one's interval is shaded.

    Args:
        path: picture to write (.png, .svg, .pdf).
        summaries: of any groups; the first one's is drawn.

    Raises:
        ImportError: matplotlib is not installed.
    """
    chosen = _main(summaries, noisy=False)
    places = sorted({s.n_views for s in chosen})
    _curves(
        path,
        [(f"{chosen[0].group}, no noise", chosen)],
        "number of depth views",
        lambda s: places.index(s.n_views),
        places,
    )


def plot_noise(path: str | os.PathLike, summaries: Sequence[Summary]) -> None:
    """IoU of each predictor against the noise of the depth: a panel for each number of views that has some.

    Args:
        path: picture to write.
        summaries: of any groups; the first one's is drawn.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: there are no rows with noise.
    """
    chosen = _main(summaries, noisy=True)
    numbers = list(dict.fromkeys(s.n_views for s in chosen if s.noise))
    levels = sorted({s.noise for s in chosen})
    if not numbers:
        raise ValueError("summaries must hold some with noise, got none")
    panels = [(f"{n} views" if n > 1 else "1 view", [s for s in chosen if s.n_views == n]) for n in numbers]
    _curves(path, panels, "deviation of depth / longest side", lambda s: levels.index(s.noise), levels)


def plot_size(path: str | os.PathLike, summaries: Sequence[Summary]) -> None:
    """IoU against how many numbers state the result: a panel for the fewest and one for the most views.

    Args:
        path: picture to write.
        summaries: of any groups; the first one's is drawn.

    Raises:
        ImportError: matplotlib is not installed.
    """
    chosen = [s for s in _main(summaries, noisy=False) if "n_numbers" in s.means]
    ends = sorted({s.n_views for s in chosen})
    figure, panels = _figure(len({ends[0], ends[-1]}))
    names = list(dict.fromkeys(s.predictor for s in chosen))
    for panel, n_views in zip(panels, dict.fromkeys((ends[0], ends[-1]))):
        for s in (s for s in chosen if s.n_views == n_views):
            panel.errorbar(
                [s.means["n_numbers"].value], [s.means["iou"].value], yerr=_whiskers([s.means["iou"]]), marker="o",
                capsize=3, color=_color(names, s.predictor), label=s.predictor, linestyle="",
            )  # fmt: skip
        panel.set_xscale("log")
        panel.set_title(f"{n_views} views" if n_views > 1 else "1 view", fontsize="medium")
        panel.set_xlabel("numbers that state the result")
    _save(figure, panels, path)


def _main(summaries: Sequence[Summary], noisy: bool) -> list[Summary]:
    return [s for s in summaries if s.group == summaries[0].group and (noisy or not s.noise)]


def _curves(
    path: str | os.PathLike,
    parts: Sequence[tuple[str, Sequence[Summary]]],
    label: str,
    axis: Callable[[Summary], float],
    ticks: Sequence[float],
) -> None:
    figure, panels = _figure(len(parts))
    names = list(dict.fromkeys(s.predictor for _, chosen in parts for s in chosen))
    for panel, (title, chosen) in zip(panels, parts):
        for name in names:
            own = sorted((s for s in chosen if s.predictor == name), key=axis)
            means = [s.means["iou"] for s in own]
            x, color = [axis(s) for s in own], _color(names, name)
            first = name == names[0]
            width = 2.4 if first else 1.3
            panel.plot(x, [mean.value for mean in means], marker="o", ms=4, lw=width, color=color, label=name)
            if first:  # all bands over each other would be one gray cloud; the tables have every interval
                low, high = [mean.low for mean in means], [mean.high for mean in means]
                panel.fill_between(x, low, high, color=color, alpha=0.12, linewidth=0)
        panel.set_xticks(range(len(ticks)), [f"{tick:g}" for tick in ticks])
        panel.set_title(title, fontsize="medium")
        panel.set_xlabel(label)
    _save(figure, panels, path)


def _figure(n_panels: int) -> tuple[Any, Any]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'cvxgeom[bench]'") from error
    figure = Figure(figsize=(5.0 * n_panels + 2.6, 4.2), layout="constrained")
    panels = figure.subplots(1, n_panels, squeeze=False, sharey=True)[0]
    for panel in panels:
        panel.set_ylim(0, 1)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("IoU, mean over shapes")
    return figure, panels


def _save(figure: Any, panels: Any, path: str | os.PathLike) -> None:
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize="small", frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _color(names: Sequence[str], name: str) -> str:
    """Each predictor keeps a color; matplotlib has ten, then come a few more."""
    colors = [f"C{i}" for i in range(10)] + ["black", "gold", "navy", "lime", "salmon"]
    return colors[names.index(name) % len(colors)]


def _whiskers(means: Sequence[Mean]) -> list[list[float]]:
    return [[mean.value - mean.low for mean in means], [mean.high - mean.value for mean in means]]
