"""Predictive checks: simulate at draws of the posterior or the prior, and look for the observation there."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.misspecification import Misspecification, misspecification
from inference.drawn_posterior import AnyPosterior
from simulators import Simulations, Simulator, simulate_batch

NEAREST = 0.01  # of the predictions should come near the observation
GAP_ALARM = 0.01  # chance that an observation among the predictions is beyond the limit in any feature


@dataclass(frozen=True, eq=False)
class Predictive:
    """Simulations at posterior draws, and their distance from the observation.

    Attributes:
        simulations: one per draw.
        distance: (num_features,), |median of the predictions - observed| in standard deviations of the prior
            predictive; NaN where that is undefined or zero.
        share_defined: (num_features,), share of the predictions in which the feature is finite.
        share_valid: share of valid simulations.
    """

    simulations: Simulations
    distance: Float[np.ndarray, " num_features"]
    share_defined: Float[np.ndarray, " num_features"]
    share_valid: float


def posterior_predictive(
    key: Key[Array, ""],
    posterior: AnyPosterior,
    simulator: Simulator,
    *,
    num: int = 1_000,
    x: ArrayLike | None = None,
) -> Predictive:
    """Simulate at `num` posterior draws and at `num` prior draws.

    Args:
        key: for the draws and all simulations.
        posterior: as `Result.posterior`.
        simulator: the model.
        num: simulations of each kind.
        x: features (num_features,); None: the observation of the posterior.

    Raises:
        ValueError: there is no observation, or x is unusable.
    """
    draw_key, posterior_key, prior_key = jax.random.split(key, 3)
    theta = posterior.sample(draw_key, num, x)
    observed = np.asarray(posterior.x_o if x is None else x, np.float32)
    predicted = simulate_batch(simulator, posterior_key, theta=theta)
    prior_x = simulate_batch(simulator, prior_key, num=num).x
    is_defined = np.isfinite(predicted.x).mean(axis=0).astype(np.float32)
    distance = predictive_distance(predicted.x, prior_x, observed)
    return Predictive(predicted, distance, is_defined, float(predicted.is_valid.mean()))


@dataclass(frozen=True, eq=False)
class PriorPredictive:
    """Simulations at prior draws, and the place of the observation among them.

    Attributes:
        simulations: one per draw.
        distance, share_defined, share_valid: as of `Predictive`.
        place: with p-values, which hold their false-alarm rates whatever the model; see `misspecification`.
    """

    simulations: Simulations
    distance: Float[np.ndarray, " num_features"]
    share_defined: Float[np.ndarray, " num_features"]
    share_valid: float
    place: Misspecification


def prior_predictive(
    key: Key[Array, ""], simulator: Simulator, x_o: ArrayLike, *, num: int = 1_000
) -> PriorPredictive:
    """Simulate at `num` prior draws: can the model, with this prior, have produced the observation?

    Args:
        key: for the draws and all simulations.
        simulator: the model, whose prior is checked with it.
        x_o: features (num_features,).
        num: simulations.

    Raises:
        ValueError: the shape of x_o does not fit, or fewer than 20 simulations are usable.
    """
    observed = np.asarray(x_o, np.float32)
    simulated = simulate_batch(simulator, key, num=num)
    place = misspecification(observed, simulated.x)
    distance = predictive_distance(simulated.x, simulated.x, observed)
    is_defined = np.isfinite(simulated.x).mean(axis=0).astype(np.float32)
    return PriorPredictive(simulated, distance, is_defined, float(simulated.is_valid.mean()), place)


def predictive_distance(
    predicted: Float[np.ndarray, "n num_features"],
    prior: Float[np.ndarray, "m num_features"],
    observed: Float[np.ndarray, " num_features"],
) -> Float[np.ndarray, " num_features"]:
    """|median of the predictions - observed| in prior-predictive standard deviations, of finite entries."""
    spread = _of_finite(np.std, prior)
    return (
        np.abs(_of_finite(np.median, predicted) - observed) / np.where(spread > 0, spread, np.nan)
    ).astype(np.float32)


def predictive_gap(
    predicted: Float[np.ndarray, "n num_features"],
    prior: Float[np.ndarray, "m num_features"],
    observed: Float[np.ndarray, " num_features"],
) -> tuple[Float[np.ndarray, " num_features"], float]:
    """How far the nearest 1 % of the predictions are from the observation, and how far they may be by chance.

    In each feature, the distance within which 1 % of the predictions lie, in prior-predictive standard
    deviations: small if any mode of the predictions holds the observation, unlike the distance of a median.
    The limit is one for all features together: an observation that is one of the predictions is beyond it in
    any feature with probability 0.01 (its largest distance is ranked among those of the predictions; exact
    but for 1 in n). One that the posterior has been given lies nearer than that.

    Returns:
        gap: NaN where the observation is undefined or the prior's spread is 0; infinite where the observation
            is defined and fewer than 1 % of the predictions are.
        limit: a single distance.
    """
    spread = _of_finite(np.std, prior)
    known = np.isfinite(observed) & (spread > 0)
    gap, largest = np.full(observed.shape, np.nan, np.float32), np.zeros(len(predicted))
    for k in np.flatnonzero(known):
        column = predicted[:, k].astype(float)
        gap[k] = _to_nearest(column, float(observed[k])) / spread[k]
        largest = np.fmax(largest, _to_each_other(column) / spread[k])
    rank = min(int(np.ceil((1 - GAP_ALARM) * (len(largest) + 1))), len(largest))
    return gap, float(np.sort(largest)[rank - 1])


def _num_nearest(n: int) -> int:
    return max(1, round(NEAREST * n))


def _to_nearest(column: np.ndarray, value: float) -> float:
    """Distance from `value` to the 1 % of the rows nearest to it; infinite if fewer are finite."""
    num, away = _num_nearest(len(column)), np.abs(column[np.isfinite(column)] - value)
    return float(np.partition(away, num - 1)[num - 1]) if len(away) >= num else np.inf


def _to_each_other(column: np.ndarray) -> np.ndarray:
    """The same for each row among the others, shape (n,); 0 where it is undefined."""
    found, rows = np.zeros(len(column)), np.flatnonzero(np.isfinite(column))
    num = _num_nearest(len(column))
    if len(rows) <= num:
        return found
    order = rows[np.argsort(column[rows], kind="stable")]
    walls = np.full(num, np.inf)
    ordered = np.concatenate([-walls, column[order], walls])
    middle, nearest = ordered[num:-num], np.full(len(rows), np.inf)
    for below in range(num + 1):  # as many of the nearest lie below, the others above
        first = ordered[num - below : len(ordered) - num - below]
        last = ordered[2 * num - below : len(ordered) - below]
        nearest = np.minimum(nearest, np.maximum(middle - first, last - middle))
    found[order] = nearest
    return found


def _of_finite(statistic: Callable[[np.ndarray], float], x: np.ndarray) -> np.ndarray:
    finite = [column[np.isfinite(column)] for column in x.T]
    return np.array([statistic(column) if column.size else np.nan for column in finite])
