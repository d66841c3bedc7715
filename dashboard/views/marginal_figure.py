"""Densities of all parameters in one figure, each in a cell of its own."""

from __future__ import annotations

import numpy as np

from dashboard import theme
from dashboard.views.cell_grid import EMPTY, CellGrid
from dashboard.views.draws import PosteriorDraws
from inference.analysis import central_interval


class MarginalFigure:
    """Draws the densities, and lays those of selected draws over them.

    Args:
        draws: of the posterior.
    """

    def __init__(self, draws: PosteriorDraws) -> None:
        self.draws = draws
        self.grid = CellGrid(draws.labels, *draws.whole_range, units=draws.units)
        self.figure = self.grid.figure
        self._curves = [draws.density(k) for k in range(draws.dim)]
        self._priors = (
            None if draws.prior is None else [draws.density(k, p) for k, p in enumerate(draws.prior.T)]
        )
        self._prior = self.grid.add("multi_line", line_color="prior", line_width=1.5)
        self._shapes = {
            role: self.grid.add("patches", 0.25, line_color=role, fill_color=role)
            for role in ("model", "selection")
        }
        self._intervals()
        self._truth()
        self.select(None)

    def select(self, rows: np.ndarray | None) -> None:
        """Lay the densities of these draws over those of all; None or nobody: show all alone."""
        curves, outlines = None, self.grid.outlines
        if rows is not None and rows.size:
            curves = [self.draws.density(k, self.draws.values[rows, k]) for k in range(self.draws.dim)]
        tops = [
            max(float(c["y"].max()) for c in pair)
            for pair in zip(self._curves, curves or self._curves, strict=True)
        ]
        self._shapes["model"].data = outlines(self._curves, tops)
        self._shapes["selection"].data = EMPTY if curves is None else outlines(curves, tops)
        self._prior.data = EMPTY if self._priors is None else outlines(self._priors, tops)

    def _intervals(self) -> None:
        """A bar for the central 90 % and a dot at the median, at the foot of each density."""
        ends, grid = central_interval(self.draws.values), self.grid
        first, middle, last = ([grid.x(k, row[k]) for k in range(self.draws.dim)] for row in ends)
        floor = [grid.y(k, 0.0) for k in range(self.draws.dim)]
        theme.paint(self.figure.segment(first, floor, last, floor, line_width=6), line_color="model")
        dots = self.figure.scatter(middle, floor, size=9, line_width=2)
        theme.paint(dots, fill_color="surface", line_color="model")

    def _truth(self) -> None:
        truth, grid = self.draws.truth, self.grid
        if truth is None:
            return
        known = np.flatnonzero((truth >= grid.low) & (truth <= grid.high)).tolist()  # False for NaN
        x = [grid.x(k, truth[k]) for k in known]
        foot, top = [grid.y(k, 0.0) for k in known], [grid.y(k, 1.0) for k in known]
        theme.paint(self.figure.segment(x, foot, x, top, line_width=2), line_color="truth")
