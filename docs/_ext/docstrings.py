"""Docstrings are plain text with code between backticks: what Sphinx would read more into is escaped.

The settings in the docstring of a method's config are left out: the method's own page has them in a table.
"""

import re
from typing import Any

from sphinx.application import Sphinx

CODE = re.compile(r"(`[^`]+`)")
SPECIAL = re.compile(r"([|*])|(?<=\w)(_)(?=\W|$)")
VARIABLES = re.compile(r"Variables,.*:$")
SETTINGS = "Settings:"  # see inference.methods.fields.explained


def escaped(line: str) -> str:
    """The line, with bars, stars and trailing underscores outside of code taken as they are."""
    parts = CODE.split(line)
    return "".join(part if k % 2 else SPECIAL.sub(r"\\\g<0>", part) for k, part in enumerate(parts))


def _escape(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    end = lines.index(SETTINGS) if SETTINGS in lines else None
    found = [escaped(line) for line in lines[:end]]
    # A list of variables that is no section of Google's style is shown as it is written.
    lines[:] = [part for line in found for part in ([line + ":", ""] if VARIABLES.match(line) else [line])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Escape before napoleon reads the sections."""
    app.connect("autodoc-process-docstring", _escape, priority=100)
    return {"parallel_read_safe": True}
