"""A finished run from elsewhere: its .zip is given, read, and a run like all others."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.background import in_background

Bring = Callable[[io.BytesIO], Any]
READING = "Reading the run …"


class BringIn(pn.viewable.Viewer):
    """A box for a file; the page needs the extension "filedropper".

    Args:
        prepare: asked in the session, gives what makes a run of a file in the background; both may raise
            ValueError with a sentence.
        then: called with the run.
        limit: largest upload in bytes.
    """

    def __init__(self, prepare: Callable[[], Bring], then: Callable[[Any], None], *, limit: int) -> None:
        super().__init__()
        self._prepare, self._then = prepare, then
        self._taken: tuple[str, bytes | str] | None = None
        self.box = shell.file_dropper(limit, margin=(8, 0, 0, 0))
        self.state = shell.Line(testid="bring-state", kind="state")
        self.error = shell.Line(testid="bring-error", kind="error")
        self.box.param.watch(self._take, "value")

    def __panel__(self) -> pmui.Paper:
        head = shell.heading("A run from elsewhere", level=3)
        help_text = shell.html(f'<p class="quiet">{HELP}</p>')
        return shell.card(head, help_text, self.box, self.state, self.error, margin=(0, 0, 24, 0))

    def _take(self, *_: object) -> None:
        """The file that came last; one that it replaces may still be there, and go later."""
        newest = next(reversed(self.box.value.items()), None)
        if newest == self._taken:
            return
        self._taken = newest
        if newest is None:
            return
        data = newest[1].encode() if isinstance(newest[1], str) else newest[1]
        self.state.text, self.error.text = READING, ""
        try:
            bring = self._prepare()
        except ValueError as error:
            self._fail(error)
        else:
            in_background(partial(bring, io.BytesIO(data)), self._done, self._fail)

    def _done(self, run: Any) -> None:
        self.state.text = ""
        self._then(run)

    def _fail(self, error: Exception) -> None:
        words = str(error) if isinstance(error, ValueError) else "This file cannot be read as a run."
        self.state.text, self.error.text = "", words


HELP = "Give the .zip of a finished run: “Run folder as .zip” on its page, or its folder zipped by hand."
