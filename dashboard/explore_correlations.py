"""The part of the Explore tab on correlations: marginal ones beside those with all other parameters held."""

from __future__ import annotations

import io
from collections.abc import Callable
from html import escape
from typing import Any

import numpy as np
import pandas as pd
import panel as pn
import panel_material_ui as pmui

from dashboard import shell
from dashboard.background import Latest
from dashboard.correlating import Correlating
from dashboard.export import Cell, csv, downloads, picture, ranges_code
from dashboard.figure_files import figure_file
from dashboard.views.compensation import compensations, pair_sentence, strongest_pairs
from dashboard.views.conditional_plot import MEANINGS, ConditionalPlot
from dashboard.views.draws import PosteriorDraws
from dashboard.views.matrix_plot import MatrixPlot, clustered, in_groups
from dashboard.views.pair_mosaic import subsets
from dashboard.words import parameter_groups
from inference.analysis import Conditional, conditional_density, correlations
from inference.drawn_posterior import AnyPosterior

NUM_SENTENCES = 6
MEANING = "correlation from −1 to 1"
LEAD = (
    "Left, how parameters vary together over the whole posterior; right, how they must vary together when "
    "all others are held, averaged over draws. What compensates for each other shows on the right, and may "
    "hide on the left. Click a cell to see the pair."
)


class CorrelationView(pn.viewable.Viewer):
    """Two matrices, sentences, and the conditional density of the pair that was clicked.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
        file_name: what the run is called.
    """

    def __init__(
        self, draws: PosteriorDraws, load: Callable[[], AnyPosterior], *, file_name: str = "result"
    ) -> None:
        super().__init__()
        self.draws, self._load, self.file_name = draws, load, file_name
        self.choices = subsets(draws)
        self.names: list[str] = []
        self.pair = (0, 1)  # numbers in `names`
        self.correlating = Correlating(draws, load)
        self._latest = Latest(self._density, self._show_density, self._fail)
        self.which = pmui.Select(
            label="Parameters", options=list(self.choices), width=220, size="small", margin=0
        )
        self.draw = pmui.IntSlider(
            label="Others held at draw", start=0, end=min(len(draws), 1000) - 1, value=0, size="small",
            sizing_mode="stretch_width", margin=(8, 12, 0, 12),
        )  # fmt: skip
        self.order = np.arange(0)  # of the names, as they stand in the matrices
        self.together = pmui.Switch(
            label="Order by what varies together", value=False, size="small", margin=0
        )
        self.button = shell.button("Stop", self._toggle)
        self.state = shell.Line(testid="correlations-state", kind="state")
        self.summary = shell.html("")
        self.pair_summary = shell.Line(testid="conditional-summary")
        self.plot = ConditionalPlot(draws)
        self._places = [pn.Column(margin=0, sizing_mode="stretch_width") for _ in range(2)]
        self.plots: list[MatrixPlot] = []
        self.cell = Cell(file_name, lambda: self._code() if self.names else "")
        self.which.param.watch(lambda event: self.begin(), "value")
        self.together.param.watch(lambda event: self._arrange(), "value")
        self.draw.param.watch(lambda event: self.choose(self.pair), "value")
        self.correlating.param.watch(self._follow, ["found", "is_running", "problem"])

    def __panel__(self) -> pn.Column:
        chooser = [self.which] if len(self.choices) > 1 else []
        widths = " ".join(["auto"] * (len(chooser) + 2)) + " minmax(0, 1fr)"
        controls = shell.columns(
            *chooser, self.button, self.together, self.state, widths=widths, align="center"
        )
        titles = ("Marginal correlations", "Conditional correlations")
        cells = [
            pn.Column(shell.heading(title, level=4), place, margin=0, sizing_mode="stretch_width")
            for title, place in zip(titles, self._places, strict=True)
        ]
        lead = shell.html(f'<p class="quiet">{LEAD}</p>')
        legend = shell.legend(("diverging", MEANING))
        matrices = shell.card(
            shell.heading("What varies together", level=3), lead, controls, legend,
            shell.columns(*cells, widths="minmax(0, 1fr) minmax(0, 1fr)"), self._files(),
        )  # fmt: skip
        told = shell.card(shell.heading("Strongest first", level=3), self.summary, self.cell)
        pair = shell.card(
            shell.heading("The pair, with all others held", level=3),
            self.draw,
            self.pair_summary,
            self.plot.layout,
            downloads(f"{self.file_name}-pair", self._pair_picture),
        )
        both = shell.columns(told, pair, widths="minmax(0, 1fr) minmax(0, 1.4fr)")
        return pn.Column(matrices, both, margin=0, sizing_mode="stretch_width")

    def _files(self) -> pn.FlexBox:
        draw = picture(
            lambda: [[plot.figure for plot in self.plots]],
            f"Correlations, marginal and conditional · {self.file_name}",
            note=lambda: self.state.text, meanings=lambda: [("diverging", MEANING)],
        )  # fmt: skip
        return downloads(f"{self.file_name}-correlations", draw, self.file, words="Correlations as CSV")

    def _pair_picture(self, kind: str) -> io.BytesIO:
        title = f"The pair, with all others held at draw {self.draw.value} · {self.file_name}"
        note = self.pair_summary.text
        return figure_file(kind, [[self.plot.figure]], title=title, note=note, meanings=MEANINGS)

    def begin(self) -> None:
        """Show the chosen parameters, and begin to average, or go on."""
        names = in_groups(self.choices[self.which.value])
        if names != self.names:
            self.names = names
            self._arrange()
            self.choose((0, 1))
            self.cell.refresh()
        self.correlating.begin(names)

    def _arrange(self) -> None:
        """New matrices: names by group, or by how strongly they hang together as far as that is known."""
        matrices = [self.marginal, self._conditional]
        known = next((one for one in matrices[::-1] if one is not None), self.marginal)
        is_by_group = not self.together.value
        self.order = np.arange(len(self.names)) if is_by_group else clustered(known)
        names = [self.names[k] for k in self.order]
        groups = parameter_groups(names) if is_by_group else {}
        self.plots = [MatrixPlot(names, self._tapped, groups) for _ in self._places]
        with pn.io.hold():
            for place, plot, matrix in zip(self._places, self.plots, matrices, strict=True):
                if matrix is not None:
                    plot.show(self._ordered(matrix))
                plot.choose(self._in_matrix(self.pair))
                place.objects = [shell.plot(plot.figure)]

    def _ordered(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[np.ix_(self.order, self.order)]

    def _in_matrix(self, pair: tuple[int, int]) -> tuple[int, int]:
        """Where a pair stands in the matrices."""
        row, column = (int(np.flatnonzero(self.order == k)[0]) for k in pair)
        return row, column

    @property
    def _conditional(self) -> np.ndarray | None:
        """As far as it is known; None before the first draw of these parameters."""
        found = self.correlating.found
        is_known = found is not None and found.num > 0 and found.names == tuple(self.names)
        return found.matrix if found is not None and is_known else None

    def stop(self) -> None:
        """Average no further for now."""
        self.correlating.stop()

    def choose(self, pair: tuple[int, int]) -> None:
        """Show the conditional density of a pair: numbers in `names`, up and across."""
        self.pair = pair
        for plot in self.plots:
            plot.choose(self._in_matrix(pair))
        up, across = (self.draws.names.index(self.names[k]) for k in pair)
        self._latest.ask(((across, up), self.draw.value))

    @property
    def marginal(self) -> np.ndarray:
        """Correlations of the draws, of the parameters that are shown."""
        return correlations(self.draws.only(self.names).values)

    def file(self) -> io.BytesIO:
        """A line for each pair: its marginal correlation and, as far as it has come, the conditional one."""
        found, marginal = self.correlating.found, self.marginal
        conditional = np.full_like(marginal, np.nan) if found is None else found.matrix
        i, j = np.triu_indices(len(self.names), 1)
        columns = {"one": np.array(self.names)[i], "other": np.array(self.names)[j]}
        values = {"conditional": conditional[i, j], "marginal": marginal[i, j]}
        return csv(pd.DataFrame({**columns, **values, "draws": 0 if found is None else found.num}))

    def _code(self) -> str:
        at = [self.draws.names.index(name) for name in self.names]
        return (
            f"{ranges_code(self.draws.zoomed_range)}\n"
            f"at = {at}  # {', '.join(self.names)}\n"
            "found = []\n"
            f"for row in draws[:{self.correlating.num_draws}]:\n"
            "    part = analysis.held(result.posterior, row, at)\n"
            "    settings = row[None, at], ranges[at]\n"
            "    found.append(analysis.conditional_correlations(part, *settings))\n"
            "conditional = np.nanmean(found, axis=0)\n"
            "marginal = analysis.correlations(draws[:, at])"
        )

    def _toggle(self) -> None:
        if self.correlating.is_running:
            self.stop()
        else:
            self.begin()

    def _tapped(self, row: int, column: int) -> None:
        self.choose((int(self.order[row]), int(self.order[column])))

    def _density(self, wish: tuple[tuple[int, int], int]) -> tuple[tuple[int, int], int, Conditional]:
        pair, draw = wish
        ranges = np.stack(self.draws.zoomed_range, axis=1)
        return pair, draw, conditional_density(self._load(), self.draws.values[draw], pair, ranges)

    def _show_density(self, found: tuple[tuple[int, int], int, Conditional]) -> None:
        pair, draw, density = found
        self.plot.show(pair, self.draws.values[draw], density)
        self._tell_pair()

    def _fail(self, error: Exception) -> None:
        self.pair_summary.text = f"There is no density: {error}"

    def _tell_pair(self) -> None:
        conditional, (row, column) = self._conditional, self.pair
        value = np.nan if conditional is None else float(conditional[row, column])
        names = self.names[row], self.names[column]
        if np.isfinite(value):
            self.pair_summary.text = pair_sentence(names, value, float(self.marginal[row, column]))
        else:
            self.pair_summary.text = f"{names[0]} against {names[1]}."

    def _follow(self, *_: object) -> None:
        found, correlating = self.correlating.found, self.correlating
        self.button.label = "Stop" if correlating.is_running else "Go on"
        self.button.disabled = found is not None and found.num >= correlating.num_draws
        if correlating.problem:
            self.state.text = correlating.problem
            return
        if found is None or found.names != tuple(self.names):
            return
        doing = "averaging" if correlating.is_running else "averaged"
        self.state.text = f"Conditional: {doing} over {found.num} of {correlating.num_draws} draws"
        if not found.num:
            return
        with pn.io.hold():
            self.plots[1].show(self._ordered(found.matrix))
            self.summary.object = self._sentences(found.matrix)
            self._tell_pair()

    def _sentences(self, matrix: Any) -> str:
        told = compensations(self.names, matrix, self.marginal, num=NUM_SENTENCES)
        items = "".join(f"<li>{escape(words)}</li>" for words in told)
        if not strongest_pairs(matrix, num=1):
            return '<p class="quiet" data-testid="correlations-told">No two parameters hang together.</p>'
        return f'<ol data-testid="correlations-told">{items}</ol>'
