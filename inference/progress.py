"""Progress of a run as plain events, and the ways to listen to them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal["simulate", "train", "sample", "predict", "diagnose"]
LAST_STAGE = "diagnose"


class Stopped(Exception):
    """Raised by a progress callback to end a run cooperatively; what was checkpointed stays valid."""


@dataclass(frozen=True)
class Progress:
    """One event: `done` of `total` (simulations, epochs, draws) in a stage.

    Attributes:
        stage: which part of the run.
        done: finished units of work.
        total: units planned; for training it can grow while the held-out loss still improves.
        values: numbers of the moment, e.g. {"train_loss": 1.2, "validation_loss": 1.3}.
        message: one short sentence for people, may be empty.
    """

    stage: Stage
    done: int
    total: int
    values: Mapping[str, float] = field(default_factory=dict)
    message: str = ""


Callback = Callable[[Progress], None]


def as_callback(on_progress: "Callback | bool | None") -> Callback:
    """The listener to call: None gives a progress bar, False silence, a callable itself.

    Raises:
        TypeError: if it is anything else.
    """
    if on_progress is None:
        return _Bar()
    if on_progress is False:
        return _ignore
    if callable(on_progress):
        return on_progress
    raise TypeError(
        "on_progress is None (a progress bar), False (silent) or a function of one Progress event; "
        f"got {on_progress!r}."
    )


def _ignore(event: Progress) -> None:
    del event


class _Bar:
    """A tqdm bar per stage, closed when the next stage begins; drawn only when something has changed.

    The first piece of a stage also compiles, and says nothing about the pace of those to come.
    """

    def __init__(self):
        self._bar = None
        self._last: Progress | None = None
        self._is_compiled = False

    def __call__(self, event: Progress) -> None:
        from tqdm.auto import tqdm  # here, so that importing inference stays light

        if event == self._last:
            return
        if self._bar is None or self._last is None or event.stage != self._last.stage:
            self._close()
            self._bar = tqdm(total=event.total, initial=event.done, leave=True, mininterval=0, miniters=1)
            self._is_compiled = False
        elif event.done > self._last.done and not self._is_compiled:
            self._is_compiled = True
            self._bar.n = self._bar.initial = self._bar.last_print_n = event.done
            self._bar.last_print_t = time.time()
        self._last, self._bar.total = event, event.total
        self._bar.set_description_str(
            f"{event.stage}: {event.message}" if event.message else event.stage, refresh=False
        )
        if event.values:
            numbers = {name: f"{value:.4g}" for name, value in event.values.items()}
            self._bar.set_postfix(numbers, refresh=False)
        if not self._bar.update(event.done - self._bar.n):  # which draws it where it is further
            self._bar.refresh()
        if event.stage == LAST_STAGE and event.done >= event.total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
