"""The modes of a posterior, found in the background: draws climb one after the other, and meet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from dashboard.background import Gathering, Search
from dashboard.views.draws import PosteriorDraws
from inference.analysis import Clusters, Mode, find_mode, join_ends
from inference.drawn_posterior import AnyPosterior

NUM_CLIMBS, NUM_CLIMBS_OF_MANY = 200, 100  # draws that climb; where there are many parameters
MANY = 12  # parameters
SECONDS = 1.0  # between two numbers that somebody reads

Ends = tuple[Mode, ...]


class Climbing(Gathering[Ends]):
    """Lets draw after draw climb; see `Gathering`.

    Args:
        draws: of the posterior.
        load: gives the posterior; called in the background.
    """

    failure = "The draws cannot climb"

    def __init__(self, draws: PosteriorDraws, load: Callable[[], AnyPosterior]) -> None:
        super().__init__()
        self.draws, self._load, self.found = draws, load, ()
        self.num = min(NUM_CLIMBS if draws.dim <= MANY else NUM_CLIMBS_OF_MANY, len(draws))

    def begin(self) -> None:
        """Or go on."""
        self._go_on()

    def is_whole(self, found: Ends) -> bool:
        """Whether all have climbed."""
        return len(found) >= self.num

    def _more(self, so_far: Ends) -> Ends:
        posterior, rows = self._load(), self.draws.values
        return self._for_a_while(lambda ends: (*ends, find_mode(posterior, rows[len(ends)])), so_far, SECONDS)


class Wish(NamedTuple):
    """Ends of climbs, and how many modes they shall be; None: as many as they are."""

    ends: Ends
    num: int | None


class Joining(Search[Wish, Clusters]):
    """Tells which ends of climbs are one mode; see `Search`."""

    failure = "The modes cannot be told apart"

    def ask(self, ends: Ends, num: int | None) -> None:
        """As so many modes; None: as many as they are."""
        self._ask(Wish(ends, num))

    def _look(self, wish: Wish) -> Clusters:
        return join_ends(self._load(), wish.ends, num_modes=wish.num)


def told_apart(values: Float[np.ndarray, "n dim"], owner: np.ndarray) -> Float[np.ndarray, " dim"]:
    """The share of each parameter's variance that lies between the clusters, 0 to 1.

    Args:
        values: of the draws that climbed.
        owner: the cluster of each.
    """
    rows = np.asarray(values, float)
    names, counts = np.unique(owner, return_counts=True)
    middles = np.stack([rows[owner == k].mean(axis=0) for k in names])
    between = (counts[:, None] * (middles - rows.mean(axis=0)) ** 2).sum(axis=0)
    return between / np.maximum(len(rows) * rows.var(axis=0), np.finfo(float).tiny)
