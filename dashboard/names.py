"""Names for the controls of a page that its component library leaves without one, and ticks that stay."""

from __future__ import annotations

from pathlib import Path

from panel.custom import JSComponent


class Names(JSComponent):
    """Shows nothing; names the fields and buttons of its page, also those to come, for screen readers.

    It also keeps the ticks of a list of runs that is written anew.
    """

    _esm = (Path(__file__).parent / "static" / "names.js").read_text(encoding="utf-8")
