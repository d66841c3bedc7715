"""Markup with the few styles that only the views of a run need, beside those of the whole house."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panel as pn

from dashboard import shell

STYLE = (Path(__file__).parents[1] / "static" / "run.css").read_text(encoding="utf-8")


def run_html(markup: str, **settings: Any) -> pn.pane.HTML:
    """`shell.html` with the styles of a run; values inside must have gone through `html.escape`."""
    pane = shell.html(markup, **settings)
    pane.stylesheets = [*pane.stylesheets, STYLE]
    return pane
