"""What can be taken along from a finished run, by whoever may see it."""

from __future__ import annotations

import io
from collections.abc import Callable

import xarray as xr

from dashboard import rights
from dashboard.methods_paragraph import methods_paragraph
from dashboard.notebook_file import notebook
from dashboard.report import report
from dashboard.views.take_home import TakeHome
from inference.archive import pack
from inference.runs import Run

MAKERS: dict[str, tuple[str, str, Callable[[Run, xr.DataTree], io.BytesIO]]] = {
    "html": ("Report", "report.html", report),
    "notebook": (
        "Notebook that does it again",
        "again.ipynb",
        lambda run, tree: io.BytesIO(notebook(run.request, tree, run.id)),
    ),
    "zip": ("Run folder as .zip", "run.zip", lambda run, tree: pack(run)),
}


def take_home(run: Run, tree: xr.DataTree) -> TakeHome:
    """The paragraph and the files of a run; rights are asked for when a file is."""

    def maker(make: Callable[[Run, xr.DataTree], io.BytesIO]) -> Callable[[], io.BytesIO]:
        def checked() -> io.BytesIO:
            rights.check_see(run)
            return make(run, tree)

        return checked

    files = {words: (f"{run.id}-{name}", maker(make)) for words, name, make in MAKERS.values()}
    return TakeHome(methods_paragraph(tree), files)
