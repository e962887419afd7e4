"""A contender in a process of its own, so that neither its crash nor its hang is ours."""

import contextlib
import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh

from .._memory import peak_during
from .contenders import Contender, as_union

_START = 300.0  # seconds by the clock for imports and the first call
_PATIENCE = 6  # a contender may take so many times its processor time by the clock: other work may be going on
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """How a call ended.

    Args:
        status: "ok", "failed" (it raised, or its result has no volume), "crashed" or "timeout".
        message: why it is not "ok".
        seconds: by the clock, from the mesh in memory to its result; of a timeout, until then.
        cpu_seconds: of the processor, all threads together, which other work on the machine does not change.
        peak_bytes: by which the call raised the resident memory at most; None where the system does not tell.
    """

    status: str
    message: str = ""
    seconds: float | None = None
    cpu_seconds: float | None = None
    peak_bytes: int | None = None


class Worker:
    """Calls a contender in a process that is kept between calls, warm, and replaced when it ended.

    Args:
        contender: any of those registered, or one that can be pickled.
        limit: processor seconds of a call, and six times as many by the clock.
        n_threads: for every library that asks the environment or torch.
    """

    def __init__(self, contender: Contender, limit: float = 240.0, n_threads: int = 1) -> None:
        self.contender, self.limit, self.n_threads = contender, limit, n_threads
        self._process: Any = None
        self._pipe: Any = None

    def call(self, mesh: trimesh.Trimesh, path: Path, cap: int | None = None) -> Outcome:
        """Decompose a mesh.

        Args:
            mesh: what the contender sees.
            path: .npz file for its result, written if all went well.
            cap: most parts.

        Raises:
            ImportError: the contender's package is not installed.
        """
        if self._process is None and (problem := self._start()):
            return problem
        arrays = np.array(mesh.vertices, dtype=np.float64), np.array(mesh.faces, dtype=np.int64)
        start = time.monotonic()
        try:
            self._pipe.send((arrays, str(path), cap, self.limit))
            return Outcome(*self._receive(_PATIENCE * self.limit))
        except TimeoutError:
            spent = time.monotonic() - start
            self.close()
            return Outcome("timeout", f"not ready after {spent:.0f} s by the clock", spent, self.limit)
        except (EOFError, OSError):
            spent = time.monotonic() - start
            ended = self._ended()
            if ended == -signal.SIGXCPU:
                return Outcome("timeout", f"not ready after {self.limit:g} s of the processor", spent, self.limit)
            return Outcome("crashed", f"its process ended: {_reason(ended)}", spent)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._ended()

    def _start(self) -> Outcome | None:
        """Start the process; what came instead, if it did not get ready."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self.contender, self.n_threads), daemon=True)
        with _environment({name: str(self.n_threads) for name in _THREADS}):
            self._process.start()
        theirs.close()
        try:
            missing = self._receive(_START)
        except TimeoutError:
            self.close()
            return Outcome("timeout", f"its first call was not ready after {_START:g} s by the clock")
        except (EOFError, OSError):
            return Outcome("crashed", f"its process ended at the first call: {_reason(self._ended())}")
        if missing:
            self.close()
            raise ImportError(missing)
        return None

    def _receive(self, seconds: float) -> Any:
        if not self._pipe.poll(seconds):
            raise TimeoutError
        return self._pipe.recv()

    def _ended(self) -> int:
        self._process.join()
        code = self._process.exitcode
        self._pipe.close()
        self._process = self._pipe = None
        return code


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _reason(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"exit code {code}"


def _serve(pipe: Connection, contender: Contender, n_threads: int) -> None:
    """Answer calls until the pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # libraries chat
        os.dup2(nowhere.fileno(), 2)
    torch.set_num_threads(n_threads)
    try:
        # Libraries are loaded and threads started: no time of the first mesh.
        contender.decompose(trimesh.creation.box(), 1)
    except ImportError as error:
        pipe.send(str(error))
        return
    except Exception:  # what it cannot do with a box it will hardly do with a mesh, and then say so
        pass
    pipe.send("")
    with contextlib.suppress(EOFError):
        while True:
            (vertices, faces), path, cap, limit = pipe.recv()
            mesh = trimesh.Trimesh(vertices, faces, process=False)
            pipe.send(_timed(lambda m=mesh, c=cap: contender.decompose(m, c), Path(path), limit))


def _timed(job: Callable[[], Any], path: Path, limit: float) -> tuple[Any, ...]:
    """The fields of an outcome."""
    most = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time() + limit) + 1, most))

    def timed() -> tuple[Any, float, float]:
        start, start_cpu = time.perf_counter(), time.process_time()
        return job(), time.perf_counter() - start, time.process_time() - start_cpu

    try:
        (result, seconds, cpu_seconds), peak = peak_during(timed)
    except Exception as error:
        return "failed", f"{type(error).__name__}: {error}"
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (most, most))
    try:
        as_union(result).save(path)
    except ValueError as error:
        return "failed", str(error), seconds, cpu_seconds, peak
    return "ok", "", seconds, cpu_seconds, peak
