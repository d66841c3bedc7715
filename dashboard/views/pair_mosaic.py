"""The posterior of every pair of parameters at a glance, with a brush, and one pair in detail."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from bokeh.events import SelectionGeometry, Tap

from dashboard import shell
from dashboard.export import Cell as NotebookCell
from dashboard.export import csv, downloads, heads, picture, view_code
from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.mosaic_figure import MosaicFigure
from dashboard.views.mosaic_layout import Cell
from dashboard.views.mosaic_texts import MOST_WORDS
from dashboard.views.pair_detail import PairDetail
from dashboard.views.pair_ranges import PairRanges
from dashboard.views.selection import Selection
from dashboard.words import parameter_groups
from inference.analysis import Bins, bin_draws

NUM_BINS = 96  # of a cell with up to 8 parameters; fewer with more, since the cells are smaller
FIRST_SHOWN = 12  # parameters, those about which most was learnt, where there are more
MOST_SHOWN = 40  # parameters at once
SMALLEST_BOX = 0.03  # of a cell; a shorter drag is a click that slipped
CHOSEN = "as chosen …"
CALLED = ("posterior", "reference")
OF_REFERENCE = "; dashed or circled: of the {}"
REGIONS = "{}: above the diagonal, outlined elsewhere"
POINTS = "{}: its points"


class PairMosaic(pn.viewable.Viewer):
    """Highest-density regions of all pairs; a box drawn in any cell selects draws in all of them.

    With a reference, a box in either triangle selects draws of both: those within the same ranges.

    Args:
        draws: a result's tree, or the draws themselves.
        selection: shared with other views; None: of its own.
        reference: other draws of the same parameters, shown in the upper triangle; None: correlations are.
        called: what the legend calls the draws, and the reference.
        file_name: what files are called.
    """

    shown = param.ListSelector(default=[], doc="Names of the parameters in the mosaic.")
    zoomed = param.Boolean(default=False, doc="Axes around the draws rather than over the whole prior.")
    cell = param.NumericTuple((1, 0), length=2, doc="Row and column of the pair in detail.")

    def __init__(
        self,
        draws: PosteriorDraws | xr.DataTree,
        selection: Selection | None = None,
        *,
        zoomed: bool = False,
        reference: PosteriorDraws | None = None,
        called: tuple[str, str] = CALLED,
        file_name: str = "result",
    ) -> None:
        super().__init__(zoomed=zoomed)
        self.file_name, self._is_of_result = file_name, isinstance(draws, xr.DataTree)
        self.reference, self.called = reference, called
        self.draws = posterior_draws(draws) if isinstance(draws, xr.DataTree) else draws
        self.selection = selection or Selection()
        self.param["shown"].objects = list(self.draws.names)
        self.choices = subsets(self.draws)
        self.shown = next(iter(self.choices.values()))
        self.summary = shell.Line(testid="mosaic-summary")
        self.code = NotebookCell(
            file_name, lambda: view_code("pair_mosaic", "PairMosaic", self.selection, "zoomed=True")
        )
        self.legend = shell.html("", margin=(0, 0, 6, 0))
        self._pane = pn.pane.Bokeh(sizing_mode="scale_width", min_width=320)
        self._detail, self._ranges = PairDetail(), PairRanges(self.selection)
        self._start()
        self.param.watch(self._start, "shown")
        self.param.watch(self._zoom, "zoomed")
        self.param.watch(self._show_detail, "cell")
        self.selection.param.watch(self._select, "ranges")
        self.selection.param.watch(self._mark, "picked")

    def __panel__(self) -> pn.Column:
        clear = shell.button(
            "Clear selection", self.selection.clear, disabled=self.selection.param.ranges.rx.not_()
        )
        zoom = pmui.Switch.from_param(
            self.param.zoomed, label="Zoom to the posterior", description="", margin=0
        )
        controls = pn.FlexBox(zoom, clear, gap="20px", align_items="center", margin=(0, 0, 4, 0))
        both = pn.FlexBox(
            pn.Column(self._pane, styles=_WIDE, margin=0),
            pn.Column(self._detail.layout, self._ranges.layout, styles=_NARROW, margin=0),
            gap="28px", flex_wrap="wrap", margin=0,
        )  # fmt: skip
        return pn.Column(
            *self._chooser(),
            controls,
            self.summary,
            self.legend,
            both,
            self._files(),
            margin=0,
            sizing_mode="stretch_width",
        )

    def _files(self) -> pn.Column:
        """What is seen, the draws behind it, and a cell that makes it again; of draws alone, what is seen."""
        draw = picture(
            lambda: [[self._mosaic.figure], [self._detail.figure]], f"Pairs of parameters · {self.file_name}",
            note=lambda: self.summary.text, meanings=self.meanings,
        )  # fmt: skip
        name = f"{self.file_name}-pairs"
        if not self._is_of_result:
            return pn.Column(downloads(name, draw), margin=0)
        self.selection.param.watch(lambda _: self.code.refresh(), ["ranges", "picked"])
        files = downloads(name, draw, self.file, words="Selected draws as CSV")
        return pn.Column(files, self.code, margin=0, sizing_mode="stretch_width")

    def file(self) -> io.BytesIO:
        """The selected draws, of all parameters; all draws where nothing is selected."""
        rows = self.selection.rows(self.draws)
        rows = np.arange(len(self.draws)) if rows is None else rows
        table = pd.DataFrame(self.draws.values[rows], columns=pd.Index(heads(self.draws)))
        table.insert(0, "draw", rows)
        return csv(table)

    @property
    def figure(self) -> Any:
        """The mosaic as it is now."""
        return self._mosaic.figure

    def meanings(self) -> list[tuple[str, str]]:
        """Of the colours: (role in `theme.Colours`, words) each."""
        draws, other = self.called
        entries = [
            ("model", f"{draws}: regions with 50, 80 and 95 % of the draws"),
            ("selection", "selected draws" + (OF_REFERENCE.format(other) if self._has_regions else "")),
        ]
        entries += [("prior", "prior")] if self.draws.prior is not None else []
        if self.reference is not None:
            words = POINTS if self.reference.is_few else REGIONS
            entries += [("reference", words.format(other))]
        elif self.draws.dim > MOST_WORDS:
            entries += [("diverging", "above the diagonal: correlations, −1 to 1")]
        entries += [("truth", "true value (cross)")] if self.draws.truth is not None else []
        return entries + ([("truth", f"draw {self.selection.picked} (ring)")] if self._has_picked else [])

    @property
    def _has_picked(self) -> bool:
        return self.selection.picked is not None and self.selection.picked < len(self.draws)

    @property
    def _has_regions(self) -> bool:
        return self.reference is not None and not self.reference.is_few

    def _chooser(self) -> list:
        """Which parameters to show, where they are too many for a first look: groups of them, or any."""
        if self.draws.dim <= FIRST_SHOWN:
            return []
        groups = pmui.Select(label="Show", options=[*self.choices, CHOSEN], width=220, size="small", margin=0)
        chosen = pmui.MultiChoice.from_param(
            self.param.shown, label="Parameters", max_items=MOST_SHOWN, sizing_mode="stretch_width", margin=0,
            visible=groups.param.value.rx() == CHOSEN,
        )  # fmt: skip
        groups.param.watch(self._choose, "value")
        self.param.watch(lambda event: groups.param.update(value=self._choice), "shown")
        row = pmui.Row(groups, chosen, margin=(0, 0, 12, 0), sizing_mode="stretch_width", sx={"gap": "16px"})
        return [row]

    @property
    def _choice(self) -> str:
        """What the parameters that are shown are called together."""
        return next((name for name, members in self.choices.items() if members == self.shown), CHOSEN)

    def _choose(self, event: Any) -> None:
        if event.new in self.choices:
            self.shown = self.choices[event.new]

    def replace(self, draws: PosteriorDraws) -> None:
        """Show other draws of the same parameters, fast enough to follow a slider."""
        self.draws, before = draws, self._axes
        low, high = self._span
        self._axes = np.minimum(before[0], low), np.maximum(before[1], high)  # they grow only: no trembling
        self._redraw()

    @property
    def _visible(self) -> PosteriorDraws:
        return self.draws.only(self.shown)

    @property
    def _visible_reference(self) -> PosteriorDraws | None:
        return None if self.reference is None else self.reference.only(self.shown)

    @property
    def _span(self) -> tuple[np.ndarray, np.ndarray]:
        """Of all axes; what is shown of the reference lies within it too."""
        shown = [self._visible, *filter(None, [self._visible_reference])]
        ends = [draws.zoomed_range if self.zoomed else draws.whole_range for draws in shown]
        low, high = zip(*ends, strict=True)
        return np.min(low, axis=0), np.max(high, axis=0)

    @property
    def _selected_rows(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Of the draws and of the reference: the same ranges select in both."""
        reference = self.reference
        return self.selection.rows(self.draws), None if reference is None else self.selection.rows(reference)

    def _bins(self) -> Bins:
        visible = self._visible
        return bin_draws(visible.values, *self._axes, num_bins=min(NUM_BINS, NUM_BINS * 8 // visible.dim))

    def _start(self, *_: object) -> None:
        """A new figure, because the parameters are others."""
        if not self.shown:
            return  # somebody is in the middle of choosing
        self._axes = self._span
        self._mosaic = MosaicFigure(self._visible, self._bins(), self._visible_reference)
        self._mosaic.figure.on_event(SelectionGeometry, self._brushed)
        self._mosaic.figure.on_event(Tap, self._tapped)
        self._pane.object = self._mosaic.figure
        with param.parameterized.discard_events(self):
            self.cell = (min(1, len(self.shown) - 1), 0)
        self._show_detail()
        self._select()
        self._mark()

    def _zoom(self, *_: object) -> None:
        self._axes = self._span
        self._redraw()

    def _redraw(self) -> None:
        with pn.io.hold():
            self._mosaic.show(self._visible, self._bins())
            self._show_detail()
            self._select()
            self._mark()

    def _mark(self, *_: object) -> None:
        """Ring the draw that somebody looks at."""
        visible = self._visible
        theta = visible.values[self.selection.picked] if self._has_picked else None
        with pn.io.hold():
            self._mosaic.mark(theta)
            self._detail.mark(theta)
            self.legend.object = shell.legend_html(*self.meanings())

    def _select(self, *_: object) -> None:
        rows = self._selected_rows
        ranges = {self.shown.index(k): ends for k, ends in self.selection.ranges.items() if k in self.shown}
        with pn.io.hold():
            self._mosaic.select(rows[0], ranges, rows[1])
            self._detail.select(*rows)
            self.summary.text = self.selection.sentence(self.draws, self.reference, called=self.called[1])

    def _show_detail(self, *_: object) -> None:
        cell = Cell(*map(int, self.cell))
        with pn.io.hold():
            self._mosaic.activate(cell)
            pair = (cell.column, cell.row)
            self._detail.show(self._visible, pair, self._axes, self._visible_reference)
            self._ranges.show(self._visible, pair, self._axes)
            self._detail.select(*self._selected_rows)
            self._detail.mark(self._visible.values[self.selection.picked] if self._has_picked else None)

    def _brushed(self, event: Any) -> None:
        box: Any = event.geometry
        if not event.final or box.get("type") != "rect":
            return
        start, end = (box["x0"], box["y0"]), (box["x1"], box["y1"])
        cell = self._mosaic.cell_at((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        if cell is None or abs(end[0] - start[0]) < SMALLEST_BOX * self._mosaic.layout.num_bins:
            return
        ranges = self._mosaic.range_at(cell, start, end)
        with pn.io.hold():  # one answer to the page, for all views
            self.cell = cell
            self.selection.ranges = {self.shown[k]: ranges[k] for k in sorted(ranges)}

    def _tapped(self, event: Any) -> None:
        cell = self._mosaic.cell_at(event.x, event.y)
        if cell is not None:
            self.cell = cell


_WIDE = {"flex": "3 1 560px", "min-width": "0"}
_NARROW = {"flex": "2 1 360px", "min-width": "0"}


def subsets(draws: PosteriorDraws) -> dict[str, list[str]]:
    """Sets of parameters to look at together, the first to begin with; all in the order of the prior."""
    if draws.dim <= FIRST_SHOWN:
        return {"all": list(draws.names)}
    first = set(draws.most_informed[:FIRST_SHOWN])
    choices = {f"the {FIRST_SHOWN} best known": [name for name in draws.names if name in first]}
    if draws.dim <= MOST_SHOWN:
        choices[f"all {draws.dim}"] = list(draws.names)
    groups = parameter_groups(draws.names)
    return choices | {name: members for name, members in groups.items() if 2 <= len(members) < draws.dim}
