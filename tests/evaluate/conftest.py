"""One data set for all tests of the benchmark."""

from pathlib import Path

import pytest

pytest.importorskip("h5py")

from .records import small_dataset


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("bench") / "blocks")
