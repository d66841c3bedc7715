"""Features that lie along an axis, such as a spectrum, as curves: simulated, predicted and observed."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import panel as pn

from dashboard import shell, theme
from dashboard.views import recording_figures as figures
from dashboard.views.drawing import columns, span
from dashboard.views.feature_data import Features
from dashboard.views.feature_groups import FeatureGroup
from dashboard.words import with_unit

HEIGHT = 240  # pixels
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


class CurvePlot:
    """Lines, and bands behind them, over the axis of an array of features.

    Args:
        found: the array, which has an axis.
        unit: of its values.
        lines: name -> (role of its colour, words for the legend); the last one lies on top.
    """

    def __init__(self, found: FeatureGroup, unit: str, lines: Mapping[str, tuple[str, str]]) -> None:
        assert found.axis is not None
        self.found, self.places = found, np.asarray(found.axis.places, float)
        labels = with_unit(found.axis.name, found.axis.unit), with_unit(found.name.replace("_", " "), unit)
        ranges = {"x_range": span(self.places[0], self.places[-1]), "y_range": figures.empty_range()}
        self.figure = theme.figure(*labels, height=HEIGHT, **ranges)
        self._meanings: list[tuple[str, str]] = []
        self.sources = {name: self._line(role) for name, (role, _) in lines.items()}
        self._meanings += list(lines.values())

    @property
    def layout(self) -> pn.Column:
        """Legend and figure."""
        return pn.Column(
            shell.legend(*self._meanings), shell.plot(self.figure), margin=(0, 0, 12, 0),
            sizing_mode="stretch_width",
        )  # fmt: skip

    def show(self, curves: Mapping[str, np.ndarray | None]) -> None:
        """Draw these lines; None, or no such name, draws none."""
        for name, source in self.sources.items():
            values = curves.get(name)
            y = np.zeros(0) if values is None else np.asarray(values, float)
            source.data = {"x": self.places[: len(y)], "y": y}
            figures.fit(self.figure.y_range, y, is_growing=True)

    def band(self, values: np.ndarray, role: str, words: str) -> None:
        """Intervals with 50 and 90 % of some curves, shape (n, num_features of the array)."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # what is undefined in all curves is so here
            quantiles = np.nanquantile(values.astype(float), LEVELS, axis=0)
        figures.fit(self.figure.y_range, quantiles, is_growing=True)
        source = columns(x=self.places, **{f"q{i}": row for i, row in enumerate(quantiles)})
        for low, high, alpha in (("q0", "q4", 0.16), ("q1", "q3", 0.28)):
            area = self.figure.varea("x", low, high, source=source, fill_alpha=alpha)
            theme.paint(area, fill_color=role)
            area.level = "underlay"
        self._meanings.append((role, words))

    def _line(self, role: str) -> Any:
        source = columns(x=[], y=[])
        theme.paint(self.figure.line("x", "y", source=source, line_width=2.2), line_color=role)
        return source


def predicted_curve(features: Features, found: FeatureGroup) -> CurvePlot:
    """The observed array over what prior and posterior predict."""
    plot = CurvePlot(found, features.units[found.start], {"observed": ("data", "observed")})
    if features.prior is not None:
        plot.band(found.of(features.prior), "prior", "prior predictive, 50 and 90 %")
    plot.band(found.of(features.posterior), "model", "posterior predictive, 50 and 90 %")
    plot.show({"observed": found.of(features.observed)})
    return plot
