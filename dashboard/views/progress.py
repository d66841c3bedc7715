"""How far a run is: its state, a bar per stage, the time left, and the buttons to stop and to resume it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.views.markup import run_html
from dashboard.words import duration

TITLES = {
    "simulate": "Simulate",
    "train": "Train",
    "sample": "Sample",
    "predict": "Predict",
    "diagnose": "Check",
}
UNITS = {
    "simulate": "simulations",
    "train": "epochs",
    "sample": "draws",
    "predict": "simulations",
    "diagnose": "",
}
CAN_STOP = ("queued", "running")
CAN_RESUME = ("stopped", "failed", "lost")
# What to say where the run itself says nothing.
SENTENCES = {
    "queued": "Waiting for a free worker. You can close this page; the run goes on.",
    "running": "You can close this page; the run goes on.",
    "stopping": "Stop asked for; what is finished is kept.",
    "stopped": "Stopped; what is finished is kept, and the run can be resumed.",
    "failed": "The run failed; it can be resumed from where it was.",
    "lost": "The process that performed the run is gone; the run can be resumed.",
    "done": "Finished.",
}

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Stage:
    """How far one stage is.

    Attributes:
        name: one of `TITLES`.
        share: from 0 to 1.
        words: "45 000 of 100 000 simulations", or nothing.
        is_now: whether the run is at this stage.
    """

    name: str
    share: float = 0.0
    words: str = ""
    is_now: bool = False


def stages(events: Sequence[Event]) -> list[Stage]:
    """All stages in order; a stage begun again (another round) takes back those that come after it."""
    order = list(TITLES)
    newest: dict[str, Event] = {}
    for event in events:
        if event["stage"] in TITLES:
            later = order[order.index(event["stage"]) + 1 :]
            newest = {name: kept for name, kept in newest.items() if name not in later}
            newest[event["stage"]] = event
    now = max(newest, key=order.index, default=None)
    reached = -1 if now is None else order.index(now)
    return [_stage(name, newest.get(name), k, reached) for k, name in enumerate(order)]


def time_left(events: Sequence[Event], *, now: float) -> float | None:
    """Seconds until the run is done, as estimated with its newest event; None while unknown."""
    if not events or events[-1].get("left") is None:
        return None
    return max(0.0, events[-1]["left"] - (now - events[-1].get("time", now)))


class RunProgress(pn.viewable.Viewer):
    """State, stages, time left and one sentence; `update` is cheap enough to be called every second.

    Args:
        on_stop: called by the Stop button, which is absent without it; a ValueError is shown as its sentence,
            until the next press or another state.
        on_resume: likewise.
    """

    def __init__(
        self, on_stop: Callable[[], Any] | None = None, on_resume: Callable[[], Any] | None = None
    ) -> None:
        super().__init__()
        self._stages = run_html("")
        self.left = shell.Line(testid="time-left", kind="state")
        self.message = shell.Line(testid="run-message", kind="state")
        self.refusal = shell.Line(testid="run-refusal", kind="error")
        self._state = ""
        self.stop = self._button("Stop", on_stop)
        self.resume = self._button("Resume", on_resume, variant="contained", color="primary")

    def __panel__(self) -> pn.Column:
        buttons = pn.FlexBox(self.stop, self.resume, gap="12px", margin=(14, 0, 0, 0))
        lines = (self._stages, self.left, self.message, buttons, self.refusal)
        return pn.Column(*lines, margin=0, sizing_mode="stretch_width")

    def update(
        self, state: str, events: Sequence[Event], message: str = "", *, now: float | None = None
    ) -> None:
        """Show this state instead."""
        left = time_left(events, now=time.time() if now is None else now) if state == "running" else None
        with pn.io.hold():
            self._stages.object = _stage_list(stages(events))
            self.left.text = "" if left is None else f"{duration(left).capitalize()} left."
            self.message.kind = "error" if state == "failed" else "state"
            self.message.text = message or _latest_words(state, events) or SENTENCES.get(state, "")
            if state != self._state:
                self._state, self.refusal.text = state, ""
            self.stop.visible = state in CAN_STOP
            self.resume.visible = state in CAN_RESUME

    def _button(self, words: str, act: Callable[[], Any] | None, **settings: Any) -> pmui.Button:
        def press() -> None:
            self.refusal.text = ""
            try:
                if act is not None:
                    act()
            except ValueError as error:
                self.refusal.text = str(error)

        return shell.button(words, press, **settings)


def _latest_words(state: str, events: Sequence[Event]) -> str:
    """What the run last said about what it is doing; nothing once it has ended."""
    return str(events[-1].get("message") or "") if state == "running" and events else ""


def state_chip(state: str) -> str:
    """The state as markup."""
    state = escape(state)
    return f'<span class="chip {state}" data-testid="run-state" aria-live="polite">{state}</span>'


def _stage(name: str, event: Event | None, position: int, reached: int) -> Stage:
    if event is None:
        return Stage(name, share=1.0 if position < reached else 0.0)
    done, total = int(event["done"]), int(event["total"])
    share = min(done / total, 1.0) if total else 0.0
    words = f"{done:,} of {total:,} {UNITS[name]}".replace(",", " ").strip() if total > 1 else ""
    return Stage(name, 1.0 if position < reached else share, words, is_now=position == reached)


def _stage_list(found: Sequence[Stage]) -> str:
    return f'<ol class="stages" data-testid="stages">{"".join(map(_stage_item, found))}</ol>'


def _stage_item(stage: Stage) -> str:
    title = TITLES[stage.name]
    kind = "done" if stage.share >= 1 else "now" if stage.is_now else ""
    bar = f'<progress value="{stage.share:.3f}" max="1" aria-label="{title}"></progress>'
    mark = f"<span>{100 * stage.share:.0f} %</span>" if stage.is_now and stage.share < 1 else ""
    return f'<li class="{kind}"><b>{title}{mark}</b>{bar}<small>{escape(stage.words)}</small></li>'
