"""The part of the Explore tab on modes: how many a posterior has, and which draws belong to each."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.clustering import Climbing, Joining, told_apart
from dashboard.export import Cell, csv, download, downloads, heads, picture
from dashboard.pace import Pace
from dashboard.views.cluster_mosaic import MOST, OTHER_SIGN, SIGNS, ClusterMosaic, role_of_cluster
from dashboard.views.cluster_words import are_apart, centres_table, clusters_sentence, shares_words
from dashboard.views.draws import PosteriorDraws
from dashboard.views.pair_mosaic import FIRST_SHOWN, subsets
from inference.analysis import Clusters
from inference.drawn_posterior import AnyPosterior

AUTOMATIC = "automatic"
TELLING = "what tells them apart"
NUM_TELLING = 6  # parameters
COMPILING = "The first draw climbs; a model with many parameters takes a minute for it …"
LEAD = (
    "Draws climb to where the density is highest around them. Those between whose tops the density falls on "
    "the straight line belong to different modes. A ridge that is bent may count as several: join them by "
    "choosing how many clusters there shall be; those with the shallowest valley between become one first."
)


class ClusterView(pn.viewable.Viewer):
    """The mosaic of the draws that climbed, coloured by cluster, and where the clusters are.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
        file_name: what the run is called.
    """

    def __init__(
        self, draws: PosteriorDraws, load: Callable[[], AnyPosterior], *, file_name: str = "result"
    ) -> None:
        super().__init__()
        self.draws, self.file_name = draws, file_name
        self.climbing, self.joining, self._pace = Climbing(draws, load), Joining(load), Pace()
        self.choices = subsets(draws)
        self.which = pmui.Select(
            label="Parameters", options=list(self.choices), width=220, size="small", margin=0
        )
        self.num = pmui.Select(
            label="Clusters", width=140, size="small", margin=0, value=0,
            options={AUTOMATIC: 0, **{str(k): k for k in range(1, MOST + 1)}},
        )  # fmt: skip
        self.button = shell.button("Stop", self._toggle)
        self.state = shell.Line(testid="clusters-state", kind="state")
        self.summary = shell.Line(testid="clusters-summary", kind="lead")
        self.legend, self.table = shell.html("", margin=(0, 0, 6, 0)), shell.html("")
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self.cell = Cell(file_name, self._code)
        self._arrange()
        self.which.param.watch(self._arrange, "value")
        self.num.param.watch(self._join, "value")
        self.climbing.param.watch(self._follow, ["found", "is_running", "problem"])
        self.joining.param.watch(self._show, ["found", "is_busy", "problem"])

    def __panel__(self) -> pn.viewable.Viewable:
        chooser = [self.which] if self.draws.dim > FIRST_SHOWN else []
        widths = " ".join(["auto"] * (len(chooser) + 2)) + " minmax(0, 1fr)"
        controls = shell.columns(*chooser, self.num, self.button, self.state, widths=widths, align="center")
        draw = picture(
            lambda: [[self.mosaic.figure]], f"Modes and clusters · {self.file_name}",
            note=lambda: self.summary.text, meanings=self._meanings,
        )  # fmt: skip
        files = downloads(f"{self.file_name}-clusters", draw, self.file, words="These draws as CSV")
        mosaic = shell.card(
            shell.heading("Modes and clusters", level=3), shell.html(f'<p class="quiet">{LEAD}</p>'),
            pn.Column(controls, margin=(14, 0, 6, 0), sizing_mode="stretch_width"), self.summary,
            self.legend, self._place, files, self.cell,
        )  # fmt: skip
        centres = download("Centres as CSV", f"{self.file_name}-centres.csv", self.centres)
        beside = shell.card(
            shell.heading("Where they are", level=3), self.table,
            pn.FlexBox(centres, margin=(12, 0, 0, 0)),
        )  # fmt: skip
        return shell.columns(mosaic, beside, widths="minmax(0, 1.5fr) minmax(0, 1fr)", from_size="lg")

    @property
    def found(self) -> Clusters | None:
        """What is shown; None before anything is known."""
        return self.joining.found

    def begin(self) -> None:
        """Let draws climb, or go on."""
        self._pace = Pace()
        self.climbing.begin()

    def stop(self) -> None:
        """Climb no further; those that have climbed are told apart."""
        self.climbing.stop()

    def file(self) -> io.BytesIO:
        """A line for each draw that climbed: its number, its cluster, its parameters."""
        owner = self._owner
        table = pd.DataFrame(self.draws.values[: len(owner)], columns=pd.Index(heads(self.draws)))
        table.insert(0, "cluster", owner + 1)
        table.insert(0, "draw", np.arange(len(owner)))
        return csv(table)

    def centres(self) -> io.BytesIO:
        """A line for each cluster: share, standard error, and for each parameter its mode and its median."""
        found = self.found
        if found is None:
            return csv(pd.DataFrame())
        known = {
            "cluster": np.arange(len(found.modes)) + 1, "share": found.shares, "error": found.errors,
            "log_density at the mode [nats]": found.log_prob,
        }  # fmt: skip
        names, medians = heads(self.draws), self._medians
        known |= {f"mode of {name}": found.modes[:, k] for k, name in enumerate(names)}
        known |= {f"median of {name}": medians[:, k] for k, name in enumerate(names)}
        return csv(pd.DataFrame(known))

    def _code(self) -> str:
        num = len(self._owner) or self.climbing.num
        wanted = f", num_modes={self.num.value}" if self.num.value else ""
        return (
            f"found = analysis.clusters(result.posterior, draws, num_starts={num}{wanted})\n"
            "found.shares, found.errors, found.modes\n"
            f"medians = np.stack([np.median(draws[:{num}][found.owner == k], axis=0)\n"
            "                    for k in range(len(found.modes))])"
        )

    @property
    def _owner(self) -> np.ndarray:
        """The cluster of each draw that climbed, as far as they have been told apart."""
        return np.zeros(0, int) if self.found is None else self.found.owner

    @property
    def _medians(self) -> np.ndarray:
        owner = self._owner
        rows = self.draws.values[: len(owner)]
        return np.stack([np.median(rows[owner == k], axis=0) for k in range(owner.max(initial=-1) + 1)])

    def _arrange(self, *_: object) -> None:
        """A new figure, of other parameters."""
        self.mosaic = ClusterMosaic(self.draws.only(self.choices[self.which.value]))
        self._colour()
        self._place.objects = [pn.pane.Bokeh(self.mosaic.figure, sizing_mode="scale_width", min_width=320)]

    def _toggle(self) -> None:
        if self.climbing.is_running:
            self.stop()
        else:
            self.begin()

    def _follow(self, *_: object) -> None:
        climbing = self.climbing
        num, is_whole = len(climbing.found), climbing.is_whole(climbing.found)
        self.button.label = "Stop" if climbing.is_running else "Go on"
        self.button.disabled = is_whole
        told = f"{num} of {climbing.num} draws have climbed{self._pace.left(num, climbing.num)}."
        self.state.text = climbing.problem or (told if num else COMPILING if climbing.is_running else "")
        if num and not climbing.is_running:
            self._join()

    def _join(self, *_: object) -> None:
        if self.climbing.found and not self.climbing.is_running:
            self.joining.ask(self.climbing.found, self.num.value or None)

    def _show(self, *_: object) -> None:
        joining, found = self.joining, self.found
        num = len(self.climbing.found)
        told = "Looking for valleys between the tops …" if joining.is_busy else ""
        self.state.text = joining.problem or told or f"{num} of {self.climbing.num} draws have climbed."
        if found is None or joining.is_busy:
            return
        apart = told_apart(self.draws.values[: len(found.owner)], found.owner)
        with pn.io.hold():
            if are_apart(found):
                self._offer(apart)
            self._colour()
            self.summary.text = clusters_sentence(self.draws, found, apart, self.num.value or None)
            self.legend.object = shell.legend_html(*self._meanings())
            medians = self._medians if are_apart(found) else self.draws.middle[0][None]
            self.table.object = centres_table(self.draws, found, medians, apart)
            self.cell.refresh()

    def _offer(self, apart: np.ndarray) -> None:
        """The parameters that tell clusters apart, first of the choices where there are many."""
        if self.draws.dim <= FIRST_SHOWN:
            return
        names = {self.draws.names[k] for k in np.argsort(-apart)[:NUM_TELLING]}
        telling = {TELLING: [name for name in self.draws.names if name in names]}
        is_first, self.choices = TELLING not in self.choices, {**telling, **self.choices, **telling}
        self.which.options = list(self.choices)
        if is_first:
            self.which.value = TELLING
        elif self.which.value == TELLING:
            self._arrange()

    def _colour(self) -> None:
        """One cluster has no colours, and a ridge has none: there is nothing to tell apart."""
        found = self.found
        self.mosaic.show(found.owner if found is not None and are_apart(found) else np.zeros(0, int))

    def _meanings(self) -> Sequence[tuple[str, str]]:
        found, regions = self.found, "all draws: regions with 50, 80 and 95 %"
        if found is None or not are_apart(found):
            return [("prior", regions)]
        told = [
            (role_of_cluster(k), f"{SIGNS[k]} cluster {k + 1}: {shares_words(found, k)}")
            for k in range(min(len(found.modes), MOST))
        ]
        num = len(found.modes) - MOST
        if num > 0:
            share = found.shares[MOST:].sum()
            told.append((role_of_cluster(MOST), f"{OTHER_SIGN} {num} others: {100 * share:.2g} %"))
        return [*told, ("prior", regions)]
