"""What an amortised posterior makes of each feature: how far it moves and widens when the feature changes."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.calibration import Calibrated

AT_ONCE = 16  # changed observations side by side


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Slopes of the posterior at an observation, per prior-predictive standard deviation of each feature.

    They describe the estimator, not the model: a feature may tell much and be overlooked.

    Attributes:
        shift: (dim, num_features), of the mean, in standard deviations of the posterior.
        widening: (dim, num_features), of the log of the standard deviation.
        strength: (num_features,), of the whole posterior: the square root of the symmetric KL divergence, in
            nats, between Gaussians of the moments on either side, divided by their distance. In one parameter
            of constant width it is |shift|.
    """

    shift: Float[np.ndarray, "dim num_features"]
    widening: Float[np.ndarray, "dim num_features"]
    strength: Float[np.ndarray, " num_features"]


def sensitivity(
    key: Key[Array, ""],
    posterior: Calibrated,
    x_o: ArrayLike,
    x: ArrayLike,
    *,
    step: float = 0.1,
    num_draws: int = 2_000,
) -> Sensitivity:
    """Central differences over `step` standard deviations to either side, all features in one compiled call.

    All observations are answered with the same random numbers, which leaves little noise for flows. Where
    components of a mixture change their weights it is about 3 / sqrt(num_draws) of a shift. Parameters are
    taken in the prior's own space.

    Args:
        key: of the draws.
        posterior: amortised; only its estimator and prior are used.
        x_o: the observation, (num_features,); a missing feature has no slope: NaN.
        x: features of simulations from the prior, (n, num_features), which give the standard deviations;
            those that are not finite are left out.
        step: to either side, in those standard deviations.
        num_draws: for each of 2 x num_features observations.

    Raises:
        ValueError: the shapes do not fit.
    """
    x_o, x = np.asarray(x_o, np.float32), np.asarray(x, float)
    if x_o.ndim != 1 or x.ndim != 2 or x.shape[1:] != x_o.shape:
        raise ValueError(
            f"x_o (num_features,) and x (n, num_features) do not fit: got {x_o.shape} and {x.shape}."
        )
    unit = np.nan_to_num(np.nanstd(np.where(np.isfinite(x), x, np.nan), axis=0))
    answers = _moments(posterior.estimator, posterior.prior, key, x_o, (step * unit, num_draws))
    mean, covariance = (np.asarray(part, float) for part in answers)
    shift, widening, strength = _slopes(mean, covariance, 2 * step)
    has_slope = np.isfinite(x_o) & (unit > 0)
    return Sensitivity(*(np.where(has_slope, part, np.nan) for part in (shift, widening, strength)))


@eqx.filter_jit
def _moments(estimator, prior, key, x_o, settings) -> tuple[Array, Array]:
    """Means (num_features, 2, dim) and covariances, with each feature lowered and raised."""
    steps, num_draws = settings
    keys = jax.random.split(key, num_draws)

    def answer(change):
        feature, side = change // 2, 2 * (change % 2) - 1
        x = x_o.at[feature].add(side * steps[feature])
        draws = prior.from_unconstrained(jax.vmap(lambda k: estimator.sample(k, x))(keys))
        return draws.mean(axis=0), jnp.atleast_2d(jnp.cov(draws.T))

    x_o, num = jnp.asarray(x_o), len(x_o)
    mean, covariance = jax.lax.map(answer, jnp.arange(2 * num), batch_size=min(AT_ONCE, 2 * num))
    return mean.reshape(num, 2, -1), covariance.reshape(num, 2, *covariance.shape[1:])


def _slopes(mean: np.ndarray, covariance: np.ndarray, width: float) -> tuple[np.ndarray, ...]:
    variance = np.maximum(np.diagonal(covariance, axis1=2, axis2=3), 1e-300)
    moved = mean[:, 1] - mean[:, 0]
    shift = moved / np.sqrt(variance.mean(axis=1)) / width
    widening = 0.5 * np.log(variance[:, 1] / variance[:, 0]) / width
    precision = np.linalg.pinv(covariance, hermitian=True)
    both = precision.sum(axis=1)
    # KL in both directions, added: of the shift the square of its Mahalanobis length is left.
    shifted = 0.5 * np.einsum("fi,fij,fj->f", moved, both, moved)
    widened = sum(np.trace(precision[:, i] @ covariance[:, 1 - i], axis1=1, axis2=2) for i in (0, 1))
    divergence = np.maximum(shifted + 0.5 * (widened - 2 * mean.shape[-1]), 0)
    return shift.T, widening.T, np.sqrt(divergence) / width
