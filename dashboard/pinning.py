"""Parameters of a posterior that somebody pins: the draws of the others follow, and sharpen by themselves."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import numpy as np
import param
from jaxtyping import Float

from dashboard.background import Latest
from inference.analysis import Pinned, more_steps, pinned_draws
from inference.drawn_posterior import AnyPosterior

NUM_DRAWS = 600  # of the first picture, within a blink
NUM_ROUNDS, NUM_STEPS = 5, 12  # how often, and by how many steps each time, they are refined
NUM_SOURCE = 5_000  # draws of the posterior from which they are made


class Wish(NamedTuple):
    """What is pinned, when somebody wanted it, and what there is of it already."""

    pinned: Mapping[int, float]
    asked: float
    so_far: tuple[Pinned, ...] = ()


class Answer(NamedTuple):
    """Draws given what is pinned.

    Attributes:
        wish: to which they answer. draws: (n, dim).
        is_first: whether they are the first to it, and not refined ones.
        is_last: whether they are refined as far as they will be.
    """

    wish: Wish
    draws: Float[np.ndarray, "n dim"]
    is_first: bool
    is_last: bool


class Pinning(param.Parameterized):
    """Which parameters are pinned, and at which values; the draws of the others follow.

    The first answer to a wish is rough. While nobody wishes for something else, the same draws take more
    steps, and what they pass joins them.

    Args:
        draws: of the posterior, (n, dim).
        load: gives the posterior; called in the background.
        pinned: parameter number -> value, to begin with.
    """

    pinned = param.Dict({}, doc="Parameter number -> value.")
    answer = param.ClassSelector(class_=Answer, doc="The newest; None before the first.")
    problem = param.String(doc="One sentence where there is no answer.")

    def __init__(
        self, draws: np.ndarray, load: Callable[[], AnyPosterior], pinned: Mapping[int, float]
    ) -> None:
        super().__init__(pinned=dict(pinned))
        self.draws, self._load = draws[:NUM_SOURCE], load
        self._latest = Latest(self._work, self._show, self._fail)
        self._newest = 0.0
        self._wish()

    def set(self, k: int, value: float | None) -> None:
        """Pin a parameter at a value; None lets it go."""
        rest = {key: v for key, v in self.pinned.items() if key != k}
        self.pinned = rest if value is None else {**self.pinned, k: float(value)}

    @param.depends("pinned", watch=True)
    def _wish(self) -> None:
        self._newest = time.perf_counter()
        self._latest.ask(Wish(dict(self.pinned), self._newest))

    def _work(self, wish: Wish) -> Answer:
        if not wish.pinned:
            return Answer(wish, self.draws, is_first=True, is_last=True)
        key, posterior = jax.random.key(len(wish.so_far)), self._load()  # the same noise for every wish
        if wish.so_far:
            last = wish.so_far[-1]
            found = more_steps(key, posterior, last, wish.pinned, num_steps=NUM_STEPS)
        else:
            found = pinned_draws(key, posterior, self.draws, wish.pinned, num=NUM_DRAWS)
        # What the first steps gave is not kept: it may still tell of where they began.
        so_far = (*wish.so_far[1:], found)
        draws = np.concatenate([part.draws for part in so_far])
        return Answer(
            wish._replace(so_far=(*wish.so_far, found)), draws, not wish.so_far, len(so_far) >= NUM_ROUNDS
        )

    def _show(self, answer: Answer) -> None:
        self.param.update(answer=answer, problem="")
        if answer.wish.asked == self._newest and not answer.is_last:
            self._latest.ask(answer.wish)

    def _fail(self, error: Exception) -> None:
        self.problem = f"There is no answer: {error}"
