"""The part of the Explore tab where a region of the posterior and the traces of its draws show each other."""

from __future__ import annotations

import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.predictive_images import PredictiveImages, read_images
from dashboard.views.selection import Selection
from dashboard.views.trace_data import read_traces
from dashboard.views.traces import PredictiveTraces

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
        file_name: what the run is called.
    """

    def __init__(self, tree: xr.DataTree, selection: Selection, *, file_name: str = "result") -> None:
        super().__init__()
        self.selection = selection
        self.mosaic = PairMosaic(tree, selection, zoomed=True, file_name=file_name)
        self.traces: PredictiveTraces | None = None
        self.images: PredictiveImages | None = None
        if read_traces(tree) is not None:
            self.traces = PredictiveTraces(tree, selection, file_name=file_name)
        if read_images(tree) is not None:
            self.images = PredictiveImages(tree, selection)

    def __panel__(self) -> pn.viewable.Viewable:
        heads = {"Recording and simulations": self.traces, "Observed and predicted": self.images}
        shown = [
            shell.card(shell.heading(words, level=3), view)
            for words, view in heads.items()
            if view is not None
        ]
        lead = shell.html(f'<p class="quiet">{LEAD}</p>')
        mosaic = shell.card(shell.heading("Where in the posterior", level=3), lead, self.mosaic)
        beside = pn.Column(*shown, margin=0, sizing_mode="stretch_width")
        return shell.columns(mosaic, beside, widths="minmax(0, 1.5fr) minmax(0, 1fr)", from_size="lg")
