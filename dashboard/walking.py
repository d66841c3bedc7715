"""Ways between two draws of a posterior, computed in the background, and somebody who walks along one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
import param
from jaxtyping import Float

from dashboard.background import Search
from dashboard.curvature import within
from dashboard.views.draws import PosteriorDraws
from inference.analysis import Path, disparate_pair, high_probability_path, orthogonal_path, straight_path
from inference.drawn_posterior import AnyPosterior

RIDGE, STRAIGHT, OFF = "along the ridge", "straight", "off the ridge"
NUM_POINTS, NUM_STEPS = 60, 100
OFF_SHARE = 0.2  # of the ridge's length, that the way off it is long
Pair = tuple[int, int]


class Wish(NamedTuple):
    """What to compute: another pair (None: let it choose), its ridge, or the way off it at a point."""

    pair: Pair | None
    straight: Path | None = None
    ridge: Path | None = None
    off_at: int = 0
    number: int = 0  # of wishes that somebody had until then


class Found(NamedTuple):
    """What there is.

    Attributes:
        pair: numbers of the draws between which the ways lead.
        ways: by what they are called.
        off_at: point of the ridge at which the way off it begins.
        number: of the wish that this answers.
    """

    pair: Pair
    ways: dict[str, Path]
    off_at: int = 0
    number: int = 0


class Walk(Search[Wish, Found]):
    """The ways, and where somebody is on one of them.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
    """

    way = param.Selector(default=RIDGE, objects=[RIDGE, STRAIGHT, OFF], doc="Which one is walked.")
    index = param.Integer(0, bounds=(0, None), doc="Which of its points.")

    failure = "There is no path"

    def __init__(self, draws: PosteriorDraws, load: Callable[[], AnyPosterior]) -> None:
        super().__init__(load)
        self.draws, self._num_chosen = draws, 0
        spread = draws.values if draws.prior is None else draws.prior
        self.scale = np.maximum(np.std(spread, axis=0, dtype=float), 1e-9)
        self._number = 0

    def choose(self) -> None:
        """A pair of disparate draws that are equally probable; another one each time."""
        self._ask(Wish(None))

    def between(self, pair: Pair) -> None:
        """The ways between two draws."""
        self._ask(Wish(pair))

    def step_off(self) -> None:
        """The way off the ridge, from the point of it where somebody is."""
        found = self.found
        if found is not None and RIDGE in found.ways and self.way == RIDGE:
            at = int(np.clip(self.index, 1, len(found.ways[RIDGE].points) - 2))
            self._ask(Wish(found.pair, found.ways[STRAIGHT], found.ways[RIDGE], at))

    @property
    def path(self) -> Path | None:
        """The way that is walked."""
        return None if self.found is None else self.found.ways.get(self.way)

    @property
    def theta(self) -> Float[np.ndarray, " dim"] | None:
        """Where somebody is, a little inside the bounds."""
        if self.path is None:
            return None
        row = self.path.points[min(self.index, len(self.path.points) - 1)]
        return within(row, self.draws.low, self.draws.high)

    def _ask(self, wish: Wish) -> None:
        self._number += 1
        super()._ask(wish._replace(number=self._number))

    def _look(self, wish: Wish) -> Found:
        posterior, scale, rows = self._load(), self.scale, self.draws.values
        if wish.pair is None:
            self._num_chosen += 1
            pair = disparate_pair(jax.random.key(self._num_chosen), posterior, rows, scale)
        else:
            pair = wish.pair
        ends = rows[pair[0]], rows[pair[1]]
        if wish.straight is None:
            line = straight_path(posterior, *ends, scale, num_points=NUM_POINTS)
            return Found(pair, {STRAIGHT: line}, number=wish.number)
        ridge = wish.ridge or high_probability_path(
            posterior, *ends, scale, num_points=NUM_POINTS, num_steps=NUM_STEPS
        )
        ways = {STRAIGHT: wish.straight, RIDGE: ridge}
        if wish.off_at:
            bounds = self.draws.low, self.draws.high
            ways[OFF] = orthogonal_path(posterior, ridge, wish.off_at, scale, share=OFF_SHARE, bounds=bounds)
        return Found(pair, ways, wish.off_at, wish.number)

    def _show(self, found: Found) -> None:
        """The straight line comes first and at once, then the ridge."""
        if RIDGE not in found.ways:
            self.param.update(found=found, way=STRAIGHT, index=0)
            if found.number == self._number:
                self._latest.ask(Wish(found.pair, found.ways[STRAIGHT], number=found.number))
            return
        way = OFF if OFF in found.ways else RIDGE
        index = 0 if way == OFF else self.index
        self.param.update(found=found, way=way, index=index, is_busy=False)
