"""Markov chains: where each of them went, and whether they agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from jaxtyping import Float

from dashboard import shell, theme
from dashboard.views.drawing import columns
from dashboard.views.draws import labels_of
from dashboard.views.groups import group
from dashboard.views.markup import run_html
from dashboard.views.tables import folded, table
from dashboard.words import label_html, number, with_unit
from inference.diagnostics.judge_chains import r_hat_limit
from inference.diagnostics.judging import Numbers
from inference.tree import chains

MOST_POINTS = 1_000  # per chain; of longer chains every second, third ... draw is drawn
MOST_CHAINS = 6  # drawn, the first ones


class ChainTraces(pn.viewable.Viewer):
    """The chains of one parameter at a time, with R-hat and effective sizes of all.

    Args:
        tree: of a result with several chains.
    """

    shown = param.Selector(doc="Name of the parameter.")

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        posterior = group(tree, "posterior")
        self.names = list(map(str, posterior.data_vars))
        self.units = [posterior[name].attrs.get("units", "") for name in self.names]
        self.labels = labels_of(tree, self.names)
        self.draws: Float[np.ndarray, "chain draw dim"] = chains(posterior)
        self.numbers = _numbers(tree, self.names)
        self.limit = r_hat_limit(Numbers(tree))
        self.param["shown"].objects = self.names
        self.shown = self.names[self._worst]
        self.figure, self._sources = self._figure()
        self.summary = shell.Line(testid="chain-summary")
        self._show()
        self.param.watch(self._show, "shown")

    def __panel__(self) -> pn.Column:
        choice = pmui.Select.from_param(
            self.param.shown, label="Parameter", description="", width=220, size="small", margin=(0, 0, 8, 0)
        )
        legend = shell.legend(*((theme.role_of(k), f"chain {k + 1}") for k in range(len(self._sources))))
        choices = [choice] if len(self.names) > 1 else []
        return pn.Column(
            *choices, legend, shell.plot(self.figure), self.summary, run_html(folded(self.table())),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def table(self) -> str:
        """Markup: R-hat and effective sizes of every parameter."""
        heads = ("R-hat", "effective draws, bulk", "effective draws, tails")
        head = "<th>parameter</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
        rows = []
        for k, label in enumerate(self.labels):
            r_hat, bulk, tail = self.numbers[:, k]
            strong = " strong" if r_hat > self.limit else ""
            cells = f'<td class="number{strong}">{number(float(r_hat), 4)}</td>'
            cells += "".join(f'<td class="number">{number(round(float(v), 0))}</td>' for v in (bulk, tail))
            rows.append(f"<td>{label_html(label)}</td>{cells}")
        return table(head, rows, "chain-table")

    @property
    def _worst(self) -> int:
        """The parameter about which the chains agree least."""
        r_hat = self.numbers[0]
        return int(np.nanargmax(r_hat)) if np.isfinite(r_hat).any() else 0

    def _figure(self) -> tuple[Any, list[Any]]:
        fig = theme.figure("draw", "", height=280)
        sources = []
        for k in range(min(len(self.draws), MOST_CHAINS)):
            source = columns(draw=[], value=[])
            drawn = fig.line("draw", "value", source=source, line_width=1, line_alpha=0.75)
            sources.append(source)
            theme.paint(drawn, line_color=theme.role_of(k))
        return fig, sources

    def _show(self, *_: object) -> None:
        k = self.names.index(self.shown)
        values = self.draws[..., k]
        step = max(1, -(-values.shape[1] // MOST_POINTS))
        at = np.arange(0, values.shape[1], step)
        with pn.io.hold():
            self.figure.yaxis.axis_label = with_unit(self.shown, self.units[k])
            for source, chain in zip(self._sources, values, strict=False):
                source.data = {"draw": at, "value": chain[at]}
            self.summary.text = self._sentence(k)

    def _sentence(self, k: int) -> str:
        num_chains, num_draws, _ = self.draws.shape
        r_hat, bulk, _ = self.numbers[:, k]
        which = f"{num_chains} chains of {num_draws} draws"
        if num_chains > MOST_CHAINS:
            which += f", of which the first {MOST_CHAINS} are drawn"
        if not np.isfinite(r_hat):
            return f"{which}; nothing is known of their agreement."
        judged = "agree" if r_hat <= self.limit else "do not agree"
        return f"{which} {judged} about {self.shown}: R-hat {r_hat:.3f}, worth {bulk:.0f} independent draws."


def has_chains(tree: xr.DataTree) -> bool:
    """Whether a result holds more than one chain."""
    return group(tree, "posterior").sizes.get("chain", 1) > 1


def _numbers(tree: xr.DataTree, names: list[str]) -> np.ndarray:
    """R-hat, bulk and tail effective sizes, shape (3, dim); NaN where unknown."""
    found = group(tree, "diagnostics")
    unknown = np.full(len(names), np.nan)
    return np.stack(
        [np.asarray(found[name].values, float) if name in found else unknown
         for name in ("r_hat", "ess_bulk", "ess_tail")]
    )  # fmt: skip
