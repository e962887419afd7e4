"""Whether a dataset is whole and makes sense."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from ..data import Dataset, Record
from ..data.manifest import MANIFEST, file_entry, read_manifest

_WORK = ".work"
# Longest sides by which a point may lie in front of what a camera saw: surfaces at a slant change within a pixel.
_IN_FRONT, _SHARE = 0.03, 0.1
# Thin wires fall between the rays of a depth map but color some of each pixel.
_OVERLAP = 0.6


def check_dataset(path: str | os.PathLike, progress: Callable[[str, int, int], None] | None = None) -> dict[str, Any]:
    """Look at every file and every shape of a dataset.

    Args:
        path: its folder.
        progress: called with the id of a shape, the number of shapes looked at and that of all.

    Returns:
        A report: "dataset", "shapes", "statistics" and "problems", a sentence each. Without problems the files are
        those that were written, and in every shape the arrays fit together, labels, points and normals are sound, and
        the surface lies where the cameras see it.

    Raises:
        FileNotFoundError: there is no dataset.
        ValueError: its manifest is damaged.
    """
    path = Path(path)
    manifest = read_manifest(path)
    problems, n, total = [], 0, sum(f["n_shapes"] for s in manifest["splits"].values() for f in s["files"])
    if (path / _WORK).exists():
        problems.append(f"{str(path)!r} is not finished; run the same cvxgeom prepare again")
    for split, entry in manifest["splits"].items():
        broken: set[str] = set()
        for file in entry["files"]:
            found = _file_problem(path, file)
            if found:
                problems.append(found)
                broken |= {id for id in file["ids"] if not (path / file["name"]).is_file()}
        if broken:
            n += len(broken)
            continue
        dataset = Dataset(path, split)
        for id in dataset.ids:
            n += 1
            if progress:
                progress(id, n, total)
            try:
                problems += [f"shape {id!r} of {split}: {problem}" for problem in _problems(dataset.record(id))]
            except (ValueError, TypeError) as error:
                problems.append(f"shape {id!r} of {split}: {error}")
        dataset.close()
    return {"dataset": path, "shapes": n, "statistics": manifest.get("statistics"), "problems": problems}


def _file_problem(path: Path, entry: dict[str, Any]) -> str | None:
    file = path / entry["name"]
    if not file.is_file():
        return f"{entry['name']} is missing"
    found = file_entry(file, entry["ids"])
    if found["bytes"] != entry["bytes"]:
        return f"{entry['name']} has {found['bytes']} bytes, not {entry['bytes']} as {MANIFEST} says"
    if found["sha256"] != entry["sha256"]:
        return f"{entry['name']} is not the file that was written: its SHA-256 differs"
    return None


def _problems(record: Record) -> Iterator[str]:
    low, high = record.bounds
    if not bool((low < high).all()) or float(record.bounds.abs().max()) > 0.6:
        yield f"its bounds are no box of longest side 1 about the origin: {record.bounds.tolist()}"
    for name in ("uniform", "near"):
        labeled = getattr(record, name)
        share = float(labeled.occupancy.float().mean())
        if not 0 < share < 1 + (name == "uniform"):
            yield f"{share:.0%} of its points of {name} are inside"
    if record.has("surface"):
        points, normals = record.surface
        if not bool(points.isfinite().all()) or not torch.allclose(normals.norm(dim=1), torch.ones(1), atol=1e-3):
            yield "its surface has points that are not finite or normals that are not of length 1"
    if record.has("grid") and not bool(record.grid.any()):
        yield "its grid is empty"
    if record.n_depth_views:
        depth = record.depth().depth
        blank = int((~depth.isfinite()).flatten(1).all(dim=1).sum())
        if blank:
            yield f"{blank} of its depth maps show nothing"
        if record.cameras_known and record.has("surface"):
            share = _in_front(record, record.surface[0], record.depth([0]))
            if share > _SHARE:
                yield f"{share:.1%} of its surface lies in front of what its first depth map saw"
    if record.n_rgb_views and record.cameras_known:
        views = record.rgb()
        seen = views.depth.isfinite()
        overlap = (views.alpha & seen).sum() / (views.alpha | seen).sum().clamp(min=1)
        if float(overlap) < _OVERLAP:
            yield f"silhouettes of pictures and depth maps have an IoU of only {float(overlap):.2f}"


def _in_front(record: Record, points: torch.Tensor, views: Any) -> float:
    """Share of points that a camera should have seen nearer than what it saw."""
    local = points @ views.extrinsics[0, :3, :3].T + views.extrinsics[0, :3, 3]
    pixels = (local @ views.intrinsics[0].T)[:, :2] / local[:, 2:]
    h, w = views.depth.shape[-2:]
    column, row = pixels.floor().long().unbind(dim=1)
    inside = (column >= 0) & (column < w) & (row >= 0) & (row < h)
    # The nearest of the pixels around, so that outlines do not count.
    near = -torch.nn.functional.max_pool2d(-views.depth[:1], 3, stride=1, padding=1)[0]
    saw = near[row[inside], column[inside]]
    return float((local[inside, 2] < saw - _IN_FRONT).float().sum() + (~inside).sum()) / len(points)
