"""The draws as numbers: a paged table, and files to take home."""

from __future__ import annotations

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr

from dashboard import shell
from dashboard.downloads import draws_csv, tree_netcdf
from dashboard.export import download
from dashboard.views.draws import posterior_draws
from dashboard.views.markup import run_html
from dashboard.views.selection import Selection
from dashboard.views.tables import draw_table
from dashboard.words import count

PAGE = 20  # rows


class SampleTable(pn.viewable.Viewer):
    """A table of the draws, or of the selected draws, with downloads of all.

    Args:
        tree: of a result.
        selection: shared with other views; None: nothing is ever selected.
        name: what downloaded files are called.
    """

    page = param.Integer(1, bounds=(1, None), doc="Which page of the table is shown.")

    def __init__(
        self, tree: xr.DataTree, selection: Selection | None = None, *, file_name: str = "result"
    ) -> None:
        super().__init__()
        self.tree, self.file_name = tree, file_name
        self.draws = posterior_draws(tree)
        self.selection = selection or Selection()
        self.summary, self._table = shell.Line(testid="table-summary"), run_html("")
        self._pages = pmui.Pagination(count=1, size="small", margin=(10, 0, 0, 0))
        self._pages.link(self, value="page", bidirectional=True)
        self._restart()
        self.param.watch(self._show, "page")
        self.selection.param.watch(self._restart, "ranges")

    def __panel__(self) -> pn.Column:
        csv = download("Draws as CSV", f"{self.file_name}.csv", lambda: draws_csv(self.tree))
        netcdf = download("Everything as netCDF", f"{self.file_name}.nc", lambda: tree_netcdf(self.tree))
        files = pn.FlexBox(csv, netcdf, gap="12px", margin=(0, 0, 20, 0))
        return pn.Column(
            files, self.summary, self._table, self._pages,
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def _rows(self) -> np.ndarray:
        rows = self.selection.rows(self.draws)
        return np.arange(len(self.draws)) if rows is None else rows

    def _restart(self, *_: object) -> None:
        num = self._rows().size
        with pn.io.hold():
            self._pages.count = max(1, -(-num // PAGE))
            words = count(num, "draw") if self.selection.ranges else f"All {count(num, 'draw')}"
            self.summary.text = f"{words}{' selected' if self.selection.ranges else ''}, {PAGE} per page."
            self.page = 1
            self._show()

    def _show(self, *_: object) -> None:
        rows = self._rows()[(self.page - 1) * PAGE : self.page * PAGE]
        self._table.object = draw_table(self.draws, rows)
