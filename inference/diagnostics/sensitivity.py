"""What an amortised posterior makes of each feature: how far it moves and widens when the feature changes."""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.calibration import Calibrated

AT_ONCE = 16  # changed observations, or derivatives, side by side
CENTRAL = (0.1587, 0.8413)  # quantiles, one standard deviation from the centre of a normal


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Slopes of the posterior at an observation, per prior-predictive standard deviation of each feature.

    They describe the estimator, not the model: a feature may tell much and be overlooked.

    Attributes:
        shift: (dim, num_features), of the mean, in standard deviations of the posterior: half the width of
            its central 68 %, which stray draws do not change.
        widening: (dim, num_features), of the log of that width.
        strength: (num_features,), of the whole posterior: the root of the Fisher information that its draws
            carry about the feature, sqrt(E[(d log q(theta | x) / dx)^2]); its square is the symmetric KL
            divergence, in nats, of answers to neighbouring observations, divided by their squared distance.
            In one normal parameter of constant width it is |shift|.
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
    step: float = 0.03,
    num_draws: int = 2_000,
) -> Sensitivity:
    """How strongly each feature moves the answer, all features in one compiled call.

    Strength is by automatic differentiation. Shift and widening are central differences over `step` standard
    deviations to either side, in the prior's own space; all observations are answered with the same random
    numbers, which leaves little noise for flows. Where components of a mixture change their weights it is
    about 3 / sqrt(num_draws) of a shift.

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
    steps = jnp.asarray(step * unit, jnp.float32)
    answers = _answers(posterior.estimator, posterior.prior, key, jnp.asarray(x_o), (steps, num_draws))
    mean, width, score = (np.asarray(part, float) for part in answers)
    shift = (mean[:, 1] - mean[:, 0]) / width.mean(axis=1) / (2 * step)
    widening = np.log(width[:, 1] / width[:, 0]) / (2 * step)
    has_slope = np.isfinite(x_o) & (unit > 0)
    return Sensitivity(*(np.where(has_slope, part, np.nan) for part in (shift.T, widening.T, score * unit)))


@eqx.filter_jit
def _answers(estimator, prior, key, x_o, settings) -> tuple[Array, Array, Array]:
    """With each feature lowered and raised: means (num_features, 2, dim), half widths; scores."""
    steps, num_draws = settings
    keys, num = jax.random.split(key, num_draws), len(x_o)

    def answer(change):
        feature, side = change // 2, 2 * (change % 2) - 1
        x = x_o.at[feature].add(side * steps[feature])
        draws = prior.from_unconstrained(jax.vmap(lambda k: estimator.sample(k, x))(keys))
        low, high = jnp.quantile(draws, jnp.array(CENTRAL), axis=0)
        return draws.mean(axis=0), jnp.maximum((high - low) / 2, 1e-30)

    def square(key):
        u = estimator.sample(key, x_o)
        return jax.grad(lambda x: estimator.log_prob(u, x))(x_o) ** 2

    mean, width = jax.lax.map(answer, jnp.arange(2 * num), batch_size=min(AT_ONCE, 2 * num))
    score = jnp.sqrt(jnp.nanmean(jax.lax.map(square, keys, batch_size=AT_ONCE), axis=0))
    return mean.reshape(num, 2, -1), width.reshape(num, 2, -1), score
