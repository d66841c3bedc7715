"""How much the threshold of approximate Bayesian computation widens a posterior."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float


def median_distance(
    predicted: Float[np.ndarray, "n num_features"],
    x_o: Float[np.ndarray, " num_features"],
    scale: Float[np.ndarray, " num_features"],
) -> float:
    """Root mean square over features of (predicted - x_o) / scale, median of the finite rows; NaN: none."""
    away = np.sqrt((((predicted - x_o) / scale) ** 2).mean(axis=1))
    known = away[np.isfinite(away)]
    return float(np.median(known)) if known.size else float("nan")


def widening(accepted: float, predicted: float) -> float:
    """How many times too wide a posterior may be, from median distances of accepted and fresh simulations.

    Accepted simulations lie within a kernel about the observation, with a mean square distance of k in each
    feature. New ones of the same parameters have twice the variance s^2 of the noise on top, if the features
    follow the parameters linearly and the prior is flat: their mean square distance is k + 2 s^2. The
    variance of the posterior is then s^2 + k instead of s^2. Where the prior matters, it is widened less.

    Args:
        accepted: distance of the accepted simulations, with the kernel.
        predicted: of simulations at the accepted parameters.

    Returns:
        Ratio of standard deviations, at least 1; infinite where fresh simulations are no farther away (or
        their distance is unknown).
    """
    noise = (predicted**2 - accepted**2) / 2
    return float(np.sqrt(1 + accepted**2 / noise)) if noise > 0 else np.inf
