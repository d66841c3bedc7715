"""The geometry of a posterior: what compensates what, and which ways lead from one setting to another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import panel as pn
import panel_material_ui as pmui
import xarray as xr

from dashboard import live, shell
from dashboard.drags import Drags
from dashboard.driven import of_catalogue
from dashboard.explore_address import Start
from dashboard.explore_clusters import ClusterView
from dashboard.explore_correlations import CorrelationView
from dashboard.explore_linked import LinkedView, has_predictions
from dashboard.explore_path import PathView
from dashboard.explore_pinned import PinnedView
from dashboard.explore_stiff import StiffView
from dashboard.views.course_data import is_of_property
from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.exploration import Exploration
from dashboard.views.groups import group
from dashboard.views.selection import Selection
from inference.drawn_posterior import AnyPosterior
from inference.result import Result
from simulators import Simulator, get_simulator
from simulators.registry import unknown_name

PINNED, CORRELATIONS, PATHS = "pin", "together", "walk"
STIFF, CLUSTERS, LINKED = "stiff", "clusters", "traces"
PARTS = {
    PINNED: "Pin parameters",
    CORRELATIONS: "What varies together",
    PATHS: "Walk through it",
    STIFF: "Stiff and sloppy",
    CLUSTERS: "Modes and clusters",
    LINKED: "Brush and see traces",
}
BEGUN = ClusterView | CorrelationView | StiffView  # parts that work for a while once they are opened
NO_RECORDING = (
    "The recording that drove this run is not at hand: the model runs with its own stimulus, so what it does "
    "here need not look like the observation."
)


def parts_of(tree: xr.DataTree) -> list[str]:
    """The parts that a result has: without a density, as of MCMC or ABC, only what draws can show."""
    if len(group(tree, "posterior").data_vars) < 2:
        return []
    has_density = "training" in tree.children or is_of_property(tree)
    shown = [PINNED, CORRELATIONS, PATHS, STIFF, CLUSTERS] if has_density else []
    return [*shown, LINKED] if has_predictions(tree) else shown


@dataclass(frozen=True)
class Beside:
    """What is known of a result beside its draws and density.

    Attributes:
        file_name: what the run is called.
        drive: gives the simulator as the run had it, with its recording; None: that of the catalogue.
        selection: shared with other views.
    """

    file_name: str = "result"
    drive: Callable[[], Simulator] | None = None
    selection: Selection = field(default_factory=Selection)


class Explore(pn.viewable.Viewer):
    """The parts of the tab, one at a time, each made when it is first wanted.

    Args:
        tree: of a result that has `parts_of(tree)`.
        load: gives its posterior; called in the background.
        beside: what else is known.
        start: what to begin with.
        names: of the parts to offer; empty: all that the result has.
    """

    def __init__(
        self,
        tree: xr.DataTree,
        load: Callable[[], AnyPosterior],
        *,
        beside: Beside | None = None,
        start: Start | None = None,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.beside, self.start = beside or Beside(), start or Start()
        self.draws = posterior_draws(tree)
        self.tree, self.load = tree, load
        self.parts: dict[str, pn.viewable.Viewer] = {}
        self.names = list(names) or parts_of(tree)
        first = self.start.part if self.start.part in self.names else self.names[0]
        self.choice = pmui.RadioButtonGroup(
            options={PARTS[name]: name for name in self.names}, value=first, label="What to explore",
            size="small", margin=(0, 0, 18, 0), sx=_CHOICE_SX, stylesheets=[shell.HIDDEN_LABEL],
        )  # fmt: skip
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.choice.param.watch(self._open, "value")
        self._open()

    def __panel__(self) -> pn.Column:
        drags = Drags(width=0, height=0, margin=0)  # in a notebook nobody else brings it
        return pn.Column(self.choice, self._place, drags, margin=0, sizing_mode="stretch_width")

    @property
    def address(self) -> dict[str, str]:
        """What a link says of the tab; nothing of what is as it comes."""
        part = "" if self.choice.value == self.names[0] else self.choice.value
        pinned = self.parts.get(PINNED)
        pins = pinned.told if isinstance(pinned, PinnedView) else self.start.pins_text
        return {"part": part, "pins": pins}

    def _open(self, *_: object) -> None:
        """Show a part, made when it is first wanted; one that is left does no more work."""
        name = self.choice.value
        if name not in self.parts:
            self.parts[name] = self._make(name)
        for other, part in self.parts.items():
            if isinstance(part, BEGUN) and other == name:
                part.begin()
            elif isinstance(part, BEGUN | PathView | LinkedView) and other != name:
                part.stop()
        self._place.objects = [self.parts[name]]

    def _make(self, name: str) -> pn.viewable.Viewer:
        if name == CORRELATIONS:
            return CorrelationView(self.draws, self.load, file_name=self.beside.file_name)
        if name == CLUSTERS:
            return ClusterView(self.draws, self.load, file_name=self.beside.file_name)
        if name == PATHS:
            return self._path()
        if name == STIFF:
            beside = self.beside
            return StiffView(self.tree, self.draws, self.load, self._simulator, file_name=beside.file_name)
        if name == LINKED:
            selection, file_name = self.beside.selection, self.beside.file_name
            return LinkedView(self.tree, selection, drive=self._simulator, file_name=file_name)
        middle, pinned = middle_draw(self.draws), self.start.pinned
        return PinnedView(self.draws, self.load, middle, pinned=pinned, file_name=self.beside.file_name)

    def _simulator(self) -> Simulator:
        """As the run had it.

        Raises:
            ValueError: it, or its recording, is not at hand.
        """
        drive = self.beside.drive
        if drive is not None:
            return drive()
        return of_catalogue(self.tree, get_simulator(str(self.tree.attrs.get("simulator", ""))))

    def _path(self) -> PathView:
        """With the simulation beside the observation of the run, where its recording is still at hand."""
        theta, note = np.asarray(self.draws.values[0], np.float32), ""
        try:
            exploration = Exploration(self._simulator(), theta=theta)
        except (ValueError, OSError, KeyError):
            exploration = _plain(self.tree, theta)
            note = NO_RECORDING
        return PathView(self.draws, self.load, exploration, file_name=self.beside.file_name, note=note)


def explore_result(result: Result | xr.DataTree, *, simulator: Simulator | None, part: str) -> Explore:
    """See `dashboard.explore`."""
    tree = result.tree if isinstance(result, Result) else result
    names = parts_of(tree)
    if not isinstance(result, Result):
        names = [name for name in names if name == LINKED]
    if not names:
        raise ValueError(
            "There is nothing to explore: that takes draws of two parameters or more, and a density or "
            "stored simulations of the draws; give the whole result and not its tree alone."
        )
    if part and part not in names:
        raise ValueError(unknown_name("part", part, names))
    load = (lambda: result.posterior) if isinstance(result, Result) else _no_posterior
    drive = None if simulator is None else lambda: simulator
    return Explore(tree, load, beside=Beside(drive=drive), start=Start(part=part), names=names)


def _no_posterior() -> AnyPosterior:
    raise ValueError("A tree alone has no density; give the whole result.")


def middle_draw(draws: PosteriorDraws) -> np.ndarray:
    """The draw next to the medians; densest is often one at a bound, where draws heap."""
    low, middle, high = np.quantile(draws.values, [0.25, 0.5, 0.75], axis=0)
    apart = (draws.values - middle) / np.maximum(high - low, 1e-9 * (np.abs(middle) + 1e-9))
    return draws.values[int((apart**2).sum(axis=1).argmin())]


_CHOICE_SX = {**shell.TOGGLE_SX, "flexWrap": {"xs": "wrap", "md": "nowrap"}}


def _plain(tree: xr.DataTree, theta: np.ndarray) -> Exploration | None:
    """With the model of the catalogue, beside nothing; None where it is unknown here."""
    try:
        simulator = get_simulator(str(tree.attrs.get("simulator", "")))
    except ValueError:
        return None
    return Exploration(simulator, theta=theta, reference=live.Simulated(theta))
