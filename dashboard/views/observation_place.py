"""Is the observation inside the cloud of simulations? Feature by feature, and all together."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np
import panel as pn

from dashboard import shell, theme
from dashboard.views.diagnosis_data import Place
from dashboard.views.drawing import columns, rows_of, span
from dashboard.views.tables import table
from dashboard.words import number, unit

UNUSUAL = 0.01
LEAST = 1e-4  # smaller ones are drawn here
TOGETHER = "all together"
ROW_HEIGHT = 30  # pixels
MOST_SHOWN = 20  # features; of more those that are most unusual
MOST_NAMED = 6


class ObservationPlace(pn.viewable.Viewer):
    """A dot per feature, the farther left the more unusual, and a table.

    Args:
        place: as `read_place` gives it.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        tails = np.nan_to_num(place.tail, nan=2.0)
        self.shown = sorted(np.argsort(tails, kind="stable")[:MOST_SHOWN].tolist())
        self.figure = self._figure()
        self.summary = shell.Line(text=self.sentence(), testid="place-summary")

    def __panel__(self) -> pn.Column:
        both = shell.columns(
            pn.Column(shell.plot(self.figure), self.summary, margin=0, sizing_mode="stretch_width"),
            shell.html(self._table()),
            widths="minmax(0, 1fr) minmax(0, 1fr)",
        )
        num = len(self.place.names)
        if num > MOST_SHOWN:
            note = f"Shown are the {MOST_SHOWN} features of {num} in which it is most unusual."
            return pn.Column(both, shell.html(f'<p class="quiet small">{note}</p>'), **_WIDE)
        return pn.Column(both, **_WIDE)

    def sentence(self) -> str:
        """Where the observation lies."""
        place = self.place
        known = np.isfinite(place.tail)
        odd = [
            name.replace("_", " ")
            for name, tail in zip(place.names, place.tail, strict=True)
            if tail * known.sum() < UNUSUAL
        ]
        if place.p_value >= UNUSUAL:
            words = (
                f"{100 * place.p_value:.0f} % of the simulations are at least as unusual as the observation"
            )
            return f"{words}: it lies inside their cloud."
        named = ", ".join(odd[:MOST_NAMED]) + (
            f" and {len(odd) - MOST_NAMED} more" if odd[MOST_NAMED:] else ""
        )
        where = f", most of all in {named}" if odd else ", in a combination of features"
        return f"The observation lies outside the cloud of simulations{where}."

    def _figure(self) -> Any:
        place = self.place
        names = [*(place.names[k].replace("_", " ") for k in self.shown), TOGETHER]
        values = np.array([*place.tail[self.shown], place.p_value])
        known = np.flatnonzero(np.isfinite(values))
        fig = theme.figure(
            "share of simulations that are as unusual", "", height=ROW_HEIGHT * len(names) + 62,
            x_axis_type="log", x_range=span(LEAST / 1.4, 1.4),
            y_range=rows_of(names), toolbar_location=None, min_border_left=20,
        )  # fmt: skip
        fig.ygrid.grid_line_color = None
        ends = {"left": LEAST / 10, "right": UNUSUAL, "bottom": 0, "top": len(names)}
        band = fig.quad(**ends, fill_alpha=0.12, line_width=0)
        theme.paint(band, fill_color="truth", line_color="truth")
        shown = columns(
            x=np.clip(values[known], LEAST, 1.0), name=[names[k] for k in known], one=np.ones(len(known))
        )
        theme.paint(fig.segment("one", "name", "x", "name", source=shown, line_width=1.5), line_color="prior")
        theme.paint(fig.scatter("x", "name", source=shown, size=11, line_color=None), fill_color="data")
        return fig

    def _table(self) -> str:
        heads = ("observed", "simulated, middle 95 %", "as unusual")
        head = "<th>feature</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
        rows = [self._row(k) for k in self.shown]
        total = f"<td>{TOGETHER}</td><td></td><td></td>{_share(self.place.p_value, UNUSUAL)}"
        return table(head, [*rows, total], "place-table")

    def _row(self, k: int) -> str:
        place = self.place
        known = max(int(np.isfinite(place.tail).sum()), 1)
        name = f"{escape(place.names[k].replace('_', ' '))} <small>{escape(unit(place.units[k]))}</small>"
        ends = f"{number(float(place.low[k]))} to {number(float(place.high[k]))}"
        cells = "".join(f'<td class="number">{v}</td>' for v in (number(float(place.observed[k])), ends))
        return f"<td>{name}</td>{cells}{_share(float(place.tail[k]), UNUSUAL / known)}"


_WIDE: Mapping[str, Any] = {"margin": 0, "sizing_mode": "stretch_width"}


def _share(value: float, alarm: float) -> str:
    if not np.isfinite(value):
        return '<td class="number">–</td>'
    strong = " strong" if value < alarm else ""
    return f'<td class="number{strong}">{number(100 * value, 2)} %</td>'
