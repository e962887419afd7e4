"""Work in several processes: whoever dies, nothing else is lost."""

import os
import signal

import pytest

from cvxgeom.parallel import Died, run_in_processes, run_tasks


def crash(task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task


@pytest.mark.slow
def test_only_the_task_that_kills_its_process_is_lost() -> None:
    results = dict(run_in_processes(crash, range(8), 2))
    assert isinstance(results.pop(3), Died)
    assert results == {i: i * i for i in (0, 1, 2, 4, 5, 6, 7)}


def test_one_task_needs_no_other_process() -> None:
    assert list(run_tasks(lambda _: os.getpid(), [0], n_workers=8)) == [(0, os.getpid())]
    assert list(run_tasks(crash, [])) == []


def test_errors_of_the_work_come_through() -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_tasks(lambda task: 1 // task, [1, 0], n_workers=1))
