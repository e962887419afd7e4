"""What one process does with one shape."""

import time
from dataclasses import dataclass, replace

from ..data import Arrays
from .compute import compute
from .config import PrepareConfig
from .item import Item
from .store import packed


@dataclass(frozen=True)
class Task:
    """A shape, and what is still to be made of it."""

    item: Item
    config: PrepareConfig
    geometry: bool
    pictures: bool


@dataclass(frozen=True)
class Outcome:
    """What was made of a shape, as contents of HDF5 files, or why it could not be made."""

    id: str
    geometry: bytes | None = None
    pictures: bytes | None = None
    refused: str | None = None
    no_pictures: str | None = None
    seconds: float = 0.0


def run_task(task: Task) -> Outcome:
    """Load a shape and compute what the task asks for; whatever is wrong with the shape becomes a sentence.

    Raises:
        ImportError: a package is missing that every shape needs.
    """
    started = time.perf_counter()
    outcome = Outcome(task.item.id)
    try:
        loaded = task.item.load()
        if task.geometry:
            outcome = replace(outcome, geometry=packed(*compute(task.item, loaded, task.config)))
    except ImportError:
        raise
    except Exception as error:  # readers and geometry libraries have their own; the shape is refused with this reason
        return replace(outcome, refused=_sentence(error), seconds=time.perf_counter() - started)
    if task.pictures:
        try:
            from .color import pictures

            arrays = pictures(task.item, loaded, task.config)
            outcome = replace(outcome, pictures=packed(task.item.facts, Arrays(**arrays)))
        except ImportError:
            raise
        except Exception as error:
            outcome = replace(outcome, no_pictures=_sentence(error))
    return replace(outcome, seconds=time.perf_counter() - started)


def _sentence(error: Exception) -> str:
    known = isinstance(error, (ValueError, OSError))
    text = " ".join(str(error).split())
    return text if known and text else f"{type(error).__name__}: {text}".rstrip(": ")
