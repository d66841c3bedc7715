"""Jobs: runs performed by Dask workers, never by the web process; the truth about a run is its folder."""

import logging
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from dashboard import cluster, settings
from dashboard.compilation import cache_variables
from inference.runs import ACTIVE, Run, RunBusy, RunStore, mark, mark_lost

WATCH_SECONDS = 8.0  # how often dead runs are looked for; with the time until one counts as lost, below 30 s
MAX_WORKERS = 4
SUBMIT_SECONDS = 60.0  # from the making of a run until somebody has queued or begun it
STOP_SECONDS = 2.0  # that a server which is shut down gives its runs
MOST_BEGUN = 2  # times that a run may have killed its worker
DIED = "The worker process died twice, perhaps for want of memory; ask for less and resume."
_LOG = logging.getLogger(__name__)
_MAKING = threading.Lock()


class Jobs:
    """Submits the runs of a store to workers, which are started with the first of them.

    Args:
        store: whose runs are submitted and watched.
        scheduler: address of a Dask scheduler; None: workers of this machine, which end with this process.
    """

    def __init__(self, store: RunStore, scheduler: str | None = None) -> None:
        self.store = store
        self.scheduler = scheduler
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="jobs")  # starting workers takes seconds
        self._client: Any = None
        self._cluster: Any = None
        self._submitted: list[Run] = []
        self._futures: dict[str, Any] = {}  # by the run's id
        self._closed = threading.Event()

    def submit(self, run: Run) -> None:
        """Queue a run, also one that has ended without a result; returns at once.

        Raises:
            ValueError: the run is done, or is being performed.
        """
        run.enqueue(queue=self._queue())
        self._submitted.append(run)
        self._starter.submit(self._send, run)

    def stop(self, run: Run) -> None:
        """Ask a run to stop: it does within a second, or its message says what it waits for.

        Raises:
            ValueError: the run is not queued or running.
        """
        run.request_stop()

    def warm_up(self) -> None:
        """Start the workers now and have them import what they need; returns at once."""
        self._starter.submit(self._warm_up)

    def watch(self) -> None:
        """From now on mark runs whose process has died; from a thread of its own."""
        threading.Thread(target=self._watch, name="jobs-watch", daemon=True).start()

    def close(self) -> None:
        """End the workers of this machine; the runs that they were at are stopped, and can be resumed."""
        self._closed.set()
        self._starter.shutdown(cancel_futures=True)
        self._submitted = [run for run in self._submitted if run.folder.is_dir()]  # others were deleted
        if self.scheduler is None:
            _stop_all(self._submitted)
        for part in (self._client, self._cluster):
            if part is not None:
                part.close()
        if self.scheduler is None:
            for run in self._submitted:
                mark(run, "lost", "The server was shut down; the run can be resumed.", only=ACTIVE)

    def _queue(self) -> dict[str, Any]:
        """Who has the run in its queue: without them it will never begin."""
        if self.scheduler is not None:
            return {"scheduler": self.scheduler, "key": f"{time.time_ns()}"}
        return {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}

    def _send(self, run: Run, *, is_again: bool = False) -> None:
        import distributed

        try:
            name = f"{run.id}-{(run.record.get('queue') or {}).get('key', time.time_ns())}"
            future = self._connect().submit(perform_folder, str(run.folder), key=name, pure=False)
        except Exception as error:  # noqa: BLE001  a thread has nobody to tell but the run
            if is_again:
                return  # the next look may find the scheduler
            _LOG.exception("Run %s could not be submitted", run.id)
            run.set_state(
                "failed", f"No worker could be started or reached ({type(error).__name__}: {error})."
            )
            return
        distributed.fire_and_forget(future)  # with a scheduler of its own, the run outlives this process
        known, self._futures[run.id] = self._futures.get(run.id), future
        if known is None or known.key != name:
            future.add_done_callback(lambda ended: _note_a_dead_worker(run, ended))

    def _warm_up(self) -> None:
        try:
            self._connect().run(_import_all)
        except Exception:  # noqa: BLE001  the first run will say it to its user
            _LOG.exception("The workers could not be warmed up")

    def _connect(self) -> Any:
        import distributed

        if self._client is None or self._client.status == "closed":  # by the end of its scheduler
            cluster.configure()
            if self.scheduler is None:
                self._cluster = distributed.LocalCluster(**_local_cluster())
            self._client = distributed.Client(self._cluster or self.scheduler, set_as_default=False)
        return self._client

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                reconcile(self.store, now=time.time())
                self._send_again()
            except Exception:  # noqa: BLE001  the next look may succeed
                _LOG.exception("The runs could not be looked through")
            self._closed.wait(WATCH_SECONDS)

    def _send_again(self) -> None:
        """Queue what a scheduler of its own has lost by ending, or another server left there.

        One that still has the run knows it by its key, and does not queue it twice.
        """
        if self.scheduler is None:
            return
        for run in self.store.list():
            if self._closed.is_set():
                return
            future = self._futures.get(run.id)
            is_there = future is not None and future.status == "pending"
            if run.state == "queued" and not is_there and _is_queued_at(run, self.scheduler):
                self._starter.submit(self._send, run, is_again=True)


def get_jobs() -> Jobs:
    """The jobs of this process, made when first asked for from `dashboard.settings`."""
    with _MAKING:  # sessions are served by several threads
        return _jobs()


@cache
def _jobs() -> Jobs:
    jobs = Jobs(RunStore(settings.root()), settings.scheduler())
    jobs.watch()
    return jobs


def reconcile(store: RunStore, *, now: float) -> list[Run]:
    """Mark the runs that nobody performs, or ever will, as lost; returns them.

    Args:
        store: whose runs.
        now: seconds since 1970, to compare heartbeats with.
    """
    words = "Whoever had this run in the queue is no more; it can be resumed."
    queued = [run for run in store.list() if run.state == "queued" and _is_forgotten(run, now)]
    forgotten = [run for run in queued if mark(run, "lost", words, only=("queued",))]
    return [*mark_lost(store, now=now), *forgotten]


def perform_folder(folder: str) -> None:
    """What a worker does with a run folder."""
    from inference.execute import perform

    run = Run(Path(folder))
    if not run.folder.is_dir():
        return  # stopped while it was queued, and deleted
    # Dask counts a worker's death for the runs that wait there too: each counts its own.
    if run.record.get("begun", 0) >= MOST_BEGUN:
        mark(run, "failed", DIED, only=("running", "lost"))
        return
    try:
        perform(run, on_progress=False)
    except RunBusy:
        return  # submitted twice: whoever was first goes on


def _local_cluster() -> dict[str, Any]:
    """Few workers, because one run uses all cores: another worker only lets a short run pass a long one."""
    return {
        "n_workers": min(max((os.cpu_count() or 1) // 2, 1), MAX_WORKERS),
        "threads_per_worker": 1,
        "processes": True,
        "host": "127.0.0.1",
        "dashboard_address": None,
        "scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"},
        "silence_logs": logging.ERROR,
        "env": cache_variables(),
    }


def _import_all() -> None:
    import inference.execute  # noqa: F401


def _is_forgotten(run: Run, now: float) -> bool:
    """Whether the process that has a run in its queue is no more, or never was."""
    queue = run.record.get("queue")
    if queue is None:  # its maker died before it performed or submitted it
        return now - run.created.timestamp() > SUBMIT_SECONDS
    if queue.get("host") != socket.gethostname():
        return False
    try:
        return psutil.Process(queue["pid"]).create_time() != queue["started"]
    except psutil.NoSuchProcess:
        return True


def _is_queued_at(run: Run, scheduler: str) -> bool:
    return (run.record.get("queue") or {}).get("scheduler") == scheduler


def _note_a_dead_worker(run: Run, ended: Any) -> None:
    """A future fails only if workers died again and again before the run had begun."""
    if ended.status == "error" and mark(run, "failed", DIED, only=("queued", "running", "lost")):
        _LOG.error("Run %s killed its worker: %s", run.id, ended.exception())


def _stop_all(runs: list[Run]) -> None:
    """Ask all to stop, and give them a moment."""
    active = [run for run in runs if run.state in ACTIVE]
    for run in active:
        run.request_stop()
    deadline = time.monotonic() + STOP_SECONDS
    while any(run.state == "stopping" for run in active) and time.monotonic() < deadline:
        time.sleep(0.05)
