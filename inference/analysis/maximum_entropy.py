"""The greatest entropy that a distribution with given moments can have, by importance weights."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import ArrayLike, Float

MOST_STEPS = 200
EXACT = 1e-6  # largest violation at the solution, in target units
LEAST_EFFECTIVE = 100.0  # effective draws below which nothing is known


class MaximumEntropy(NamedTuple):
    """The solution q(z) = exp(eta T(z)) / Z on the draws.

    Attributes:
        entropy: in nats, with respect to the uniform measure on the box; NaN where it is not known.
        multipliers: (2 p,) eta of f - mean and of (f - mean)^2 - sd^2, with the sign of the density.
        weights: (n,) of the draws, of sum one.
        effective_draws: 1 / sum of the squared weights.
        num_draws: n.
    """

    entropy: float
    multipliers: Float[np.ndarray, " m"]
    weights: Float[np.ndarray, " n"]
    effective_draws: float
    num_draws: int


def maximum_entropy(
    x: Float[np.ndarray, "n p"], mean: ArrayLike, sd: ArrayLike, *, log_volume: float
) -> MaximumEntropy:
    """Newton's method on the dual, log mean exp(eta T) over uniform draws, in double precision.

    Args:
        x: statistics of one simulation at each of n draws, uniform on a box.
        mean: (p,) what their means shall be.
        sd: (p,) and their standard deviations.
        log_volume: of the box.

    Returns:
        The entropy is NaN, and there are no effective draws, where no weights of these draws have the
        moments, or fewer than `LEAST_EFFECTIVE` of them count.
    """
    off, spread = np.asarray(x, float) - np.asarray(mean, float), np.asarray(sd, float)
    unit = np.concatenate([spread, np.sqrt(2) * spread**2])
    t = np.concatenate([off, off**2 - spread**2], axis=1) / unit
    t = t[np.isfinite(t).all(axis=1)]
    eta = _minimum(t) if len(t) else None
    if eta is None:
        return MaximumEntropy(np.nan, np.full(len(unit), np.nan), np.zeros(len(t)), 0.0, len(t))
    weights, log_mean = _weights(t, eta)
    effective = float(1 / (weights**2).sum())
    entropy = log_volume + log_mean if effective >= LEAST_EFFECTIVE else np.nan
    return MaximumEntropy(entropy, eta / unit, weights, effective, len(t))


def _minimum(t: Float[np.ndarray, "n m"]) -> Float[np.ndarray, " m"] | None:
    """Of log mean exp(t eta), which is convex; None where there is none."""
    eta = np.zeros(t.shape[1])
    weights, value = _weights(t, eta)
    for _ in range(MOST_STEPS):
        gradient = weights @ t
        if np.abs(gradient).max() < EXACT:
            return eta
        centred = t - gradient
        hessian = (weights[:, None] * centred).T @ centred
        direction = -np.linalg.solve(hessian + 1e-9 * np.eye(len(eta)) * (1 + np.trace(hessian)), gradient)
        size = 1.0
        while size > 1e-8:
            trial_weights, trial = _weights(t, eta + size * direction)
            if trial <= value + 1e-4 * size * (gradient @ direction):
                break
            size /= 2
        else:
            return None
        eta, weights, value = eta + size * direction, trial_weights, trial
    return None


def _weights(t: Float[np.ndarray, "n m"], eta: Float[np.ndarray, " m"]) -> tuple[np.ndarray, float]:
    """Normalised exp(t eta), and the log of its mean before."""
    exponent = t @ eta
    largest = exponent.max()
    raw = np.exp(exponent - largest)
    return raw / raw.sum(), float(largest + np.log(raw.mean()))
