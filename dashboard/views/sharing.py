"""Who else may see a run: shown to everybody, changed by its owner."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell

WORDS = {
    "private": "Only you",
    "lab": "Everybody in the lab",
    "link": "Whoever has the link",
}


class SharingChoice(pn.viewable.Viewer):
    """A choice for the owner; for others, whose run it is.

    Args:
        owner: name of whom it belongs to.
        sharing: as it is.
        share: called with another way to share; None: the run is somebody else's.
    """

    sharing = param.Selector(
        objects={words: name for name, words in WORDS.items()}, doc="Who may see the run."
    )

    def __init__(self, owner: str, sharing: str, share: Callable[[str], None] | None) -> None:
        super().__init__(sharing=sharing)
        self.owner, self._share = owner, share
        self.line = shell.Line(testid="sharing-state", kind="error")
        self.param.watch(self._change, "sharing")

    def __panel__(self) -> pn.viewable.Viewable:
        if self._share is None:
            return shell.html(f'<p class="quiet" data-testid="run-owner">A run of {escape(self.owner)}.</p>')
        choice = pmui.RadioButtonGroup.from_param(
            self.param.sharing, label="Who may see this run", description="", size="small",
            margin=(28, 0, 0, 0), sx=shell.TOGGLE_SX,
        )  # fmt: skip
        return pn.Column(choice, self.line, margin=0)

    def _change(self, event: param.parameterized.Event) -> None:
        if self._share is None or event.new == event.old:
            return
        try:
            self._share(event.new)
            self.line.text = ""
        except (ValueError, OSError) as error:
            self.line.text = str(error)
