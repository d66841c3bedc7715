"""What is noted on a run: written by its owner, read by everybody who sees it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.notes import LONGEST_NOTE, Notes, make_notes
from dashboard.views import run_rows


class NoteEditor(pn.viewable.Viewer):
    """Two fields for the owner, kept as soon as they are left; for others what is written in them.

    Args:
        notes: as they are.
        keep: called with others; None: the run is somebody else's.
    """

    def __init__(self, notes: Notes, keep: Callable[[Notes], None] | None) -> None:
        super().__init__()
        self.notes, self._keep = notes, keep
        wide = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
        self.note = pmui.TextAreaInput(
            label="Note", value=notes.note, rows=2, auto_grow=True, max_rows=12, max_length=LONGEST_NOTE,
            placeholder="What this run is for, what it showed", **wide,
        )  # fmt: skip
        self.tags = pmui.TextInput(
            label="Tags", value=" ".join(notes.tags), placeholder="paper good fig-3", **wide
        )
        self.state = shell.Line(testid="notes-state", kind="state")
        self.error = shell.Line(testid="notes-error", kind="error")
        for field in (self.note, self.tags):
            field.param.watch(self._changed, "value")

    def __panel__(self) -> pn.Column:
        if self._keep is None:
            return pn.Column(shell.html(_markup(self.notes)), margin=0, sizing_mode="stretch_width")
        fields = shell.columns(self.note, self.tags, widths="minmax(0, 3fr) minmax(0, 2fr)")
        return pn.Column(fields, self.state, self.error, margin=(8, 0, 0, 0), sizing_mode="stretch_width")

    def _changed(self, *_: object) -> None:
        try:
            notes = make_notes(self.note.value or "", self.tags.value or "")
            if notes == self.notes or self._keep is None:
                self.error.text = ""
                return
            self._keep(notes)
        except (ValueError, OSError) as error:
            self.state.text, self.error.text = "", str(error)
        else:
            self.notes = notes
            self.state.text, self.error.text = "Kept.", ""


def _markup(notes: Notes) -> str:
    tags = "".join(map(run_rows.tag, notes.tags))
    note = f'<p class="note" data-testid="run-note">{escape(notes.note)}</p>' if notes.note else ""
    return f"{note}<p>{tags}</p>" if tags else note
