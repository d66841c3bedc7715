"""The features of the observation among those that prior and posterior predict, each on its own axis."""

from __future__ import annotations

import warnings
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import panel as pn
import xarray as xr
from jaxtyping import Bool

from dashboard import shell, theme
from dashboard.views.curve_plot import predicted_curve
from dashboard.views.drawing import columns, span
from dashboard.views.feature_data import Features, read_features
from dashboard.views.feature_groups import FeatureGroup, image_axes
from dashboard.views.grid import grid
from dashboard.views.image_plot import ImagePlot, side_by_side
from dashboard.words import count as words_of
from dashboard.words import number, unit
from inference.analysis import bounded_density

PRIOR_ROOM = 2.5  # how far an axis goes on beyond the posterior's predictions, in their widths
HEIGHT = 112  # pixels of one figure
MOST_FIGURES, MOST_ROWS, MOST_NAMED = 18, 60, 6
SIDE = 190  # pixels of an image


class FeatureComparison(pn.viewable.Viewer):
    """Small figures and a table: observed, posterior predictive, distance in prior-predictive sds.

    Args:
        tree: of a result with an observation.
    """

    def __init__(self, tree: xr.DataTree) -> None:
        super().__init__()
        features = read_features(tree)
        if features is None:
            raise ValueError("This result has no observed features to compare with.")
        self.features = features

    def __panel__(self) -> pn.Column:
        cells = [self._cell(k) for k in self.features.farthest(MOST_FIGURES)]
        summary = shell.Line(text=self.sentence(), testid="feature-summary")
        images = [self._image(found) for found in self.features.images]
        curves = [predicted_curve(self.features, found).layout for found in self.features.curves]
        left_out = len(self.features.single) - len(cells)
        note = [shell.html(f'<p class="quiet small">{_left_out(left_out)}</p>')] if left_out else []
        figures = [shell.legend(*_MEANINGS), grid(cells, 210)] if cells else []
        return pn.Column(
            *images, *curves, *figures, *note, summary,
            shell.html(self._table(), margin=(14, 0, 0, 0)), margin=0, sizing_mode="stretch_width",
        )  # fmt: skip

    def sentence(self) -> str:
        """Which features the posterior predicts, and which it misses."""
        known = np.isfinite(self.features.distance)
        worst_first = np.argsort(-np.nan_to_num(self.features.distance, nan=-1.0))
        far = [self.features.names[k] for k in worst_first if self.features.distance[k] >= self.features.far]
        if not known.any():
            return f"{len(self.features.names)} features; their distances were not computed."
        worst = float(self.features.distance[known].max())
        whence = "nearest predictions" if self.features.is_to_nearest else "median of the predictions"
        words = f"Largest distance from the {whence}: {number(worst, 2)} prior-predictive sd"
        more = f" and {len(far) - MOST_NAMED} more" if len(far) > MOST_NAMED else ""
        missed = f"; far off: {', '.join(far[:MOST_NAMED])}{more}" if far else ""
        return f"{words}{missed}. {self._least_typical(known)}"

    def _least_typical(self, known: Bool[np.ndarray, " num_features"]) -> str:
        """Where the observed value stands among the predictions, of the feature where it is farthest out.

        A posterior that is much too wide has near predictions too, so that their distance alone would please.
        """
        observed, predicted = self.features.observed, self.features.posterior
        below = (predicted < observed).sum(0) + 0.5 * (predicted == observed).sum(0)
        share = np.where(known, below / np.maximum(1, np.isfinite(predicted).sum(0)), 0.5)
        k = int(np.argmax(np.abs(share - 0.5)))
        name = self.features.names[k].replace("_", " ")
        return f"Least typical is {name}, above {100 * share[k]:.0f} % of its predictions."

    def _image(self, found: FeatureGroup) -> pn.viewable.Viewable:
        """The observed image, the median of the predicted ones, and how far the one is from the other."""
        features = self.features
        median, spread = _median_and_spread(features, found)
        observed = found.of(features.observed)
        plot = ImagePlot(
            image_axes(found), {"observed": "Observed", "predicted": "Predicted median"}, side=SIDE
        )
        plot.show({"observed": observed, "predicted": median})
        if spread is None:
            return plot.layout
        axes = replace(image_axes(found), name=f"{found.name.replace('_', ' ')}, in prior sd")
        apart = ImagePlot(axes, {"away": "Observed less predicted"}, side=SIDE)
        apart.show({"away": (observed - median) / np.where(spread > 0, spread, np.nan)})
        return side_by_side(plot, apart)

    def _cell(self, k: int) -> pn.Column:
        label = self.features.names[k].replace("_", " ")
        name = shell.html(f"<h3>{escape(label)}</h3>")
        figure = pn.pane.Bokeh(self._figure(k), sizing_mode="stretch_width", margin=0)
        return pn.Column(name, figure, styles={"min-width": "0"}, margin=0)

    def _figure(self, k: int) -> Any:
        features = self.features
        ends = _span(features, k)
        has_units = any(features.units)  # a model that gives none does not say that all are without
        label = unit(features.units[k]) or ("dimensionless" if has_units else "")
        fig = theme.figure(label, "", height=HEIGHT, min_border_left=12, toolbar_location=None,
                           x_range=span(*ends), y_range=span(0, 1.15))  # fmt: skip
        fig.yaxis.visible = False
        fig.ygrid.visible = False
        fig.xaxis.ticker.desired_num_ticks = 4
        if features.prior is not None:
            prior = fig.line("x", "y", source=_shape(features.prior[:, k], ends), line_width=1.5)
            theme.paint(prior, line_color="prior")
        posterior = _shape(features.posterior[:, k], ends)
        theme.paint(fig.varea("x", 0, "y", source=posterior, fill_alpha=0.25), fill_color="model")
        theme.paint(fig.line("x", "y", source=posterior, line_width=2), line_color="model")
        if np.isfinite(features.observed[k]):
            theme.paint(fig.vspan(x=[float(features.observed[k])], line_width=2.2), line_color="data")
        return fig

    def _table(self) -> str:
        shown = self.features.farthest(MOST_ROWS)
        if not shown:
            return ""
        rows = "".join(self._row(k) for k in shown)
        heads = ("observed", "predicted median", "90 % of predictions", "from nearest predictions (prior sd)")
        cells = "".join(f'<th class="number">{head}</th>' for head in heads)
        head = f"<thead><tr><th>feature</th>{cells}</tr></thead>"
        table = f'<table data-testid="feature-table">{head}<tbody>{rows}</tbody></table>'
        return f'<div class="scroll" tabindex="0">{table}</div>' if len(shown) > MOST_FIGURES else table

    def _row(self, k: int) -> str:
        features = self.features
        finite = features.posterior[np.isfinite(features.posterior[:, k]), k].astype(float)
        low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95]) if finite.size else (np.nan,) * 3
        distance = features.distance[k]
        values = (number(float(features.observed[k])), number(middle), f"{number(low)} to {number(high)}")
        name = (
            f"{escape(features.names[k].replace('_', ' '))} <small>{escape(unit(features.units[k]))}</small>"
        )
        cells = "".join(f'<td class="number">{value}</td>' for value in values)
        strong = " strong" if distance >= features.far else ""
        return f'<tr><td>{name}</td>{cells}<td class="number{strong}">{_or_dash(distance)}</td></tr>'


_MEANINGS = (
    ("data", "observed"),
    ("model", "posterior predictive"),
    ("prior", "prior predictive (heights not to scale)"),
)


def _left_out(num: int) -> str:
    return f"Drawn are the features farthest off; {words_of(num, 'feature')} nearer by are not."


def _median_and_spread(features: Features, found: FeatureGroup) -> tuple[np.ndarray, np.ndarray | None]:
    """Median of the posterior's predictions and standard deviation of the prior's, pixel by pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a pixel that is always undefined is so here
        median = np.nanmedian(found.of(features.posterior), axis=0)
        return median, None if features.prior is None else np.nanstd(found.of(features.prior), axis=0)


def _or_dash(value: float) -> str:
    return "–" if np.isnan(value) else number(float(value), 2)


def _shape(values: np.ndarray, ends: tuple[float, float]) -> Any:
    """A density between `ends` with a height of one: prior and posterior differ too much to share a scale."""
    seen = values[(values >= ends[0]) & (values <= ends[1])].astype(float)  # False for NaN
    if not seen.size:
        return theme.source("x", "y")
    # What is never negative (a count, a variance) is taken to be bounded by zero.
    low = max(ends[0], 0.0) if seen.min() >= 0 else ends[0]
    grid, density = bounded_density(seen, low, ends[1])
    x, y = np.concatenate([grid[:1], grid, grid[-1:]]), np.concatenate([[0.0], density, [0.0]])
    return columns(x=x, y=y / density.max())


def _span(features: Features, k: int) -> tuple[float, float]:
    """The posterior's predictions and the observation, and of the prior's what leaves these in sight."""
    known = np.append(features.posterior[:, k], features.observed[k]).astype(float)
    known = known[np.isfinite(known)]
    if not known.size:
        return 0.0, 1.0
    low, high = np.quantile(known, [0.005, 0.995])
    if np.isfinite(features.observed[k]):
        low, high = min(low, float(features.observed[k])), max(high, float(features.observed[k]))
    width = float(high - low) or 1.0
    if features.prior is None:
        return low - 0.1 * width, high + 0.1 * width
    prior = features.prior[np.isfinite(features.prior[:, k]), k].astype(float)
    first, last = np.quantile(prior, [0.02, 0.98]) if prior.size else (low, high)
    first, last = max(first, low - PRIOR_ROOM * width), min(last, high + PRIOR_ROOM * width)
    return min(first, low - 0.1 * width), max(last, high + 0.1 * width)
