"""Work on shapes in several processes, so that none is lost if one of them dies."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Died(Exception):
    """The process that worked on a task ended before the task was done."""


def run_in_processes(
    work: Callable[[Task], Result], tasks: Iterable[Task], n_workers: int
) -> Iterator[tuple[Task, Result | Died]]:
    """Results in the order in which they are ready.

    If a process dies (a crash in a library, the system out of memory), the tasks that were in work are tried again one
    by one; a task during which the process dies once more yields `Died`.

    Args:
        work: a function that can be pickled; its own errors come through.
        tasks: can be pickled, too.
        n_workers: number of processes; 1 works in this one.

    Example:
        >>> sorted(run_in_processes(abs, [-1, 2], 1))
        [(-1, 1), (2, 2)]
    """
    waiting = iter(tasks)
    if n_workers == 1:
        yield from ((task, work(task)) for task in waiting)
        return
    more = True
    while more:
        in_work: dict[Future, Task] = {}
        pool = _pool(n_workers)
        try:
            while True:
                # Few tasks beyond those in work: all of them are tried again after a crash.
                while more and len(in_work) < n_workers + 2:
                    try:
                        task = next(waiting)
                    except StopIteration:
                        more = False
                    else:
                        in_work[pool.submit(work, task)] = task
                if not in_work:
                    break
                done, _ = wait(in_work, return_when=FIRST_COMPLETED)
                for future in done:
                    result = future.result()
                    yield in_work.pop(future), result
        except BrokenExecutor:
            pool.shutdown(cancel_futures=True)
            for task in in_work.values():
                yield task, _alone(work, task)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _alone(work: Callable[[Task], Result], task: Task) -> Result | Died:
    with _pool(1) as pool:
        try:
            return pool.submit(work, task).result()
        except BrokenExecutor:
            return Died("the process that computed it died: a crash in a library, or not enough memory")


def _pool(n: int) -> ProcessPoolExecutor:
    # Not forked: libraries of this process may run threads, and OpenGL does not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n, mp_context=context, initializer=_begin)


def _begin() -> None:
    """Each process is one of several: more threads in each would only get in each other's way."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    for name in ("OMP_NUM_THREADS", "LP_NUM_THREADS"):  # the latter: OpenGL without a GPU
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)


def n_cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
