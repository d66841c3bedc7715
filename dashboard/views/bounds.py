"""Mass at the bounds of the prior: what heaps there may want to go beyond."""

from __future__ import annotations

import numpy as np
import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.views.draws import labels_of
from dashboard.views.groups import group
from dashboard.views.markup import run_html
from dashboard.views.tables import table
from dashboard.words import label_html
from inference.diagnostics.judge_answer import HEAPED


class BoundTable(pn.viewable.Viewer):
    """The share of the draws in the last 1 % of the prior's range, on either side, as bars.

    Args:
        tree: of a result whose diagnostics hold "share_at_bounds".
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        found = group(tree, "diagnostics")["share_at_bounds"]
        self.names = tuple(map(str, found["parameter"].values))
        self.labels = labels_of(tree, self.names)
        self.share = np.asarray(found.values, float)
        self.summary = shell.Line(text=self.sentence(), testid="bounds-summary")

    def __panel__(self) -> pn.Column:
        return pn.Column(run_html(self._table()), self.summary, margin=0, sizing_mode="stretch_width")

    def sentence(self) -> str:
        """Where most draws heap."""
        k, side = np.unravel_index(int(np.argmax(self.share)), self.share.shape)
        if self.share[k, side] <= HEAPED:
            return "No parameter heaps at a bound of its prior: a flat posterior would have 1 % at each."
        side_name = ("lower", "upper")[side]
        return f"Most heaped: {self.names[k]}, {100 * self.share[k, side]:.0f} % at its {side_name} bound."

    def _table(self) -> str:
        rows = [
            f"<td>{label_html(label)}</td>" + "".join(_bar(float(value)) for value in row)
            for label, row in zip(self.labels, self.share, strict=True)
        ]
        return table(
            "<th>parameter</th><th>at the lower bound</th><th>at the upper bound</th>", rows, "bounds-table"
        )


def _bar(share: float) -> str:
    strong = ' class="strong"' if share > HEAPED else ""
    bar = f'<progress value="{share:.3f}" max="1" aria-hidden="true"></progress>'
    return f"<td{strong}>{bar} {100 * share:.1f} %</td>"
