"""Work on shapes in several processes, so that none is lost if one of them dies."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
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
            yield from _one_by_one(work, list(in_work.values()))
        except BaseException:  # canceled, or an error that ends everything: what is in work is of no use any more
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _one_by_one(work: Callable[[Task], Result], tasks: list[Task]) -> Iterator[tuple[Task, Result | Died]]:
    pool = _pool(1)
    try:
        for task in tasks:
            try:
                result = pool.submit(work, task).result()
            except BrokenExecutor:
                pool.shutdown()
                pool = _pool(1)
                result = Died("the process that computed it died: a crash in a library, or not enough memory")
            yield task, result
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pool(n: int) -> ProcessPoolExecutor:
    # Not forked: libraries of this process may run threads, and OpenGL does not survive a fork.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n, mp_context=context, initializer=_begin)


def _begin() -> None:
    """One thread, since each process is one of several; and an end when the process ends that this one works for."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits for this one
    for name in ("OMP_NUM_THREADS", "LP_NUM_THREADS"):  # the latter: OpenGL without a GPU
        os.environ[name] = "1"
    import torch

    torch.set_num_threads(1)


def _end_with_parent() -> None:
    """Otherwise a process whose parent was killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def n_cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
