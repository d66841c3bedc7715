"""One parameter at a time: what was believed before, what the observation left of it, and the true value."""

from __future__ import annotations

import panel as pn
import xarray as xr

from dashboard import shell
from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.marginal_figure import MarginalFigure
from dashboard.views.markup import run_html
from dashboard.views.selection import Selection
from dashboard.views.tables import parameter_table


class Marginals(pn.viewable.Viewer):
    """The density of every parameter, and a table of their medians and intervals.

    Args:
        draws: a result's tree, or the draws themselves.
        selection: shared with other views; None: nothing is ever selected.
    """

    def __init__(self, draws: PosteriorDraws | xr.DataTree, selection: Selection | None = None) -> None:
        super().__init__()
        self.draws = posterior_draws(draws) if isinstance(draws, xr.DataTree) else draws
        self.selection = selection or Selection()
        self.picture = MarginalFigure(self.draws)
        self.summary = shell.Line(text=self.sentence(), testid="marginal-summary")
        self._select()
        self.selection.param.watch(self._select, "ranges")

    def __panel__(self) -> pn.Column:
        table = run_html(parameter_table(self.draws), margin=(10, 0, 0, 0))
        pane = shell.plot(self.picture.figure)
        return pn.Column(
            shell.legend(*self._meanings()), pane, self.summary, table, margin=0, sizing_mode="stretch_width"
        )

    def sentence(self) -> str:
        """Of which parameter most was learned, and of which least."""
        if self.draws.prior is None or self.draws.dim < 2:
            return "Dots mark medians, bars the central 90 % of the draws."
        first, *_, last = self.draws.most_informed
        return (
            f"Most was learned about {first}, least about {last}. Dots mark medians, bars the central 90 %."
        )

    def _meanings(self) -> list[tuple[str, str]]:
        entries = [("model", "posterior"), ("selection", "selected draws")]
        entries += [("prior", "prior")] if self.draws.prior is not None else []
        return entries + ([("truth", "true value")] if self.draws.truth is not None else [])

    def _select(self, *_: object) -> None:
        self.picture.select(self.selection.rows(self.draws))
