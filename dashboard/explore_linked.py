"""The part of the Explore tab where a region of the posterior and the traces of its draws show each other."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.pace import Pace
from dashboard.simulating import Simulating
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.predictive_images import PredictiveImages, read_images
from dashboard.views.selection import Selection
from dashboard.views.trace_data import read_traces
from dashboard.views.traces import PredictiveTraces
from dashboard.words import count
from simulators import Simulator

MOST = 20  # simulations of draws of one region
LEAD = (
    "Draw a box in any cell: the simulations of exactly those draws light up against the recording. Click a "
    "simulation: its draw is ringed in every cell, and its parameters are listed."
)


def has_predictions(tree: xr.DataTree) -> bool:
    """Whether a result holds simulations of its draws as traces or images."""
    return read_traces(tree) is not None or read_images(tree) is not None


class LinkedView(pn.viewable.Viewer):
    """The mosaic and what its draws do, with one selection.

    Args:
        tree: of a result for which `has_predictions` holds.
        selection: shared with other views.
        drive: gives the simulator, called in the background; None: no more than what is stored can be shown.
        file_name: what the run is called.
    """

    def __init__(
        self,
        tree: xr.DataTree,
        selection: Selection,
        *,
        drive: Callable[[], Simulator] | None = None,
        file_name: str = "result",
    ) -> None:
        super().__init__()
        self.selection = selection
        self.mosaic = PairMosaic(tree, selection, zoomed=True, file_name=file_name)
        self.traces: PredictiveTraces | None = None
        self.images: PredictiveImages | None = None
        self.more: MoreTraces | None = None
        if read_traces(tree) is not None:
            self.traces = PredictiveTraces(tree, selection, file_name=file_name)
            self.more = None if drive is None else MoreTraces(self.traces, drive)
        if read_images(tree) is not None:
            self.images = PredictiveImages(tree, selection)

    def __panel__(self) -> pn.viewable.Viewable:
        heads = {
            "Recording and simulations": [self.more, self.traces],
            "Observed and predicted": [self.images],
        }
        shown = [
            shell.card(shell.heading(words, level=3), *filter(None, views))
            for words, views in heads.items()
            if any(views)
        ]
        lead = shell.html(f'<p class="quiet">{LEAD}</p>')
        mosaic = shell.card(shell.heading("Where in the posterior", level=3), lead, self.mosaic)
        beside = pn.Column(*shown, margin=0, sizing_mode="stretch_width")
        return shell.columns(mosaic, beside, widths="minmax(0, 1.5fr) minmax(0, 1fr)", from_size="lg")

    def stop(self) -> None:
        """Simulate no further."""
        if self.more is not None:
            self.more.simulating.stop()


class MoreTraces(pn.viewable.Viewer):
    """Offers to simulate draws of the selected region, where few or none of them have been.

    Args:
        traces: to which the simulations are added.
        drive: gives the simulator; called in the background.
    """

    def __init__(self, traces: PredictiveTraces, drive: Callable[[], Simulator]) -> None:
        super().__init__()
        self.traces, self._pace, self._num_added = traces, Pace(), 0
        self.simulating = Simulating(traces.draws, traces.traces, drive)
        self.button = shell.button("Simulate", self._toggle, visible=False)
        self.state = shell.Line(testid="more-traces", kind="state")
        self.simulating.param.watch(self._follow, ["found", "is_running", "problem"])
        traces.selection.param.watch(self._offer, "ranges")
        self._offer()

    def __panel__(self) -> pn.viewable.Viewable:
        return pn.Column(self.button, self.state, margin=(0, 0, 10, 0), sizing_mode="stretch_width")

    @property
    def rows(self) -> np.ndarray:
        """Draws of the region to simulate: none where enough of them have been, or all."""
        inside = self.traces.selection.rows(self.traces.draws)
        if inside is None:
            return np.zeros(0, int)
        known = np.isin(inside, self.traces.traces.of_draws)
        return inside[~known][: max(0, MOST - int(known.sum()))]

    def _toggle(self) -> None:
        if self.simulating.is_running:
            self.simulating.stop()
        else:
            self._pace, self._num_added = Pace(), 0
            self.simulating.begin(self.rows.tolist())

    def _offer(self, *_: object) -> None:
        """Another region: what was begun for the one before is given up."""
        self.simulating.stop()
        with pn.io.hold():
            self.state.text = ""
            self._name_button()

    def _name_button(self) -> None:
        is_running, num = self.simulating.is_running, len(self.rows)
        self.button.label = "Stop" if is_running else f"Simulate {count(num, 'draw')} of this region"
        self.button.visible = is_running or num > 0

    def _follow(self, *_: object) -> None:
        simulating, found = self.simulating, self.simulating.found
        done, wanted = len(found.predicted), len(found.wanted)
        with pn.io.hold():
            if done > self._num_added:
                new = slice(self._num_added, done)
                self._num_added = done
                self.traces.add(found.wanted[new], found.predicted[new])
            self.state.text = simulating.problem or self._told(done, wanted)
            self._name_button()

    def _told(self, done: int, wanted: int) -> str:
        if self.simulating.is_running:
            return f"Simulated {done} of {wanted} draws{self._pace.left(done, wanted)}."
        return f"{count(done, 'simulation')} of this region added; they are not stored." if done else ""
