"""What a density is most sensitive to at a point that somebody chooses; computed in the background."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from dashboard.background import Search
from inference.analysis import Axes, find_mode, hessian, sensitivity_axes
from inference.drawn_posterior import AnyPosterior

EDGE = 1e-4  # share of the support that a point keeps from its edges


class Wish(NamedTuple):
    """A point, (dim,), and whether to climb from there to the next mode."""

    theta: np.ndarray
    climbs: bool = False


class Curvature(NamedTuple):
    """At a point, (dim,): the axes of the Hessian of log q, and whether the point was climbed to."""

    theta: Float[np.ndarray, " dim"]
    axes: Axes
    is_mode: bool


class Point(Search[Wish, Curvature]):
    """A point in parameter space; the curvature there follows.

    Args:
        theta: where to begin, (dim,).
        load: gives the posterior; called in the background.
    """

    failure = "There is no curvature here"

    def __init__(self, theta: np.ndarray, load: Callable[[], AnyPosterior]) -> None:
        super().__init__(load)
        self.ask(theta)

    def ask(self, theta: np.ndarray, *, climbs: bool = False) -> None:
        """Go there, or to the mode next to there."""
        self._ask(Wish(np.asarray(theta, float), climbs))

    def _look(self, wish: Wish) -> Curvature:
        posterior = self._load()
        theta = within(wish.theta, posterior.prior.low, posterior.prior.high)
        if wish.climbs:
            theta = np.asarray(find_mode(posterior, theta).theta, float)
        return Curvature(theta, sensitivity_axes(hessian(posterior, theta)), wish.climbs)


def within(theta: np.ndarray, low: np.ndarray, high: np.ndarray) -> Float[np.ndarray, " dim"]:
    """A point a little inside the bounds, where there are any."""
    air = np.where(np.isfinite(high - low), EDGE * (high - low), 0.0)
    return np.clip(np.asarray(theta, float), low + air, high - air)
