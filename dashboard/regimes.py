"""Regimes of a distribution: its modes along one parameter, and which draws lie nearest to each."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from dashboard.background import Search
from inference.analysis import modes_along, nearest_mode
from inference.drawn_posterior import AnyPosterior

NUM_MODES = 9
CENTRAL = (0.975, 0.025)  # quantiles of the parameter between which the path of modes runs


class Regimes(NamedTuple):
    """The path of modes, and who belongs to which.

    Attributes:
        parameter: position of the one that is held at a value while the others climb.
        values: (k,) those values, from the largest.
        modes: (k, dim).
        owner: (n,) for each draw the nearest mode.
    """

    parameter: int
    values: Float[np.ndarray, " k"]
    modes: Float[np.ndarray, "k dim"]
    owner: Int[np.ndarray, " n"]


class Grouping(Search[int, Regimes]):
    """Draws grouped along a parameter that somebody chooses; nothing is found where none is wanted.

    Args:
        draws: (n, dim).
        load: gives the posterior; called in the background.
    """

    failure = "There are no regimes here"

    def __init__(self, draws: np.ndarray, load: Callable[[], AnyPosterior]) -> None:
        super().__init__(load)
        self.draws = draws
        self._wanted: int | None = None

    def ask(self, parameter: int | None) -> None:
        """Group along this parameter; None: not at all."""
        self._wanted = parameter
        self.found = None
        if parameter is None:
            self.param.update(is_busy=False, problem="")
        else:
            self._ask(parameter)

    def _look(self, wish: int) -> Regimes:
        return find_regimes(self._load(), self.draws, wish)

    def _show(self, found: Regimes) -> None:
        if found.parameter == self._wanted:  # else somebody has chosen another one, or none
            super()._show(found)


def find_regimes(posterior: AnyPosterior, draws: np.ndarray, parameter: int) -> Regimes:
    """The modes at nine values of a parameter, each climbed to from the one before, and the nearest draws.

    Args:
        posterior: with a density.
        draws: (n, dim) of it.
        parameter: its position.

    Reference: Bittner et al. 2021, eLife 10:e56265, figure 5.
    """
    values = np.quantile(draws[:, parameter], np.linspace(*CENTRAL, NUM_MODES))
    start = draws[int(np.argmin(np.abs(draws[:, parameter] - values[0])))]
    modes = modes_along(posterior, start, parameter, values)
    return Regimes(parameter, values, modes, nearest_mode(draws, modes))
