"""Black-box simulators in worker processes, one row at a time: a row that dies or takes too long is NaN.

A worker is this very file, run as a script: it needs neither JAX nor the rest of the package, so it starts
quickly, also below a Dask worker (which may not fork). Its process group is killed with it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Event
from typing import Any

import cloudpickle
import numpy as np

START_SECONDS = 120.0  # to import what the function needs
IDLE_SECONDS = 60.0  # until a worker that has nothing to do ends
POLL_SECONDS = 0.1

Function = Callable[[dict[str, float], int], Any]


def call_black_box(
    function: Function, names: tuple[str, ...], row: np.ndarray, seed: int, num_features: int
) -> np.ndarray:
    """Features x of one call, shape (num_features,), float32; NaN if it raised or has the wrong length."""
    try:
        x = np.asarray(function(dict(zip(names, row.tolist(), strict=True)), seed), np.float32).ravel()
    except Exception:  # noqa: BLE001 - the user's code may raise anything; a bad row must not end a batch
        x = np.empty(0, np.float32)
    return x if x.shape == (num_features,) else np.full(num_features, np.nan, np.float32)


class WorkerDied(Exception):
    """The process ended, or was killed, before it answered."""


class Worker:
    """One process that calls a function, as long as this object lives.

    Args:
        pickled: the function and the names of its parameters.

    Raises:
        RuntimeError: the function cannot be loaded in another process.
    """

    def __init__(self, pickled: bytes) -> None:
        self._connection, theirs = Pipe()
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=environment,
            )
        self.idle_since = time.monotonic()
        self.end = weakref.finalize(self, _kill, self._process)
        try:
            self._connection.send_bytes(pickled)
            problem = self._answer(START_SECONDS, Event()).decode()
        except (WorkerDied, OSError):
            problem = "its process ended"
        if problem:
            self.end()
            raise RuntimeError(f"The black box cannot be loaded in a worker process: {problem}.")

    @property
    def is_ready(self) -> bool:
        """Whether it can be asked: alive, and not about to end because it was idle."""
        return self._process.poll() is None and time.monotonic() - self.idle_since < IDLE_SECONDS / 2

    def call(
        self, row: np.ndarray, seed: int, num_features: int, *, timeout: float | None, stop: Event
    ) -> np.ndarray:
        """Features of one row, shape (num_features,).

        Raises:
            WorkerDied: it ended, took longer than ``timeout`` seconds, or ``stop`` was set; it is dead now.
        """
        try:
            self._connection.send((np.asarray(row, np.float32).tobytes(), seed, num_features))
        except OSError as error:
            raise WorkerDied from error
        x = np.frombuffer(self._answer(timeout, stop), np.float32)
        self.idle_since = time.monotonic()
        return x

    def _answer(self, timeout: float | None, stop: Event) -> bytes:
        deadline = time.monotonic() + (np.inf if timeout is None else timeout)
        try:
            while not self._connection.poll(max(0.0, min(POLL_SECONDS, deadline - time.monotonic()))):
                if stop.is_set() or time.monotonic() >= deadline:
                    self.end()
                    raise WorkerDied
            return self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            self.end()
            raise WorkerDied from error


class Workers:
    """Workers of one function, started when they are needed and kept for the next batch.

    Args:
        pickled: see ``Worker``.
        timeout: seconds per row; None: no limit.
    """

    def __init__(self, pickled: bytes, timeout: float | None) -> None:
        self._pickled, self._timeout = pickled, timeout
        self._idle: SimpleQueue[Worker] = SimpleQueue()

    def rows(self, theta: np.ndarray, seeds: list[int], num_features: int, *, stop: Event) -> np.ndarray:
        """Features of all rows, shape (n, num_features); each is tried once, and NaN if that fails.

        Raises:
            RuntimeError: the function cannot be loaded in another process.
        """
        x = np.full((len(theta), num_features), np.nan, np.float32)
        worker = self._worker()
        for index, (row, seed) in enumerate(zip(theta, seeds, strict=True)):
            if stop.is_set():
                break
            worker = worker if worker.is_ready else self._worker()
            with suppress(WorkerDied):
                x[index] = worker.call(row, seed, num_features, timeout=self._timeout, stop=stop)
        self._idle.put(worker)
        return x

    def _worker(self) -> Worker:
        """One that is idle, or a new one."""
        with suppress(Empty):
            while True:
                worker = self._idle.get_nowait()
                if worker.is_ready:
                    return worker
        return Worker(self._pickled)


def _kill(process: subprocess.Popen) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _serve(connection: Connection) -> None:
    """The life of a worker process: until the other end is closed, or has been silent for a minute."""
    try:
        function, names = cloudpickle.loads(connection.recv_bytes())
        connection.send_bytes(b"")
    except Exception as error:  # noqa: BLE001 - whatever a user's module raises on import is told
        connection.send_bytes(f"{type(error).__name__}: {error}".encode())
        return
    while connection.poll(IDLE_SECONDS):
        row, seed, num_features = connection.recv()
        x = call_black_box(function, names, np.frombuffer(row, np.float32), seed, num_features)
        connection.send_bytes(x.tobytes())


if __name__ == "__main__":
    with suppress(EOFError, OSError):
        _serve(Connection(int(sys.argv[1])))
