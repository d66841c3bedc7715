"""How each further observation narrows what the shared parameters can be, and which of them told most."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.models import Span

from dashboard import shell, theme
from dashboard.views.drawing import columns, rows_of, span
from dashboard.views.hierarchy_data import Hierarchy
from dashboard.views.markup import run_html
from dashboard.views.tables import folded, table
from dashboard.words import count, number, with_unit

MEANINGS = (
    ("model", "shared parameter: median, 50 and 90 % intervals"),
    ("selection", "extras in use below"),
)
SHOWN = 16  # extras in the picture; the table has all
LITTLE = 0.02  # nats below which an extra told nothing that the others do not tell


class Narrowing(pn.viewable.Viewer):
    """Intervals of each shared parameter against the number of extra observations.

    Args:
        hierarchy: with at least one step.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.hierarchy = hierarchy
        self._marks: list[Any] = []
        self.figures = [self._figure(k) for k in range(len(hierarchy.shared))]
        self.summary = shell.Line(text=self.sentence(), testid="narrowing-summary")
        self.mark(hierarchy.num_extra)

    def __panel__(self) -> pn.Column:
        known = any(np.isfinite(self.hierarchy.truth(name)) for name in self.hierarchy.shared)
        meanings = [*MEANINGS, *([("truth dashed", "true value")] if known else [])]
        return pn.Column(
            shell.legend(*meanings), *map(shell.plot, self.figures), self.summary,
            run_html(folded(self._table())), margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def mark(self, num: int) -> None:
        """Show how many extras are in use."""
        for line in self._marks:
            line.location = num

    def sentence(self) -> str:
        """How much the extras sharpened the first shared parameter."""
        hierarchy = self.hierarchy
        before, after = hierarchy.sd[0, 0], hierarchy.sd[-1, 0]
        name, unit_of = hierarchy.shared[0], hierarchy.draws.units[hierarchy.column(hierarchy.shared[0])]
        values = f"{number(float(after), 2)} instead of {number(float(before), 2)}"
        extras = count(int(hierarchy.num_shown[-1]), "extra observation")
        return f"With {extras} the standard deviation of {with_unit(name, unit_of)} is {values}."

    def _figure(self, k: int) -> Any:
        hierarchy, name = self.hierarchy, self.hierarchy.shared[k]
        steps, bands = hierarchy.num_shown, hierarchy.quantiles[:, :, k]
        truth = hierarchy.truth(name)
        low, high = np.nanmin([bands.min(), truth]), np.nanmax([bands.max(), truth])
        air = 0.06 * max(high - low, 1e-9)
        fig = theme.figure(
            "number of extra observations", with_unit(name, hierarchy.draws.units[hierarchy.column(name)]),
            height=230, x_range=span(-0.3, max(steps[-1], 1) + 0.3), y_range=span(low - air, high + air),
        )  # fmt: skip
        fig.xaxis.ticker.min_interval = 1
        data = columns(n=steps, **{f"q{i}": bands[:, i] for i in range(bands.shape[1])})
        for low_end, high_end, alpha in (("q0", "q4", 0.18), ("q1", "q3", 0.3)):
            band = fig.varea("n", low_end, high_end, source=data, fill_alpha=alpha)
            theme.paint(band, fill_color="model")
        theme.paint(fig.line("n", "q2", source=data, line_width=2.2), line_color="model")
        theme.paint(fig.scatter("n", "q2", source=data, size=6, line_color=None), fill_color="model")
        if np.isfinite(truth):
            line = Span(location=truth, dimension="width", line_width=2, line_dash="dashed")
            fig.add_layout(theme.paint(line, line_color="truth"))
        mark = Span(dimension="height", line_width=2)
        fig.add_layout(theme.paint(mark, line_color="selection"))
        self._marks.append(mark)
        return fig

    def _table(self) -> str:
        hierarchy, rows = self.hierarchy, []
        for step, num in enumerate(hierarchy.num_shown):
            cells = ""
            for k in range(len(hierarchy.shared)):
                low, _, middle, _, high = hierarchy.quantiles[step, :, k]
                cells += f'<td class="number">{number(middle)}</td>'
                cells += f'<td class="number">{number(low)} to {number(high)}</td>'
            rows.append(f'<td class="number">{num}</td>{cells}')
        heads = "".join(
            f'<th class="number">{hierarchy.draws.label_html(hierarchy.column(name))}, median</th>'
            '<th class="number">90 % interval</th>'
            for name in hierarchy.shared
        )
        return table(f'<th class="number">extras</th>{heads}', rows, "narrowing-table")


class Told(pn.viewable.Viewer):
    """What each extra told about the shared parameters that the others do not tell.

    Args:
        hierarchy: with at least one extra.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.hierarchy = hierarchy
        self.order = np.argsort(-hierarchy.told)
        self.figure = self._figure()
        self.summary = shell.Line(text=self.sentence(), testid="told-summary")

    def __panel__(self) -> pn.Column:
        return pn.Column(
            shell.plot(self.figure), self.summary, run_html(folded(self._table())),
            margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """Which extra told most, and how many told nothing."""
        told, labels = self.hierarchy.told, self.hierarchy.labels[1:]
        most = int(self.order[0])
        if told[most] < LITTLE:
            return "No extra by itself tells anything that the others do not tell together."
        little = int((told < LITTLE).sum())
        rest = f"; {count(little, 'extra')} told next to nothing beyond the others" if little else ""
        return f"Extra {labels[most]} told most: {number(float(told[most]), 2)} nats{rest}."

    def _figure(self) -> Any:
        shown = self.order[:SHOWN]
        names = [f"extra {self.hierarchy.labels[1 + k]}" for k in shown]
        values = np.maximum(self.hierarchy.told[shown], 0.0)
        fig = theme.figure(
            "change of the shared posterior without it (nats)", "", height=90 + 22 * len(names),
            x_range=span(0, max(1.1 * values.max(), 5 * LITTLE)), y_range=rows_of(names),
            toolbar_location=None, min_border_left=110,
        )  # fmt: skip
        fig.ygrid.visible = False
        bars = fig.hbar(
            y="name", right="told", height=0.6, source=columns(name=names, told=values), fill_alpha=0.6,
            line_color=None,
        )  # fmt: skip
        theme.paint(bars, fill_color="model")
        return fig

    def _table(self) -> str:
        labels, told = self.hierarchy.labels[1:], self.hierarchy.told
        rows = [f'<td>{labels[k]}</td><td class="number">{number(float(told[k]))}</td>' for k in self.order]
        return table('<th>extra</th><th class="number">nats</th>', rows, "told-table")
