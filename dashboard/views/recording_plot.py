"""Recordings on their axes: one line, a lane for each row (cells), or all rows in one frame (sweeps)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
from bokeh.models import LinearColorMapper

from dashboard import shell, theme, words
from dashboard.views import recording_figures as figures
from inference.decimate import decimated, decimated_time, points_per_row
from simulators import RecordingAxes

HEIGHT = 300  # pixels, of one line or of overlaid rows
LEAST_LANE, LANES = 112, 390  # pixels of a lane; of all lanes together
TIME_AXIS = 44  # pixels that a time axis takes
FAINT = 0.45  # opacity of overlaid rows
TOP_WIDTH = 2.0  # pixels: wherever a steep line lies, it covers one fully; else the tips of spikes fade


class RecordingPlot:
    """Figures with several layers, each of which shows one recording; the stimulus is below.

    Args:
        axes: what is drawn on.
        layers: role (see ``theme.Colours``) of each layer by its name, the last on top. The last layer of
            overlaid rows takes a scale of colours instead, from the first row to the last.
        height: of the figure, in pixels, where the rows have no lanes of their own.
    """

    def __init__(self, axes: RecordingAxes, layers: Mapping[str, str], *, height: int = HEIGHT) -> None:
        self.axes, self.layers = axes, dict(layers)
        self.is_overlaid = axes.overlaid and len(axes.rows) > 0
        self.num_lanes = 1 if self.is_overlaid else max(len(axes.rows), 1)
        columns = ("xs", "ys", "row") if self.is_overlaid else ("t", *self._lanes)
        self.sources = {name: theme.source(*columns) for name in layers}
        self.stimulus = theme.source("t", "y")
        self.figures = self._figures(height)
        self.below = self._stimulus_figure()
        for name, role in layers.items():
            self._add_layer(name, role, is_top=name == list(layers)[-1])
        self.label(axes)

    @property
    def panes(self) -> list[pn.pane.Bokeh]:
        """The figures from top to bottom."""
        shown = self.figures if self.axes.stimulus is None else [*self.figures, self.below]
        return [shell.plot(figure) for figure in shown]

    def fits(self, axes: RecordingAxes) -> bool:
        """Whether recordings on other axes can be drawn in the same figures."""
        is_alike = (axes.stimulus is None) == (self.axes.stimulus is None)
        return is_alike and axes.rows == self.axes.rows and axes.overlaid == self.axes.overlaid

    def label(self, axes: RecordingAxes) -> None:
        """Put these axes' names and times on the figures; they must fit."""
        self.axes, has_stimulus = axes, axes.stimulus is not None
        self.time = decimated_time(axes.time, max_points=points_per_row(len(axes.rows)))
        names = axes.rows if self.num_lanes > 1 else (axes.channel,)
        self.figures[0].x_range.update(start=float(axes.time[0]), end=float(axes.time[-1]))
        for figure, name in zip(self.figures, names, strict=False):
            figure.yaxis.axis_label = words.with_unit(name, axes.unit)
            figure.xaxis.visible = figure is self.figures[-1] and not has_stimulus
        for figure in (*self.figures, self.below):
            figure.xaxis.axis_label = f"time ({axes.time_unit})"
        # Its name stands in the legend: there is no room for it here.
        self.below.yaxis.axis_label = words.unit(axes.stimulus_unit)
        if axes.stimulus is not None:
            figures.fit(self.below.y_range, axes.stimulus)
            few = decimated(axes.stimulus, max_points=points_per_row(len(axes.rows)))
            self.stimulus.data = {"t": self.time, "y": few}

    def show(self, layer: str, values: np.ndarray, *, is_growing: bool = False) -> None:
        """Replace what a layer shows; lanes share one range, so that a silent cell is seen to be silent."""
        few = decimated(np.atleast_2d(values), max_points=points_per_row(len(self.axes.rows)))
        figures.fit(self.figures[0].y_range, few, is_growing=is_growing)
        if self.is_overlaid:
            rows = list(range(len(few)))
            self.sources[layer].data = {"xs": [self.time] * len(few), "ys": list(few), "row": rows}
        else:
            self.sources[layer].data = {"t": self.time, **dict(zip(self._lanes, few, strict=True))}

    @property
    def _lanes(self) -> list[str]:
        return [f"y{k}" for k in range(self.num_lanes)]

    def _figures(self, height: int) -> list[Any]:
        lane = height if self.num_lanes == 1 else max(LEAST_LANE, LANES // self.num_lanes)
        ranges = {"x_range": figures.empty_range(), "y_range": figures.empty_range()}
        last = TIME_AXIS if self.num_lanes > 1 and self.axes.stimulus is None else 0
        heights = [lane] * (self.num_lanes - 1) + [lane + last]
        made = [theme.figure("", "", height=one, **ranges) for one in heights]
        for figure in made[1:]:
            figure.toolbar_location = None
        if self.num_lanes > 1:
            for figure in made:
                figure.yaxis.ticker.desired_num_ticks = 3
        return made

    def _stimulus_figure(self) -> Any:
        x_range = self.figures[0].x_range
        below = theme.figure(
            "", "", height=128, x_range=x_range, y_range=figures.empty_range(), toolbar_location=None
        )
        line = below.line("t", "y", source=self.stimulus, line_width=1.4)
        theme.paint(line, line_color="stimulus")
        below.yaxis.ticker.desired_num_ticks = 3
        return below

    def _add_layer(self, name: str, role: str, *, is_top: bool) -> None:
        source, thin = self.sources[name], 1.5 if is_top else 1.2
        if not self.is_overlaid:
            width = TOP_WIDTH if is_top else thin
            for figure, lane in zip(self.figures, self._lanes, strict=True):
                theme.paint(figure.line("t", lane, source=source, line_width=width), line_color=role)
            return
        drawn = self.figures[0].multi_line("xs", "ys", source=source, line_width=thin)
        if is_top:
            mapper = LinearColorMapper(low=0, high=max(len(self.axes.rows) - 1, 1))
            theme.paint(mapper, palette="ordered")
            drawn.glyph.line_color = {"field": "row", "transform": mapper}
            drawn.nonselection_glyph = None
        else:
            drawn.glyph.line_alpha = FAINT
            theme.paint(drawn, line_color=role)
