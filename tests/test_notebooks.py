"""Every notebook runs from top to bottom."""

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Jupyter's own; what the cells raise fails them
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path):
    nbformat = pytest.importorskip("nbformat", reason="notebooks need the [dev] extra")
    nbclient = pytest.importorskip("nbclient", reason="notebooks need the [dev] extra")
    notebook = nbformat.read(path, as_version=4)
    for package in notebook.metadata.get("cvxgeom", {}).get("needs", []):
        pytest.importorskip(package, reason="the notebook needs an extra")
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()


def test_there_are_notebooks():
    assert NOTEBOOKS
