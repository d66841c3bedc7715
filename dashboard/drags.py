"""Drags in figures begin whenever the mouse moves, not only soon after the button went down."""

from __future__ import annotations

from pathlib import Path

from panel.custom import JSComponent


class Drags(JSComponent):
    """Shows nothing; keeps Bokeh, on all of its page, from taking a drag that begins slowly for a press."""

    _esm = (Path(__file__).parent / "static" / "drags.js").read_text(encoding="utf-8")
