"""The picture of a model that draws an image, beside that of the built-in observation."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.views.exploration import Exploration
from dashboard.views.image_plot import ImagePlot, describe
from simulators.base import ImageAxes

TITLES = {"now": "Simulation", "before": "Built-in observation"}


class LiveImage(pn.viewable.Viewer):
    """Follows an exploration."""

    def __init__(self, exploration: Exploration, axes: ImageAxes) -> None:
        super().__init__()
        self.exploration, self.axes = exploration, axes
        self.summary = shell.Line(testid="image-summary")
        self.plot = ImagePlot(axes, TITLES)
        exploration.param.watch(self._draw, ["simulated", "reference"])
        self._draw()

    def __panel__(self) -> pmui.Column:
        return pmui.Column(self.plot.layout, self.summary, sizing_mode="stretch_width", margin=0)

    def _draw(self, *_: object) -> None:
        now, before = self.exploration.simulated, self.exploration.reference
        self.plot.show({"now": now and now.recording, "before": before and before.recording})
        if now is not None and now.recording is not None:
            took = max(1, round(1000 * self.exploration.seconds))
            self.summary.text = f"{describe(self.axes, now.recording)} Computed in {took} ms."
