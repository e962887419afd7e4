"""What stands on a command line, as values; a wrong one is one sentence."""

import argparse
import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

_MOST_PIXELS = 16384  # along a side; a slip of the finger asks for more, and then no memory is enough


def path_ending(*suffixes: str) -> Callable[[str], Path]:
    """A path with one of these endings."""

    def read(text: str) -> Path:
        path = Path(text)
        if path.suffix not in suffixes:
            raise argparse.ArgumentTypeError(f"{text!r} must end in {' or '.join(suffixes)}")
        return path

    return read


def count(least: int, most: int | None = None) -> Callable[[str], int]:
    """A whole number of at least so much, and where there is a limit of at most so much."""
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            raise argparse.ArgumentTypeError(f"{text!r} must be a whole number {wanted}")
        return int(text)

    return read


def size(text: str) -> tuple[int, int]:
    """Width and height in pixels, WxH."""
    sides = text.lower().split("x")
    if len(sides) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} must be WIDTHxHEIGHT, such as 640x480")
    side = count(1, _MOST_PIXELS)
    return side(sides[0]), side(sides[1])


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if abs(value) < float("inf"):
        return value
    raise argparse.ArgumentTypeError(f"{text!r} must be a finite number")


def distance(text: str) -> float:
    """A finite number that is not negative."""
    value = number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text!r} must not be negative")
    return value


def positive(text: str) -> float:
    """A finite number greater than zero."""
    value = number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} must be greater than 0")
    return value


def check_outputs(outputs: list[Path | None], *inputs: Path | None) -> None:
    """Find out before the work starts that its results could not be written.

    Args:
        outputs: files to write; None is none.
        inputs: files that must not be overwritten.

    Raises:
        FileNotFoundError: a folder does not exist.
        PermissionError: a folder cannot be written to.
        ValueError: an output is a folder, or an input.
    """
    for path in filter(None, outputs):
        if not path.parent.is_dir():
            raise FileNotFoundError(f"there is no folder {str(path.parent)!r} to write {path.name!r} to")
        if path.is_dir():
            raise ValueError(f"{str(path)!r} is a folder")
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(f"{str(path.parent)!r} is not writable")
        if any(entry and entry.exists() and path.exists() and path.samefile(entry) for entry in inputs):
            raise ValueError(f"{str(path)!r} is an input; choose another name for the output")


def check_extra(extra: str, package: str, option: str) -> None:
    """Find out before the work starts that a package is missing.

    Args:
        extra: of cvxgeom, that has the package.
        package: its name.
        option: of the command line, that needs it.

    Raises:
        ImportError: the package is not installed.
    """
    if importlib.util.find_spec(package) is None:
        from ..doctor import install_command

        raise ImportError(f"{option} needs the package {package}: {install_command(extra)}")
