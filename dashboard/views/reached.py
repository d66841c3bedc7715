"""What the draws of an emergent property make of its statistics, beside what was asked for."""

from __future__ import annotations

import json
from html import escape
from typing import Any, NamedTuple

import numpy as np
import panel as pn
import xarray as xr
from bokeh.models import BoxAnnotation, Span

from dashboard import shell, theme
from dashboard.views.course_data import is_of_property
from dashboard.views.drawing import columns
from dashboard.views.grid import grid
from dashboard.views.groups import group
from dashboard.views.tables import table
from dashboard.words import number, unit, with_unit
from inference.tree import PROPERTY

NUM_BINS = 50
CENTRAL = (0.2, 99.8)  # percent of the simulations that a histogram shows


class Statistic(NamedTuple):
    """One statistic: its targets, and simulations of draws and of the prior, each (n,) and finite."""

    name: str
    unit: str
    mean: float
    sd: float
    reached: np.ndarray
    before: np.ndarray


def read_statistics(tree: xr.DataTree) -> list[Statistic]:
    """Those of the property of a result; none for another result, or one without predictions."""
    after, before = group(tree, "posterior_predictive"), group(tree, "prior_predictive")
    if not is_of_property(tree) or "x" not in after:
        return []
    goal = json.loads(str(tree.attrs[PROPERTY]))
    names = list(map(str, after["feature"].values))
    units = dict(zip(names, map(str, after["feature_units"].values), strict=True))
    return [
        Statistic(name, units[name], mean, goal["sd"][name], *(_column(x, name) for x in (after, before)))
        for name, mean in goal["mean"].items()
    ]


class Reached(pn.viewable.Viewer):
    """A histogram per statistic with its target band over it, and a table.

    Args:
        statistics: as `read_statistics` gives them, at least one.
    """

    def __init__(self, statistics: list[Statistic]) -> None:
        super().__init__()
        self.statistics = statistics
        self.figures = [_figure(one) for one in statistics]
        self.summary = shell.Line(text=self.sentence(), testid="reached-summary")

    def __panel__(self) -> pn.Column:
        meanings = (("prior", "simulations of the prior"), ("model", "of the draws"), ("truth", _BAND))
        return pn.Column(
            shell.legend(*meanings), grid([shell.plot(figure) for figure in self.figures], 320), self.summary,
            shell.html(self.table(), margin=(12, 0, 0, 0)), margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """What was reached, statistic by statistic."""
        parts = [
            f"{_called(one)} {number(float(one.reached.mean()))} ± {number(float(one.reached.std()))} "
            f"{unit(one.unit)}".rstrip()
            + f" (asked for {one.mean:g} ± {one.sd:g})"
            for one in self.statistics
        ]
        return f"Simulated at {len(self.statistics[0].reached)} draws: {'; '.join(parts)}."

    def table(self) -> str:
        """Markup: asked for and reached."""
        heads = ("target mean", "mean", "target sd", "sd")
        head = "<th>statistic</th>" + "".join(f'<th class="number">{words}</th>' for words in heads)
        rows = []
        for one in self.statistics:
            values = (one.mean, float(one.reached.mean()), one.sd, float(one.reached.std()))
            cells = "".join(f'<td class="number">{number(value)}</td>' for value in values)
            rows.append(f"<td>{escape(_called(one))} <small>{escape(unit(one.unit))}</small></td>{cells}")
        return table(head, rows, "reached-table")


def _figure(one: Statistic) -> Any:
    low, high = np.percentile(one.reached, CENTRAL)
    low, high = min(low, one.mean - 3 * one.sd), max(high, one.mean + 3 * one.sd)
    edges = np.linspace(low, high, NUM_BINS + 1)
    fig = theme.figure(
        with_unit(_called(one), one.unit), "density", height=230, toolbar_location=None, tools=""
    )
    fig.yaxis.visible = False
    fig.ygrid.grid_line_color = None
    for values, role, alpha in ((one.before, "prior", 0.45), (one.reached, "model", 0.6)):
        counts, _ = np.histogram(values, edges)
        heights = counts / max(len(values), 1) / np.diff(edges)
        bars = fig.quad(
            "left", "right", "top", "bottom", fill_alpha=alpha, line_width=0,
            source=columns(left=edges[:-1], right=edges[1:], top=heights, bottom=0 * heights),
        )  # fmt: skip
        theme.paint(bars, fill_color=role, line_color=role)
    band: Any = BoxAnnotation(
        left=one.mean - one.sd, right=one.mean + one.sd, fill_alpha=0.12, line_width=1.2, line_dash="dashed"
    )
    line: Any = Span(location=one.mean, dimension="height", line_width=2)
    fig.add_layout(theme.paint(band, fill_color="truth", line_color="truth"))
    fig.add_layout(theme.paint(line, line_color="truth"))
    return fig


def _column(predictive: xr.Dataset, name: str) -> np.ndarray:
    if "x" not in predictive:
        return np.zeros(0)
    values = np.asarray(predictive["x"].values, float)
    column = values[:, list(map(str, predictive["feature"].values)).index(name)]
    return column[np.isfinite(column)]


def _called(one: Statistic) -> str:
    return one.name.replace("_", " ")


_BAND = "asked for: mean, and one sd to both sides"
