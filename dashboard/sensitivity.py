"""What a distribution is most sensitive to at a point, and what changes along that direction."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import panel as pn
import panel_material_ui as pmui
import xarray as xr

from dashboard import shell
from dashboard.curvature import Curvature, Point
from dashboard.player import Player
from dashboard.regimes import Grouping, Regimes
from dashboard.views.arrows import MOST_DOTS, ROBUST, SENSITIVE, Arrows
from dashboard.views.draws import PosteriorDraws, posterior_draws
from dashboard.views.groups import group
from dashboard.views.tables import table
from dashboard.words import number
from inference.drawn_posterior import AnyPosterior
from simulators import get_simulator

MOST_BESIDE = 5  # parameters whose axes fit beside the arrows
NOWHERE = -1  # an option without a value would show its label in its place
NEAR_EDGE = 2e-3  # share of the support; a climb ends at half of it
TEACH = "Click a draw: the axes show how far one may go until the density falls as at one sd of a Gaussian."


class Sensitivity(pn.viewable.Viewer):
    """Axes of the curvature at a chosen draw, as arrows and as a table, and a player along one of them.

    Args:
        tree: of a result whose posterior has a density.
        load: gives the posterior; called in the background, when the view is made.
    """

    def __init__(self, tree: xr.DataTree, load: Callable[[], AnyPosterior]) -> None:
        super().__init__()
        self.draws = posterior_draws(tree)
        self.arrows = Arrows(self.draws, lambda theta: self.point.ask(theta))
        self.state = shell.Line(testid="sensitivity-state", kind="state")
        self.summary = shell.Line(testid="sensitivity-summary")
        self.table = shell.html("")
        first = _densest(tree, self.draws)
        self.player = _player(tree, self.draws, first)
        if self.player is not None:
            self.player.param.watch(self._moved, "theta")
        self.grouping = Grouping(self.arrows.rows, load)
        self.grouping.param.watch(self._group, ["found", "is_busy", "problem"])
        self.along = pmui.Select(
            label="Colour regimes along", value=NOWHERE, size="small", margin=0, width=200,
            options={"nothing": NOWHERE, **{name: k for k, name in enumerate(self.draws.names)}},
            description="Climb to the mode at nine values of a parameter; a draw belongs to the nearest one",
        )  # fmt: skip
        self.along.param.watch(self._regroup, "value")
        self.regimes = shell.Line(testid="sensitivity-regimes")
        self.point = Point(first, load)
        self.point.param.watch(self._follow, ["found", "is_busy", "problem"])
        self._follow()

    def __panel__(self) -> pn.Column:
        climb = shell.button("Go to the mode", self.climb, help_text="Climb to the peak next to this point")
        legend = shell.legend(
            (SENSITIVE, "v1, most sensitive"), (ROBUST, "the most robust"), ("prior", "those between")
        )
        controls = pmui.Row(
            climb, self.along, margin=(18, 0, 0, 0), sx={"gap": "14px", "alignItems": "center"}
        )
        content = (legend, self.arrows, self.summary, self.regimes, controls, self.state)
        where = shell.card(shell.heading("At a draw", level=3), *content)
        axes = shell.card(shell.heading("Axes", level=3), self.table)
        beside = "minmax(0, 3fr) minmax(0, 2fr)"  # a wider table has the page's width
        widths = beside if self.draws.dim <= MOST_BESIDE else "minmax(0, 1fr)"
        cards = [shell.columns(where, axes, widths=widths)]
        return pn.Column(
            *cards, *([] if self.player is None else [self.player]), margin=0, sizing_mode="stretch_width"
        )

    def climb(self) -> None:
        """From the point to the mode next to it."""
        if self.point.found is not None:
            self.point.ask(self.point.found.theta, climbs=True)

    def _follow(self, *_: object) -> None:
        point, found = self.point, self.point.found
        self.state.text = point.problem or ("Computing the curvature …" if point.is_busy else TEACH)
        if found is None or point.is_busy:
            return
        with pn.io.hold():
            self.arrows.show(found)
            self.table.object = axes_table(self.draws, found)
            self.summary.text = sentence(self.draws, found)
            if self.player is not None:
                self.player.begin(found)

    def _regroup(self, *_: object) -> None:
        self.grouping.ask(None if self.along.value == NOWHERE else self.along.value)

    def _group(self, *_: object) -> None:
        group, found = self.grouping, self.grouping.found
        self.regimes.text = group.problem or ("Climbing from mode to mode …" if group.is_busy else "")
        self.arrows.colour(found)
        if found is not None:
            self.regimes.text = regimes_sentence(self.draws, found)

    def _moved(self, *_: object) -> None:
        if self.player is not None:
            self.arrows.show(self.point.found, self.player.theta)


def sentence(draws: PosteriorDraws, found: Curvature) -> str:
    """Where the point is, and its extreme directions."""
    where = "At the mode" if found.is_mode else "At the draw"
    values = ", ".join(
        f"{name} {number(float(value))}" for name, value in zip(draws.names, found.theta, strict=True)
    )
    first, last = found.axes.values[0], found.axes.values[-1]
    words = (
        f"{where} {values}: eigenvalues of the Hessian from {number(float(first))} to {number(float(last))}"
    )
    if first >= 0:
        return f"{words}; the density rises to all sides, so no direction is sensitive."
    if found.is_mode and last > 0:
        edge = _at_the_edge(draws, found.theta)
        why = f", because it lies at an edge of the support, in {edge}" if edge else ""
        words += f". It is no peak along the robust axes: the density goes on rising there{why}"
    return f"{words}; v1 is mostly {_mostly(draws, found.axes.vectors[0])}."


def regimes_sentence(draws: PosteriorDraws, found: Regimes) -> str:
    """How many draws each mode has."""
    counts = np.bincount(found.owner, minlength=len(found.values))
    shares = ", ".join(
        f"{number(float(value))}: {number(100 * count / counts.sum(), 2)} %"
        for value, count in zip(found.values, counts, strict=True)
    )
    return f"Draws by the nearest mode along {draws.axis_label(found.parameter)}: {shares}."


def axes_table(draws: PosteriorDraws, found: Curvature) -> str:
    """Markup: a row per axis, with eigenvalue, length and components."""
    head = '<th>axis</th><th class="number">eigenvalue</th><th class="number">1/√|λ|</th>' + "".join(
        f'<th class="number">{draws.label_html(k)}</th>' for k in range(draws.dim)
    )
    rows = []
    axes = found.axes
    for k, (value, length, vector) in enumerate(zip(axes.values, axes.lengths, axes.vectors, strict=True)):
        numbers = (float(value), float(length), *map(float, vector))
        cells = "".join(f'<td class="number">{number(part)}</td>' for part in numbers)
        rows.append(f"<td>v{k + 1}</td>{cells}")
    return table(head, rows, "axes-table")


def _at_the_edge(draws: PosteriorDraws, theta: np.ndarray) -> str:
    """Parameters that a climb took to one of their bounds, by name."""
    width = draws.high - draws.low
    is_there = np.isfinite(width) & (np.minimum(theta - draws.low, draws.high - theta) <= NEAR_EDGE * width)
    return " and ".join(name for name, there in zip(draws.names, is_there, strict=True) if there)


def _mostly(draws: PosteriorDraws, vector: np.ndarray) -> str:
    k = int(np.argmax(np.abs(vector)))
    return f"{draws.names[k]} ({number(float(vector[k]), 2)})"


def _densest(tree: xr.DataTree, draws: PosteriorDraws) -> np.ndarray:
    """The draw of the greatest log density that is not at the very edge of the support."""
    stats = group(tree, "sample_stats")
    rows = draws.values[:MOST_DOTS]
    if "lp" not in stats:
        return rows[0]
    lp = np.asarray(stats["lp"].values).T.ravel()[: len(rows)]
    return rows[int(np.argmax(lp))]


def _player(tree: xr.DataTree, draws: PosteriorDraws, theta: np.ndarray) -> Player | None:
    """None where this server does not have the model."""
    try:
        simulator = get_simulator(str(tree.attrs.get("simulator", "")))
    except ValueError:
        return None
    return Player(simulator, draws, theta)
