"""The rounds of a sequential run: what each did, and how the proposals shrink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import panel as pn
import xarray as xr

from dashboard import shell, theme
from dashboard.views.cell_grid import EMPTY, CellGrid
from dashboard.views.drawing import columns
from dashboard.views.draws import PosteriorDraws, draws_like, posterior_draws
from dashboard.views.groups import group
from dashboard.views.tables import table
from dashboard.words import number


class Column(NamedTuple):
    """A column of the table: variable, heading, how to write a value."""

    name: str
    head: str
    write: Callable[[float], str]


def _count(value: float) -> str:
    return f"{value:,.0f}".replace(",", " ")


def _percent(value: float) -> str:
    return f"{number(100 * value)} %" if np.isfinite(value) else "–"


def _nats(value: float) -> str:
    return number(value) if np.isfinite(value) else "–"


COLUMNS = (
    Column("round_num_simulations", "simulations", _count),
    Column("round_num_usable", "usable", _count),
    Column("round_acceptance", "proposals accepted", _percent),
    Column("round_share_of_prior", "share of the prior", _percent),
    Column("round_effective_share", "effective share", _percent),
    Column("round_held_out_log_prob", "held-out log density (nats)", _nats),
    Column("round_change", "change (nats)", _nats),
)


def num_rounds(tree: xr.DataTree) -> int:
    """How many rounds a result took; 1 where it does not say."""
    return int(group(tree, "diagnostics").sizes.get("round", 1))


class Rounds(pn.viewable.Viewer):
    """The proposals of all rounds over each other, and a table of the rounds.

    Args:
        tree: of a result with several rounds.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        self.found = group(tree, "diagnostics")
        self.num = num_rounds(tree)
        self.picture = ProposalFigure(*_proposals(tree)) if "round_theta" in self.found else None
        self.summary = shell.Line(text=self.sentence(), testid="round-summary")

    def __panel__(self) -> pn.Column:
        shown = [] if self.picture is None else [shell.legend(*_MEANINGS), shell.plot(self.picture.figure)]
        return pn.Column(
            *shown, self.summary, shell.html(self.table(), margin=(14, 0, 0, 0)),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """How far the rounds came."""
        words = [f"{self.num} rounds"]
        if "round_num_simulations" in self.found:
            total = float(self.found["round_num_simulations"].sum())
            words.append(f"{_count(total)} simulations in all")
        share = self._last("round_share_of_prior")
        if share is not None and share < 1:
            words.append(f"the last within {_percent(share)} of the prior")
        change = self._last("round_change")
        tail = "" if change is None else f" The last round changed the posterior by {_nats(change)} nats."
        return f"{', '.join(words)}.{tail}"

    def table(self) -> str:
        """Markup: a row per round; columns of which nothing is known are left out."""
        known = [c for c in COLUMNS if c.name in self.found and np.isfinite(self._values(c.name)).any()]
        shown = [c for c in known if c.name != "round_effective_share" or (self._values(c.name) < 1).any()]
        head = "<th>round</th>" + "".join(f'<th class="number">{column.head}</th>' for column in shown)
        rows = [
            f"<td>{r + 1}</td>"
            + "".join(f'<td class="number">{c.write(float(self._values(c.name)[r]))}</td>' for c in shown)
            for r in range(self.num)
        ]
        return table(head, rows, "round-table")

    def _values(self, name: str) -> np.ndarray:
        return np.asarray(self.found[name].values, float)

    def _last(self, name: str) -> float | None:
        value = float(self._values(name)[-1]) if name in self.found else np.nan
        return value if np.isfinite(value) else None


class ProposalFigure:
    """Outlines of the proposals' densities, one above the other, in a cell per parameter.

    Args:
        proposals: draws of each round's proposal, the first is the prior.
        posterior: what came of the last; or None.
    """

    def __init__(self, proposals: list[PosteriorDraws], posterior: PosteriorDraws | None) -> None:
        first = proposals[0]
        grid = CellGrid(first.labels, *first.whole_range, units=first.units)
        self.figure = grid.figure
        cells = range(first.dim)
        curves = [[draws.density(k) for k in cells] for draws in proposals]
        final = [] if posterior is None else [[posterior.density(k) for k in cells]]
        tops = [max(float(c[k]["y"].max()) for c in (*curves, *final)) for k in cells]
        self.posterior = grid.add("patches", 0.25, line_width=0, fill_color="model", line_color="model")
        self.posterior.data = grid.outlines(final[0], tops) if final else EMPTY
        self.prior = grid.add("multi_line", line_width=1.5, line_color="prior")
        self.prior.data = grid.outlines(curves[0], tops)
        self.later = _faded(self.figure, [grid.outlines(curve, tops) for curve in curves[1:]])


def _faded(figure: Any, outlines: list[dict[str, list]]) -> Any:
    """Lines, the later the stronger."""
    alphas = np.linspace(0.35, 1.0, len(outlines)) if len(outlines) > 1 else np.ones(len(outlines))
    source = columns(
        xs=[x for outline in outlines for x in outline["xs"]],
        ys=[y for outline in outlines for y in outline["ys"]],
        alpha=[float(a) for outline, a in zip(outlines, alphas, strict=True) for _ in outline["xs"]],
    )
    drawn = figure.multi_line("xs", "ys", source=source, line_alpha="alpha", line_width=1.8)
    theme.paint(drawn, line_color="model")
    return source


def _proposals(tree: xr.DataTree) -> tuple[list[PosteriorDraws], PosteriorDraws | None]:
    theta = np.asarray(group(tree, "diagnostics")["round_theta"].values)
    posterior = posterior_draws(tree) if "posterior" in tree.children else None
    return [draws_like(tree, rows) for rows in theta], posterior


_MEANINGS = (
    ("prior", "first round: the prior"),
    ("model", "proposals of later rounds, the later the stronger; filled: the posterior"),
)
