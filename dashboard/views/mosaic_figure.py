"""The mosaic as one Bokeh figure: an image of all pairs, histograms on the diagonal, labels around it.

One figure with two images is drawn and updated far faster than a grid of figures: a brush replaces one image.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import BoxSelectTool, LinearColorMapper, SaveTool
from bokeh.plotting import figure

from dashboard import theme
from dashboard.views import mosaic_texts
from dashboard.views.canvas_text import Words
from dashboard.views.drawing import columns, span
from dashboard.views.draws import PosteriorDraws
from dashboard.views.mosaic_layout import Cell, MosaicLayout
from inference.analysis import Bins, bin_draws, correlations, hdr_levels, marginal_counts

LEVEL_ALPHA = (0.0, 0.22, 0.5, 0.95)  # outside all regions, then 95, 80 and 50 % of the draws
# Room for the words around the cells, as shares of their side; left + right = top + bottom keeps all square.
LEFT, RIGHT, TOP, BOTTOM = 0.135, 0.005, 0.03, 0.11
TOP_SHARE = 0.92  # of a cell's height, that the highest bar reaches
FLOOR = 0.05  # of a cell's height, where points lie on the diagonal
ROLES = ("model", "reference", "selection")  # what comes later lies above
EMPTY = {"xs": [], "ys": []}
NO_RINGS = {"x": [], "y": []}
NO_PICTURE = np.zeros((2, 2), np.uint8)


class MosaicFigure:
    """Draws a mosaic and replaces parts of it.

    Args:
        draws: what is shown, all of its parameters.
        bins: the same draws as bin numbers; their range is that of the axes.
        reference: other draws of the same parameters, for the upper triangle; None: correlations are there.
        role: of the draws' colour in `theme.Colours`.
    """

    def __init__(
        self,
        draws: PosteriorDraws,
        bins: Bins,
        reference: PosteriorDraws | None = None,
        *,
        role: str = "model",
    ) -> None:
        self.layout = layout = MosaicLayout(draws.dim, bins.num_bins)
        self.figure = _empty_figure(self.layout)
        self._reference, self._reference_bins = reference, None
        self._pair_cells = [*layout.cells, *([] if reference is None else layout.upper_cells)]
        self._frames()
        self._pictures = {name: self._picture() for name in ROLES}
        painted = {name: name for name in ROLES} | {"model": role}
        self._histograms = {name: self._histogram(name, painted[name]) for name in ROLES}
        self._chosen = self._lines("selection", line_width=1.8, line_dash="dashed")  # of the reference
        self._prior = self._lines("prior", line_width=1.5)
        self._brush = self._lines("selection", line_width=1.5)
        self._active = self._lines("model", line_width=2.0)
        for name in ROLES:
            _follow(self._pictures[name].glyph.color_mapper, self._histograms[name])
        self._dots = self._few()
        self._marks, self._needles = self._truth()
        self._ring = self._rings()
        self._names, self._ends = Words(self.figure, "text"), Words(self.figure, "quiet")
        self._coefficients = _correlations(self.figure, layout=self.layout)
        self.show(draws, bins)

    def show(self, draws: PosteriorDraws, bins: Bins) -> None:
        """Replace what is drawn by these draws, binned in any range."""
        self.bins = bins
        counts = marginal_counts(bins)
        self._tops = counts.max(axis=1).astype(float)
        self._show_reference(draws)
        self._show_draws(counts)
        self._prior.data_source.data = self._prior_outlines(draws)
        self._marks.data_source.data, self._needles.data_source.data = self._truth_data(draws.truth)
        self._names.show(mosaic_texts.names(self.layout, draws))
        self._ends.show(mosaic_texts.units_and_ends(self.layout, draws, bins.low, bins.high))
        if self._reference is None:
            self._coefficients.data = mosaic_texts.coefficients(self.layout, correlations(draws.values))

    def select(
        self,
        rows: np.ndarray | None,
        ranges: dict[int, tuple[float, float]],
        reference_rows: np.ndarray | None = None,
    ) -> None:
        """Lay selected draws over all draws.

        Args:
            rows: of the draws; None: nothing is selected.
            ranges: those of the brush, by parameter number.
            reference_rows: of the reference.
        """
        picture, outlines, dashed = NO_PICTURE, [], []
        if rows is not None:
            picture, outlines = self._selected(self.bins, self.layout.cells, rows)
        if reference_rows is not None and self._reference_bins is not None:
            above, dashed = self._selected(self._reference_bins, self.layout.upper_cells, reference_rows)
            picture = np.maximum(picture, above)
        self._pictures["selection"].data_source.data = {"image": [picture]}
        self._histograms["selection"].data_source.data = _polygons(outlines)
        self._chosen.data_source.data = _polygons(dashed)
        self._brush.data_source.data = self._brush_outlines(ranges)

    def mark(self, theta: np.ndarray | None) -> None:
        """Ring one draw, (dim,), in all cells; None: none."""
        self._ring.data_source.data = NO_RINGS if theta is None else self.dot_places(theta[None])

    def activate(self, cell: Cell) -> None:
        """Frame one cell: the one that is shown in detail."""
        self._active.data_source.data = _boxes([self._box(cell)])

    def cell_at(self, x: float, y: float) -> Cell | None:
        """The cell that holds a point; None outside, and above the diagonal where there is no reference."""
        cell = self.layout.cell_at(x, y)
        return None if cell is None or (cell.row < cell.column and self._reference is None) else cell

    def range_at(
        self, cell: Cell, start: tuple[float, float], end: tuple[float, float]
    ) -> dict[int, tuple[float, float]]:
        """The ranges of a box drawn in a cell, by parameter number; on the diagonal only its width counts."""
        ranges = {cell.column: self._values(cell.column, self.layout.left(cell.column), start[0], end[0])}
        if cell.row != cell.column:
            ranges[cell.row] = self._values(cell.row, self.layout.bottom(cell.row), start[1], end[1])
        return ranges

    def dot_places(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Where points, (n, dim), lie in the cells of all pairs, and along the floor of the diagonal."""
        at, ks = self._positions(values), range(self.layout.dim)
        x = np.concatenate([self.layout.left(k) + at[:, k] for k in ks])
        y = np.repeat([self.layout.bottom(k) + FLOOR * self.layout.num_bins for k in ks], len(values))
        shown, pairs = np.isfinite(x), self._places(values)
        return {"x": np.append(pairs["x"], x[shown]), "y": np.append(pairs["y"], y[shown])}

    def _values(self, k: int, origin: float, *positions: float) -> tuple[float, float]:
        low, high = self.bins.low[k], self.bins.high[k]
        shares = np.clip((np.sort(positions) - origin) / self.layout.num_bins, 0, 1)
        first, last = low + shares * (high - low)
        return float(first), float(last)

    def _show_draws(self, counts: np.ndarray) -> None:
        layout = self.layout
        levels = hdr_levels(self.bins, layout.pairs(layout.cells))
        self._pictures["model"].data_source.data = {"image": [layout.picture(levels, layout.cells)]}
        outlines = [layout.outline(k, column, self._tops[k] / TOP_SHARE) for k, column in enumerate(counts)]
        self._histograms["model"].data_source.data = _polygons(outlines)

    def _selected(
        self, bins: Bins, cells: list[Cell], rows: np.ndarray
    ) -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
        """The picture of some draws in these cells, and their histograms, each as high as its cell."""
        layout, counts = self.layout, marginal_counts(bins, rows)
        levels = hdr_levels(bins, layout.pairs(cells), rows)
        outlines = [layout.outline(k, column, column.max() / TOP_SHARE) for k, column in enumerate(counts)]
        return layout.picture(levels, cells), outlines

    def _show_reference(self, draws: PosteriorDraws) -> None:
        """The reference in the cells above the diagonal, and on it with the same area as the draws.

        A reference that is narrower makes room for itself: the histograms of the draws become lower.
        """
        if self._reference is None:
            return
        if self._reference.is_few:
            self._dots.data_source.data = self.dot_places(self._reference.values)
            return
        layout, bins = self.layout, self._reference_bins
        if bins is None or not _same_axes(bins, self.bins):
            low, high = self.bins.low, self.bins.high
            bins = bin_draws(self._reference.values, low, high, num_bins=layout.num_bins)
            self._reference_bins = bins
            levels = hdr_levels(bins, layout.pairs(layout.upper_cells))
            picture = layout.picture(levels, layout.upper_cells)
            self._pictures["reference"].data_source.data = {"image": [picture]}
        counts, share = marginal_counts(bins), len(self._reference) / len(draws)
        self._tops = np.maximum(self._tops, counts.max(axis=1) / share)
        scale = self._tops / TOP_SHARE * share
        outlines = [layout.outline(k, column, scale[k]) for k, column in enumerate(counts)]
        self._histograms["reference"].data_source.data = _polygons(outlines)

    def _prior_outlines(self, draws: PosteriorDraws) -> dict:
        """The prior's histogram on the scale of the posterior's, so that their areas are equal."""
        if draws.prior is None:
            return EMPTY
        bins = self.bins
        prior = marginal_counts(bin_draws(draws.prior, bins.low, bins.high, num_bins=bins.num_bins // 4))
        scale = self._tops / TOP_SHARE * 4 * len(draws.prior) / len(draws)
        return _polygons([self.layout.outline(k, column, scale[k]) for k, column in enumerate(prior)])

    def _positions(self, values: np.ndarray) -> np.ndarray:
        """Along the axes, in bins; NaN outside of them."""
        at = (values - self.bins.low) / (self.bins.high - self.bins.low) * self.layout.num_bins
        return np.where((at >= 0) & (at <= self.layout.num_bins), at, np.nan)

    def _places(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Where points, shape (n, dim), lie in the cells of all pairs."""
        at = self._positions(values)
        x = [self.layout.left(cell.column) + at[:, cell.column] for cell in self._pair_cells]
        y = [self.layout.bottom(cell.row) + at[:, cell.row] for cell in self._pair_cells]
        places = np.array([x, y]).reshape(2, -1)
        x, y = places[:, np.isfinite(places.sum(axis=0))]
        return {"x": x, "y": y}

    def _truth_data(self, truth: np.ndarray | None) -> tuple[dict, dict]:
        if truth is None:
            return {"x": [], "y": []}, {"x0": [], "x1": [], "y0": [], "y1": []}
        layout, at = self.layout, self._positions(truth)
        shown = np.flatnonzero(np.isfinite(at)).tolist()
        x, floor = [layout.left(k) + at[k] for k in shown], [layout.bottom(k) for k in shown]
        lines = {"x0": x, "x1": x, "y0": floor, "y1": [low + layout.num_bins for low in floor]}
        return self._places(truth[None]), lines

    def _brush_outlines(self, ranges: dict[int, tuple[float, float]]) -> dict:
        """The brush in the cells of its pair, and as a band on the diagonal."""
        n = self.layout.num_bins
        span = {
            k: tuple(
                np.clip((np.array(ends) - self.bins.low[k]) / (self.bins.high[k] - self.bins.low[k]), 0, 1)
                * n
            )
            for k, ends in ranges.items()
        }
        boxes = [self._box(Cell(k, k), span[k], (0, n)) for k in span]
        boxes += [
            self._box(cell, span[cell.column], span[cell.row])
            for cell in self._pair_cells
            if {*cell} <= {*span}
        ]
        return _boxes(boxes)

    def _box(
        self, cell: Cell, x: tuple | None = None, y: tuple | None = None
    ) -> tuple[float, float, float, float]:
        (x0, x1), (y0, y1) = x or (0, self.layout.num_bins), y or (0, self.layout.num_bins)
        left, bottom = self.layout.left(cell.column), self.layout.bottom(cell.row)
        return left + x0, left + x1, bottom + y0, bottom + y1

    def _frames(self) -> None:
        cells = [*self._pair_cells, *(Cell(k, k) for k in range(self.layout.dim))]
        frames = self.figure.multi_line(
            **_boxes([self._box(cell) for cell in cells]), line_width=1, line_alpha=0.55
        )
        theme.paint(frames, line_color="prior")

    def _picture(self) -> Any:
        mapper = LinearColorMapper(palette=["#00000000"] * 4, low=-0.5, high=3.5)
        source = columns(image=[NO_PICTURE])
        side = self.layout.side
        return self.figure.image(
            "image", source=source, x=0, y=0, dw=side, dh=side, color_mapper=mapper, level="glyph"
        )

    def _histogram(self, name: str, role: str) -> Any:
        filled = {"model": 0.4, "selection": 0.55, "reference": 0.0}[name]
        drawn = self.figure.patches("xs", "ys", source=columns(**EMPTY), fill_alpha=filled, line_width=1.2)
        return theme.paint(drawn, fill_color=role, line_color=role)

    @property
    def smaller(self) -> float:
        """Share of their full size that marks have where the cells are small."""
        return min(1.0, 8 / self.layout.dim)

    def _few(self) -> Any:
        """Points for a reference that is too few draws for regions."""
        size = max(3.0, 7 * self.smaller)
        drawn = self.figure.scatter("x", "y", source=columns(x=[], y=[]), size=size, line_width=0.8)
        theme.paint(drawn, fill_color="reference", line_color="surface")
        return drawn

    def _rings(self) -> Any:
        """A ring around the draw that somebody looks at."""
        share = self.smaller
        look = {"size": max(5.0, 12 * share), "line_width": max(1.5, 2.5 * share), "fill_alpha": 0}
        drawn = self.figure.scatter("x", "y", source=columns(**NO_RINGS), **look)
        return theme.paint(drawn, line_color="truth")

    def _truth(self) -> tuple[Any, Any]:
        """Crosses in the cells and lines on the diagonal."""
        share = self.smaller
        look = {"marker": "x", "size": max(3.5, 9 * share), "line_width": max(1.0, 2.2 * share)}
        marks = self.figure.scatter("x", "y", source=columns(x=[], y=[]), **look)
        ends = columns(x0=[], x1=[], y0=[], y1=[])
        lines = self.figure.segment("x0", "y0", "x1", "y1", source=ends, line_width=max(1.0, 2 * share))
        return theme.paint(marks, line_color="truth"), theme.paint(lines, line_color="truth")

    def _lines(self, role: str, **settings) -> Any:
        return theme.paint(
            self.figure.multi_line("xs", "ys", source=columns(**EMPTY), **settings), line_color=role
        )


def _empty_figure(layout: MosaicLayout) -> Any:
    """A square frame with room for the words inside it, and a box to select with."""
    side = layout.side
    fig: Any = figure(
        x_range=span(-LEFT * side, (1 + RIGHT) * side), y_range=span(-BOTTOM * side, (1 + TOP) * side),
        tools=[],
        width=800, height=800, sizing_mode="scale_width", aspect_ratio=1, min_border=0,
        toolbar_location="above", toolbar_inner=True, outline_line_color=None,
    )  # fmt: skip
    fig.axis.visible = False
    fig.grid.visible = False
    fig.toolbar.autohide = True
    fig.toolbar.logo = None
    fig.toolbar.stylesheets = [
        ":host(.bk-inner) { background-color: transparent; }"
    ]  # it lies over the figure
    # Box selection reports where the box was; it must not select glyphs, which would grey the others out.
    box = BoxSelectTool(renderers=[])
    fig.add_tools(box, SaveTool())
    fig.toolbar.active_drag = box
    return fig


def _correlations(fig: Any, layout: MosaicLayout) -> Any:
    """Words or coloured cells, see `mosaic_texts.coefficients`."""
    source = columns(x=[], y=[], text=[], value=[], alpha=[], size=[])
    drawn = fig.text(
        "x", "y", "text", source=source, text_align="center", text_baseline="middle", text_alpha="alpha",
        text_font_size="size",
    )  # fmt: skip
    theme.paint(drawn, text_color="text")
    mapper = theme.paint(LinearColorMapper(low=-1, high=1, nan_color="#00000000"), palette="diverging")
    colour = {"field": "value", "transform": mapper}
    fig.rect("x", "y", layout.num_bins, layout.num_bins, source=source, fill_color=colour, line_color=None)
    return source


def _follow(mapper: LinearColorMapper, drawn: Any) -> None:
    """Give the levels the colour of the histograms, now and whenever the theme changes it."""

    def repaint(attr: str, old: str, colour: str) -> None:
        mapper.palette = [f"{colour}{round(255 * alpha):02x}" for alpha in LEVEL_ALPHA]

    drawn.glyph.on_change("fill_color", repaint)
    repaint("fill_color", "", drawn.glyph.fill_color)


def _same_axes(one: Bins, other: Bins) -> bool:
    return np.array_equal(one.low, other.low) and np.array_equal(one.high, other.high)


def _boxes(boxes: list[tuple[float, float, float, float]]) -> dict[str, list]:
    """Rectangles (x0, x1, y0, y1) as closed lines."""
    return {
        "xs": [[x0, x1, x1, x0, x0] for x0, x1, _, _ in boxes],
        "ys": [[y0, y0, y1, y1, y0] for _, _, y0, y1 in boxes],
    }


def _polygons(outlines: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, list]:
    return {"xs": [x for x, _ in outlines], "ys": [y for _, y in outlines]}
