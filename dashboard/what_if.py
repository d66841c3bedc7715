"""What if the features were others? One slider per feature; the posterior of every pair follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any, NamedTuple

import jax
import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from jaxtyping import Float

from dashboard import live, shell
from dashboard.background import Latest
from dashboard.views.draws import draws_like
from dashboard.views.groups import group
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.rounds import num_rounds
from dashboard.views.sliders import beside, decimals_of, slider
from dashboard.words import unit
from inference.diagnostics import misspecification
from inference.diagnostics.misspecification import LEAST_ROWS

NUM_DRAWS = 2_000  # as many as are drawn within a blink
NUM_PRIOR = 2_000
NUM_CLOUD = 500  # simulations among which the features should lie; all are compared with each other
MOST_FEATURES = 24  # sliders on a page
CENTRAL = (0.5, 99.5)  # percent of the simulations that a slider covers
UNLIKELY = 0.01


class Answer(NamedTuple):
    """The posterior at some features.

    Attributes:
        x: (num_features,). theta: (NUM_DRAWS, dim).
        asked: when it was asked for, as `time.perf_counter` tells.
    """

    x: np.ndarray
    theta: np.ndarray
    asked: float


def can_ask(tree: xr.DataTree) -> bool:
    """Whether a result answers other observations (draws of MCMC and ABC do not), of few enough features."""
    if "training" not in tree.children:
        return False
    cloud = group(tree, "prior_predictive").get("x")
    return num_rounds(tree) == 1 and cloud is not None and 0 < cloud.sizes["feature"] <= MOST_FEATURES


class Features(NamedTuple):
    """What the sliders show.

    Attributes:
        names, units: one per feature.
        cloud: simulated from the prior, (n, num_features), finite.
        home: where the sliders begin, (num_features,); ranges: of the sliders.
        is_observed: whether they begin at the observation.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    cloud: Float[np.ndarray, "n num_features"]
    home: Float[np.ndarray, " num_features"]
    ranges: tuple[live.SliderRange, ...]
    is_observed: bool


def read_sliders(tree: xr.DataTree) -> Features:
    """The features of a result; where the observation has no value, those of a typical simulation."""
    simulated = group(tree, "prior_predictive")
    names = tuple(map(str, simulated["feature"].values))
    units = simulated.get("feature_units", xr.DataArray([""] * len(names)))
    x = np.asarray(simulated["x"].values, np.float32)
    cloud = x[np.isfinite(x).all(axis=1)]
    observed = group(tree, "observed_data").get("x")
    seen = np.full(len(names), np.nan) if observed is None else np.asarray(observed.values, float)
    home = np.where(np.isfinite(seen), seen, _typical(cloud)).astype(np.float32)
    ranges = tuple(_range(column, float(start)) for column, start in zip(x.T, home, strict=True))
    return Features(
        names, tuple(map(str, units.values)), cloud[:NUM_CLOUD], home, ranges, observed is not None
    )


class Question(param.Parameterized):
    """Features that somebody chooses; the posterior follows, always the newest wish alone.

    Args:
        features: where to begin.
        load: gives the posterior; called in the background.
    """

    x = param.Array(doc="Features, shape (num_features,).")
    answer = param.ClassSelector(class_=Answer, doc="The newest.")
    p_value = param.Number(float("nan"), doc="How usual the features are; NaN while that is unknown.")
    problem = param.String(doc="One sentence when there is no answer.")

    def __init__(self, features: Features, load: Callable[[], Any]) -> None:
        self.features, self._load = features, load
        super().__init__(x=features.home)
        self._latest = Latest(self._ask, self._show, self._fail)
        self._doubts = Latest(self._place, self._show_place, self._fail)  # after the answer, which it delays
        self._wish()

    def set(self, k: int, value: float) -> None:
        """Change one feature."""
        x = np.array(self.x)
        x[k] = value
        self.x = x

    def reset(self) -> None:
        """Back to where it began."""
        self.x = self.features.home

    @param.depends("x", watch=True)
    def _wish(self) -> None:
        self._latest.ask((self.x, time.perf_counter()))

    def _ask(self, wish: tuple[np.ndarray, float]) -> Answer:
        x, asked = wish
        # Always the same key: what moves is the posterior, not its noise.
        theta = np.asarray(self._load().sample(jax.random.key(0), NUM_DRAWS, x))
        return Answer(x, theta, asked)

    def _show(self, answer: Answer) -> None:
        self.param.update(answer=answer, problem="")
        self._doubts.ask(answer.x)

    def _place(self, x: np.ndarray) -> float:
        cloud = self.features.cloud
        return misspecification(x, cloud).p_value if len(cloud) >= LEAST_ROWS else float("nan")

    def _show_place(self, p_value: float) -> None:
        self.p_value = p_value

    def _fail(self, error: Exception) -> None:
        self.problem = f"There is no answer: {error}"


class WhatIf(pn.viewable.Viewer):
    """Sliders of the features, and the pair mosaic of their posterior.

    Args:
        tree: of a result for which `can_ask` holds.
        load: gives its posterior; called in the background, when the view is made.
    """

    def __init__(self, tree: xr.DataTree, load: Callable[[], Any]) -> None:
        super().__init__()
        self.tree, self.mosaic = tree, None
        self.seconds = 0.0  # from a wish to its picture
        features = read_sliders(tree)
        self.sliders = [
            slider(name.replace("_", " "), span, float(home))
            for name, span, home in zip(features.names, features.ranges, features.home, strict=True)
        ]
        self.state = shell.Line(text=_COMPILING, testid="what-if-state", kind="state")
        self.summary = shell.Line(testid="what-if-summary")
        self._place = pn.Column(shell.html(_TO_COME), margin=0, sizing_mode="stretch_width")
        self.question = Question(features, load)
        for k, one in enumerate(self.sliders):
            one.param.watch(lambda event, k=k: self._moved(k, event.new), "value")
        self.question.param.watch(self._follow, "answer")
        self.question.param.watch(self._doubt, ["p_value", "problem"])
        self._follow()
        self._doubt()

    def __panel__(self) -> pmui.Column:
        features = self.question.features
        labels = [
            (escape(name.replace("_", " ")), escape(unit(plain)))
            for name, plain in zip(features.names, features.units, strict=True)
        ]
        home = "the observation" if features.is_observed else "a typical simulation"
        reset = shell.button("Reset", self.reset, help_text=f"Back to {home}")
        words = f"The sliders begin at {home} (the mark) and span the middle 99 % of the simulations."
        tight = {"sizing_mode": "stretch_width", "margin": 0}
        rows = pmui.Row(beside(labels, width=132), pmui.Column(*self.sliders, **tight), **tight)
        controls = shell.card(
            shell.heading("Features", level=3), rows, pn.Row(reset, margin=(12, 0, 0, 0)),
            self.state, self.summary, shell.html(f'<p class="quiet small">{words}</p>', margin=(10, 0, 0, 0)),
        )  # fmt: skip
        return shell.columns(controls, shell.card(self._place), widths="minmax(320px, 1fr) minmax(0, 2.4fr)")

    def reset(self) -> None:
        """Back to where the sliders began."""
        for one, home in zip(self.sliders, self.question.features.home, strict=True):
            with param.parameterized.discard_events(self):
                one.value = float(np.clip(round(float(home), decimals_of(one)), one.start, one.end))
        self.question.reset()

    def _moved(self, k: int, value: float) -> None:
        one = self.sliders[k]
        if abs(float(self.question.x[k]) - value) > one.step / 2:  # else it only follows, to its precision
            self.question.set(k, value)

    def _follow(self, *_: object) -> None:
        answer = self.question.answer
        if answer is None:
            return
        is_asked = self.mosaic is not None  # else the time is that of compiling
        with pn.io.hold():
            self._draw(answer)
            self.seconds = time.perf_counter() - answer.asked if is_asked else 0.0
            took = f" in {1000 * self.seconds:.0f} ms" if is_asked else ""
            self.summary.text = f"{NUM_DRAWS:,} draws{took}.".replace(",", " ")

    def _doubt(self, *_: object) -> None:
        if self.question.answer is not None or self.question.problem:
            self.state.text = self.question.problem or _doubt(self.question.p_value)

    def _draw(self, answer: Answer) -> None:
        if self.mosaic is None:
            self._base = draws_like(self.tree, answer.theta)
            prior = None if self._base.prior is None else self._base.prior[:NUM_PRIOR]
            self._base = self._base.with_values(answer.theta, prior=prior)
            self.mosaic = PairMosaic(self._base)
            self._place.objects = [self.mosaic]
        else:
            self.mosaic.replace(self._base.with_values(answer.theta, prior=self._base.prior))


_COMPILING = "Reading the posterior; this happens once …"
_TO_COME = '<p class="quiet">The posterior of these features appears here, and follows the sliders.</p>'


def _doubt(p_value: float) -> str:
    if not p_value < UNLIKELY:
        return ""
    return "Hardly any simulation is as unusual as these features: the posterior here is a guess."


def _typical(cloud: np.ndarray) -> np.ndarray:
    """The simulation nearest to the medians of all: unlike the medians, features that go together."""
    if not len(cloud):
        return np.zeros(cloud.shape[1], np.float32)
    low, middle, high = np.quantile(cloud, [0.25, 0.5, 0.75], axis=0)
    apart = np.abs(cloud - middle) / np.maximum(high - low, 1e-6 * (np.abs(middle) + 1e-6))
    return cloud[int(np.minimum(apart, 10).sum(axis=1).argmin())]


def _range(column: np.ndarray, home: float) -> live.SliderRange:
    """The central 99 % of the simulations and the place where the slider begins; whole steps for counts."""
    finite = column[np.isfinite(column)].astype(float)
    low, high = np.percentile(finite, CENTRAL) if finite.size else (home - 1, home + 1)
    low, high = min(low, home), max(high, home)
    if not high > low:
        low, high = low - max(abs(low), 1.0), high + max(abs(high), 1.0)
    if finite.size and (finite == np.round(finite)).all() and high - low >= 2:
        return live.SliderRange(float(np.floor(low)), float(np.ceil(high)), 1.0, 0)
    return _finer(live.slider_range(float(low), float(high)), home)


def _finer(span: live.SliderRange, home: float) -> live.SliderRange:
    """Steps that tell two digits of where the slider begins, which may be small beside its range."""
    if home == 0 or span.step <= abs(home) / 10:
        return span
    step = max(
        10.0 ** (np.floor(np.log10(abs(home))) - 1), 10.0 ** np.floor(np.log10(span.high - span.low) - 4)
    )
    return replace(span, step=float(step), decimals=max(0, -round(np.log10(step))))
