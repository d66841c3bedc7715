"""How a distribution grew into its shape: its draws after each epoch, in two chosen parameters."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui
import xarray as xr

from dashboard import shell, theme
from dashboard.views.course_data import NONE, Course
from dashboard.views.drawing import span
from dashboard.views.draws import PosteriorDraws, draws_like
from dashboard.words import number, with_unit


class Growth(pn.viewable.Viewer):
    """A slider over the epochs of the chosen seed, and a scatter.

    Args:
        tree: of a result, which names the parameters.
        course: of it, with draws.
    """

    def __init__(self, tree: xr.DataTree, course: Course) -> None:
        super().__init__()
        if course.draws is None:
            raise ValueError("This course kept no draws; a new run keeps some of each epoch.")
        self.course = course
        self.rows = course.draws[:, course.leading]  # (epochs, n, dim)
        self.about: PosteriorDraws = draws_like(tree, self.rows[-1])
        names = list(self.about.names)
        self.x = pmui.Select(label="Across", options=names, value=names[0], **_SMALL)
        self.y = pmui.Select(label="Up", options=names, value=names[min(1, len(names) - 1)], **_SMALL)
        shown = course.num_epochs if course.seed == NONE else course.epoch + 1
        self.epoch = pmui.IntSlider(
            label="Epoch", start=1, end=max(course.num_epochs, 2), value=shown,
            sizing_mode="stretch_width", margin=(0, 12), size="small",
        )  # fmt: skip
        self.summary = shell.Line(testid="growth-summary")
        self.figure = theme.figure("", "", height=380, x_range=span(0, 1), y_range=span(0, 1))
        self._dots = theme.source("x", "y")
        drawn = self.figure.scatter("x", "y", source=self._dots, size=5, fill_alpha=0.5, line_color=None)
        theme.paint(drawn, fill_color="model")
        for select in (self.x, self.y):
            select.param.watch(self._frame, "value")
        self.epoch.param.watch(self._draw, "value")
        self._frame()

    def __panel__(self) -> pn.Column:
        controls = shell.columns(self.x, self.y, self.epoch, widths="150px 150px minmax(0, 1fr)")
        return pn.Column(
            controls, shell.plot(self.figure), self.summary, margin=0, sizing_mode="stretch_width"
        )

    def _frame(self, *_: object) -> None:
        """Ranges hold the draws of all epochs, so that only the draws move."""
        with pn.io.hold():
            self._set(self.figure.xaxis, self.figure.x_range, self.x.value)
            self._set(self.figure.yaxis, self.figure.y_range, self.y.value)
            self._draw()

    def _set(self, axis: Any, reach: Any, name: str) -> None:
        low, high = (end[self.about.names.index(name)] for end in self.about.whole_range)
        air = 0.03 * (high - low)
        reach.update(start=float(low - air), end=float(high + air))
        axis.axis_label = with_unit(name, self.about.units[self.about.names.index(name)])

    def _draw(self, *_: object) -> None:
        epoch = min(self.epoch.value, self.course.num_epochs) - 1
        rows, seed = self.rows[epoch], self.course.leading
        i, j = (self.about.names.index(select.value) for select in (self.x, self.y))
        self._dots.data = {"x": rows[:, i], "y": rows[:, j]}
        entropy, worst = self.course.entropy[epoch, seed], self.course.worst[epoch, seed]
        met = "met" if self.course.passed[epoch, seed] else "not met"
        self.summary.text = (
            f"{len(rows)} draws of seed {seed} after epoch {epoch + 1} of {self.course.num_epochs}: entropy "
            f"{number(float(entropy))} nats, constraints {met} (off by at most {number(float(worst), 2)} "
            "target units)."
        )


_SMALL = {"size": "small", "sizing_mode": "stretch_width", "margin": 0}
