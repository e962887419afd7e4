"""From a source to a dataset."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..parallel import Died, run_tasks
from .config import PrepareConfig
from .contact import contact_sheet
from .item import Item
from .sources import open_source
from .store import PICTURE_SETTINGS, Refusal, Store
from .task import Outcome, Task, run_task

log = logging.getLogger(__name__)

CONTACT_SHEET = "contact_sheet.png"


def prepare(
    source: str | os.PathLike,
    output: str | os.PathLike,
    config: PrepareConfig | None = None,
    *,
    split_file: str | os.PathLike | None = None,
    n_workers: int | None = None,
    limit: int | None = None,
    ray: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Make a dataset for training and evaluation out of a folder or file of shapes.

    A run that was killed goes on where it was; one that is repeated adds what is new. Shapes that cannot be used are
    listed with the reason.

    Args:
        source: what `open_source` understands.
        output: folder of the dataset; its parent must exist.
        config: how much of everything.
        split_file: which shape belongs to which split.
        n_workers: number of processes; by default one for each core.
        limit: use only so many shapes, spread evenly over the source.
        ray: address of a Ray cluster that does the work ("auto", "local" or host:port) instead of processes here. The
            source must have the same path on all of its machines.
        progress: called with a description, the number of finished shapes and that of all.

    Returns:
        A report: "used", "refused", "without_rgb", "statistics", "seconds", "outputs", ...

    Raises:
        FileNotFoundError: the source or the folder around the output is missing.
        ImportError: a package that this needs is missing.
        ValueError: the source has no shapes, or the output was begun with other settings.
    """
    config = config or PrepareConfig()
    started = time.perf_counter()
    output = Path(output)
    if not output.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(output.absolute().parent)!r} to make {output.name!r} in")
    items = _limited(open_source(Path(source), None if split_file is None else Path(split_file), config.seed), limit)
    without_gl = None
    if config.rgb:
        from .color import why_no_pictures

        without_gl = why_no_pictures()
        if without_gl:
            log.warning("no pictures: %s", without_gl)
            config = replace(config, rgb=False)
    settings = {key: value for key, value in config.to_dict().items() if key != "shard_bytes"}
    store = Store(output, settings)
    wanted = [(item.id, item.split) for item in items]
    lost = set(store.known()) - {id for id, _ in wanted}
    if lost:
        raise ValueError(
            f"{str(output)!r} holds {len(lost)} shapes that the source does not list, such as {min(lost)!r}; "
            "choose another folder"
        )
    tasks = list(_tasks(items, store, config))
    seconds = _run(tasks, store, n_workers, ray, progress, len(items))
    held = store.manifest["settings"] if store.manifest else settings
    if held["rgb"]:  # pictures that are there stay
        settings.update({name: held[name] for name in PICTURE_SETTINGS})
    if store.is_complete(wanted, settings):
        manifest = store.manifest or {}
    else:
        if progress:
            progress("writing", len(items), len(items))
        manifest = store.join(wanted, config.shard_bytes)
    sheet = contact_sheet(output, output / CONTACT_SHEET)
    return {
        "source": str(source),
        "dataset": str(output),
        "used": len(manifest["used"]),
        "refused": manifest["refused"],
        "without_rgb": manifest["without_rgb"],
        "no_pictures": without_gl,
        "statistics": manifest["statistics"],
        "splits": dict(Counter(entry["split"] for entry in manifest["used"])),
        "computed": len(tasks),
        "seconds": time.perf_counter() - started,
        "seconds_per_shape": seconds / max(1, len(tasks)),
        "outputs": {"dataset": output, "picture": sheet},
    }


def _limited(items: list[Item], limit: int | None) -> list[Item]:
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def _tasks(items: list[Item], store: Store, config: PrepareConfig) -> Iterator[Task]:
    for item in items:
        if item.id in store.refused:
            continue
        geometry = not store.has_geometry(item.id)
        pictures = config.rgb and not store.has_pictures(item.id) and item.id not in store.without_rgb
        if geometry or pictures:
            yield Task(item, config, geometry, pictures)


def _run(
    tasks: list[Task],
    store: Store,
    n_workers: int | None,
    ray: str | None,
    progress: Callable[[str, int, int], None] | None,
    n: int,
) -> float:
    """Work through the tasks; the processor seconds that they took."""
    total, finished = 0.0, n - len(tasks)
    for task, outcome in run_tasks(run_task, tasks, n_workers=n_workers, ray=ray):
        item = task.item
        if isinstance(outcome, Died):
            outcome = (
                Outcome(item.id, refused=str(outcome)) if task.geometry else Outcome(item.id, no_pictures=str(outcome))
            )
        if outcome.refused is not None:
            log.info("refused %s: %s", item.id, outcome.refused)
            store.refuse(Refusal(item.id, item.facts.source, outcome.refused))
        else:
            if outcome.no_pictures is not None:
                store.refuse(Refusal(item.id, item.facts.source, outcome.no_pictures), only_pictures=True)
            store.add(item.id, outcome.geometry, outcome.pictures)
        total += outcome.seconds
        finished += 1
        if progress:
            progress(item.id, finished, n)
    return total
