"""Draws in two chosen parameters, a point among them, and the axes of the density's curvature there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
from bokeh.events import Tap
from bokeh.models import ColorBar, LinearColorMapper

from dashboard import shell, theme
from dashboard.curvature import Curvature
from dashboard.regimes import Regimes
from dashboard.views.drawing import span
from dashboard.views.draws import PosteriorDraws

MOST_DOTS = 2_000
SENSITIVE, ROBUST = "truth", "selection"  # colours of the first and of the last axis


class Arrows(pn.viewable.Viewer):
    """A scatter; a click chooses the draw next to it.

    Args:
        draws: of the posterior.
        pick: called with a draw, (dim,).
    """

    def __init__(self, draws: PosteriorDraws, pick: Callable[[np.ndarray], Any]) -> None:
        super().__init__()
        self.draws, self.pick, self.found, self.regimes = draws, pick, None, None
        self.rows = draws.values[:MOST_DOTS].astype(float)
        names = list(draws.names)
        self.x = pmui.Select(label="Across", options=names, value=names[0], **_SMALL)
        self.y = pmui.Select(label="Up", options=names, value=names[min(1, len(names) - 1)], **_SMALL)
        self.figure = theme.figure("", "", height=400, x_range=span(0, 1), y_range=span(0, 1))
        self._dots, self._here = theme.source("x", "y", "value"), theme.source("x", "y")
        self._plain = self.figure.scatter(
            "x", "y", source=self._dots, size=4, fill_alpha=0.35, line_color=None
        )
        theme.paint(self._plain, fill_color="model")
        self._draw_regimes()
        self._axes = [theme.source("xs", "ys") for _ in range(3)]
        for source, role, width in zip(self._axes, ("prior", ROBUST, SENSITIVE), (1.5, 3, 3), strict=True):
            line = self.figure.multi_line("xs", "ys", source=source, line_width=width)
            theme.paint(line, line_color=role)
        point = self.figure.scatter("x", "y", source=self._here, size=8, line_width=1.5)
        theme.paint(point, fill_color="surface", line_color="data")
        self.figure.on_event(Tap, self._tapped)
        for select in (self.x, self.y):
            select.param.watch(self._frame, "value")
        self._frame()

    def __panel__(self) -> pn.Column:
        controls = shell.columns(self.x, self.y, widths="1fr 1fr")
        controls.margin = (6, 0, 12, 0)
        return pn.Column(controls, shell.plot(self.figure), margin=0, sizing_mode="stretch_width")

    @property
    def shown(self) -> list[int]:
        """Positions of the two parameters."""
        return [self.draws.names.index(select.value) for select in (self.x, self.y)]

    def show(self, found: Curvature | None, theta: np.ndarray | None = None) -> None:
        """Draw the axes at a point; `theta` is where somebody has moved from there."""
        is_first = self.found is None
        self.found = found
        if found is None:
            return
        if is_first:  # where the most sensitive axis is seen best
            across, up, *_ = [*np.argsort(-np.abs(found.axes.vectors[0])), 0]
            self.x.value, self.y.value = (self.draws.names[k] for k in sorted((across, up)))
        pair, axes = self.shown, found.axes
        low, high = (end[pair] for end in self.draws.whole_range)
        reach = np.minimum(axes.lengths, 2 * float(np.linalg.norm(high - low)))
        ends = reach[:, None] * axes.vectors[:, pair]
        lines = np.stack([found.theta[pair] - ends, found.theta[pair] + ends], axis=1)  # (dim, 2, 2)
        moved = found.theta if theta is None else theta
        with pn.io.hold():
            for source, some in zip(self._axes, (lines[1:-1], lines[-1:], lines[:1]), strict=True):
                source.data = {"xs": list(some[:, :, 0]), "ys": list(some[:, :, 1])}
            self._here.data = {"x": [moved[pair[0]]], "y": [moved[pair[1]]]}

    def colour(self, regimes: Regimes | None) -> None:
        """Give each draw the colour of its nearest mode and draw their path; None: all draws are alike."""
        self.regimes = regimes
        with pn.io.hold():
            if regimes is not None:
                self._mapper.update(low=float(regimes.values.min()), high=float(regimes.values.max()))
                self._bar.title = self.draws.axis_label(regimes.parameter)
                self._look_at(regimes.parameter)
            self._plain.visible = regimes is None
            for one in (self._coloured, self._path, self._stops, self._bar):
                one.visible = regimes is not None
            self._frame()

    def _look_at(self, parameter: int) -> None:
        """Have a parameter in the picture, across if it is not there yet."""
        if parameter not in self.shown:
            self.x.value = self.draws.names[parameter]

    def _draw_regimes(self) -> None:
        self._mapper = theme.paint(LinearColorMapper(low=0, high=1), palette="ordered")
        self._bar = ColorBar(color_mapper=self._mapper, visible=False, width=10, background_fill_alpha=0)
        theme.paint(self._bar, title_text_color="quiet", major_label_text_color="quiet")
        self.figure.add_layout(self._bar, "right")
        by_value = {"field": "value", "transform": self._mapper}
        self._coloured = self.figure.scatter(
            "x", "y", source=self._dots, size=4, fill_alpha=0.6, line_color=None, fill_color=by_value
        )
        self._modes = theme.source("x", "y", "value")
        self._path = self.figure.line("x", "y", source=self._modes, line_width=1.5)
        self._stops = self.figure.scatter(
            "x", "y", source=self._modes, size=9, marker="diamond", fill_color=by_value, line_width=1.5
        )
        theme.paint(self._path, line_color="quiet")
        theme.paint(self._stops, line_color="text")
        for one in (self._coloured, self._path, self._stops):
            one.visible = False

    def _tapped(self, event: Any) -> None:
        if event.x is None or event.y is None:
            return
        low, high = (end[self.shown] for end in self.draws.whole_range)
        away = (self.rows[:, self.shown] - np.array([event.x, event.y])) / (high - low)
        self.pick(self.rows[int(np.argmin((away**2).sum(axis=1)))])

    def _frame(self, *_: object) -> None:
        low, high = self.draws.zoomed_range
        with pn.io.hold():
            for k, axis, reach in zip(
                self.shown, (self.figure.xaxis, self.figure.yaxis),
                (self.figure.x_range, self.figure.y_range), strict=True,
            ):  # fmt: skip
                reach.update(start=float(low[k]), end=float(high[k]))
                axis.axis_label = self.draws.axis_label(k)
            i, j = self.shown
            regimes, values = self.regimes, np.zeros(len(self.rows))
            if regimes is not None:
                values = regimes.values[regimes.owner]
                modes = regimes.modes
                self._modes.data = {"x": modes[:, i], "y": modes[:, j], "value": regimes.values}
            self._dots.data = {"x": self.rows[:, i], "y": self.rows[:, j], "value": values}
            self.show(self.found)


_SMALL: Any = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
