"""The layers of the package, read from its syntax trees."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "cvxgeom"
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

# A unit is a file or a folder of the package's top level. Of ours it may import itself and units of lower layers.
LAYERS = {
    "_checks": 0,
    "_types": 0,
    "_files": 0,
    "_memory": 0,
    "_sphere": 0,
    "parallel": 0,
    "_cameras": 1,
    "ops": 1,
    "shape": 2,
    "depth": 2,
    "color": 2,
    "mesh": 3,
    "render": 3,
    "metrics": 3,
    "data": 3,
    "losses": 3,
    "models": 3,
    "fit": 4,
    "prepare": 4,
    "train": 4,
    "evaluate": 4,
    "reconstruct": 4,
    "simulation": 4,
    "doctor": 4,
    "decomposition": 5,
    "cli": 6,
    "__main__": 7,
}


def unit_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(path: Path, tree: ast.Module) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and dotted path of every module of ours that a file imports, wherever the import stands."""
    here = ("cvxgeom", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - (node.level - 1)] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            names = [(*base, alias.name) for alias in node.names]
        else:
            continue
        yield from ((node.lineno, name) for name in names if name[0] == "cvxgeom")


def violations(path: Path) -> Iterator[str]:
    mine = unit_of(path)
    if mine not in LAYERS:
        yield f"{path.name}: {mine} has no layer yet; add it to LAYERS"
        return
    for line, name in imported_modules(path, ast.parse(path.read_text(encoding="utf-8"))):
        other = name[1] if len(name) > 1 else ""
        if other in (mine, "__version__"):
            continue
        if other not in LAYERS:
            yield f"{path.name}:{line}: imports {'.'.join(name)} from the front door; import the module that defines it"
        elif LAYERS[other] >= LAYERS[mine]:
            yield f"{path.name}:{line}: {mine} (layer {LAYERS[mine]}) imports {other} (layer {LAYERS[other]})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_lower_layers(path: Path) -> None:
    assert list(violations(path)) == []


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("shape/made_up.py", "from ..mesh import surface_gap", "shape (layer 2) imports mesh (layer 3)"),
        ("mesh/made_up.py", "def f():\n    from ..data.solid import Solid", "mesh (layer 3) imports data (layer 3)"),
        ("ops/raycast/made_up.py", "from ...shape import ConvexUnion", "ops (layer 1) imports shape (layer 2)"),
        ("metrics.py", "import cvxgeom.fit", "metrics (layer 3) imports fit (layer 4)"),
        ("render.py", "from . import load", "imports cvxgeom.load from the front door"),
        ("fit/made_up.py", "from ..ops import union_sdf\nfrom .step import FitStep\nimport torch", None),
    ],
)
def test_a_wrong_import_is_found(file: str, source: str, wrong: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "read_text", lambda *_args, **_kwargs: source)
    found = list(violations(PACKAGE / file))
    assert (len(found) == 1 and wrong in found[0]) if wrong else not found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_print(path: Path) -> None:
    calls = (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))
    lines = [node.lineno for node in calls if isinstance(node.func, ast.Name) and node.func.id == "print"]
    assert not lines, f"print is for the command line alone; use logging.getLogger('cvxgeom') (lines {lines})"


def test_files_are_short_and_named_after_a_topic() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in [*FILES, PACKAGE / "__init__.py"]}
    assert [f"{path.name}: {n}" for path, n in lengths.items() if n > 500] == []
    assert statistics.median(lengths.values()) <= 200
    assert not {path.stem.strip("_") for path in FILES} & {"utils", "util", "helpers", "misc", "common"}
