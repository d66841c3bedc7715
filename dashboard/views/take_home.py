"""What to leave a run with: words for a paper, a notebook that does it again, a report, the whole folder."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape

import panel as pn

from dashboard import shell
from dashboard.export import download
from dashboard.views.markup import run_html


class TakeHome(pn.viewable.Viewer):
    """A paragraph to copy, and a button for each file.

    Args:
        paragraph: for the methods section of a paper.
        files: words on a button -> (name of the file, what makes it).
    """

    def __init__(self, paragraph: str, files: dict[str, tuple[str, Callable[[], io.BytesIO]]]) -> None:
        super().__init__()
        self.paragraph, self.files = paragraph, files

    def __panel__(self) -> pn.Column:
        buttons = [download(words, name, make) for words, (name, make) in self.files.items()]
        words = f'<pre class="words" data-testid="methods-paragraph">{escape(self.paragraph)}</pre>'
        folded = f"<details><summary>A paragraph for the methods section</summary>{words}</details>"
        return pn.Column(
            shell.heading("Take it home", level=3),
            pn.FlexBox(*buttons, gap="10px", margin=(4, 0, 12, 0)),
            run_html(folded),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip
