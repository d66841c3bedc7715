"""A button that takes one step after another, until there is none left or it is pressed again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell


class Play(pn.viewable.Viewer):
    """Play and pause.

    Args:
        rewind: called when playing begins; goes back to the start if it is at the end.
        step: takes one step; returns whether there are more.
        milliseconds: from one step to the next.
        help_text: what a step is; none where empty.
    """

    is_playing = param.Boolean(default=False, doc="Whether it goes on by itself.")

    def __init__(
        self, rewind: Callable[[], Any], step: Callable[[], bool], *, milliseconds: int, help_text: str = ""
    ) -> None:
        super().__init__()
        self._rewind, self._step, self._milliseconds = rewind, step, milliseconds
        self.button = shell.button("Play", self._toggle, help_text=help_text)
        self._timer: Any = None
        self.param.watch(self._follow, "is_playing")

    def __panel__(self) -> pmui.Button:
        return self.button

    def step(self) -> None:
        """One step; after the last one playing ends."""
        if not self._step():
            self.is_playing = False

    def stop(self) -> None:
        """Play no further."""
        self.is_playing = False

    def _toggle(self) -> None:
        self.is_playing = not self.is_playing

    def _follow(self, *_: object) -> None:
        self.button.label = "Pause" if self.is_playing else "Play"
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self.is_playing:
            self._rewind()
            self._timer = pn.state.add_periodic_callback(self.step, period=self._milliseconds)
