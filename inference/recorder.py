"""What listens to a run being performed: writes its journal, hears a stop, keeps its heart beating."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from inference import hard_stop
from inference.progress import Progress, Stopped
from inference.runfolder import Run

WRITE_SECONDS = 0.25  # between two lines of the journal within a stage
HEARTBEAT_SECONDS = 2.0
POLL_SECONDS = 0.25  # how often the heartbeat looks for a stop
PATIENCE_SECONDS = 1.0  # after a stop, until people are told what is being waited for

# What is still to come after a stage, in seconds: rough figures of a laptop, to be added to a measured rate.
SECONDS_AFTER = {"simulate": 30.0, "train": 10.0, "sample": 6.0, "predict": 3.0, "diagnose": 0.0}
WAITING_FOR = {
    "simulate": "the chunk of simulations under way",
    "train": "the epoch under way, or a compilation",
    "sample": "the draws under way, or a compilation",
    "predict": "the chunk of simulations under way",
    "diagnose": "the check under way",
}


@dataclass
class Clock:
    """Time left, from the rate of the current stage.

    Neither work found done at its start counts, nor the first piece, which also compiles.
    """

    stage: str = ""
    started: float = 0.0
    done_at_start: int = 0
    is_compiled: bool = False

    def left(self, event: Progress, now: float) -> tuple[float | None, float | None]:
        """Seconds left in this stage, and in the run; None while there is no rate yet."""
        if event.stage != self.stage or event.done < self.done_at_start:
            self.stage, self.done_at_start, self.is_compiled = event.stage, event.done, False
        elif event.done > self.done_at_start and not self.is_compiled:
            self.started, self.done_at_start, self.is_compiled = now, event.done, True
        done = event.done - self.done_at_start
        if event.done >= event.total:
            in_stage = 0.0
        elif done <= 0:
            return None, None
        else:
            in_stage = (now - self.started) / done * (event.total - event.done)
        return in_stage, in_stage + SECONDS_AFTER[event.stage]


@dataclass
class Recorder:
    """A progress listener for one run.

    Attributes:
        run: whose journal is written; events within a stage at most four times a second.
        listener: hears every event too, and may raise `Stopped` as well.

    Raises:
        Stopped: from a call, once the run has been asked to stop.
    """

    run: Run
    listener: Callable[[Progress], None]
    clock: Clock = field(default_factory=Clock)
    latest: Progress | None = None
    written: float = -1.0

    def __call__(self, event: Progress) -> None:
        """Note one event."""
        now = time.monotonic()
        is_new_stage = self.latest is None or event.stage != self.latest.stage
        self.latest = event
        stage_left, left = self.clock.left(event, now)
        if is_new_stage or event.done >= event.total or now - self.written >= WRITE_SECONDS:
            self.written = now
            self.run.append_progress(event, stage_left=stage_left, left=left)
        self.listener(event)
        if self.run.stop_requested:
            raise Stopped


@dataclass
class Stopwatch:
    """A progress listener that passes events on and adds up the seconds spent in each stage."""

    listener: Callable[[Progress], None]
    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.monotonic)

    def __call__(self, event: Progress) -> None:
        """Count the time since the last event to the stage of this one."""
        now = time.monotonic()
        self.seconds[event.stage] = self.seconds.get(event.stage, 0.0) + now - self.last
        self.last = now
        self.listener(event)


@contextmanager
def heartbeat(run: Run, recorder: Recorder, *, ends_process: bool = False) -> Iterator[None]:
    """Beat from a thread of its own while the block runs; says what a stop has to wait for, if it has to.

    Args:
        run: whose heart it is.
        recorder: knows what the run is at.
        ends_process: whether to end this process where the run has not stopped when the grace is over.
    """
    ended = threading.Event()
    seconds = hard_stop.grace() if ends_process else math.inf
    thread = threading.Thread(
        target=_beat, args=(run, recorder, ended, seconds), name=f"heartbeat {run.id}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _beat(run: Run, recorder: Recorder, ended: threading.Event, grace: float) -> None:
    last_beat, heard, is_told = time.monotonic(), None, False
    while not ended.wait(POLL_SECONDS):
        now = time.monotonic()
        if heard is None and run.stop_requested:
            heard = now
        waited = -1.0 if heard is None else now - heard
        if waited >= grace:
            _end(run, recorder)
        is_due = now - last_beat >= HEARTBEAT_SECONDS
        is_news = waited >= PATIENCE_SECONDS and not is_told
        if is_due or is_news:
            is_told = is_told or is_news
            words = {"message": _waiting(recorder, grace - waited)} if is_told else {}
            with suppress(OSError):  # a full disk must not end the heartbeat; the next one may be written
                run.update(heartbeat=time.time(), **words)
            last_beat = now


def _waiting(recorder: Recorder, left: float) -> str:
    """What a stop waits for, and what happens if that takes too long."""
    words = f"Stopping: waiting for {_what(recorder)}."
    if math.isinf(left):
        return words
    return f"{words} In {max(round(left), 1)} s its process is ended; what is finished is kept."


def _end(run: Run, recorder: Recorder) -> None:
    """Give up waiting."""
    words = (
        f"Stopped by ending its process, because {_what(recorder)} did not end; everything finished before "
        "is kept and the run can be resumed."
    )
    try:
        run.set_state("stopped", words)  # else whoever looks for lost runs says so
    finally:
        hard_stop.end_process()


def _what(recorder: Recorder) -> str:
    return WAITING_FOR[recorder.latest.stage] if recorder.latest else "the start-up"
