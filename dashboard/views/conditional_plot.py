"""The density of two parameters with all others held at a draw, over what the whole posterior allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.plotting.contour import contour_data

from dashboard import shell, theme
from dashboard.views.drawing import columns, span
from dashboard.views.draws import PosteriorDraws
from inference.analysis import Conditional

MASSES, ALPHAS = (0.95, 0.8, 0.5), (0.14, 0.22, 0.34)
NUM_POINTS = 1_500
MEANINGS = (
    ("model", "the others held: 50, 80 and 95 %"),
    ("prior", "draws of the whole posterior"),
    ("truth", "the draw at which they are held"),
)
NO_REGION = {"xs": [[]], "ys": [[]]}


class ConditionalPlot:
    """Regions of a conditional density, draws of the posterior behind it, and the draw it goes through.

    Args:
        draws: of the posterior.
    """

    def __init__(self, draws: PosteriorDraws) -> None:
        self.draws = draws
        self.figure = theme.figure("", "", height=400, x_range=span(0, 1), y_range=span(0, 1))
        self._points, self._here = theme.source("x", "y"), theme.source("x", "y")
        dots = self.figure.scatter("x", "y", source=self._points, size=2.5, fill_alpha=0.4, line_color=None)
        theme.paint(dots, fill_color="prior")
        self._regions = [self._region(alpha) for alpha in ALPHAS]
        cross = self.figure.scatter("x", "y", source=self._here, marker="x", size=13, line_width=3)
        theme.paint(cross, line_color="truth")

    @property
    def layout(self) -> pn.Column:
        """Legend and figure."""
        return pn.Column(
            shell.legend(*MEANINGS), shell.plot(self.figure), margin=0, sizing_mode="stretch_width"
        )

    def show(self, pair: tuple[int, int], theta: np.ndarray, found: Conditional) -> None:
        """Replace everything.

        Args:
            pair: numbers of the parameters across and up.
            theta: the draw, (dim,).
            found: their density, of the first along rows.
        """
        draws, (x, y) = self.draws, pair
        low, high = draws.zoomed_range
        some = draws.values[:NUM_POINTS]
        with pn.io.hold():
            ends = zip(pair, (self.figure.x_range, self.figure.y_range), found.grids, strict=True)
            for k, reach, grid in ends:
                reach.update(start=float(min(low[k], grid[0])), end=float(max(high[k], grid[-1])))
            self.figure.xaxis.axis_label, self.figure.yaxis.axis_label = map(draws.axis_label, pair)
            self._points.data = {"x": some[:, x], "y": some[:, y]}
            self._here.data = {"x": [theta[x]], "y": [theta[y]]}
            for source, mass in zip(self._regions, MASSES, strict=True):
                source.data = _outline(found, mass)

    def _region(self, alpha: float) -> Any:
        source = columns(**NO_REGION)
        drawn = self.figure.multi_polygons("xs", "ys", source=source, fill_alpha=alpha, line_width=1)
        theme.paint(drawn, fill_color="model", line_color="model")
        return source


def _outline(found: Conditional, mass: float) -> dict:
    """The region of highest density that holds a share of it."""
    falling = np.sort(found.density, axis=None)[::-1]
    k = min(int(np.searchsorted(np.cumsum(falling), mass)), len(falling) - 1)
    threshold, top = float(falling[k]), 1.001 * float(falling[0])
    if not 0 < threshold < top:
        return NO_REGION
    x, y = found.grids
    filled: Any = contour_data(x, y, found.density.T, [threshold, top], want_line=False).fill_data
    return {"xs": [filled.xs[0]], "ys": [filled.ys[0]]}
