"""A finished run in tabs, each built when it is first opened; views of one run share one selection."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr

from dashboard import shell
from dashboard.diagnosis import Diagnosis
from dashboard.explore_address import Start
from dashboard.explore_tab import Beside, Explore, parts_of
from dashboard.references import References
from dashboard.sensitivity import Sensitivity
from dashboard.shared import Shared, beside_extras
from dashboard.validate import Validate
from dashboard.views.convergence import Convergence
from dashboard.views.course_data import is_of_property, read_course
from dashboard.views.feature_data import read_features
from dashboard.views.features import FeatureComparison
from dashboard.views.growth import Growth
from dashboard.views.hierarchy_data import is_hierarchical
from dashboard.views.marginals import Marginals
from dashboard.views.markup import run_html
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.predictive_images import PredictiveImages, read_images
from dashboard.views.provenance import provenance_html
from dashboard.views.reached import Reached, read_statistics
from dashboard.views.rounds import Rounds, num_rounds
from dashboard.views.samples import SampleTable
from dashboard.views.selection import Selection
from dashboard.views.trace_data import read_traces
from dashboard.views.traces import PredictiveTraces
from dashboard.views.training import TrainingCurve
from dashboard.views.verdict_words import verdict_line
from dashboard.what_if import WhatIf, can_ask
from inference.drawn_posterior import AnyPosterior
from simulators import Simulator

AMORTISED = (
    "This run was given no observation: it has learned the posterior for every observation. In a notebook, "
    "load it with inference.load_result(folder) and ask for posterior.sample(key, num, x)."
)


@dataclass(frozen=True)
class Origin:
    """What is known of a result beside itself.

    Attributes:
        file_name: what downloaded files are called.
        references: the runs to compare with; None where there is no store.
        labels: what observations that share parameters were recorded as.
        drive: gives the simulator as the run had it, with its recording; None: that of the catalogue.
        leave: gives what to leave with, for a tree; None where there is no run folder.
    """

    file_name: str = "result"
    references: References | None = None
    labels: tuple[str, ...] = ()
    drive: Callable[[], Simulator] | None = None
    leave: Callable[[xr.DataTree], pn.viewable.Viewer] | None = None


class ResultTabs(pn.viewable.Viewer):
    """The verdict on a result; below it posterior, validation, diagnosis, predictions, table and so on.

    Args:
        tree: of the result.
        load: gives its posterior, for questions about other observations; called in the background.
        selection: shared by the views.
        tab: the one to begin with; one of `tab_names(tree)`.
        origin: what is known beside.
        start: what the Explore tab begins with.

    Attributes:
        first: name of the tab that a link without one opens.
    """

    tab = param.String(doc="Name of the open tab.")

    def __init__(
        self,
        tree: xr.DataTree,
        load: Callable[[], AnyPosterior],
        selection: Selection,
        *,
        tab: str = "",
        origin: Origin = Origin(),
        start: Start | None = None,
    ) -> None:
        names = tab_names(tree)
        super().__init__(tab=tab or names[0])
        self.tree, self.load, self.selection, self.origin = tree, load, selection, origin
        self.first = names[0]
        self.diagnosis, self._start = Diagnosis(tree), start
        self.explore: Explore | None = None  # until its tab is opened
        self.validation: Validate | None = None  # until its tab is opened
        self._places = {name: pn.Column(margin=(18, 0, 0, 0), sizing_mode="stretch_width") for name in names}
        self._tabs = pmui.Tabs(
            *((TITLES[name], place) for name, place in self._places.items()),
            active=names.index(self.tab), margin=0, sizing_mode="stretch_width", sx=_TAB_SX,
        )  # fmt: skip
        self._open()
        self._tabs.param.watch(self._opened, "active")

    @property
    def explored(self) -> dict[str, str]:
        """What a link says of the Explore tab while that is open."""
        return self.explore.address if self.tab == "explore" and self.explore is not None else {}

    def __panel__(self) -> pn.Column:
        verdict = run_html(verdict_line(self.diagnosis.verdict), margin=(0, 0, 16, 0))
        return pn.Column(verdict, self._tabs, margin=0, sizing_mode="stretch_width")

    def _opened(self, event: param.parameterized.Event) -> None:
        self.tab = list(self._places)[event.new]
        self._open()

    def _open(self) -> None:
        place = self._places[self.tab]
        if not place.objects:
            place.objects = _BUILDERS[self.tab](self)

    def _posterior(self) -> list:
        mosaic = PairMosaic(self.tree, self.selection, zoomed=True, file_name=self.origin.file_name)
        marginals = shell.card(shell.heading("Marginals", level=3), Marginals(self.tree, self.selection))
        return [shell.card(mosaic), marginals]

    def _explore(self) -> list:
        beside = Beside(self.origin.file_name, self.origin.drive, self.selection)
        self.explore = Explore(self.tree, self.load, beside=beside, start=self._start)
        return [self.explore]

    def _shared(self) -> list:
        return [Shared(self.tree, self.load, self.origin.labels)]

    def _what_if(self) -> list:
        load = beside_extras(self.tree, self.load) if is_hierarchical(self.tree) else self.load
        return [WhatIf(self.tree, load)]

    def _validate(self) -> list:
        has_draws = "posterior" in self.tree.children
        self.validation = Validate(self.tree, self.selection, self.origin.references if has_draws else None)
        return [self.validation]

    def _diagnosis(self) -> list:
        return [self.diagnosis]

    def _predictions(self) -> list:
        shown = []
        if read_traces(self.tree) is not None:
            traces = PredictiveTraces(self.tree, self.selection, file_name=self.origin.file_name)
            shown.append(shell.card(shell.heading("Recording and simulations", level=3), traces))
        if read_images(self.tree) is not None:
            images = PredictiveImages(self.tree, self.selection)
            shown.append(shell.card(shell.heading("Observed and predicted", level=3), images))
        if statistics := read_statistics(self.tree):
            reached = shell.card(shell.heading("The property", level=3), Reached(statistics))
            shown.insert(0, reached)
        if read_features(self.tree) is not None:
            shown.append(shell.card(shell.heading("Features", level=3), FeatureComparison(self.tree)))
        return shown or [shell.html('<p class="quiet">This result holds no predictions.</p>')]

    def _convergence(self) -> list:
        course = read_course(self.tree)
        if course is None:
            return [shell.html('<p class="quiet">This result holds no course of its training.</p>')]
        curves = shell.card(shell.heading("Entropy and constraints", level=3), Convergence(course))
        if course.draws is None:
            return [curves]
        return [curves, shell.card(shell.heading("Growing into shape", level=3), Growth(self.tree, course))]

    def _sensitivity(self) -> list:
        return [Sensitivity(self.tree, self.load)]

    def _training(self) -> list:
        curve = shell.card(shell.heading("Loss", level=3), TrainingCurve(self.tree))
        if num_rounds(self.tree) == 1:
            return [curve]
        return [shell.card(shell.heading("Rounds", level=3), Rounds(self.tree)), curve]

    def _table(self) -> list:
        table = SampleTable(self.tree, self.selection, file_name=self.origin.file_name)
        return [*self._leave(), shell.card(table)]

    def _leave(self) -> list:
        return [] if self.origin.leave is None else [shell.card(self.origin.leave(self.tree))]

    def _details(self) -> list:
        has_draws = "posterior" in self.tree.children
        note = [] if has_draws else [shell.alert(AMORTISED, "info", "amortised"), *self._leave()]
        origin = run_html(
            f"<h3>Provenance</h3>{provenance_html({str(k): v for k, v in self.tree.attrs.items()})}"
        )
        return [*note, shell.card(origin)]


_TAB_SX = {"& .MuiTab-root": {"textTransform": "none", "fontSize": "15px", "letterSpacing": 0}}
TITLES = {
    "posterior": "Posterior",
    "explore": "Explore",
    "shared": "Shared",
    "validate": "Validate",
    "diagnosis": "Diagnosis",
    "what_if": "What if",
    "predictions": "Predictions",
    "convergence": "Convergence",
    "sensitivity": "Sensitivity",
    "training": "Training",
    "table": "Table and download",
    "details": "Details",
}
OF_PROPERTY = ("convergence", "sensitivity")
_BUILDERS: dict[str, Callable[[ResultTabs], list]] = {
    "posterior": ResultTabs._posterior,
    "explore": ResultTabs._explore,
    "shared": ResultTabs._shared,
    "validate": ResultTabs._validate,
    "diagnosis": ResultTabs._diagnosis,
    "what_if": ResultTabs._what_if,
    "predictions": ResultTabs._predictions,
    "convergence": ResultTabs._convergence,
    "sensitivity": ResultTabs._sensitivity,
    "training": ResultTabs._training,
    "table": ResultTabs._table,
    "details": ResultTabs._details,
}


def tab_names(tree: xr.DataTree) -> list[str]:
    """The tabs that a result has, the first to begin with: without draws what it would answer.

    An emergent property has no observation, by which a posterior is validated or could be asked about.
    """
    has_draws, is_property = "posterior" in tree.children, is_of_property(tree)
    shown = {
        **dict.fromkeys(TITLES, True),
        **dict.fromkeys(("posterior", "predictions", "table"), has_draws),
        **dict.fromkeys(OF_PROPERTY, is_property),
        "explore": bool(parts_of(tree)),
        "shared": has_draws and not is_property and is_hierarchical(tree),
        "validate": not is_property,
        "what_if": not is_property and can_ask(tree),
        "training": not is_property and "training" in tree.children,
    }
    names = [name for name in TITLES if shown[name]]
    return names if has_draws else sorted(names, key=lambda name: name != "what_if")
