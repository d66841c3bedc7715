"""The members of an ensemble: do estimators trained side by side agree?"""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import xarray as xr

from dashboard import shell, theme
from dashboard.views.drawing import columns, rows_of
from dashboard.views.draws import labels_of
from dashboard.views.groups import group
from dashboard.views.tables import table
from dashboard.words import label_html, number
from inference.diagnostics.judge_training import DISAGREEMENT

ROW_HEIGHT = 28  # pixels


class Members(pn.viewable.Viewer):
    """Means of the members, in standard deviations of the posterior, and a table.

    Args:
        tree: of a result whose diagnostics hold "member_mean" and "member_sd".
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        found = group(tree, "diagnostics")
        self.names = tuple(map(str, found["member_mean"]["parameter"].values))
        self.labels = labels_of(tree, self.names)
        self.means = np.asarray(found["member_mean"].values, float)
        self.sds = np.asarray(found["member_sd"].values, float)
        self.figure = self._figure()
        self.summary = shell.Line(text=self.sentence(), testid="member-summary")

    def __panel__(self) -> pn.Column:
        plot = pn.Column(shell.plot(self.figure), self.summary, margin=0, sizing_mode="stretch_width")
        both = shell.columns(plot, shell.html(self._table()), widths="minmax(0, 1fr) minmax(0, 1fr)")
        return pn.Column(shell.legend(*_MEANINGS), both, margin=0, sizing_mode="stretch_width")

    @property
    def scale(self) -> np.ndarray:
        """Standard deviation of the posterior, as the members see it on average; shape (dim,)."""
        return np.sqrt((self.sds**2).mean(axis=0))

    @property
    def disagreement(self) -> np.ndarray:
        """Standard deviation of the members' means, in those of the posterior; shape (dim,)."""
        return self.means.std(axis=0, ddof=1) / self.scale

    def sentence(self) -> str:
        """About which parameter they differ most."""
        k = int(np.argmax(self.disagreement))
        words = f"{len(self.means)} members; they differ most about {self.names[k]}"
        return f"{words}, by {number(float(self.disagreement[k]), 2)} standard deviations of the posterior."

    def _figure(self) -> Any:
        away = (self.means - self.means.mean(axis=0)) / self.scale
        fig = theme.figure(
            "mean of a member (posterior sd from the mean of all)", "",
            height=ROW_HEIGHT * len(self.names) + 66,
            y_range=rows_of(self.names), toolbar_location=None, min_border_left=20,
        )  # fmt: skip
        fig.ygrid.grid_line_color = None
        half = max(1.0, 1.15 * float(np.abs(away).max()))
        fig.x_range.update(start=-half, end=half)
        band = fig.quad(
            left=-DISAGREEMENT,
            right=DISAGREEMENT,
            bottom=0,
            top=len(self.names),
            fill_alpha=0.18,
            line_width=0,
        )
        theme.paint(band, fill_color="prior", line_color="prior")
        names = [name for name in self.names for _ in self.means]
        dots = columns(x=away.T.ravel(), name=names)
        drawn = fig.scatter("x", "name", source=dots, size=10, fill_alpha=0.75, line_color=None)
        theme.paint(drawn, fill_color="model")
        return fig

    def _table(self) -> str:
        heads = ["mean", "sd", *(f"member {i + 1}" for i in range(len(self.means)))]
        head = "<th>parameter</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
        rows = []
        for k, label in enumerate(self.labels):
            values = [self.means[:, k].mean(), self.scale[k], *self.means[:, k]]
            cells = "".join(f'<td class="number">{number(float(value))}</td>' for value in values)
            rows.append(f"<td>{label_html(label)}</td>{cells}")
        return table(head, rows, "member-table")


_MEANINGS = (("model", "one member"), ("prior", "differences that hardly matter"))
