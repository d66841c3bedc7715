"""Cells of one Bokeh figure, one per parameter, each with an axis of its own below it.

One figure of many cells is sent and drawn several times faster than as many figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.plotting import figure

from dashboard import theme
from dashboard.views.canvas_text import Text, Words, label_at, tick_label, ticks
from dashboard.views.drawing import columns, span
from dashboard.words import unit

MOST_COLUMNS = 4
PITCH_X, PITCH_Y = 1.14, 1.75  # from one cell to the next, in widths and heights of a cell
ROW_HEIGHT = 168  # pixels
TOP = 0.92  # of a cell, that the highest density reaches
EMPTY = {"xs": [], "ys": []}

Curve = dict[str, np.ndarray]


class CellGrid:
    """A figure with a cell for each label.

    Args:
        labels: above the cells, LaTeX between dollar signs or plain.
        low, high: ends of the axes, shape (dim,).
        units: at the ends of the axes; none when empty.
    """

    def __init__(
        self, labels: Sequence[str], low: np.ndarray, high: np.ndarray, units: Sequence[str] = ()
    ) -> None:
        self.labels, self.low, self.high = tuple(labels), low, high
        self.units = tuple(units) or ("",) * len(self.labels)
        self.num_columns = min(MOST_COLUMNS, len(self.labels))
        self.figure = self._empty_figure()
        self._axes()

    def x(self, k: int, values: Any) -> Any:
        """Positions of values in cell `k`; the far tail of an unbounded density ends with its cell."""
        share = np.clip((values - self.low[k]) / (self.high[k] - self.low[k]), 0, 1)
        return PITCH_X * (k % self.num_columns) + share

    def y(self, k: int, heights: Any) -> Any:
        """Positions of heights between 0 and 1 in cell `k`."""
        return heights - PITCH_Y * (k // self.num_columns)

    def outlines(self, curves: Sequence[Curve], tops: Sequence[float]) -> dict[str, list]:
        """Curves x, y, the k-th in cell k, as lines; a height of `tops[k]` reaches the top."""
        cells = range(len(self.labels))
        xs = [self.x(k, curve["x"]) for k, curve in zip(cells, curves, strict=True)]
        ys = [
            self.y(k, np.minimum(TOP * curve["y"] / top, 1.0))
            for k, curve, top in zip(cells, curves, tops, strict=True)
        ]
        return {"xs": xs, "ys": ys}

    def add(
        self,
        kind: str,
        fill_alpha: float | None = None,
        *,
        line_width: float = 2.0,
        line_dash: str = "solid",
        **roles: str,
    ) -> Any:
        """The source of lines ("multi_line") or filled shapes ("patches"), coloured by role."""
        source = columns(**EMPTY)
        filled = {} if fill_alpha is None else {"fill_alpha": fill_alpha}
        draw = self.figure.patches if kind == "patches" else self.figure.multi_line
        drawn = draw("xs", "ys", source=source, line_width=line_width, line_dash=line_dash, **filled)
        theme.paint(drawn, **roles)
        return source

    def _empty_figure(self) -> Any:
        num_rows = -(-len(self.labels) // self.num_columns)
        fig: Any = figure(
            x_range=span(-0.04, PITCH_X * (self.num_columns - 1) + 1.04),
            y_range=span(-PITCH_Y * (num_rows - 1) - 0.45, 1.35),
            height=ROW_HEIGHT * num_rows, sizing_mode="stretch_width", min_border=0, tools="save",
            toolbar_location="above", toolbar_inner=True, outline_line_color=None,
        )  # fmt: skip
        fig.axis.visible = False
        fig.grid.visible = False
        fig.toolbar.autohide = True
        fig.toolbar.logo = None
        fig.toolbar.stylesheets = [":host(.bk-inner) { background-color: transparent; }"]
        return fig

    def _axes(self) -> None:
        """A line with ticks below every cell, the name above it and the unit at its end."""
        lines, words, names = {"xs": [], "ys": []}, [], []
        for k, (label, low, high) in enumerate(zip(self.labels, self.low, self.high, strict=True)):
            left, floor = self.x(k, low), self.y(k, 0.0)
            names += label_at((left, self.y(k, 1.0)), label, dy=-6, align="left")
            words.append(Text(left + 1.0, floor, unit(self.units[k]), "right", dy=32))
            at = ticks(low, high)
            words += [Text(self.x(k, t), floor, tick_label(t, high - low), dy=18) for t in at]
            lines["xs"] += [[left, left + 1.0], *([self.x(k, t)] * 2 for t in at)]
            lines["ys"] += [[floor, floor], *([floor, floor - 0.045] for _ in at)]
        theme.paint(
            self.figure.multi_line(**{n: v for n, v in lines.items()}, line_width=1), line_color="quiet"
        )
        Words(self.figure, "text").show(names)
        Words(self.figure, "quiet").show([word for word in words if word.text])
