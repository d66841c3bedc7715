"""Whether a posterior is more than its marginals: what comes of parameters drawn each on its own."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from simulators import Simulations, Simulator, simulate_batch

NUM_SIMULATIONS = 1_000


class Outcome(NamedTuple):
    """What one set of simulations came to.

    Attributes:
        num: simulations.
        valid, valid_error: share that is valid, 0 to 1, and its standard error.
        distance, distance_error: mean distance of the valid ones to the observation, in scales, and its
            standard error; NaN without any.
    """

    num: int
    valid: float
    valid_error: float
    distance: float
    distance_error: float


class Shuffled(NamedTuple):
    """The joint posterior beside the product of its marginals.

    Attributes:
        joint: of draws as they are.
        shuffled: of draws whose every parameter comes from another draw.
    """

    joint: Outcome
    shuffled: Outcome

    @property
    def lost(self) -> tuple[float, float]:
        """By how much fewer are valid, as a share of all, and its standard error."""
        error = np.hypot(self.joint.valid_error, self.shuffled.valid_error)
        return self.joint.valid - self.shuffled.valid, float(error)


def shuffled_marginals(
    key: Key[Array, ""],
    simulator: Simulator,
    draws: Float[np.ndarray, "n dim"],
    x_o: Float[ArrayLike, " num_features"],
    *,
    num: int = NUM_SIMULATIONS,
    scale: Float[ArrayLike, " num_features"] | None = None,
) -> Shuffled:
    """Simulations of draws, and of the same draws with every column in an order of its own.

    The columns keep their marginals and lose all that they had to do with each other. The distance of a valid
    simulation is the root of the mean of ((x - x_o) / scale)^2 over features that are not NaN.

    Args:
        key: for the order and for the simulations.
        simulator: the model.
        draws: of the posterior; the first `num` are taken.
        x_o: the observation.
        num: simulations of either kind.
        scale: of each feature, for instance the sd over valid simulations of the prior; None: that over the
            valid simulations of the draws. A feature whose scale is not positive is left out.

    Raises:
        ValueError: fewer than two draws.

    Reference: Goncalves et al. 2020, eLife 9:e56261, appendix 1, figure 14.
    """
    rows = np.asarray(draws, np.float32)[:num]
    if len(rows) < 2:
        raise ValueError(f"To shuffle marginals takes two draws at least; got {len(rows)}.")
    order_key, simulate_key = jax.random.split(key)
    shuffled = np.asarray(jax.random.permutation(order_key, rows, axis=0, independent=True))
    joint, apart = (simulate_batch(simulator, simulate_key, theta=part) for part in (rows, shuffled))
    if scale is None:
        known = joint.x[joint.is_valid].astype(float)
        scale = np.nanstd(known, axis=0) if len(known) else np.zeros(simulator.num_features)
    goal, unit = np.asarray(x_o, float), np.asarray(scale, float)
    return Shuffled(_outcome(joint, goal, unit), _outcome(apart, goal, unit))


def _outcome(found: Simulations, goal: np.ndarray, unit: np.ndarray) -> Outcome:
    num, valid = len(found), float(np.mean(found.is_valid))
    used = (unit > 0) & np.isfinite(goal)
    squares = ((found.x[found.is_valid][:, used] - goal[used]) / unit[used]) ** 2
    known = np.isfinite(squares)
    with np.errstate(invalid="ignore"):
        away = np.sqrt(np.where(known, squares, 0.0).sum(axis=1) / known.sum(axis=1))
    away = away[np.isfinite(away)]
    mean = float(away.mean()) if len(away) else np.nan
    error = float(away.std(ddof=1) / np.sqrt(len(away))) if len(away) > 1 else np.nan
    return Outcome(num, valid, float(np.sqrt(valid * (1 - valid) / num)), mean, error)
