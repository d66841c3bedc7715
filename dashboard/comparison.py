"""Runs of one model side by side: verdicts, costs, settings, marginals, and how far each two are apart."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.background import in_background
from dashboard.results import compared, tree_of
from dashboard.views import run_tables
from dashboard.views.draws import posterior_draws
from dashboard.views.markup import run_html
from dashboard.views.overlay import Overlay
from dashboard.views.predictive_distances import PredictiveDistances
from dashboard.words import method_name
from inference.diagnostics import C2ST, run_facts, verdict
from inference.diagnostics.compare import is_one_observation
from inference.runs import Run


class Pair(NamedTuple):
    """Two runs whose distance is wanted."""

    first: Run
    second: Run


class Comparison(pn.viewable.Viewer):
    """Everything but the C2ST matrix is there at once; that fills cell by cell, from the background.

    Args:
        runs: finished, of one model, two or more.
        trees: of their results, in the same order.
    """

    def __init__(self, runs: Sequence[Run], trees: Sequence[xr.DataTree]) -> None:
        super().__init__()
        self.names = short_names(runs)
        by_id = dict(zip(self.names, trees, strict=True))
        facts = [run_facts(name, by_id[run_id]) for run_id, name in self.names.items()]
        verdicts = {run_id: verdict(tree) for run_id, tree in by_id.items()}
        self.verdicts = run_tables.verdict_table(self.names, verdicts)
        self.facts = run_tables.facts_table(self.names, facts, [run.request.method for run in runs])
        self.overlay = Overlay({self.names[id_]: posterior_draws(tree) for id_, tree in by_id.items()})
        self.distances = PredictiveDistances([*self.names.values()], facts)
        self.is_one_observation = is_one_observation(facts)
        self.is_about_property = all(run.violation for run in facts)
        self.scores: dict[tuple[str, str], C2ST | str] = {}
        self.matrix = run_html("")
        self.matrix_words = shell.Line(testid="matrix-summary", kind="state")
        self._left = [Pair(*pair) for pair in itertools.combinations(runs, 2)]
        self._is_stopped = False
        self._num_pairs = len(self._left)
        self._show_matrix()
        self._next()

    def __panel__(self) -> pn.Column:
        note = [] if self.is_one_observation else [shell.alert(SEVERAL_OBSERVATIONS, "info", "observations")]
        cards = [
            ["Verdicts", run_html(self.verdicts)],
            ["Marginals", self.overlay],
            ["Cost, and settings that differ", run_html(self.facts)],
            ["C2ST of each two", shell.html(f'<p class="quiet small">{C2ST_MEANS}</p>'), self.matrix,
             self.matrix_words],
        ]  # fmt: skip
        if not self.is_about_property:
            cards.append(["Distance of the predictions from the observation", self.distances])
        shown = (shell.card(shell.heading(title, level=3), *content) for title, *content in cards)
        return pn.Column(*note, *shown, margin=0, sizing_mode="stretch_width")

    def stop(self) -> None:
        """Compute no further pairs: nobody looks any more."""
        self._is_stopped = True

    def _next(self) -> None:
        if self._left and not self._is_stopped:
            pair = self._left.pop(0)
            in_background(
                lambda: compared(*pair).pairs[0].c2st,
                lambda score: self._take(pair, score),
                lambda error: self._take(pair, str(error)),
            )

    def _take(self, pair: Pair, score: C2ST | str) -> None:
        self.scores[pair.first.id, pair.second.id] = score
        self._show_matrix()
        self._next()

    def _show_matrix(self) -> None:
        self.matrix.object = run_tables.c2st_table(self.names, self.scores)
        self.matrix_words.text = self.matrix_sentence()

    def matrix_sentence(self) -> str:
        """How many pairs there are numbers for; then which two runs are most alike and which least."""
        if len(self.scores) < self._num_pairs:
            return f"{len(self.scores)} of {self._num_pairs} pairs compared; up to a minute for each."
        known = {pair: score for pair, score in self.scores.items() if isinstance(score, C2ST)}
        problems = [score for score in self.scores.values() if isinstance(score, str)]
        if not known:
            return problems[0] if problems else ""
        ends = sorted(known, key=lambda pair: known[pair].accuracy)
        told = [f"{self.names[a]} and {self.names[b]} ({known[a, b].accuracy:.2f})" for a, b in ends]
        words = f"Most alike: {told[0]}"
        return f"{words}; least: {told[-1]}." if len(told) > 1 else f"C2ST of {told[0]}."


def short_names(runs: Sequence[Run]) -> dict[str, str]:
    """Run id -> "SNPE", or with the last letters of its id, "SNPE 1a2b", where a method comes twice."""
    methods = {run.id: method_name(run.request.method) for run in runs}
    often = Counter(methods.values())
    return {run_id: name if often[name] == 1 else f"{name} {run_id[-4:]}" for run_id, name in methods.items()}


def read_trees(runs: Sequence[Run]) -> list[xr.DataTree]:
    """The results of all runs.

    Raises:
        ValueError: one of them is damaged.
    """
    return [tree_of(run) for run in runs]


SEVERAL_OBSERVATIONS = (
    "These runs were given different observations, so their posteriors may differ without one being wrong."
)
C2ST_MEANS = (
    "Accuracy of a classifier that tells the draws of two runs apart, ± 95 %: 0.5 where they are alike, 1 "
    "where it is always right."
)
