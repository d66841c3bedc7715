"""Conditional correlations, averaged over ever more draws while somebody looks on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from dashboard.background import Gathering
from dashboard.views.draws import PosteriorDraws
from inference.analysis import conditional_correlations, held
from inference.drawn_posterior import AnyPosterior

NUM_DRAWS = 100  # over which is averaged in the end
SECONDS = 0.6  # between two pictures


class Averaged(NamedTuple):
    """Correlations so far.

    Attributes:
        names: of the parameters.
        total: sum over the draws, and `found`: how many had a value, (dim, dim).
        num: draws done.
    """

    names: tuple[str, ...]
    total: Float[np.ndarray, "dim dim"]
    found: Int[np.ndarray, "dim dim"]
    num: int = 0

    @property
    def matrix(self) -> Float[np.ndarray, "dim dim"]:
        """The mean; NaN where there is none."""
        return np.where(self.found > 0, self.total / np.maximum(self.found, 1), np.nan)

    def with_one(self, matrix: Float[np.ndarray, "dim dim"]) -> Averaged:
        """After one more draw."""
        return Averaged(
            self.names, self.total + np.nan_to_num(matrix), self.found + np.isfinite(matrix), self.num + 1
        )


class Correlating(Gathering[Averaged]):
    """Averages over draw after draw; asked for other parameters it begins anew. See `Gathering`.

    Args:
        draws: of the posterior; its first ones are those at which the others are held.
        load: gives the posterior; called in the background.
    """

    failure = "There are no correlations"

    def __init__(self, draws: PosteriorDraws, load: Callable[[], AnyPosterior]) -> None:
        super().__init__()
        self.draws, self._load = draws, load
        self.num_draws = min(NUM_DRAWS, len(draws))

    def begin(self, names: Sequence[str]) -> None:
        """Correlations of these parameters, with all others held; goes on where the same were stopped."""
        if self.found is None or self.found.names != tuple(names):
            shape = (len(names), len(names))
            self.found = Averaged(tuple(names), np.zeros(shape), np.zeros(shape, int))
        self._go_on()

    def is_whole(self, found: Averaged) -> bool:
        """Whether all draws have been averaged over."""
        return found.num >= self.num_draws

    def _is_wanted(self, found: Averaged) -> bool:
        return self.found is not None and found.names == self.found.names  # else others have been asked for

    def _more(self, so_far: Averaged) -> Averaged:
        posterior = self._load()
        at = [self.draws.names.index(name) for name in so_far.names]
        ranges = np.stack(self.draws.zoomed_range, axis=1)[at]

        def with_next(so_far: Averaged) -> Averaged:
            theta = self.draws.values[so_far.num]
            part = held(posterior, theta, at)
            return so_far.with_one(conditional_correlations(part, theta[None, at], ranges))

        return self._for_a_while(with_next, so_far, SECONDS)
