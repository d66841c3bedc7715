"""A posterior beside a reference: in numbers, pair by pair, parameter by parameter."""

from __future__ import annotations

from collections.abc import Callable

import jax
import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.background import in_background
from dashboard.views.chains import ChainTraces, has_chains
from dashboard.views.differences import Differences
from dashboard.views.draws import posterior_draws
from dashboard.views.markup import run_html
from dashboard.views.overlay import Overlay
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.selection import Selection
from dashboard.views.verdict_words import verdict_line
from inference.diagnostics import Comparison, compare_runs, verdict

APPROXIMATE = (
    "This reference is itself an approximation: a difference does not say which of the two is wrong."
)


class AgainstReference(pn.viewable.Viewer):
    """The numbers come when they are there, after some seconds; everything else is there at once.

    Args:
        tree: of the result that is judged.
        reference: tree of another result of the same model and observation.
        compare: gives the comparison of the two, in the background; None: computes it.
        selection: shared with other views; None: of its own.
    """

    def __init__(
        self,
        tree: xr.DataTree,
        reference: xr.DataTree,
        *,
        compare: Callable[[], Comparison] | None = None,
        selection: Selection | None = None,
    ) -> None:
        super().__init__()
        self.tree, self.reference = tree, reference
        self.draws, other = posterior_draws(tree), posterior_draws(reference)
        has_pairs = self.draws.dim > 1
        self.mosaic = PairMosaic(self.draws, selection, zoomed=True, reference=other) if has_pairs else None
        self.overlay = Overlay({"this run": self.draws, "reference": other})
        self.differences: Differences | None = None
        self._numbers = pn.Column(shell.html(COMPARING), margin=0, sizing_mode="stretch_width")
        in_background(compare or self._compare, self._show, self._fail)

    def __panel__(self) -> pn.Column:
        judged = verdict_line(verdict(self.reference)).replace(
            'testid="verdict"', 'testid="reference-verdict"'
        )
        about = [shell.heading("The verdict on the reference", level=3), run_html(judged)]
        if not has_chains(self.reference):
            about.append(shell.html(f'<p class="quiet">{APPROXIMATE}</p>'))
        cards = [[self._numbers], about]
        if self.mosaic is not None:
            cards.append([shell.heading("Pair by pair", level=3), self.mosaic])
        cards.append([shell.heading("Marginals", level=3), self.overlay])
        if has_chains(self.reference):
            cards.append([shell.heading("Chains of the reference", level=3), ChainTraces(self.reference)])
        return pn.Column(*(shell.card(*card) for card in cards), margin=0, sizing_mode="stretch_width")

    def _compare(self) -> Comparison:
        return compare_runs(jax.random.key(0), {"this run": self.tree, "reference": self.reference})

    def _show(self, found: Comparison) -> None:
        self.differences = Differences(found.pairs[0], self.draws)
        self._numbers.objects = [self.differences]

    def _fail(self, error: Exception) -> None:
        self._numbers.objects = [shell.alert(str(error), "error", "comparison-error")]


COMPARING = (
    '<p class="quiet" data-testid="comparing" aria-live="polite">Training a classifier to tell the two '
    "apart; up to a minute …</p>"
)
