"""The same work on a Ray cluster; a machine that is lost costs nothing but time."""

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cvxgeom.prepare import prepare

from .meshes import SMALL, make_folder
from .test_prepare import contents

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    ray = pytest.importorskip("ray", reason="the extra [cluster] is not installed")
    cluster_utils = pytest.importorskip("ray.cluster_utils")

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two workers with a processor each, and a head that does no work."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    yield made
    made.shutdown()


def test_a_worker_that_is_killed_costs_nothing_and_doubles_nothing(tmp_path: Path, cluster: Any) -> None:
    source = make_folder(tmp_path / "meshes", 12)
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    finished = []

    def progress(identifier: str, n: int, total: int) -> None:
        finished.append(identifier)
        if n == 3:
            cluster.remove_node(workers[0], allow_graceful=False)

    report = prepare(source, tmp_path / "out", SMALL, ray=cluster.address, progress=progress)
    assert (report["used"], report["computed"], len(report["refused"])) == (12, 13, 1)
    shapes = [identifier for identifier in finished if identifier != "writing"]
    assert len(shapes) == len(set(shapes)) == 13
    prepare(source, tmp_path / "here", SMALL, n_workers=1)
    assert contents(tmp_path / "out") == contents(tmp_path / "here")
