"""Names for the controls of a page that its component library leaves without one."""

from __future__ import annotations

from pathlib import Path

from panel.custom import JSComponent


class Names(JSComponent):
    """Shows nothing; names fields and buttons of the whole page, those to come as well, for screen readers."""

    _esm = (Path(__file__).parent / "static" / "names.js").read_text(encoding="utf-8")
