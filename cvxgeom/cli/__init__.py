"""The command line: parse, run, report; what it does is done by the library.

Exit codes: 0 success, 1 bad input (one sentence on the error stream), 2 bad usage, 130 canceled by Ctrl-C.
"""

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from .parser import parse

CANCELED = 130  # what shells report for a process that Ctrl-C ended

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: what stands behind ``cvxgeom`` on the command line; None takes it from the process.

    Returns:
        The exit code.

    Raises:
        SystemExit: bad usage (code 2), or ``--help`` and ``--version`` (code 0).

    Example:
        >>> main(["info", "no_such_file.npz"])
        1
    """
    for stream in (sys.stdout, sys.stderr):
        # A pipe may hold ASCII only: a question mark for δ or m³ is better than to end half way.
        if isinstance(stream, io.TextIOWrapper):  # what tests and notebooks put there need not be one
            stream.reconfigure(errors="replace")
    options = parse(arguments)
    name = f"cvxgeom {options.command}"
    try:
        # Not at the top: `cvxgeom --help` needs none of it.
        from .progress import log_to_stderr
        from .show import SHOW

        log_to_stderr(options.verbose)
        report = _run(options)
        if options.json:
            sys.stdout.write(json.dumps(_plain(report), allow_nan=False) + "\n")
        else:
            SHOW[options.command](report)
        sys.stdout.flush()
        if report.get("status") == "canceled":
            return CANCELED
        return 1 if report.get("problems") else 0
    except KeyboardInterrupt:
        return _end(name, "canceled; no unfinished file is left behind", CANCELED)
    except BrokenPipeError:
        # The reader went away (`cvxgeom info x.npz | head -1`): not worth a word. Python would still flush at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ValueError, OSError, ImportError, MemoryError) as error:
        if options.verbose:
            raise
        return _end(name, _sentence(error), 1)
    except RuntimeError as error:
        if options.verbose or not _is_out_of_memory(error):
            raise
        return _end(name, "not enough memory", 1)


def _run(options: argparse.Namespace) -> dict[str, Any]:
    if options.command == "doctor":  # answers even where the rest does not import
        from ..doctor import diagnose

        return diagnose().to_dict()
    from .commands import COMMANDS

    return COMMANDS[options.command](options)


def _end(name: str, message: str, code: int) -> int:
    sys.stderr.write(f"{name}: {message}\n")
    return code


def _sentence(error: BaseException) -> str:
    """One line for a user: an operating system's error without its number, any other as it stands."""
    if isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{place}"
    if isinstance(error, MemoryError):
        return "not enough memory"
    return " ".join(str(error).split()) or type(error).__name__


def _is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch did not get the memory that it asked for, which is no MemoryError."""
    return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)


def _plain(value: Any) -> Any:
    """What JSON can hold: numbers out of arrays and tensors, and null for what is not finite."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return str(getattr(value, "value", value))
