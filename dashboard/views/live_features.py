"""The features of the simulation beside those of the built-in observation, as a table."""

from __future__ import annotations

import panel as pn

from dashboard import shell
from dashboard.views.curve_plot import CurvePlot
from dashboard.views.exploration import Exploration
from dashboard.views.feature_groups import FeatureGroup, groups_of, image_axes
from dashboard.views.feature_table import feature_table
from dashboard.views.image_plot import ImagePlot

COMPUTING = "Computing the features of the whole simulation; the picture does not wait for them …"
SIDE = 190  # pixels of an image


class LiveFeatures(pn.viewable.Viewer):
    """Follows an exploration."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self.table = shell.html("")
        self.state = shell.Line(testid="features-state", kind="state")
        groups = groups_of(exploration.simulator)
        self.images = {found: _image_plot(exploration, found) for found in groups if found.is_image}
        self.curves = {found: _curve_plot(exploration, found) for found in groups if found.is_curve}
        exploration.param.watch(self._draw, ["simulated", "reference", "is_computing"])
        self._draw()

    def __panel__(self) -> pn.Column:
        images = [plot.layout for plot in (*self.images.values(), *self.curves.values())]
        return pn.Column(self.state, *images, self.table, margin=0, sizing_mode="stretch_width")

    def _draw(self, *_: object) -> None:
        self.state.text = COMPUTING if self.exploration.is_computing else ""
        now, reference = self.exploration.simulated, self.exploration.reference
        columns = {"now": now and now.x, "observation": reference and reference.x}
        for found, plot in (*self.images.items(), *self.curves.items()):
            plot.show({name: None if x is None else found.of(x) for name, x in columns.items()})
        if reference is not None and reference.x is None and not self.exploration.is_computing:
            del columns["observation"]  # there is none, and none to come
        self.table.object = feature_table(self.exploration.simulator, columns)


def _image_plot(exploration: Exploration, found: FeatureGroup) -> ImagePlot:
    axes = image_axes(found, exploration.simulator.axes)
    return ImagePlot(axes, {"now": "Now", "observation": "Observation"}, side=SIDE)


def _curve_plot(exploration: Exploration, found: FeatureGroup) -> CurvePlot:
    unit = exploration.simulator.feature_units.get(f"{found.name}[0]", "")
    return CurvePlot(found, unit, {"observation": ("data", "observation"), "now": ("model", "now")})
