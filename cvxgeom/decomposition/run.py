"""The run: every contender on every case, one line of a file for each, as they come."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from .._files import atomic_path
from ..data import Solid, solidify
from ..metrics import score
from ..shape import load
from .contenders import CONTENDERS
from .sets import SCAN, Case, mesh_path, scanned
from .worker import Worker

log = logging.getLogger("cvxgeom")
ROWS = "rows.jsonl"
_BYTES_PER_PLANE = 16  # normal and offset, in single precision


@dataclass(frozen=True)
class Row:
    """One contender on one mesh.

    Args:
        set: of the mesh.
        shape: its name.
        label: its class.
        contender: by name.
        version: of its package.
        status: of `Outcome`.
        message: why it is not "ok".
        seconds: by the clock, from mesh in memory to parts; None if it has no result.
        cpu_seconds: of the processor.
        peak_bytes: memory that the call added at most.
        limit: processor seconds that it was allowed.
        scores: ``iou``, ``over_coverage``, ``under_coverage``, ``chamfer_l1``, ``f_score``, ``parts``, ``known_parts``
            (where known), ``planes``, ``planes_per_part``, ``vertices_per_part``, ``bytes``; empty without a result.
    """

    set: str
    shape: str
    label: str
    contender: str
    version: str
    status: str
    message: str
    seconds: float | None
    cpu_seconds: float | None
    peak_bytes: int | None
    limit: float
    scores: Mapping[str, float]

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other rows; of several with the same key the last one counts."""
        return self.set, self.shape, self.contender


def read_rows(folder: Path) -> list[Row]:
    """The rows of a folder of results; a last line that was cut short is left out."""
    path = folder / ROWS
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            row = Row(**json.loads(line))
        except (json.JSONDecodeError, TypeError):
            continue
        found[row.key] = row
    return list(found.values())


def forget(folder: Path, names: Iterable[str]) -> None:
    """Drop the rows of contenders that have changed, and of those whose caps come from them.

    Args:
        folder: of the results.
        names: of `CONTENDERS`.
    """
    dropped = {name for name, contender in CONTENDERS.items() if {name, contender.capped_like} & set(names)}
    kept = [row for row in read_rows(folder) if row.contender not in dropped]
    with atomic_path(folder / ROWS) as temporary:
        temporary.write_text("".join(json.dumps(asdict(row)) + "\n" for row in kept), encoding="utf-8")


def measure(
    cases: Mapping[str, Sequence[Case]], names: Sequence[str], folder: Path, limit: float = 240.0, seed: int = 0
) -> Iterator[Row]:
    """Let contenders decompose meshes, one after the other on one thread; yields new rows as they are written.

    What a folder holds already is not measured again, but for what ran out of a smaller limit. Contenders take turns on
    each mesh, so that all of them meet the machine as it is.

    Args:
        cases: set → meshes.
        names: of `CONTENDERS`.
        folder: of the results; it is there already.
        limit: processor seconds that a call may take.
        seed: of the points that measure.
    """
    done = {row.key: row for row in read_rows(folder) if row.status != "timeout" or row.limit >= limit}
    (folder / "parts").mkdir(exist_ok=True)
    workers = {name: Worker(CONTENDERS[name], limit) for name in names}
    try:
        for case in (case for chosen in cases.values() for case in chosen):
            wanted = [name for name in names if (case.set, case.shape, name) not in done]
            if not wanted:
                continue
            if case.set.endswith(SCAN):
                case = scanned(case, folder)
            try:
                mesh = case.load()
                truth = solidify(mesh)
            except ValueError as error:  # such as thinner than a cell everywhere: nobody can scan it
                log.warning("skipped %s of %s: %s", case.shape, case.set, error)
                continue
            _keep(mesh, mesh_path(folder, case.set, case.shape))
            known = case.count_parts() if case.count_parts else None
            for name in wanted:
                like = CONTENDERS[name].capped_like
                before = done.get((case.set, case.shape, like))
                if like and (before is None or not before.scores):
                    continue
                cap = int(before.scores["parts"]) if before else None
                path = parts_path(folder, case.set, case.shape, name)
                outcome = workers[name].call(mesh, path, cap)
                scores = _scores(path, truth, known, seed) if outcome.status == "ok" else {}
                fields: dict[str, Any] = {"set": case.set, "shape": case.shape, "label": case.label, "contender": name}
                fields |= {"version": CONTENDERS[name].version, "limit": limit, "scores": scores}
                row = Row(**fields, **asdict(outcome))
                with open(folder / ROWS, "a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(row)) + "\n")
                done[row.key] = row
                yield row
    finally:
        for worker in workers.values():
            worker.close()


def parts_path(folder: Path, set: str, shape: str, contender: str) -> Path:
    """Where the parts that a contender found are kept."""
    return folder / "parts" / f"{set}-{shape}-{contender}.npz".replace("/", "-")


def _keep(mesh: trimesh.Trimesh, path: Path) -> None:
    """For pictures, and for those who want to look."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            mesh.export(temporary)


def _scores(path: Path, truth: Solid, known: int | None, seed: int) -> dict[str, float]:
    found = score(load(path), truth, seed=seed)
    counts = found.structure
    scores = {
        "iou": found.iou.value,
        "over_coverage": found.iou.over_coverage,
        "under_coverage": found.iou.under_coverage,
        "chamfer_l1": found.surface.chamfer_l1_mean,
        "f_score": found.surface.f_score,
        "parts": counts.n_parts,
        "planes": counts.n_planes,
        "planes_per_part": counts.planes_per_part,
        "vertices_per_part": counts.vertices_per_part,
        "bytes": _BYTES_PER_PLANE * counts.n_planes,
    }
    return {name: float(np.round(value, 6)) for name, value in scores.items()} | (
        {"known_parts": float(known)} if known is not None else {}
    )
