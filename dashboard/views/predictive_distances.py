"""How far the predictions of several runs lie from the observation, feature by feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
import panel as pn

from dashboard import shell, theme
from dashboard.views.drawing import columns, rows_of
from dashboard.views.markup import run_html
from dashboard.views.tables import folded, table
from dashboard.words import number
from inference.diagnostics import RunFacts

MOST_SHOWN = 24  # features in the picture, those that are furthest off; the table has all
MARKERS = ("circle", "square", "triangle", "diamond", "inverted_triangle", "plus", "x")


class PredictiveDistances(pn.viewable.Viewer):
    """A row per feature, a mark per run.

    Args:
        names: of the runs.
        facts: of the same runs; those without predictions have no marks.
    """

    def __init__(self, names: Sequence[str], facts: Sequence[RunFacts]) -> None:
        super().__init__()
        self.runs: dict[str, Mapping[str, float]] = {
            name: run.predictive_distance for name, run in zip(names, facts, strict=True)
        }
        self.features = list(dict.fromkeys(f for found in self.runs.values() for f in found))
        self.summary = shell.Line(text=self.sentence(), testid="distance-summary")

    def __panel__(self) -> pn.Column:
        if not self.features:
            return pn.Column(self.summary, margin=0, sizing_mode="stretch_width")
        legend = shell.legend(*((theme.role_of(k), name) for k, name in enumerate(self.runs)))
        return pn.Column(legend, shell.plot(self.figure()), self.summary, run_html(folded(self.table())),
                         margin=0, sizing_mode="stretch_width")  # fmt: skip

    def sentence(self) -> str:
        """Whose predictions are nearest, on average over the features."""
        mean = {name: np.nanmean([*found.values()]) for name, found in self.runs.items() if _is_known(found)}
        if not mean:
            return "None of these runs holds predictions."
        first, *_ = order = sorted(mean, key=lambda name: mean[name])
        words = f"Nearest to the observation: {first}, {number(float(mean[first]), 2)} prior-predictive sd"
        words += " on average over the features"
        if len(order) == 1:
            return f"{words}."
        return f"{words}; furthest: {order[-1]}, {number(float(mean[order[-1]]), 2)}."

    def figure(self) -> Any:
        """The picture; a new one each time."""
        shown = self._furthest()
        fig = theme.figure(
            "|median prediction − observation| (prior-predictive sd)", "", height=90 + 24 * len(shown),
            y_range=rows_of(shown), toolbar_location=None, min_border_left=130,
        )  # fmt: skip
        fig.x_range.start = 0
        for k, found in enumerate(self.runs.values()):
            source = columns(distance=[found.get(name, np.nan) for name in shown], feature=shown)
            marker = MARKERS[k % len(MARKERS)]
            look = {"size": 10, "fill_alpha": 0.6, "line_width": 1.5, "marker": marker}
            drawn = fig.scatter("distance", "feature", source=source, **look)
            theme.paint(drawn, fill_color=theme.role_of(k), line_color=theme.role_of(k))
        return fig

    def table(self) -> str:
        """Markup: all features and runs."""
        heads = "".join(f'<th class="number">{escape(name)}</th>' for name in self.runs)
        rows = [
            f"<td>{escape(feature)}</td>"
            + "".join(
                f'<td class="number">{number(float(found.get(feature, np.nan)))}</td>'
                for found in self.runs.values()
            )
            for feature in self.features
        ]
        return table(f"<th>feature</th>{heads}", rows, "distance-table")

    def _furthest(self) -> list[str]:
        """The features in the picture, in their own order."""
        worst = {f: max(_finite(found.get(f)) for found in self.runs.values()) for f in self.features}
        chosen = set(sorted(worst, key=lambda f: -worst[f])[:MOST_SHOWN])
        return [feature for feature in self.features if feature in chosen]


def _is_known(found: Mapping[str, float]) -> bool:
    return bool(np.isfinite([*found.values()]).any())


def _finite(value: float | None) -> float:
    return float(value) if value is not None and np.isfinite(value) else -1.0
