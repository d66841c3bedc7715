"""Figures of predicted traces: one, or one for each cell, with the recording in front; the stimulus below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bokeh.models import TapTool

from dashboard import theme
from dashboard.views.drawing import span
from dashboard.views.trace_data import Traces
from dashboard.words import unit, with_unit

HEIGHT, LANE_HEIGHT = 340, 150  # pixels: of one figure, of each of several
TIME_AXIS = 44  # pixels that a time axis takes
OVERLAID = 1.7  # times as clear are sweeps, which lie on those of the recording
WIDTHS = {"model": 1.0, "selection": 1.2, "picked": 2.4}


class Lanes:
    """Groups of lines by role; the columns of one source go to the lanes, so that a click anywhere is heard.

    Args:
        traces: what is drawn.
        on_tap: called with the number of a draw that was clicked.
    """

    def __init__(self, traces: Traces, on_tap: Callable[[int], None]) -> None:
        self.traces, self._on_tap = traces, on_tap
        self.sources = {role: theme.source("xs", "draw", *self._columns) for role in WIDTHS}
        self._faint: list[Any] = []
        lanes = [self._lane(k) for k in range(len(traces.lanes))]
        self.figures = lanes if traces.stimulus is None else [*lanes, self._stimulus(lanes[0].x_range)]
        for figure in self.figures:
            figure.xaxis.visible = figure is self.figures[-1]
        for role in ("model", "selection"):
            self.sources[role].selected.on_change("indices", self.tapped(role))

    def show(self, role: str, draws: Sequence[int] | np.ndarray) -> None:
        """Replace the lines of a role by those of some draws."""
        traces = self.traces
        shown = traces.predicted[traces.places(draws)]
        repeats = len(traces.rows) if traces.is_overlaid else 1
        columns = shown.reshape(-1, 1, shown.shape[-1]) if traces.is_overlaid else shown
        self.sources[role].data = {
            "xs": [traces.time] * len(columns),
            "draw": np.repeat(np.asarray(draws, int), repeats).tolist(),
            **{name: list(columns[:, k]) for k, name in enumerate(self._columns)},
        }

    def fade(self, alpha: float) -> None:
        """How faint the lines are that are not selected."""
        for drawn in self._faint:
            drawn.glyph.line_alpha = min(1.0, OVERLAID * alpha) if self.traces.is_overlaid else alpha

    def tapped(self, role: str) -> Callable[[str, list[int], list[int]], None]:
        """What happens when lines of a role are clicked."""

        def tell(attr: str, old: list[int], new: list[int]) -> None:
            if new:
                self._on_tap(int(self.sources[role].data["draw"][new[0]]))

        return tell

    @property
    def _columns(self) -> list[str]:
        return [f"y{k}" for k in range(len(self.traces.lanes))]

    def _lane(self, k: int) -> Any:
        traces, column = self.traces, self._columns[k]
        num = len(traces.lanes)
        is_last = k == num - 1 and traces.stimulus is None
        height = HEIGHT if num == 1 else LANE_HEIGHT + is_last * TIME_AXIS
        fig = theme.figure(
            with_unit("time", traces.time_unit), with_unit(traces.lanes[k], traces.channel_unit),
            height=height, **self._ranges,
        )  # fmt: skip
        drawn = {role: self._lines(fig, role, column) for role in ("model", "selection")}
        self._faint.append(drawn["model"])
        if traces.observed is not None:
            rows = traces.observed if traces.is_overlaid else traces.observed[k : k + 1]
            width = 1.2 if traces.is_overlaid else 1.9
            line = fig.multi_line([traces.time] * len(rows), list(rows), line_width=width)
            theme.paint(line, line_color="data")
        self._lines(fig, "picked", column)
        fig.add_tools(TapTool(renderers=list(drawn.values())))
        if num > 1:
            fig.yaxis.ticker.desired_num_ticks = 3
        return fig

    def _lines(self, fig: Any, role: str, column: str) -> Any:
        drawn = fig.multi_line("xs", column, source=self.sources[role], line_width=WIDTHS[role])
        return theme.paint(drawn, line_color="truth" if role == "picked" else role)

    @property
    def _ranges(self) -> dict[str, Any]:
        """One range of time for all lanes, and one of values where there are several lanes."""
        if not self._faint:
            time = self.traces.time
            self._shared = {"x_range": span(time[0], time[-1])}
            if len(self.traces.lanes) > 1:
                self._shared["y_range"] = span(*_ends(self.traces))
        return self._shared

    def _stimulus(self, x_range: Any) -> Any:
        traces = self.traces
        time_label, shared = with_unit("time", traces.time_unit), {"x_range": x_range}
        fig = theme.figure(
            time_label, unit(traces.stimulus_unit), height=128, toolbar_location=None, **shared
        )
        theme.paint(fig.line(traces.time, traces.stimulus, line_width=1.4), line_color="stimulus")
        fig.yaxis.ticker.desired_num_ticks = 3
        return fig


def _ends(traces: Traces) -> tuple[float, float]:
    parts = [traces.predicted] if traces.observed is None else [traces.predicted, traces.observed]
    finite = np.concatenate([part[np.isfinite(part)] for part in parts])
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    pad = 0.05 * (high - low) or 1.0
    return low - pad, high + pad
