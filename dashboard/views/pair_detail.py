"""One cell of the mosaic, large: axes with units, contours, draws, the true value and what is selected."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.plotting.contour import contour_data

from dashboard import shell, theme
from dashboard.views.drawing import columns, span
from dashboard.views.draws import PosteriorDraws
from dashboard.words import number, unit
from inference.analysis import bin_draws, correlations, hdr_thresholds, pair_densities

NUM_BINS = 96
NUM_POINTS = 1500  # draws that are drawn as points; more would only make a blot
NUM_CIRCLES = 300  # around draws of the reference that are selected
Span = tuple[np.ndarray, np.ndarray]
FILL_ALPHA = (0.14, 0.22, 0.34)  # of the regions of 95, 80 and 50 %, which lie on each other
NO_POINTS = {"x": [], "y": []}
# One that is empty: the browser may paint as many as there were before it counts them anew, and fail.
NO_REGIONS = {"xs": [[]], "ys": [[]]}
NO_OUTLINES = {"xs": [[]] * len(FILL_ALPHA), "ys": [[]] * len(FILL_ALPHA)}


class PairDetail:
    """Shows a pair of parameters, or one when both are the same. A part of the mosaic, which steers it."""

    def __init__(self) -> None:
        self.figure = theme.figure(
            "", "", height=440, x_range=span(0, 1), y_range=span(0, 1), min_border_left=70
        )
        self._regions = [self._add_region(alpha) for alpha in FILL_ALPHA]
        self._outlines = columns(**NO_OUTLINES)
        drawn = self.figure.multi_polygons("xs", "ys", source=self._outlines, fill_alpha=0, line_width=2)
        theme.paint(drawn, line_color="reference")
        self._curves = {role: self._add_curve(role) for role in ("prior", "model", "selection", "reference")}
        self._points = {role: self._add_cloud(role) for role in ("model", "selection")}
        self._chosen_points, self._chosen_curve = self._add_circles(), self._add_dashes()  # of the reference
        self._dots = self._add_dots()
        self._truth, self._ring = self._add_truth(), self._add_ring()
        self._outlined: tuple[tuple, dict] = (), NO_OUTLINES
        self._summary = shell.Line(testid="pair-summary")
        self._title = shell.html("")

    @property
    def layout(self) -> pn.Column:
        """Title, figure and summary."""
        pane = pn.pane.Bokeh(self.figure, sizing_mode="stretch_width", margin=0)
        return pn.Column(self._title, pane, self._summary, sizing_mode="stretch_width", margin=0)

    def show(
        self,
        draws: PosteriorDraws,
        pair: tuple[int, int],
        ends: Span,
        reference: PosteriorDraws | None = None,
    ) -> None:
        """Replace what is shown; nothing is selected until `select` is called.

        Args:
            draws: of the posterior.
            pair: numbers of the parameters along x and y; equal for one parameter alone.
            ends: lower and upper ends of all axes, shape (dim,) each.
            reference: whose regions are outlined, and whose density is drawn.
        """
        self._draws, self._pair, self._reference = draws, pair, reference
        x, y = pair
        self.figure.x_range.update(start=ends[0][x], end=ends[1][x])
        self.figure.xaxis.axis_label = draws.axis_label(x)
        self._title.object = _title(draws, x, y)
        if x == y:
            self._show_one(draws, x)
        else:
            self._show_two(draws, pair, ends)
        self._show_reference(reference, pair, ends)

    def select(self, rows: np.ndarray | None, reference_rows: np.ndarray | None = None) -> None:
        """Lay selected draws over all draws, also those of the reference; None where nothing is selected."""
        draws, (x, y) = self._draws, self._pair
        is_empty = rows is None or rows.size == 0
        chosen = draws.values[[] if is_empty else rows]
        if x == y:
            self._curves["selection"].data = NO_POINTS if is_empty else draws.density(x, chosen[:, x])
            self._summary.text = _one_sentence(draws, x)
        else:
            self._points["selection"].data = _points(chosen, self._pair)
            self._summary.text = _pair_sentence(draws, self._pair, chosen)
        self._select_reference(reference_rows)

    def mark(self, theta: np.ndarray | None) -> None:
        """Ring one draw, (dim,); None: none."""
        x, y = self._pair
        place = NO_POINTS if theta is None else {"x": [theta[x]], "y": [0.0 if x == y else theta[y]]}
        self._ring.data = place

    def _select_reference(self, rows: np.ndarray | None) -> None:
        reference, (x, y) = self._reference, self._pair
        self._chosen_points.data = self._chosen_curve.data = NO_POINTS
        if reference is None or reference.is_few or rows is None or rows.size == 0:
            return
        if x == y:
            self._chosen_curve.data = reference.density(x, reference.values[rows, x])
        else:
            self._chosen_points.data = _points(reference.values[rows], self._pair, NUM_CIRCLES)

    def _show_two(self, draws: PosteriorDraws, pair: tuple[int, int], ends: Span) -> None:
        x, y = pair
        self.figure.y_range.update(start=ends[0][y], end=ends[1][y])
        self.figure.yaxis.axis_label = draws.axis_label(y)
        for source, region in zip(self._regions, _regions(draws, pair, ends), strict=True):
            source.data = region
        for curve in self._curves.values():
            curve.data = NO_POINTS
        self._points["model"].data = _points(draws.values, pair)
        self._truth.data = (
            NO_POINTS if draws.truth is None else {"x": [draws.truth[x]], "y": [draws.truth[y]]}
        )

    def _show_reference(self, reference: PosteriorDraws | None, pair: tuple[int, int], ends: Span) -> None:
        x, y = pair
        self._curves["reference"].data = NO_POINTS
        self._outlines.data, self._dots.data = NO_OUTLINES, NO_POINTS
        if reference is not None and reference.is_few:
            column = np.zeros(len(reference)) if x == y else reference.values[:, y]
            self._dots.data = {"x": reference.values[:, x], "y": column}
        elif reference is not None and x == y:
            self._curves["reference"].data = curve = reference.density(x)
            self.figure.y_range.end = max(self.figure.y_range.end, 1.1 * float(curve["y"].max()))
        elif reference is not None:
            self._outlines.data = self._reference_outlines(reference, pair, ends)

    def _reference_outlines(self, reference: PosteriorDraws, pair: tuple[int, int], ends: Span) -> dict:
        """Of its regions; they are kept, because the draws may change beside it many times a second."""
        at = list(pair)
        where = (reference.names, *pair, *ends[0][at].tolist(), *ends[1][at].tolist())
        if self._outlined[0] != where:
            regions = _regions(reference, pair, ends)
            parts = {axis: [part for r in regions for part in r[axis]] for axis in ("xs", "ys")}
            self._outlined = where, parts
        return self._outlined[1]

    def _show_one(self, draws: PosteriorDraws, k: int) -> None:
        for source in self._regions:
            source.data = NO_REGIONS
        for source in self._points.values():
            source.data = NO_POINTS
        self._curves["model"].data = model = draws.density(k)
        self._curves["prior"].data = NO_POINTS if draws.prior is None else draws.density(k, draws.prior[:, k])
        self.figure.y_range.update(start=0, end=1.3 * model["y"].max())  # room for a narrower selection
        self.figure.yaxis.axis_label = (
            f"density (1/({unit(draws.units[k])}))" if draws.units[k] else "density"
        )
        self._truth.data = NO_POINTS if draws.truth is None else {"x": [draws.truth[k]], "y": [0.0]}

    def _add_region(self, alpha: float) -> Any:
        source = columns(**NO_REGIONS)
        drawn = self.figure.multi_polygons(
            "xs", "ys", source=source, fill_alpha=alpha, line_width=1, line_alpha=0.7
        )
        theme.paint(drawn, fill_color="model", line_color="model")
        return source

    def _add_curve(self, role: str) -> Any:
        source = columns(**NO_POINTS)
        if role in ("model", "selection"):
            theme.paint(self.figure.varea("x", 0, "y", source=source, fill_alpha=0.25), fill_color=role)
        theme.paint(
            self.figure.line("x", "y", source=source, line_width=1.5 if role == "prior" else 2),
            line_color=role,
        )
        return source

    def _add_cloud(self, role: str) -> Any:
        source = columns(**NO_POINTS)
        alpha, size = (0.3, 2.5) if role == "model" else (0.75, 4)
        drawn = self.figure.scatter("x", "y", source=source, size=size, fill_alpha=alpha, line_color=None)
        theme.paint(drawn, fill_color=role)
        return source

    def _add_circles(self) -> Any:
        source = columns(**NO_POINTS)
        drawn = self.figure.scatter("x", "y", source=source, size=6, fill_alpha=0, line_width=1.2)
        theme.paint(drawn, line_color="selection")
        return source

    def _add_dots(self) -> Any:
        source = columns(**NO_POINTS)
        drawn = self.figure.scatter("x", "y", source=source, size=9, line_width=1)
        theme.paint(drawn, fill_color="reference", line_color="surface")
        return source

    def _add_dashes(self) -> Any:
        source = columns(**NO_POINTS)
        drawn = self.figure.line("x", "y", source=source, line_width=2, line_dash="dashed")
        theme.paint(drawn, line_color="selection")
        return source

    def _add_ring(self) -> Any:
        source = columns(**NO_POINTS)
        drawn = self.figure.scatter("x", "y", source=source, size=15, fill_alpha=0, line_width=3)
        theme.paint(drawn, line_color="truth")
        return source

    def _add_truth(self) -> Any:
        source = columns(**NO_POINTS)
        drawn = self.figure.scatter("x", "y", source=source, marker="x", size=15, line_width=3)
        theme.paint(drawn, line_color="truth")
        return source


def _regions(draws: PosteriorDraws, pair: tuple[int, int], ends: Span) -> list[dict]:
    """The highest-density regions of 95, 80 and 50 % as polygons with holes."""
    keep = list(pair)
    bins = bin_draws(draws.values[:, keep], ends[0][keep], ends[1][keep], num_bins=NUM_BINS)
    density = pair_densities(bins, [(0, 1)])
    thresholds = hdr_thresholds(bins, density, [(0, 1)])[0]
    x, y = (_grid(low, high) for low, high in zip(bins.low, bins.high, strict=True))
    z = np.pad(density[0], 1, mode="edge")
    return [_region(x, y, z, float(threshold)) for threshold in thresholds]


def _grid(low: float, high: float) -> np.ndarray:
    """Bin centres, and both ends so that contours reach the edge."""
    return np.concatenate([[low], low + (np.arange(NUM_BINS) + 0.5) / NUM_BINS * (high - low), [high]])


def _region(x: np.ndarray, y: np.ndarray, z: np.ndarray, threshold: float) -> dict:
    top = float(z.max()) * 1.001
    if not 0 < threshold < top:
        return NO_REGIONS
    fill: Any = contour_data(x, y, z, [threshold, top], want_line=False).fill_data
    return {"xs": [fill.xs[0]], "ys": [fill.ys[0]]}


def _points(values: np.ndarray, pair: tuple[int, int], num: int = NUM_POINTS) -> dict[str, np.ndarray]:
    some = values[:: max(1, len(values) // num)]
    return {"x": some[:, pair[0]], "y": some[:, pair[1]]}


def _title(draws: PosteriorDraws, x: int, y: int) -> str:
    words = draws.label_html(x) if x == y else f"{draws.label_html(y)} against {draws.label_html(x)}"
    return f"<h3>{words}</h3>"


def _pair_sentence(draws: PosteriorDraws, pair: tuple[int, int], chosen: np.ndarray) -> str:
    x, y = pair

    def strength(values: np.ndarray) -> str:
        return number(float(correlations(values[:, [x, y]])[0, 1]), 2)

    among = f"; among the selected draws {strength(chosen)}" if len(chosen) > 2 else ""
    return f"Correlation of {draws.names[x]} and {draws.names[y]}: {strength(draws.values)}{among}."


def _one_sentence(draws: PosteriorDraws, k: int) -> str:
    low, middle, high = np.quantile(draws.values[:, k], [0.05, 0.5, 0.95])
    text = (
        f"{draws.names[k]}: median {number(middle)}, 90 % of the draws from {number(low)} to {number(high)}"
    )
    return f"{text} {unit(draws.units[k])}".rstrip() + "."
