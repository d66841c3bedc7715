"""Run: one run folder. What was asked, how far it is, and who is at work on it.

    <id>/  run.json (request, owner, state, heartbeat), progress.jsonl, observation/, stop, claim, error.log,
           simulations/, checkpoint/, result.zarr, weights.eqx, manifest.json

The truth about a run is here, on the disk, and nowhere else. `run.json` is changed under a lock and replaced
whole. Whoever performs a run holds the lock file `claim`, which the operating system releases when that
process dies: so a run is never performed twice at a time, and no claim is ever stale.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from inference import journal
from inference.files import exclusive, is_held, read_json, write_atomically, write_json
from inference.progress import Progress
from inference.requests import Request

if TYPE_CHECKING:
    from inference.result import Result

State = Literal["queued", "running", "stopping", "stopped", "failed", "lost", "done"]
STATES: tuple[str, ...] = get_args(State)
ACTIVE = ("queued", "running", "stopping")

FORMAT = 1  # of run.json; a reader refuses a higher one
LOST_AFTER = 20.0  # s without a heartbeat, and without a holder of the claim, until a run counts as lost
LOCK_SECONDS = 10.0  # how long to wait for another writer of run.json
CLAIM_SECONDS = 1.0  # somebody who only looks whether a claim is held, holds it himself for an instant


class RunBusy(ValueError):
    """Somebody else is performing the run."""


@dataclass(frozen=True)
class Run:
    """One run folder. Every attribute is read from the disk when it is asked for: never out of date."""

    folder: Path

    @property
    def id(self) -> str:
        """Time of creation (UTC), model and four random digits: sorts by time."""
        return self.folder.name

    @property
    def record(self) -> dict[str, Any]:
        """All of `run.json`.

        Raises:
            ValueError: it is missing, damaged or of a newer format.
        """
        return read_record(self.folder)

    @property
    def request(self) -> Request:
        """What was asked."""
        return Request.from_json(self.record["request"])

    @property
    def owner(self) -> str:
        """Name of the user whom the run belongs to."""
        return self.record["owner"]

    @property
    def created(self) -> datetime:
        """When the run was asked for, in UTC."""
        return datetime.fromisoformat(self.record["created"])

    @property
    def state(self) -> State:
        """As recorded, unless a stop was asked for that its performer has not yet heard of."""
        recorded = self.record["state"]
        if recorded in ("queued", "running") and self.stop_requested:
            return "stopped" if recorded == "queued" else "stopping"
        return recorded

    @property
    def message(self) -> str:
        """One sentence about the state; may be empty."""
        return self.record.get("message", "")

    @property
    def heartbeat(self) -> float | None:
        """When whoever performs the run last said so, in seconds since 1970."""
        return self.record.get("heartbeat")

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked for a stop that no resume has lifted since."""
        return os.path.exists(self._stop_file)

    @property
    def observation_path(self) -> Path | None:
        """The recording's file, or None when the run has none; never a file outside the run folder."""
        path = self.folder / (self.request.observation.get("file") or "")
        return path if path.is_file() and path.resolve().is_relative_to(self.folder.resolve()) else None

    @property
    def is_claimed(self) -> bool:
        """Whether a living process performs the run."""
        return is_held(self._claim_file)

    def set_state(self, state: str, message: str = "") -> None:
        """Change the state and its sentence; also a heartbeat.

        Raises:
            ValueError: there is no such state.
        """
        if state not in STATES:
            raise ValueError(f"A state is one of {', '.join(STATES)}; got '{state}'.")
        self.update(state=state, message=message, heartbeat=time.time())

    def update(self, **changes: Any) -> None:
        """Change fields of `run.json` all at once, never losing what another process changes meanwhile."""
        with exclusive(self.folder / ".run.lock", timeout=LOCK_SECONDS):
            write_json(self.folder / "run.json", self.record | changes)

    def request_stop(self) -> None:
        """Ask whoever performs the run to stop; a queued run is stopped at once.

        Raises:
            ValueError: the run is not queued or running.
        """
        if (state := self.state) not in ACTIVE:
            raise ValueError(f"Run {self.id} is {state}; only a queued or running run can be stopped.")
        write_atomically(self._stop_file, b"")

    def enqueue(self, **changes: Any) -> None:
        """Make the run ready to be performed, again if it has ended before: lifts a stop.

        Args:
            changes: further fields of `run.json`.

        Raises:
            RunBusy: it is being performed.
            ValueError: it is done.
        """
        if self.state == "done":
            raise ValueError(f"Run {self.id} is done; there is nothing to resume.")
        with self.claim():
            self._stop_file.unlink(missing_ok=True)
            self.update(state="queued", message="", begun=0, heartbeat=time.time(), **changes)

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the right to perform this run.

        Raises:
            RunBusy: somebody else holds it.
        """
        with ExitStack() as held:
            try:
                held.enter_context(exclusive(self._claim_file, timeout=CLAIM_SECONDS))
            except TimeoutError as error:
                raise self._busy() from error
            if self._is_performed_elsewhere():
                raise self._busy()
            yield

    def append_progress(self, event: Progress, **extra: Any) -> None:
        """Add one event to `progress.jsonl`, with the time; `extra` are further JSON values."""
        journal.append(self._journal_file, event, **extra)

    def progress(self) -> list[dict[str, Any]]:
        """All events so far, oldest first."""
        return journal.read_all(self._journal_file)

    def latest(self) -> dict[str, Any] | None:
        """The newest event, or None; reads only the end of the file."""
        return journal.read_last(self._journal_file)

    def result(self) -> "Result":
        """The stored result.

        Raises:
            ValueError: the run is not done, or its result is damaged.
        """
        from inference.result import load_result  # here: a list of runs needs no xarray

        if (state := self.state) != "done":
            raise ValueError(f"Run {self.id} is {state}; it has no result yet.")
        return load_result(self.folder)

    @property
    def _stop_file(self) -> Path:
        return self.folder / "stop"

    @property
    def _claim_file(self) -> Path:
        return self.folder / "claim"

    @property
    def _journal_file(self) -> Path:
        return self.folder / "progress.jsonl"

    def _busy(self) -> RunBusy:
        performer = self.record.get("performer") or {}
        who = f"process {performer.get('pid', '?')} on {performer.get('host', '?')}"
        return RunBusy(f"Run {self.id} is already being performed by {who}.")

    def _is_performed_elsewhere(self) -> bool:
        """Locks may not reach across hosts on a network file system; a fresh heartbeat from there does."""
        record = self.record
        host = (record.get("performer") or {}).get("host")
        is_fresh = time.time() - (record.get("heartbeat") or 0.0) < LOST_AFTER
        return record["state"] == "running" and is_fresh and host not in (None, socket.gethostname())


def new_record(request: Request, owner: str) -> dict[str, Any]:
    """The first `run.json` of a run."""
    return {
        "format": FORMAT,
        "request": request.to_json(),
        "owner": owner,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "state": "queued",
        "message": "",
        "heartbeat": None,
    }


def read_record(folder: Path) -> dict[str, Any]:
    """The `run.json` of a run folder.

    Raises:
        ValueError: it is missing, damaged or of a newer format, or must not be opened.
    """
    try:
        record = read_json(folder / "run.json")
    except FileNotFoundError as error:
        raise ValueError(f"'{folder}' is not a run: it has no run.json.") from error
    except OSError as error:
        raise ValueError(f"'{folder / 'run.json'}' cannot be opened: {error.strerror}.") from error
    if record.get("format", 0) > FORMAT:
        raise ValueError(
            f"'{folder}' was written by a newer posterior-lab (format {record['format']}); update it."
        )
    missing = {"request", "owner", "created", "state"} - record.keys()
    if missing or record["state"] not in STATES:
        what = f"without {sorted(missing)}" if missing else f"of the unknown state {record['state']!r}"
        raise ValueError(f"'{folder / 'run.json'}' is damaged: it is {what}.")
    return record


def is_lost(run: Run, *, now: float) -> bool:
    """Whether the run was being performed by a process that is no more.

    Args:
        run: the run.
        now: the time to compare its heartbeat with, in seconds since 1970.
    """
    record = run.record
    is_stale = now - (record.get("heartbeat") or 0.0) > LOST_AFTER
    return record["state"] in ("running", "stopping") and is_stale and not run.is_claimed
