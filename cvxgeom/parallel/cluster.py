"""The same work on a Ray cluster."""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .processes import Died, Result, Task, n_cores

log = logging.getLogger(__name__)

LOCAL = "local"
# Times that a task is tried again when the machine or process that worked on it is lost.
_RETRIES = 5
# Tasks handed out beyond those that can run at once, so that no machine waits for the next one.
_AHEAD = 2


def run_on_cluster(
    work: Callable[[Task], Result], tasks: Sequence[Task], address: str
) -> Iterator[tuple[Task, Result | Died]]:
    """Results in the order in which they are ready; like `run_in_processes`, on the machines of a Ray cluster.

    Results come back to this process, which alone writes files: a task whose worker was lost is tried again, and
    nothing can be written twice. Workers must find the source under the same path.

    Args:
        work: a function that can be pickled.
        tasks: can be pickled, too.
        address: "host:port", "auto" for the cluster of this machine, or "local" for one that ends with this call.

    Raises:
        ImportError: ray is not installed.
        ConnectionError: there is no cluster at this address.
    """
    try:
        import ray
        from ray.exceptions import OutOfMemoryError, RayTaskError, WorkerCrashedError
    except ImportError as error:
        raise ImportError("a cluster needs ray; get it by: pip install cvxgeom[cluster]") from error
    started_here = not ray.is_initialized()
    if started_here:
        where: dict[str, Any] = {"num_cpus": n_cores()} if address == LOCAL else {"address": address}
        ray.init(**where, include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        remote = ray.remote(num_cpus=1, max_retries=_RETRIES)(_single_threaded)
        waiting, in_work = iter(tasks), {}
        more = True
        while True:
            room = int(ray.cluster_resources().get("CPU", 1)) + _AHEAD
            while more and len(in_work) < room:
                task = next(waiting, None)
                more = task is not None
                if task is not None:
                    in_work[remote.remote(work, task)] = task
            if not in_work:
                break
            (done,), _ = ray.wait(list(in_work), num_returns=1)
            task = in_work.pop(done)
            try:
                result = ray.get(done)
            except (WorkerCrashedError, OutOfMemoryError) as error:
                log.info("a worker died %d times: %s", _RETRIES + 1, error)
                result = Died("the worker that computed it died again and again: a crash, or not enough memory")
            except RayTaskError as error:
                raise error.cause from None
            yield task, result
    finally:
        if started_here:
            ray.shutdown()


def _single_threaded(work: Callable[[Task], Result], task: Task) -> Result:
    import torch

    torch.set_num_threads(1)
    return work(task)
