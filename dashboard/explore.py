"""The geometry of a posterior: what compensates what, and which ways lead from one setting to another."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import panel_material_ui as pmui
import xarray as xr

from dashboard import live, shell
from dashboard.explore_correlations import CorrelationView
from dashboard.explore_path import PathView
from dashboard.explore_pinned import PinnedView
from dashboard.views.course_data import is_of_property
from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.exploration import Exploration
from dashboard.views.groups import group
from inference.drawn_posterior import AnyPosterior
from simulators import Simulator, get_simulator

PINNED, CORRELATIONS, PATHS = "Pin parameters", "What varies together", "Walk through it"
PARTS = [PINNED, CORRELATIONS, PATHS]
NO_RECORDING = (
    "The recording that drove this run is not at hand: the model runs with its own stimulus, so what it does "
    "here need not look like the observation."
)


def can_explore(tree: xr.DataTree) -> bool:
    """Whether a result has draws of two parameters or more, and a density: that of MCMC or ABC has none."""
    has_density = "training" in tree.children or is_of_property(tree)
    return has_density and len(group(tree, "posterior").data_vars) > 1


class Explore(pn.viewable.Viewer):
    """The sections of the tab, below each other.

    Args:
        tree: of a result for which `can_explore` holds.
        load: gives its posterior; called in the background.
        drive: gives the simulator as the run had it, with its recording; None: that of the catalogue.
        file_name: what the run is called.
    """

    def __init__(
        self,
        tree: xr.DataTree,
        load: Callable[[], AnyPosterior],
        drive: Callable[[], Simulator] | None = None,
        *,
        file_name: str = "result",
    ) -> None:
        super().__init__()
        self.file_name, self._drive = file_name, drive
        self.draws = posterior_draws(tree)
        self.tree, self.load = tree, load
        self.parts: dict[str, pn.viewable.Viewer] = {}
        self.choice = pmui.RadioButtonGroup(
            options=PARTS, value=PARTS[0], label="What to explore", size="small", margin=(0, 0, 18, 0),
            sx=shell.TOGGLE_SX, stylesheets=[shell.HIDDEN_LABEL],
        )  # fmt: skip
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.choice.param.watch(self._open, "value")
        self._open()

    def __panel__(self) -> pn.Column:
        return pn.Column(self.choice, self._place, margin=0, sizing_mode="stretch_width")

    def _open(self, *_: object) -> None:
        """Show a part, made when it is first wanted; one that is left does no more work."""
        name = self.choice.value
        if name not in self.parts:
            self.parts[name] = self._make(name)
        for other, part in self.parts.items():
            if isinstance(part, CorrelationView) and other == name:
                part.begin()
            elif isinstance(part, CorrelationView | PathView) and other != name:
                part.stop()
        self._place.objects = [self.parts[name]]

    def _make(self, name: str) -> pn.viewable.Viewer:
        if name == CORRELATIONS:
            return CorrelationView(self.draws, self.load, file_name=self.file_name)
        if name == PATHS:
            return self._path()
        return PinnedView(self.draws, self.load, middle_draw(self.draws), file_name=self.file_name)

    def _path(self) -> PathView:
        """With the simulation beside the observation of the run, where its recording is still at hand."""
        theta, note = np.asarray(self.draws.values[0], np.float32), ""
        try:
            simulator = self._drive() if self._drive else get_simulator(str(self.tree.attrs["simulator"]))
            exploration = Exploration(simulator, theta=theta)
        except (ValueError, OSError, KeyError):
            exploration = _plain(self.tree, theta)
            note = NO_RECORDING
        return PathView(self.draws, self.load, exploration, file_name=self.file_name, note=note)


def middle_draw(draws: PosteriorDraws) -> np.ndarray:
    """The draw next to the medians; densest is often one at a bound, where draws heap."""
    low, middle, high = np.quantile(draws.values, [0.25, 0.5, 0.75], axis=0)
    apart = (draws.values - middle) / np.maximum(high - low, 1e-9 * (np.abs(middle) + 1e-9))
    return draws.values[int((apart**2).sum(axis=1).argmin())]


def _plain(tree: xr.DataTree, theta: np.ndarray) -> Exploration | None:
    """With the model of the catalogue, beside nothing; None where it is unknown here."""
    try:
        simulator = get_simulator(str(tree.attrs.get("simulator", "")))
    except ValueError:
        return None
    return Exploration(simulator, theta=theta, reference=live.Simulated(theta))
