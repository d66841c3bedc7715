"""Draws in a mosaic of pairs, each with the colour and the shape of its cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dashboard import theme
from dashboard.views.drawing import columns
from dashboard.views.draws import PosteriorDraws
from dashboard.views.mosaic_figure import NO_RINGS, MosaicFigure
from inference.analysis import bin_draws

MARKERS = ("circle", "triangle", "square", "diamond", "inverted_triangle", "cross")
SIGNS = ("●", "▲", "■", "◆", "▼", "+")
MOST = len(MARKERS)  # clusters with a colour of their own
OTHERS, OTHER_SIGN = "prior", "×"
NUM_BINS, SIZE = 96, 5.5


def role_of_cluster(k: int) -> str:
    """Role in `theme.Colours` of the k-th cluster; all others share one."""
    return theme.role_of(k) if k < MOST else OTHERS


class ClusterMosaic:
    """One figure: regions of all draws behind, and draws by cluster in front.

    Args:
        draws: of the posterior, of the parameters to show.
    """

    def __init__(self, draws: PosteriorDraws) -> None:
        plain = replace(draws, prior=None, truth=None)  # their colours are those of clusters here
        bins = bin_draws(draws.values, *draws.zoomed_range, num_bins=min(NUM_BINS, NUM_BINS * 8 // draws.dim))
        self._mosaic = MosaicFigure(plain, bins, role="prior")
        self.figure = self._mosaic.figure
        self.figure.tools = [tool for tool in self.figure.tools if type(tool).__name__ == "SaveTool"]
        self._draws = draws
        drawn = [self._points(role_of_cluster(k), marker) for k, marker in enumerate((*MARKERS, "x"))]
        self._sources = [one.data_source for one in drawn]

    def show(self, owner: np.ndarray) -> None:
        """Colour the first draws by cluster: `owner` has a number for each; none: none."""
        shown = np.minimum(owner, MOST)
        for k, source in enumerate(self._sources):
            values = self._draws.values[: len(shown)][shown == k]
            source.data = self._mosaic.dot_places(values) if len(values) else NO_RINGS

    def _points(self, role: str, marker: str) -> Any:
        size = max(3.0, SIZE * self._mosaic.smaller)
        drawn = self.figure.scatter(
            "x", "y", source=columns(**NO_RINGS), marker=marker, size=size, line_width=0.6
        )
        is_open = marker in ("cross", "x")
        return theme.paint(drawn, fill_color=role, line_color=role if is_open else "surface")
