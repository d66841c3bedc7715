"""Jobs: runs performed by Dask workers, never by the web process; the truth about a run is its folder.

A worker is not given a run but a ticket, one for each run in the queue. When it comes to the ticket, it looks
into the folders for the run whose turn it is then (`inference.turns`) and performs that one. So the order may
change while runs wait, and a ticket too many does no harm: it finds nothing to do.
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from dashboard import cluster, settings
from dashboard.compilation import cache_variables
from inference.runs import ACTIVE, Run, RunBusy, RunStore, mark, mark_lost
from inference.trash import empty_trash
from inference.turns import PERFORMED, in_turn

WATCH_SECONDS = 8.0  # how often dead runs are looked for; with the time until one counts as lost, below 30 s
EMPTY_SECONDS = 600.0  # how often what was deleted long ago is looked for
MAX_WORKERS = 4
SUBMIT_SECONDS = 60.0  # from the making of a run until somebody has queued or begun it
STOP_SECONDS = 2.0  # that a server which is shut down gives its runs
MOST_BEGUN = 2  # times that a run may have killed its worker
ABANDONED = (*PERFORMED, "lost")  # states of a run whose worker has died
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
        self._tickets: dict[str, Any] = {}  # futures, by the ticket
        self._top_up: Any = None
        self._emptied = time.time()  # the server has begun with that
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
        """Ask a run to stop: it does within a second, or its message says what it waits for, and how long.

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
            return {"scheduler": self.scheduler}
        return {"host": socket.gethostname(), "pid": os.getpid(), "started": psutil.Process().create_time()}

    def _send(self, run: Run) -> None:
        """Give out a ticket for a run that has just been queued; says so in the run if that is impossible."""
        try:
            self._give_ticket()
        except Exception as error:  # noqa: BLE001  a thread has nobody to tell but the run
            _LOG.exception("Run %s could not be submitted", run.id)
            run.set_state(
                "failed", f"No worker could be started or reached ({type(error).__name__}: {error})."
            )

    def _give_ticket(self) -> None:
        import distributed

        ticket, place = f"ticket-{uuid.uuid4().hex}", (str(self.store.root), self._queue())
        future = self._connect().submit(perform_next, *place, ticket, key=ticket, pure=False)
        self._tickets[ticket] = future
        distributed.fire_and_forget(future)  # with a scheduler of its own, the ticket outlives this process
        future.add_done_callback(lambda ended: self._note_the_end(ticket, ended))

    def _note_the_end(self, ticket: str, ended: Any) -> None:
        self._tickets.pop(ticket, None)
        if ended.status == "error":
            _note_a_dead_worker(self.store, ticket, ended)

    def _warm_up(self) -> None:
        try:
            self._connect().run(_import_all)
        except Exception:  # noqa: BLE001  the first run will say it to its user
            _LOG.exception("The workers could not be warmed up")

    def _connect(self) -> Any:
        import distributed

        if self._client is None or self._client.status == "closed":  # by the end of its scheduler
            cluster.configure(cluster.LOCAL_SETTINGS if self.scheduler is None else cluster.SETTINGS)
            if self.scheduler is None:
                self._cluster = distributed.LocalCluster(**_local_cluster())
            self._client = distributed.Client(self._cluster or self.scheduler, set_as_default=False)
        return self._client

    def _watch(self) -> None:
        while not self._closed.is_set():
            try:
                reconcile(self.store, now=time.time())
                self._look_after_tickets()
                self._empty_trash(time.time())
            except Exception:  # noqa: BLE001  the next look may succeed
                _LOG.exception("The runs could not be looked through")
            self._closed.wait(WATCH_SECONDS)

    def _empty_trash(self, now: float) -> None:
        if now - self._emptied > EMPTY_SECONDS:
            self._emptied = now
            empty_trash(self.store.root, now=now)

    def _look_after_tickets(self) -> None:
        """Give out those that are missing, unless the last look is still at it.

        A scheduler of its own may have lost them by ending, or another server left runs there; and a ticket
        whose workers died is gone.
        """
        if self._closed.is_set():
            return
        if self._top_up is None or self._top_up.done():
            self._top_up = self._starter.submit(self._give_missing_tickets)

    def _give_missing_tickets(self) -> None:
        queued = [run for run in self.store.list() if run.state == "queued" and _is_here(run, self._queue())]
        if not queued:
            return
        try:
            self._connect()  # a new scheduler has none of them
            is_pending = [future.status == "pending" for future in [*self._tickets.values()]]
            for _ in range(len(queued) - sum(is_pending)):
                self._give_ticket()
        except Exception:  # noqa: BLE001  the next look may find the scheduler
            _LOG.debug("No tickets could be given out", exc_info=True)


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


def perform_next(root: str, queue: Mapping[str, Any], ticket: str) -> None:
    """What a worker does with a ticket: performs the run whose turn it is, if there is one.

    Args:
        root: of the store of runs.
        queue: whose runs.
        ticket: one that comes again, because its worker has died, goes on with that worker's run.
    """
    from inference.execute import perform
    from inference.hard_stop import end_what_is_stuck

    busy: set[str] = set()
    while (run := _next(RunStore(Path(root)), queue, ticket, busy)) is not None:
        # Dask counts a worker's death for tickets that wait there too: each run counts its own.
        if run.record.get("begun", 0) >= MOST_BEGUN and not run.stop_requested:
            mark(run, "failed", DIED, only=ABANDONED)
            busy.add(run.id)
            continue
        try:
            perform(run, on_progress=False, ends_process=True, ticket=ticket)
        except RunBusy:
            busy.add(run.id)  # somebody was quicker; the next one, then
        except (OSError, ValueError):
            if run.folder.is_dir():
                raise
            busy.add(run.id)  # deleted meanwhile
        else:
            break
    end_what_is_stuck()  # another process takes the place of this one


def _next(store: RunStore, queue: Mapping[str, Any], ticket: str, busy: Collection[str]) -> Run | None:
    runs = [run for run in store.list() if run.id not in busy]
    mine = [run for run in runs if run.state in ABANDONED and _ticket_of(run) == ticket]
    return next(iter([*mine, *(run for run in in_turn(runs) if _is_here(run, queue))]), None)


def _ticket_of(run: Run) -> str | None:
    return (run.record.get("performer") or {}).get("ticket")


def _is_here(run: Run, queue: Mapping[str, Any]) -> bool:
    """Whether a run waits in that queue."""
    waits = run.record.get("queue") or {}
    return all(waits.get(name) == value for name, value in queue.items())


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


def _note_a_dead_worker(store: RunStore, ticket: str, ended: Any) -> None:
    """A future fails only if workers died again and again, or could not even begin."""
    _LOG.error("A run killed its workers: %s", ended.exception())
    for run in store.list():
        if _ticket_of(run) == ticket:
            mark(run, "failed", DIED, only=ABANDONED)


def _stop_all(runs: list[Run]) -> None:
    """Ask all to stop, and give them a moment."""
    active = [run for run in runs if run.state in ACTIVE]
    for run in active:
        run.request_stop()
    deadline = time.monotonic() + STOP_SECONDS
    while any(run.state == "stopping" for run in active) and time.monotonic() < deadline:
        time.sleep(0.05)
