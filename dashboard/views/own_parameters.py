"""Each observation's own parameters beside each other: one figure per parameter, one interval each."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
from bokeh.models import Span

from dashboard import shell, theme
from dashboard.views.drawing import columns, span
from dashboard.views.grid import grid
from dashboard.views.hierarchy_data import Hierarchy, intervals
from dashboard.views.markup import run_html
from dashboard.views.tables import folded, table
from dashboard.words import number, with_unit

MEANINGS = (("model", "the observation that is explained"), ("prior", "the extras"))


class OwnParameters(pn.viewable.Viewer):
    """Medians, 50 and 90 % intervals of all observations.

    Args:
        hierarchy: of a result.
    """

    def __init__(self, hierarchy: Hierarchy) -> None:
        super().__init__()
        self.hierarchy = hierarchy
        self.figures = [self._figure(k) for k in range(len(hierarchy.local))]
        self.summary = shell.Line(text=self.sentence(), testid="own-summary")

    def __panel__(self) -> pn.Column:
        known = any(np.isfinite(self.hierarchy.truth(name)) for name in self.hierarchy.local)
        meanings = [*MEANINGS, *([("truth dashed", "true value at the former")] if known else [])]
        return pn.Column(
            shell.legend(*meanings), grid([shell.plot(fig) for fig in self.figures], 300), self.summary,
            run_html(folded(self._table())), margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """Which parameter differs most from observation to observation, beside its uncertainty."""
        own = self.hierarchy.own
        if own.shape[1] < 2:
            return "There is one observation."
        between, within = np.median(own, axis=0).std(axis=0), own.std(axis=0).mean(axis=0)
        ratio = between / np.where(within > 0, within, 1.0)
        k = int(np.argmax(ratio))
        return (
            f"{self.hierarchy.local[k]} differs most between the observations: medians scatter "
            f"{number(float(ratio[k]), 2)} times as much as one posterior is wide. Draws are joint: in each, "
            "the shared parameters are the same for all observations."
        )

    def _figure(self, k: int) -> Any:
        hierarchy, name = self.hierarchy, self.hierarchy.local[k]
        bands, truth = intervals(hierarchy.own[:, :, k]), hierarchy.truth(name)
        low, high = np.nanmin([bands.min(), truth]), np.nanmax([bands.max(), truth])
        air, num = 0.06 * max(high - low, 1e-9), bands.shape[1]
        fig = theme.figure(
            "observation", with_unit(name, hierarchy.draws.units[hierarchy.column(name)]), height=220,
            x_range=span(-0.6, num - 0.4), y_range=span(low - air, high + air),
        )  # fmt: skip
        fig.xaxis.ticker.min_interval = 1
        for rows, role in ((slice(0, 1), "model"), (slice(1, None), "prior")):
            source = columns(n=np.arange(num)[rows], **{f"q{i}": row[rows] for i, row in enumerate(bands)})
            for low_end, high_end, width in (("q0", "q4", 1.5), ("q1", "q3", 4.5)):
                bar = fig.segment("n", low_end, "n", high_end, source=source, line_width=width)
                theme.paint(bar, line_color=role)
            dot = fig.scatter("n", "q2", source=source, size=8, line_color=None)
            theme.paint(dot, fill_color=role)
        if np.isfinite(truth):
            line = Span(location=truth, dimension="width", line_width=1.5, line_dash="dashed")
            fig.add_layout(theme.paint(line, line_color="truth"))
        return fig

    def _table(self) -> str:
        hierarchy = self.hierarchy
        bands = [intervals(hierarchy.own[:, :, k]) for k in range(len(hierarchy.local))]
        rows = []
        for n, label in enumerate(hierarchy.labels):
            cells = "".join(
                f'<td class="number">{number(band[2, n])} ({number(band[0, n])} to {number(band[4, n])})</td>'
                for band in bands
            )
            rows.append(f"<td>{label}</td>{cells}")
        heads = "".join(
            f'<th class="number">{hierarchy.draws.label_html(hierarchy.column(name))}</th>'
            for name in hierarchy.local
        )
        return table(f"<th>observation</th>{heads}", rows, "own-table")
