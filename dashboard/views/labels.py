"""Names of parameters where only a canvas writes: no markup, so a base and a subscript apart."""

from __future__ import annotations

import re
from html import unescape

from dashboard.words import label_html


def split_label(label: str) -> tuple[str, str]:
    r"""A label as base and subscript: ``"$g_\mathrm{Na}$"`` as ``("g", "Na")``; the second may be empty."""
    base, _, rest = label_html(label).partition("<sub>")
    strip = re.compile(r"<[^>]*>")
    return unescape(strip.sub("", base)), " ".join(unescape(strip.sub(" ", rest)).split())
