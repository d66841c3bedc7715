"""A line that says what was done, and the button that takes it back."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
import panel_material_ui as pmui
import param

from dashboard import shell


class Undo(pn.viewable.Viewer):
    """Shown until it is used, or closed by leaving the page.

    Args:
        done: what was done, in a sentence.
        undo: takes it back and says so in a sentence; raises ValueError with one where it cannot.
    """

    is_open = param.Boolean(default=True, doc="Whether it can still be taken back here.")

    def __init__(self, done: str, undo: Callable[[], str]) -> None:
        super().__init__()
        self._undo = undo
        self.line = shell.Line(text=done, testid="undo-line", kind="plain")
        self.button = shell.button("Undo", self._take_back)

    def __panel__(self) -> pmui.Paper:
        row = pn.FlexBox(
            self.line, self.button,
            flex_wrap="nowrap", align_items="center", gap="16px", margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
        return shell.card(row, margin=(0, 0, 24, 0))

    def _take_back(self) -> None:
        try:
            self.line.text = self._undo()
        except (ValueError, OSError) as error:
            self.line.text = str(error)
            return
        self.is_open = self.button.visible = False
