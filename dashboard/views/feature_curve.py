"""Features that lie along an axis, such as a power spectrum, as curves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dashboard import shell, theme, words
from dashboard.views import recording_figures as figures
from dashboard.views.feature_groups import FeatureGroup, groups_of
from simulators import Simulator

HEIGHT = 240  # pixels


class FeatureCurve:
    """One figure with a curve for each of several simulations.

    Args:
        simulator: whose features.
        found: the array of features; the simulator has an axis of its name.
        layers: role (see ``theme.Colours``) of each curve by its name, the last on top.
    """

    def __init__(self, simulator: Simulator, found: FeatureGroup, layers: Mapping[str, str]) -> None:
        axis = simulator.feature_axes[found.name]
        self.found, self.places = found, np.asarray(axis.places, float)
        self.sources = {name: theme.source("x", "y") for name in layers}
        first = simulator.feature_names[found.start]
        label = words.with_unit(found.name.replace("_", " "), simulator.feature_units.get(first, ""))
        ranges = {"x_range": figures.empty_range(), "y_range": figures.empty_range()}
        self.figure = theme.figure(words.with_unit(axis.name, axis.unit), label, height=HEIGHT, **ranges)
        self.figure.x_range.update(start=float(self.places[0]), end=float(self.places[-1]))
        for name, role in layers.items():
            theme.paint(
                self.figure.line("x", "y", source=self.sources[name], line_width=1.6), line_color=role
            )
        self.pane = shell.plot(self.figure)
        self.pane.margin = (0, 0, 16, 0)

    def show(self, name: str, x: np.ndarray | None) -> None:
        """Replace a curve by these features, shape (num_features,); None shows nothing."""
        values = np.zeros(0) if x is None else self.found.of(x)
        self.sources[name].data = {"x": self.places[: len(values)], "y": values}
        figures.fit(self.figure.y_range, values, is_growing=True)


def curves_of(simulator: Simulator, layers: Mapping[str, str]) -> list[FeatureCurve]:
    """One for each array of features that has an axis."""
    return [
        FeatureCurve(simulator, found, layers)
        for found in groups_of(simulator)
        if found.name in simulator.feature_axes
    ]
