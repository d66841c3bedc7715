"""A table to tick: one row is x_0, others stand beside it."""

from __future__ import annotations

from pathlib import Path

import param
from panel.custom import JSComponent

from dashboard import shell

STATIC = Path(shell.__file__).parent / "static"


class Ticks(JSComponent):
    """Native radio buttons and checkboxes, for the keyboard and screen readers."""

    rows = param.List(item_type=dict, doc='Each {"name", "label", "colour", "note"}: what it is.')
    heads = param.List(default=["x₀", "beside", "observation", "condition", ""], doc="Heads of the columns.")
    first = param.Integer(0, doc="Which row is x_0.")
    ticked = param.List(item_type=int, doc="Which rows stand beside it.")
    is_several = param.Boolean(default=True, doc="Whether any can stand beside it.")

    _esm = (STATIC / "ticks.js").read_text(encoding="utf-8")
    _stylesheets = [shell.STYLE, (STATIC / "ticks.css").read_text(encoding="utf-8")]  # noqa: RUF012
