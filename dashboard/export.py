"""What a view offers to take home: a file, and the notebook cell that makes the same."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from html import escape

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from dashboard import logins, settings
from dashboard.figure_files import FORMATS, Meanings, Rows, figure_file
from dashboard.views.draws import PosteriorDraws
from dashboard.views.markup import run_html
from dashboard.views.selection import Selection
from inference.runs import RunStore

IMPORTS = """import jax
import numpy as np
from inference import analysis, load_result
from inference.tree import parameter_rows
"""
DRAWS = """names = list(result.posterior.prior.names)
draws = parameter_rows(result.tree["posterior"].to_dataset()[names])"""


def download(words: str, file_name: str, make: Callable[[], io.BytesIO]) -> pmui.FileDownload:
    """A button that makes its file when it is pressed."""
    button = pmui.FileDownload(callback=make, filename=file_name, label=words, size="small", margin=0)
    button.variant = "outlined"  # not above, where Panel takes it for a second, deprecated, setting
    return button


def picture(
    figures: Callable[[], Rows], title: str, *, note: Callable[[], str], meanings: Callable[[], Meanings]
) -> Callable[[str], io.BytesIO]:
    """Gives what is seen now as a file, by its kind: "svg" or "pdf". See `figure_file`."""

    def make(kind: str) -> io.BytesIO:
        return figure_file(kind, figures(), title=title, note=note(), meanings=meanings())

    return make


def downloads(
    file_name: str,
    draw: Callable[[str], io.BytesIO],
    data: Callable[[], io.BytesIO] | None = None,
    *,
    words: str = "Data as CSV",
) -> pn.FlexBox:
    """Buttons for what is seen, as SVG and PDF, and for the numbers behind it, called `words`."""
    buttons = [
        download(f"Figure as {called}", f"{file_name}.{kind}", partial(draw, kind))
        for kind, called in FORMATS.items()
    ]
    if data is not None:
        buttons.append(download(words, f"{file_name}.csv", data))
    return pn.FlexBox(*buttons, gap="10px", align_items="center", margin=(12, 0, 0, 0))


def csv(table: pd.DataFrame) -> io.BytesIO:
    """A table as a file."""
    return io.BytesIO(table.to_csv(index=False, float_format="%.7g").encode())


def heads(draws: PosteriorDraws) -> list[str]:
    """``"g_Na [mS/cm2]"``: names with their units, for the first line of a file."""
    return [f"{name} [{unit}]" if unit else name for name, unit in zip(draws.names, draws.units, strict=True)]


def ranges_code(ends: tuple[np.ndarray, np.ndarray]) -> str:
    """Code for the `ranges` of an analysis, from the lower and the upper ends."""
    low, high = ([float(f"{value:.6g}") for value in end] for end in ends)
    return f"ranges = np.array([\n    {low},\n    {high}\n]).T"


def view_code(module: str, name: str, selection: Selection, *settings: str) -> str:
    """Code that shows a view of a result with what is selected now."""
    ranges = {
        key: (float(f"{low:.6g}"), float(f"{high:.6g}")) for key, (low, high) in selection.ranges.items()
    }
    given = ", ".join(["result.tree", "selection", *settings])
    return (
        "import panel as pn\n"
        f"from dashboard.views.{module} import {name}\n"
        "from dashboard.views.selection import Selection\n"
        "pn.extension()\n"
        f"selection = Selection(ranges={ranges!r}, picked={selection.picked!r})\n"
        f"{name}({given})"
    )


class Cell(pn.viewable.Viewer):
    """Code to copy into a notebook, folded away.

    Args:
        file_name: the name of the run, by which its folder is found.
        make: gives the code below the line that loads the result.
    """

    def __init__(self, file_name: str, make: Callable[[], str]) -> None:
        super().__init__()
        self.file_name, self._make = file_name, make
        self._pane = run_html("", margin=(8, 0, 0, 0))
        self.refresh()

    def __panel__(self) -> pn.pane.HTML:
        return self._pane

    @property
    def code(self) -> str:
        """The whole cell."""
        folder = RunStore(settings.root()).folder / self.file_name
        is_here = logins.known() is None and folder.is_dir()  # others have no business with a server's paths
        place = folder.as_posix() if is_here else f"runs/{self.file_name}"
        load = f'result = load_result("{place}")  # the folder of this run'
        return f"{IMPORTS}\n{load}\n{DRAWS}\n{self._make()}"

    def refresh(self) -> None:
        """After something that it tells has changed."""
        summary = "<summary>As a notebook cell</summary>"
        self._pane.object = (
            f'<details>{summary}<pre data-testid="notebook-cell">{escape(self.code)}</pre></details>'
        )
