"""What is shown while a command works: on the error stream, and only if a person looks at it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.logging import RichHandler
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

ERRORS = Console(stderr=True, highlight=False)


def log_to_stderr(verbose: bool) -> None:
    """Let the library's log appear on the error stream: warnings, or with ``verbose`` what happens as well."""
    handler = RichHandler(console=ERRORS, show_time=False, show_path=False, markup=False)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("cvxgeom")
    logger.handlers = [handler]  # replaced, not added: one process may run several commands
    logger.setLevel(logging.INFO if verbose else logging.WARNING)


@contextmanager
def progress() -> Iterator[Callable[..., None]]:
    """A line that says what is going on.

    Returns:
        A function of a description and, where they are known, a step and the number of steps.
    """
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(description: str, step: int | None = None, n_steps: int | None = None) -> None:
            bar.update(task, description=description, completed=step or 0, total=n_steps)

        yield show
