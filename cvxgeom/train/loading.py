"""Batches prepared in the background, so that the step need not wait for them."""

import queue
import threading
import time
from collections.abc import Generator
from typing import Any

from .batches import Batch, Batches

_AHEAD = 3  # batches that are ready before they are asked for


def loaded(batches: Batches, first: int, workers: int, pin: bool = False) -> Generator[tuple[Batch, float], None, None]:
    """The batches of all steps from ``first`` on, each with the seconds that were spent waiting for it.

    Args:
        batches: of the run.
        first: step to begin with.
        workers: processes that prepare them; 0 does it in a thread of this one.
        pin: put them where a GPU can fetch them by itself.

    Raises:
        Exception: whatever went wrong while a batch was prepared.
    """
    source = _of_thread(batches, first, pin) if workers == 0 else _of_processes(batches, first, workers, pin)
    try:
        while True:
            start = time.perf_counter()
            batch = next(source, None)
            if batch is None:
                return
            yield batch, time.perf_counter() - start
    finally:
        source.close()


def _of_thread(batches: Batches, first: int, pin: bool) -> Generator[Any, None, None]:
    ready: queue.Queue[Any] = queue.Queue(maxsize=_AHEAD)
    ended = threading.Event()

    def put(value: Any) -> bool:
        while not ended.is_set():
            try:
                ready.put(value, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def prepare() -> None:
        try:
            for step in range(first, len(batches)):
                if not put(batches[step].pin_memory() if pin else batches[step]):
                    return
            put(None)
        except BaseException as error:  # raised where the batch is asked for
            put(error)

    thread = threading.Thread(target=prepare, name="cvxgeom batches", daemon=True)
    thread.start()
    try:
        while (batch := ready.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            yield batch
    finally:
        ended.set()
        thread.join()


def _of_processes(batches: Batches, first: int, workers: int, pin: bool) -> Generator[Any, None, None]:
    from torch.utils.data import DataLoader

    loader = DataLoader(
        batches,  # pyright: ignore[reportArgumentType]  a sequence is a data set
        batch_size=None,
        sampler=range(first, len(batches)),
        num_workers=workers,
        prefetch_factor=_AHEAD,
        pin_memory=pin,
        worker_init_fn=_one_thread,
    )
    yield from loader


def _one_thread(_worker: int) -> None:
    import torch

    torch.set_num_threads(1)
