"""Many tasks at once: in processes of this machine or on a cluster, so that none is lost if a worker dies."""

from collections.abc import Callable, Iterator, Sequence

from .processes import Died, Result, Task, n_cores, run_in_processes

__all__ = ["Died", "n_cores", "run_in_processes", "run_tasks"]


def run_tasks(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, n_workers: int | None = None, ray: str | None = None
) -> Iterator[tuple[Task, Result | Died]]:
    """Results in the order in which they are ready; `Died` for a task that ends its process each time it is tried.

    Args:
        work: a function that can be pickled; its own errors come through.
        tasks: can be pickled, too.
        n_workers: number of processes here; by default one for each core. 1 works in this process.
        ray: address of a Ray cluster that does the work ("auto", "local" or host:port) instead of processes here.

    Raises:
        ImportError: a cluster is asked for and ray is not installed.
        ConnectionError: there is no cluster at this address.

    Example:
        >>> sorted(run_tasks(abs, [-1, 2], n_workers=1))
        [(-1, 1), (2, 2)]
    """
    if ray is None:
        return run_in_processes(work, tasks, min(n_workers or n_cores(), max(1, len(tasks))))
    from .cluster import run_on_cluster

    return run_on_cluster(work, tasks, ray)
