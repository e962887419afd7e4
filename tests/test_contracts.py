"""What the package promises as a whole: its names, a light import, examples that run."""

import contextlib
import doctest
import importlib
import importlib.util
import inspect
import io
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

import cvxgeom

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in (ROOT / "cvxgeom").rglob("*.py")
    if path.stem != "__main__"
)
# Modules whose examples run an optional package.
NEED = {"cvxgeom.simulation.check": "mujoco"}
NEED_TRITON = [name for name in MODULES if re.search(r"\._triton$|\.cuda(_kernels)?$", name)]


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code as a user would: a fresh process, no annotation checks, every warning an error."""
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


@pytest.mark.parametrize("name", cvxgeom.__all__)
def test_every_public_name_is_documented_and_every_function_by_an_example(name: str) -> None:
    value = getattr(cvxgeom, name)
    if isinstance(value, ModuleType) or not callable(value):
        return
    text = inspect.getdoc(value) or ""
    assert text, f"cvxgeom.{name} has no docstring"
    assert isinstance(value, type) or ">>>" in text, f"the docstring of cvxgeom.{name} has no example"


def test_public_names_are_listed_once_and_shown() -> None:
    assert len(set(cvxgeom.__all__)) == len(cvxgeom.__all__)
    assert set(cvxgeom.__all__) <= set(dir(cvxgeom))
    with pytest.raises(AttributeError, match="no_such_name"):
        cvxgeom.no_such_name  # noqa: B018


def test_import_is_light_and_silent() -> None:
    heavy = ("torch", "numpy", "scipy", "trimesh", "skimage", "manifold3d", "PIL", "rich", "embreex")
    done = run_python(f"import sys, cvxgeom; sys.exit(' '.join(m for m in {heavy!r} if m in sys.modules) or 0)")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_any_part_of_the_package_can_be_the_first_one_used() -> None:
    # Lazy loading must not depend on what was imported before: each part in a process that has none of ours yet. They
    # are forked, so that torch and trimesh are loaded once.
    code = """
        import os, sys
        import skimage.measure, torch, trimesh
        import cvxgeom
        for name in cvxgeom.__all__:
            assert not [module for module in sys.modules if module.startswith("cvxgeom.")]
            child = os.fork()
            if not child:
                exec(f"from cvxgeom import {name}")
                os._exit(0)
            if os.waitpid(child, 0)[1]:
                sys.exit(f"from cvxgeom import {name} fails")
    """
    done = run_python(textwrap.dedent(code))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


class _Finder(doctest.DocTestFinder):
    """Finds the examples of functions that the annotation checker has wrapped, too."""

    def _from_module(self, module: ModuleType | None, object: object) -> bool:
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)  # type: ignore[misc]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    if name in NEED_TRITON and importlib.util.find_spec("triton") is None:
        pytest.skip('triton is not installed: pip install "cvxgeom[gpu]"')
    if name in NEED:
        pytest.importorskip(NEED[name], reason="the example needs an extra")
    monkeypatch.chdir(tmp_path)  # an example may write a file
    module = importlib.import_module(name)
    globs = {**vars(module), "cvxgeom": cvxgeom, "torch": torch, "np": np, "getfixture": request.getfixturevalue}
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    report = io.StringIO()
    for example in _Finder(exclude_empty=True).find(module, name, module=module, globs=globs):
        with contextlib.redirect_stdout(report):
            runner.run(example, out=report.write)
    assert runner.summarize(verbose=False).failed == 0, report.getvalue()


def test_readme_examples_run(tmp_path: Path) -> None:
    """In a process of their own: here other tests have imported what a reader has not."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert blocks, "the README shows no example"
    os.symlink(ROOT / "cvxgeom", tmp_path / "cvxgeom")  # the README speaks from the repository's root
    command = [sys.executable, "-c", "\n".join(blocks)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
