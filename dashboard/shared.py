"""Observations that share parameters: what they tell together, and the posterior for any number of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
import panel as pn
import panel_material_ui as pmui
import param
import xarray as xr
from jaxtyping import Array

from dashboard import shell
from dashboard.background import Latest
from dashboard.playing import Play
from dashboard.views.hierarchy_data import read_hierarchy
from dashboard.views.narrowing import Narrowing, Told
from dashboard.views.own_parameters import OwnParameters
from dashboard.views.pair_mosaic import PairMosaic
from dashboard.views.rounds import num_rounds
from dashboard.words import count
from inference.drawn_posterior import AnyPosterior
from inference.hierarchical_posterior import HierarchicalPosterior

NUM_DRAWS, NUM_PRIOR = 2_000, 2_000
STEP_MILLISECONDS = 900  # from one number of extras to the next while it plays


class Shared(pn.viewable.Viewer):
    """Narrowing, a player over the number of extras, what each told, and each observation's own parameters.

    Args:
        tree: of a result for which `hierarchy_data.is_hierarchical` holds.
        load: gives its posterior; called in the background.
        labels: what the observations were recorded as, the first one first.
    """

    num = param.Integer(0, bounds=(0, None), doc="Extra observations in use, the first ones.")

    def __init__(
        self, tree: xr.DataTree, load: Callable[[], AnyPosterior], labels: Sequence[str] = ()
    ) -> None:
        self.hierarchy = read_hierarchy(tree, labels)
        super().__init__(num=self.hierarchy.num_extra)
        self.param["num"].bounds = (0, max(self.hierarchy.num_extra, 1))
        self._load = load
        self.can_ask = num_rounds(tree) == 1 and self.hierarchy.num_extra > 0
        self.narrowing = Narrowing(self.hierarchy) if len(self.hierarchy.num_shown) else None
        self.told = Told(self.hierarchy) if len(self.hierarchy.told) else None
        self.own = OwnParameters(self.hierarchy)
        self.seconds = 0.0  # from a wish to its picture
        self.mosaic: PairMosaic | None = None
        self.state = shell.Line(testid="shared-state", kind="state")
        self._place = pn.Column(margin=0, sizing_mode="stretch_width")
        self._latest = Latest(self._ask, self._show, self._fail)
        self.play = Play(
            self._rewind,
            self._step,
            milliseconds=STEP_MILLISECONDS,
            help_text="Add one extra after the other",
        )
        self.param.watch(self._wish, "num")
        if self.can_ask:
            self.state.text = "Reading the posterior; this happens once …"
            self._wish()

    def __panel__(self) -> pn.Column:
        parts = []
        if self.narrowing is not None:
            parts.append(shell.card(shell.heading("What the extras add", level=3), self.narrowing))
        if self.can_ask:
            parts.append(shell.card(*self._player(), self.state, self._place))
        elif self.hierarchy.num_extra:
            parts.append(shell.alert(SHARPENED, "info", "sharpened"))
        if self.told is not None:
            parts.append(shell.card(shell.heading("Which extra told us most?", level=3), self.told))
        own = shell.heading("Each observation's own parameters", level=3)
        return pn.Column(*parts, shell.card(own, self.own), margin=0, sizing_mode="stretch_width")

    def _player(self) -> list[Any]:
        most = self.hierarchy.num_extra
        slider = pmui.IntSlider.from_param(
            self.param.num, label="Extra observations in use", start=0, end=most, step=1, description="",
            sizing_mode="stretch_width", margin=(0, 0, 0, 8),
        )  # fmt: skip
        heading = shell.heading("The posterior for this many", level=3)
        row = pmui.Row(
            self.play, slider, sizing_mode="stretch_width", margin=(0, 0, 6, 0), sx={"alignItems": "center"}
        )
        return [heading, row]

    def _rewind(self) -> None:
        self.num = 0 if self.num >= self.hierarchy.num_extra else self.num

    def _step(self) -> bool:
        """One extra more, and whether there are others."""
        self.num = min(self.num + 1, self.hierarchy.num_extra)
        return self.num < self.hierarchy.num_extra

    def _wish(self, *_: object) -> None:
        if self.narrowing is not None:
            self.narrowing.mark(self.num)
        if self.can_ask:
            self._latest.ask((self.num, time.perf_counter()))

    def _ask(self, wish: tuple[int, float]) -> tuple[np.ndarray, int, float]:
        (num, asked), x = wish, self.hierarchy.x.astype(np.float32)
        posterior: Any = self._load()
        # Always the same key: what moves is the posterior, not its noise.
        theta = posterior.sample(jax.random.key(0), NUM_DRAWS, x[0], extra=x[1 : 1 + num])
        return np.asarray(theta), num, asked

    def _show(self, answer: tuple[np.ndarray, int, float]) -> None:
        theta, num, asked = answer
        with pn.io.hold():
            self._draw(theta)
            self.seconds = time.perf_counter() - asked
            self.state.text = f"Posterior given the observation and {count(num, 'extra')}."

    def _fail(self, error: Exception) -> None:
        self.state.text = f"There is no answer: {error}"

    def _draw(self, theta: np.ndarray) -> None:
        base = self.hierarchy.draws
        draws = base.with_values(theta, prior=None if base.prior is None else base.prior[:NUM_PRIOR])
        if self.mosaic is None:
            self.mosaic = PairMosaic(draws)
            self._place.objects = [self.mosaic]
        else:
            self.mosaic.replace(draws)


class BesideExtras(NamedTuple):
    """A hierarchical posterior that is asked about other first observations, beside the same extras."""

    posterior: HierarchicalPosterior
    extra: np.ndarray

    def sample(self, key: Array, num: int, x: np.ndarray) -> Array:
        """As `HierarchicalPosterior.sample`."""
        return self.posterior.sample(key, num, x, extra=self.extra)


def beside_extras(tree: xr.DataTree, load: Callable[[], Any]) -> Callable[[], Any]:
    """Gives the posterior of a hierarchical result for other first observations, beside its extras."""
    extra = read_hierarchy(tree).x[1:].astype(np.float32)
    return lambda: BesideExtras(load(), extra)


SHARPENED = (
    "Several rounds sharpened this posterior for all its extras together; one round (num_rounds=1) answers "
    "for any number of them."
)
