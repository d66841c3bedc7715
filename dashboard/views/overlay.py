"""Marginals of several posteriors of one model over each other; medians and intervals as a table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

import numpy as np
import panel as pn

from dashboard import shell, theme
from dashboard.views.cell_grid import CellGrid
from dashboard.views.draws import PosteriorDraws
from dashboard.views.markup import run_html
from dashboard.views.tables import folded, table
from dashboard.words import number, unit
from inference.analysis import central_interval

DASHES = ("solid", "dashed", "dotted")  # beside the colours, which not everybody tells apart


class Overlay(pn.viewable.Viewer):
    """The density of every parameter in each posterior, the first one filled.

    Args:
        runs: draws by name, all of the same parameters.
    """

    def __init__(self, runs: Mapping[str, PosteriorDraws]) -> None:
        super().__init__()
        self.runs = dict(runs)
        self.first = next(iter(self.runs.values()))
        low, high = zip(*(draws.zoomed_range for draws in self.runs.values()), strict=True)
        first = self.first
        self.grid = CellGrid(first.labels, np.min(low, axis=0), np.max(high, axis=0), units=first.units)
        self._draw()
        self.summary = shell.Line(text=self.sentence(), testid="overlay-summary")

    def __panel__(self) -> pn.Column:
        return pn.Column(
            shell.legend(*((f"{theme.role_of(k)} {dash_of(k)}", name) for k, name in enumerate(self.runs))),
            shell.plot(self.grid.figure), self.summary, run_html(folded(self.table())),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """In which parameter the posteriors are furthest apart."""
        if len(self.runs) < 2:
            return "One posterior; choose another run to compare it with."
        values = [draws.values.astype(float) for draws in self.runs.values()]
        middle = np.stack([np.median(rows, axis=0) for rows in values])
        spread = np.median([rows.std(axis=0) for rows in values], axis=0)
        apart = np.ptp(middle, axis=0) / np.where(spread > 0, spread, 1.0)
        k = int(np.argmax(apart))
        ends = f"{number(float(middle[:, k].min()))} to {number(float(middle[:, k].max()))}"
        return (
            f"Medians differ most in {self.first.names[k]}: {ends} {unit(self.first.units[k])}".rstrip()
            + f", {number(float(apart[k]), 2)} posterior standard deviations."
        )

    def table(self) -> str:
        """Markup: median and central 90 % of every parameter in each run."""
        ends = [central_interval(draws.values) for draws in self.runs.values()]
        rows = []
        for k in range(self.first.dim):
            name = f"<td>{self.first.label_html(k)} <small>{escape(unit(self.first.units[k]))}</small></td>"
            cells = [
                f'<td class="number">{number(middle[k])} ({number(low[k])} to {number(high[k])})</td>'
                for low, middle, high in ends
            ]
            rows.append(name + "".join(cells))
        heads = "".join(f'<th class="number">{escape(name)}</th>' for name in self.runs)
        return table(f"<th>parameter: median (90 %)</th>{heads}", rows, "overlay-table")

    def _draw(self) -> None:
        curves = [[draws.density(k) for k in range(draws.dim)] for draws in self.runs.values()]
        tops = [max(float(curve["y"].max()) for curve in cell) for cell in zip(*curves, strict=True)]
        for number_, shapes in enumerate(curves):
            role = theme.role_of(number_)
            if number_ == 0:
                source = self.grid.add("patches", 0.2, line_color=role, fill_color=role)
            else:
                source = self.grid.add("multi_line", line_dash=dash_of(number_), line_color=role)
            source.data = self.grid.outlines(shapes, tops)


def dash_of(k: int) -> str:
    """How the line of the k-th of several posteriors is dashed; also a class of `shell.legend`."""
    return DASHES[k % len(DASHES)]
