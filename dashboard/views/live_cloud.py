"""For models without a trace: the features at this point, before a background of what the prior predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn
import panel_material_ui as pmui

from dashboard import live, shell, theme, words
from dashboard.background import in_background
from dashboard.views import recording_figures as figures
from dashboard.views.exploration import Exploration

PLANE = 2  # with two features a scatter plot shows everything; with more, every feature gets a column
MOST_COLUMNS = 30  # features; what follows has no column
SPREAD = 0.28  # half width of a column's points


class LiveCloud(pn.viewable.Viewer):
    """Follows an exploration."""

    def __init__(self, exploration: Exploration) -> None:
        super().__init__()
        self.exploration = exploration
        self.summary = shell.Line(testid="cloud-summary")
        names = ("prior", "repeats", "observation", "now")
        self.sources = {name: theme.source("x", "y") for name in names}
        self.figure = _cloud_figure(exploration, self.sources)
        exploration.param.watch(self._draw, "simulated")
        in_background(lambda: live.cloud(exploration.simulator), lambda cloud: self._put("prior", cloud))
        self._draw()

    def __panel__(self) -> pmui.Column:
        pane = shell.plot(self.figure)
        return pmui.Column(shell.legend(*_LEGEND), pane, self.summary, sizing_mode="stretch_width", margin=0)

    def _draw(self, *_: object) -> None:
        simulated, reference = self.exploration.simulated, self.exploration.reference
        if simulated is None or simulated.x is None or reference is None or reference.x is None:
            return
        if simulated.repeats is not None:
            self._put("repeats", simulated.repeats)
        self._put("now", simulated.x[None])
        self._put("observation", reference.x[None])
        self.summary.text = describe(self.exploration.simulator.feature_names, simulated, reference)

    def _put(self, name: str, x: np.ndarray) -> None:
        placed = self.sources[name].data = positions(x)
        figures.fit(self.figure.x_range, placed["x"], is_growing=True)
        figures.fit(self.figure.y_range, placed["y"], is_growing=True)


def positions(x: np.ndarray) -> dict[str, np.ndarray]:
    """Where to draw rows of features, (n, num_features): a plane for two features, else a column for each."""
    x = x[:, :MOST_COLUMNS]
    num, num_features = x.shape
    if num_features == PLANE:
        return {"x": x[:, 0], "y": x[:, 1]}
    offsets = np.linspace(-SPREAD, SPREAD, num) if num > 1 else np.zeros(1)
    offsets = np.random.default_rng(0).permutation(offsets)  # only spreads the points of a column
    columns = np.arange(num_features) + offsets[:, None]
    return {"x": columns.ravel(), "y": x.ravel()}


def describe(names: tuple[str, ...], simulated: live.Simulated, reference: live.Simulated) -> str:
    """One sentence: the feature that is farthest from the observation."""
    now, before = np.asarray(simulated.x), np.asarray(reference.x)
    away = np.abs(now - before)
    if not np.isfinite(away).all():
        return "Some features are undefined here."
    if not away.any():
        return "This is the built-in observation itself."
    worst = int(away.argmax())
    values = (words.number(float(x[worst])) for x in (now, before))
    return "Farthest from the observation: {} is {} instead of {}.".format(names[worst], *values)


def _cloud_figure(exploration: Exploration, sources: dict[str, Any]) -> Any:
    simulator = exploration.simulator
    names = [words.with_unit(name, simulator.feature_units.get(name, "")) for name in simulator.feature_names]
    names = names[:MOST_COLUMNS]
    is_plane = simulator.num_features == PLANE
    labels = (names[0], names[1]) if is_plane else ("feature", "value")
    ranges = {"x_range": figures.empty_range(), "y_range": figures.empty_range()}
    figure = theme.figure(*labels, height=460, **ranges)
    if not is_plane:
        figure.xaxis.ticker = list(range(len(names)))
        figure.xaxis.major_label_overrides = dict(enumerate(names))
    _points(figure, sources["prior"], "prior", size=4, alpha=0.45)
    _points(figure, sources["repeats"], "model", size=4, alpha=0.45)
    _points(figure, sources["now"], "model", size=10)
    _points(figure, sources["observation"], "truth", size=13, marker="x", line_width=2.5)
    return figure


def _points(figure: Any, source: Any, role: str, **look) -> None:
    theme.paint(figure.scatter("x", "y", source=source, **look), fill_color=role, line_color=role)


_LEGEND = (
    ("model", "simulation, and repeats with other noise"),
    ("prior", "anywhere in the prior"),
    ("truth", "built-in observation"),
)
