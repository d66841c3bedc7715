"""The chosen observation as the model sees it: the recording, its stimulus, its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard import shell, words
from dashboard.observations import Seen
from dashboard.views import image_plot
from dashboard.views import recording_figures as figures
from dashboard.views.feature_table import feature_table
from dashboard.views.image_plot import ImagePlot
from dashboard.views.plan import Plan
from dashboard.views.recording_plot import RecordingPlot
from simulators import RecordingAxes
from simulators.base import ImageAxes


class ObservationPreview(pn.viewable.Viewer):
    """Follows a plan. Figures are given new data where these fit into them: a new figure would flicker."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan
        self.summary = shell.Line(testid="observation-summary")
        self.features = shell.html("")
        self.plot: RecordingPlot | ImagePlot | None = None
        self.plots = pn.Column(**_WIDE)
        plan.param.watch(self._draw, "seen")
        self._draw()

    def __panel__(self) -> pmui.Column:
        return pmui.Column(self.plots, self.summary, self.features, **_WIDE)

    def _draw(self, *_: object) -> None:
        seen = self.plan.seen
        self.features.object = "" if seen is None else _features(seen)
        self.summary.text = "" if seen is None else f"{_title(seen)}: {words.count(len(seen.x), 'feature')}."
        axes = seen.simulator.axes if seen is not None else None
        if seen is None or axes is None or seen.recording is None:
            self.plots.visible = False
            return
        if isinstance(axes, ImageAxes):
            self._draw_image(axes, seen.recording)
            words_for = image_plot.describe(axes, seen.recording)
        else:
            self._draw_recording(axes, seen.recording)
            words_for = figures.describe(axes, seen.recording)
        self.summary.text = f"{_title(seen)}. {words_for} {seen.told}".rstrip()
        self.plots.visible = True

    def _draw_recording(self, axes: RecordingAxes, values: np.ndarray) -> None:
        if isinstance(self.plot, RecordingPlot) and self.plot.fits(axes):
            self.plot.label(axes)
        else:
            self.plot = RecordingPlot(axes, {"recording": "data"}, height=220)
            self.plots.objects = self.plot.panes
        self.plot.show("recording", values)

    def _draw_image(self, axes: ImageAxes, image: np.ndarray) -> None:
        if not isinstance(self.plot, ImagePlot) or self.plot.axes is not axes:
            self.plot = ImagePlot(axes, {"observed": axes.name.capitalize()})
            self.plots.objects = [self.plot.layout]
        self.plot.show({"observed": image})


_WIDE: Mapping[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


def _title(seen: Seen) -> str:
    is_symbol = seen.label[1:2] == " "  # "x = 0.25"
    return seen.label if is_symbol else seen.label[:1].upper() + seen.label[1:]


def _features(seen: Seen) -> str:
    table = feature_table(seen.simulator, {"value": seen.x}, testid="observation-features")
    return f"<details><summary>Features</summary>{table}</details>"
