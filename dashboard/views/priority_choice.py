"""How soon a run is performed: chosen by its owner while it waits for its turn."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell
from inference.turns import NORMAL, PRIORITIES

OPTIONS = {words.capitalize(): words for words in PRIORITIES}
HELP = "Higher priorities go first; among equals, everybody's runs take turns."


class PriorityChoice(pn.viewable.Viewer):
    """A choice, there while the run is queued.

    Args:
        priority: as it is.
        choose: called with another one; raises ValueError with a sentence where it cannot be.
    """

    priority = param.Selector(default=NORMAL, objects=OPTIONS, doc="How soon the run is performed.")

    def __init__(self, priority: str, choose: Callable[[str], None]) -> None:
        super().__init__(priority=priority)
        self._choose = choose
        self.line = shell.Line(testid="priority-state", kind="error")
        self.param.watch(self._change, "priority")

    def __panel__(self) -> pn.Column:
        choice = pmui.RadioButtonGroup.from_param(
            self.param.priority, label="Priority", description="", size="small", margin=0,
            sx=shell.TOGGLE_SX, stylesheets=[shell.HIDDEN_LABEL],
        )  # fmt: skip
        help_text = shell.html(f'<p class="quiet small">{HELP}</p>')
        return pn.Column(
            shell.heading("Priority", level=3), choice, help_text, self.line, margin=0,
            sizing_mode="stretch_width",
        )  # fmt: skip

    def _change(self, event: param.parameterized.Event) -> None:
        try:
            self._choose(event.new)
            self.line.text = ""
        except (ValueError, OSError) as error:
            self.line.text = str(error)
