"""What every test runs under: checked annotations, one thread, fixed seeds."""

import inspect
import os
import random
from collections.abc import Callable, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported

import numpy as np
import pytest
import torch
from beartype import BeartypeConf, FrozenDict, beartype
from hypothesis import settings
from jaxtyping import install_import_hook

# As everywhere in Python, a whole number serves as a float, and numpy's numbers serve as numbers.
NUMBERS = BeartypeConf(
    hint_overrides=FrozenDict({int: int | np.integer, float: float | int | np.floating | np.integer})
)


def check_after_call(function: Callable) -> Callable:
    """A type checker for jaxtyping that looks at arguments and result once the function has returned.

    jaxtyping asks for two checks: one of the arguments before the call, one of arguments and result after it. Only the
    second is made, so that for a wrong argument the library's own check answers first, with the error that a user sees.
    """
    before_the_call = inspect.signature(function).return_annotation is Any
    return function if before_the_call else beartype(conf=NUMBERS)(function)


# Before anything imports cvxgeom.
install_import_hook("cvxgeom", "tests.conftest.check_after_call")

torch.set_num_threads(1)

settings.register_profile("cvxgeom", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("cvxgeom")


@pytest.fixture(autouse=True, scope="module")
def gpu_for_its_own_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    """Only tests of the ops on a GPU see one: others compare bit for bit what belongs to one device."""
    with pytest.MonkeyPatch.context() as patch:
        if not request.path.name.startswith(("test_cuda", "test_torch_compile")):
            patch.setattr(torch.cuda, "is_available", lambda: False)
            patch.setenv("CUDA_VISIBLE_DEVICES", "")  # for processes that tests start
        yield


@pytest.fixture(autouse=True)
def seeds() -> None:
    """The same random numbers in every test, whichever tests ran before it."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002  third-party code draws from the global state
    torch.manual_seed(0)
