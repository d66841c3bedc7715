"""The runs that somebody has deleted: until when each can be brought back, and the two ways on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.views import run_rows
from dashboard.words import ago, count, duration
from inference.runs import Run
from inference.trash import gone_at

EMPTY = "No deleted runs. What you delete can be brought back from here for 14 days."
DAY = 86400.0  # seconds
FOR_GOOD, SURE = "Delete for good", "Yes, for good"


@dataclass(frozen=True)
class Deeds:
    """What can be done with deleted runs.

    Attributes:
        look: all of them, newest first.
        restore: brings one back, by its id. remove: removes one for good. Both raise ValueError with a
            sentence where that is impossible.
    """

    look: Callable[[], list[Run]]
    restore: Callable[[str], object]
    remove: Callable[[str], object]


class TrashList(pn.viewable.Viewer):
    """A row for each deleted run.

    Args:
        deeds: what can be done.
        restored: called when a run is back.
    """

    def __init__(self, deeds: Deeds, restored: Callable[[], object]) -> None:
        super().__init__()
        self.deeds, self._restored = deeds, restored
        self.line = shell.Line(testid="trash-line", kind="plain")
        self.rows = pmui.Column(sizing_mode="stretch_width", margin=0, sx={"gap": "2px"})
        self.refresh()

    def __panel__(self) -> pmui.Column:
        return pmui.Column(self.line, self.rows, sizing_mode="stretch_width", margin=0)

    def refresh(self) -> None:
        """Look again."""
        rows = [self._row(run) for run in self.deeds.look()]
        self.rows.objects = rows or [shell.html(f'<p class="quiet" data-testid="no-trash">{EMPTY}</p>')]

    def _row(self, run: Run) -> pmui.Column:
        restore = shell.button("Bring back", lambda: self._bring_back(run))
        remove = shell.button(FOR_GOOD, lambda: self._remove(run, remove))
        buttons = pn.FlexBox(restore, remove, gap="8px", justify_content="end", margin=0)
        widths = "minmax(0, 6fr) minmax(0, 4fr) auto"
        return shell.columns(shell.html(_name(run)), shell.html(_until(run)), buttons, widths=widths)

    def _bring_back(self, run: Run) -> None:
        self._do(self.deeds.restore, run, f"Run {run.id} is back.")
        self._restored()

    def _remove(self, run: Run, button: pmui.Button) -> None:
        if button.label != SURE:  # nothing brings it back: pressed twice, that it is no slip
            button.label = SURE
            return
        self._do(self.deeds.remove, run, f"Run {run.id} is gone for good.")

    def _do(self, deed: Callable[[str], object], run: Run, done: str) -> None:
        try:
            deed(run.id)
            self.line.text = done
        except (ValueError, OSError) as error:
            self.line.text = str(error)
        self.refresh()


def _name(run: Run) -> str:
    row = run_rows.overview(run)
    note = run_rows.remark(row)
    return (
        f'<div class="active"><b>{escape(row.model)}</b> <small class="quiet">{escape(row.method)} '
        f"{escape(row.id)}</small>{note}</div>"
    )


def _until(run: Run) -> str:
    gone, deleted = (datetime.fromtimestamp(when, UTC) for when in gone_at(run))
    left = gone.timestamp() - time.time()
    in_words = count(round(left / DAY), "day") if left > 2 * DAY else duration(left)
    words = f"gone for good in {in_words}" if left > 0 else "gone for good soon"
    return f'<p class="small quiet">deleted {ago(deleted)}; {words}, on {run_rows.moment(gone)}</p>'
