"""Fits of many mesh files: in parallel, resumable, with a line of JSON for each."""

import hashlib
import json
import logging
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .._files import EXPORT_ENDINGS, atomic_path
from ..data import mesh_files
from ..mesh import export_mesh
from ..parallel import Died, run_tasks
from ..render import picture, save_picture
from .config import FitConfig
from .files import fit_file
from .many import sentence
from .start import COACD

log = logging.getLogger(__name__)

RECORDS = "fits.jsonl"
REFINE = "refine"  # a start: the shape that the output holds already

Record = dict[str, Any]


@dataclass(frozen=True)
class _Task:
    path: Path
    name: str
    endings: tuple[str, ...]
    config: FitConfig
    start: str | Path | None
    settings: dict[str, Any]


@dataclass(frozen=True)
class _Made:
    record: Record
    files: dict[str, bytes]


def fit_folder(
    sources: Sequence[str | os.PathLike],
    output: str | os.PathLike,
    config: FitConfig | None = None,
    *,
    start: str | os.PathLike | None = None,
    mesh_ending: str | None = None,
    pictures: bool = False,
    n_workers: int | None = None,
    ray: str | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, Any]:
    """Fit mesh files and all mesh files in folders; a run that was cut short goes on where it was.

    Shapes lie in the output as their meshes do in the folder: ``lamps/desk.obj`` becomes ``lamps/desk.npz``. The file
    ``fits.jsonl`` has one line for each: source, settings, status, structure, scores, seconds, or the error. A mesh
    whose line has the same settings and content is not fitted again; one that failed is.

    Args:
        sources: mesh files and folders.
        output: folder to write to; its parent must exist.
        config: budget of each fit; default `FitConfig()`.
        start: an ``.npz`` file or a folder of them with the names of the meshes, ``"coacd"``, or ``"refine"`` for the
            shapes that the output holds already.
        mesh_ending: such as ``".glb"``: also write the parts of each as a mesh of this format.
        pictures: also draw each, with its parts.
        n_workers: number of processes; by default one for each core.
        ray: address of a Ray cluster that does the work ("auto", "local" or host:port) instead of processes here. The
            sources must have the same path on all of its machines.
        progress: called with a name, the number of finished meshes and that of all.

    Returns:
        A report: "shapes", "fitted" (in this run), "failed", "means", "problems" (a sentence for each failure), ...

    Raises:
        FileNotFoundError: a source or the folder around the output is missing.
        ImportError: a package that this needs is missing.
        TypeError: ``sources`` is a single path.
        ValueError: there are no mesh files, the output is a file, one of the sources would be overwritten, or
            ``mesh_ending`` is no format of `cvxgeom.mesh.export_mesh`.
    """
    if isinstance(sources, (str, os.PathLike)):
        raise TypeError(f"sources must be a sequence of paths, got {sources!r}")
    config = config or FitConfig()
    began = time.perf_counter()
    output = Path(output)
    if output.exists() and not output.is_dir():
        raise ValueError(f"{str(output)!r} is a file; shapes of several meshes need a folder")
    if not output.absolute().parent.is_dir():
        raise FileNotFoundError(f"there is no folder {str(output.absolute().parent)!r} to make {output.name!r} in")
    if mesh_ending and mesh_ending.lower() not in EXPORT_ENDINGS:
        raise ValueError(f"mesh_ending must be one of {', '.join(EXPORT_ENDINGS)}, got {mesh_ending!r}")
    endings = (".npz", *([mesh_ending] if mesh_ending else []), *([".png"] if pictures else []))
    named = named_sources([Path(source) for source in sources], output)
    written = {(output / f"{name}{ending}").resolve() for name in named for ending in endings}
    if lost := [path for path in named.values() if path.resolve() in written]:
        raise ValueError(f"{str(lost[0])!r} is a source and would be overwritten; choose another output folder")
    tasks = [_task(path, name, endings, config, start, output) for name, path in named.items()]
    output.mkdir(exist_ok=True)
    records = _Records(output / RECORDS)
    todo = [task for task in tasks if not _is_done(task, records.held.get(task.name), output)]
    records.forget({task.name for task in todo})
    finished = len(tasks) - len(todo)
    for task, made in run_tasks(_run, todo, n_workers=n_workers, ray=ray):
        if isinstance(made, Died):
            made = _Made({**_head(task), "error": str(made)}, {})
        for ending, content in made.files.items():
            _write(output / f"{task.name}{ending}", content)
        records.add(made.record)
        if error := made.record["error"]:
            log.info("%s: %s", task.path, error)
        finished += 1
        if progress:
            progress(task.name, finished, len(tasks))
    mine = [records.held[task.name] for task in tasks]
    good = [record for record in mine if record["error"] is None]
    problems = [_problem(record) for record in mine if record["error"] is not None]
    return {
        "folder": str(output),
        "shapes": len(good),
        "fitted": len(todo),
        "failed": len(problems),
        "means": _means(good),
        "problems": problems,
        "seconds": time.perf_counter() - began,
        "outputs": {"shapes": output, "records": output / RECORDS},
    }


def named_sources(sources: Sequence[Path], output: Path) -> dict[str, Path]:
    """Mesh files by the name (without ending) of what is made of them: their path from the folder that holds all.

    Two that differ only in their ending keep it: ``desk.obj`` and ``desk.stl`` make ``desk.obj.npz``, ``desk.stl.npz``.

    Args:
        sources: mesh files and folders.
        output: what lies in it is no source.

    Raises:
        FileNotFoundError: a source is missing.
        ValueError: there are no mesh files, or the output is one of the folders.
    """
    found: set[Path] = set()
    roots = []
    output = output.resolve()
    for given in sources:
        if not given.exists():
            raise FileNotFoundError(f"there is no file or folder {str(given)!r}")
        if given.is_dir():
            source = given.resolve()
            if source == output:
                raise ValueError(f"the output must be another folder than the meshes' own, {str(given)!r}")
            roots.append(source)
            found.update(path for path in mesh_files(source) if not path.is_relative_to(output))
        else:
            roots.append(given.parent.resolve())
            found.add(roots[-1] / given.name)
    if not found:
        raise ValueError(f"there are no mesh files in {', '.join(repr(str(source)) for source in sources)}")
    root = Path(os.path.commonpath(roots))
    places = {path: path.relative_to(root) for path in sorted(found)}
    names = {path: place.with_suffix("") for path, place in places.items()}
    while len(counts := Counter(names.values())) < len(names):  # an ending that is kept may be another one's name
        names = {path: places[path] if counts[name] > 1 else name for path, name in names.items()}
    return {name.as_posix(): path for path, name in names.items()}


def _task(
    path: Path, name: str, endings: tuple[str, ...], config: FitConfig, start: str | os.PathLike | None, output: Path
) -> _Task:
    settings: dict[str, Any] = {**asdict(config), "start": None if start is None else str(start)}
    if start is None or start == COACD:
        return _Task(path, name, endings, config, None if start is None else COACD, settings)
    if start == REFINE:
        return _Task(path, name, endings, config, (output / f"{name}.npz").absolute(), settings)
    file = Path(start) / f"{name}.npz" if Path(start).is_dir() else Path(start)
    settings["start_digest"] = _digest(file) if file.is_file() else None
    return _Task(path, name, endings, config, file.absolute(), settings)


def _head(task: _Task) -> Record:
    """What a line begins with: which mesh, which content, which settings."""
    return {
        "name": task.name,
        "source": str(task.path),
        "digest": _digest(task.path),
        "settings": task.settings,
        "error": None,
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _is_done(task: _Task, record: Record | None, output: Path) -> bool:
    if record is None or record.get("error") is not None or record.get("settings") != task.settings:
        return False
    files = all((output / f"{task.name}{ending}").is_file() for ending in task.endings)
    return files and record.get("digest") == _digest(task.path)


def _run(task: _Task) -> _Made:
    """Fit one mesh; what is wrong with it becomes a sentence. Files are returned: only one process writes them."""
    head: Record = {}
    try:
        head = _head(task)
        fitted = fit_file(task.path, task.config, start=task.start)
        files = {}
        with tempfile.TemporaryDirectory() as folder:
            for ending in task.endings:
                place = Path(folder, f"made{ending}")
                if ending == ".npz":
                    fitted.result.shape.save(place)
                elif ending == ".png":
                    save_picture(picture(fitted.result.shape, mesh=fitted.mesh), place)
                else:
                    export_mesh(fitted.result.shape, place)
                files[ending] = place.read_bytes()
        return _Made({**head, **fitted.report()}, files)
    except ImportError:
        raise
    except Exception as error:  # whatever is wrong with one mesh is told of that mesh
        log.debug("%s", task.path, exc_info=True)
        bare = {"name": task.name, "source": str(task.path), "digest": None, "settings": task.settings}
        return _Made({**bare, **head, "error": sentence(error)}, {})


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def _problem(record: Record) -> str:
    source, error = record["source"], record["error"]
    return error if source in error else f"{source}: {error}"


def _means(records: list[Record]) -> dict[str, float]:
    if not records:
        return {}
    columns = {
        "iou": [record["scores"]["iou"] for record in records],
        "parts": [record["structure"]["n_parts"] for record in records],
        "planes": [record["structure"]["n_planes"] for record in records],
        "seconds": [record["seconds"] for record in records],
    }
    return {name: sum(values) / len(values) for name, values in columns.items()}


class _Records:
    """The lines of a file, by name; the last one that a killed run began may be torn."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.held: dict[str, Record] = {}
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                record = json.loads(line)
                self.held[record["name"]] = record
            except (ValueError, KeyError, TypeError):
                if number < len(lines):
                    raise ValueError(f"line {number} of {str(path)!r} is not a line of a fit") from None

    def forget(self, names: set[str]) -> None:
        """Leave out what will be made again; the file is whole again from here on."""
        self.held = {name: record for name, record in self.held.items() if name not in names}
        with atomic_path(self.path) as temporary:
            temporary.write_text("".join(map(_line, self.held.values())), encoding="utf-8")

    def add(self, record: Record) -> None:
        self.held[record["name"]] = record
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(_line(record))


def _line(record: Record) -> str:
    return json.dumps(record, allow_nan=False) + "\n"
