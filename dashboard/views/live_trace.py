"""The simulated recording over the built-in observation, with the stimulus below it."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.views import recording_figures as figures
from dashboard.views.exploration import Exploration
from dashboard.views.recording_plot import RecordingPlot
from simulators import RecordingAxes


class LiveTrace(pn.viewable.Viewer):
    """Follows an exploration."""

    def __init__(self, exploration: Exploration, axes: RecordingAxes) -> None:
        super().__init__()
        self.exploration, self.axes = exploration, axes
        self.summary = shell.Line(testid="trace-summary")
        self.plot = RecordingPlot(axes, {"before": "prior", "now": "model"})
        self.legend = shell.html("", margin=(0, 0, 6, 0))
        exploration.param.watch(self._draw, "simulated")
        exploration.param.watch(self._draw_reference, "reference")
        self._draw_reference()
        self._draw()

    def __panel__(self) -> pmui.Column:
        content = [self.legend, *self.plot.panes, self.summary]
        return pmui.Column(*content, sizing_mode="stretch_width", margin=0)

    @property
    def figures(self) -> list[Any]:
        """From top to bottom."""
        stimulus = [] if self.axes.stimulus is None else [self.plot.below]
        return [*self.plot.figures, *stimulus]

    def _draw(self, *_: object) -> None:
        simulated = self.exploration.simulated
        if simulated is not None and simulated.recording is not None:
            self.plot.show("now", simulated.recording, is_growing=True)
            took = max(1, round(1000 * self.exploration.seconds))
            self.summary.text = f"{figures.describe(self.axes, simulated.recording)} Simulated in {took} ms."

    def _draw_reference(self, *_: object) -> None:
        reference = self.exploration.reference
        has_recording = reference is not None and reference.recording is not None
        if reference is not None and reference.recording is not None:
            self.plot.show("before", reference.recording, is_growing=True)
        self.legend.object = shell.legend_html(*_meanings(self.axes, has_reference=has_recording))


def _meanings(axes: RecordingAxes, *, has_reference: bool) -> list[tuple[str, str]]:
    entries = [("model", "simulation")]
    if axes.overlaid and axes.rows:
        entries = [("ordered", f"simulation, from {axes.rows[0]} to {axes.rows[-1]}")]
    entries += [("prior", "built-in observation")] if has_reference else []
    return entries + ([] if axes.stimulus is None else [("stimulus", axes.stimulus_name)])
