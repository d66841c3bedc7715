"""Local C2ST: is an amortised posterior right at one observation? Judged without a reference posterior.

A classifier learns to tell true parameters from draws of their posteriors, given the features; what it says
about the draws at the observation shows where the posterior is wrong there. Here it is a least-squares
classifier on fixed random features: all relabellings that the p-value needs share its one factorisation.

References:
    Linhart, Gramfort and Rodrigues 2023, arXiv:2306.03580, algorithms 1 and 2 (statistic: eq. 11);
    Rahimi and Recht 2007 (random features).
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from inference.diagnostics.calibration import Calibrated, checked_rows

NUM_FOR_MOMENTS = 128  # draws by which each posterior is centred and scaled
FARTHEST = 6.0  # standard deviations, beyond which a draw counts as lying there
MOST_COLUMNS = 8  # of the features; of more, the leading principal components
NUM_WAVES = 200  # random features
RIDGE = 3e-2  # of the mean square of a feature


@dataclass(frozen=True, eq=False)
class LocalC2ST:
    """How far a classifier's verdict on the draws at the observation is from none.

    Attributes:
        statistic: mean of (probability - 0.5)^2 over the draws.
        p_value: share of the relabellings (the given labels included) with a statistic at least as large: at
            most a with probability at most a for a posterior that is right everywhere.
        null: (num_null,), statistics of the relabellings.
        theta: (num_draws, dim), draws at the observation.
        probability: (num_draws,), that a draw is a true parameter: above 0.5 where the posterior has too few
            draws, below where it has too many.
    """

    statistic: float
    p_value: float
    null: Float[np.ndarray, " num_null"]
    theta: Float[np.ndarray, "num_draws dim"]
    probability: Float[np.ndarray, " num_draws"]


def local_c2st(
    key: Key[Array, ""],
    posterior: Calibrated,
    theta: Float[np.ndarray, "n dim"],
    x: Float[np.ndarray, "n num_features"],
    x_o: ArrayLike,
    *,
    num_draws: int = 1_000,
    num_null: int = 200,
) -> LocalC2ST:
    """The local classifier two-sample test at `x_o`.

    Parameters are seen in the estimator's space, centred and scaled by their posterior's own draws, so that
    the classifier need not learn first where each posterior lies.

    Args:
        key: of all draws, random features and relabellings.
        posterior: amortised; only its estimator and prior are used.
        theta: true parameters, drawn from the prior; a few thousand.
        x: what was simulated from them, not seen in training.
        x_o: the observation, (num_features,).
        num_draws: at the observation.
        num_null: relabellings, of a true parameter and the draw beside it.

    Raises:
        ValueError: as `sbc`, or x_o does not fit.
    """
    theta, x = checked_rows(posterior, theta, x)
    x_o = np.asarray(x_o, np.float32)
    if x_o.shape != x.shape[1:]:
        raise ValueError(f"x_o must have the shape of a row of x, {x.shape[1:]}; got {x_o.shape}.")
    pair_key, here_key, wave_key, null_key = jax.random.split(key, 4)
    estimator, prior = posterior.estimator, posterior.prior
    true, drawn = _pairs(estimator, prior, jax.random.split(pair_key, len(x)), theta, x)
    here, theta_here = _here(estimator, prior, here_key, x_o, num_draws)
    columns, column_o = _columns(x, x_o)
    signs = jnp.concatenate(
        [jnp.ones((1, len(x))), jax.random.rademacher(null_key, (num_null, len(x)), float)]
    )
    margin = np.asarray(_margins(wave_key, (true, drawn, columns), (here, column_o), signs), float)
    probability = np.clip(0.5 + 0.5 * margin, 0, 1)
    statistic = ((probability - 0.5) ** 2).mean(axis=0)
    p_value = (1 + (statistic[1:] >= statistic[0]).sum()) / (1 + num_null)
    return LocalC2ST(
        float(statistic[0]), float(p_value), statistic[1:], np.asarray(theta_here), probability[:, 0]
    )


def _columns(x: np.ndarray, x_o: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features as a classifier takes them: of unit size, without gaps, few."""
    rows = np.where(np.isfinite(x), x, np.nan)
    usable = np.isfinite(rows).any(axis=0)
    rows, x_o = rows[:, usable].astype(float), x_o[usable].astype(float)
    centre, spread = np.nanmean(rows, axis=0), np.maximum(np.nanstd(rows, axis=0), 1e-12)
    z, z_o = (np.nan_to_num(np.clip((part - centre) / spread, -FARTHEST, FARTHEST)) for part in (rows, x_o))
    if z.shape[1] > MOST_COLUMNS:
        _, size, axes = np.linalg.svd(z, full_matrices=False)
        turn = axes[:MOST_COLUMNS].T * (np.sqrt(len(z)) / np.maximum(size[:MOST_COLUMNS], 1e-12))
        z, z_o = z @ turn, z_o @ turn
    return z.astype(np.float32), z_o.astype(np.float32)


@eqx.filter_jit
def _pairs(estimator, prior, keys, theta, x) -> tuple[Array, Array]:
    """Each true parameter and one draw beside it, in standard deviations of other draws."""

    def pair(row):
        key, theta, x = row
        u = jax.vmap(lambda k: estimator.sample(k, x))(jax.random.split(key, NUM_FOR_MOMENTS + 1))
        both = jnp.stack([prior.to_unconstrained(theta), u[0]])
        return _scaled(both, u[1:])

    both = jax.lax.map(pair, (keys, theta, x))
    return both[:, 0], both[:, 1]


@eqx.filter_jit
def _here(estimator, prior, key, x, num) -> tuple[Array, Array]:
    u = jax.vmap(lambda k: estimator.sample(k, x))(jax.random.split(key, NUM_FOR_MOMENTS + num))
    return _scaled(u[NUM_FOR_MOMENTS:], u[:NUM_FOR_MOMENTS]), prior.from_unconstrained(u[NUM_FOR_MOMENTS:])


def _scaled(u: Array, others: Array) -> Array:
    return jnp.clip((u - others.mean(axis=0)) / (others.std(axis=0) + 1e-6), -FARTHEST, FARTHEST)


@jax.jit
def _margins(key, pairs, here, signs) -> Float[Array, "num_draws num_labels"]:
    """Of the draws at the observation, for each row of signs: -1 exchanges the labels of a pair.

    The weights are w = (F^T F + r)^-1 F^T y; in F^T y each pair leaves the difference of its features.
    """
    true, drawn, columns = pairs
    dim = true.shape[1] + columns.shape[1]
    frequency_key, phase_key = jax.random.split(key)
    waves = jax.random.normal(frequency_key, (dim, NUM_WAVES)) / jnp.sqrt(0.5 * dim)
    phases = jax.random.uniform(phase_key, (NUM_WAVES,), maxval=2 * np.pi)
    upper = np.triu_indices(dim)

    def features(theta, columns):
        z = jnp.concatenate([theta, columns], axis=1)
        squares = z[:, upper[0]] * z[:, upper[1]]
        return jnp.concatenate([jnp.ones((len(z), 1)), z, squares, jnp.cos(z @ waves + phases)], axis=1)

    of_true, of_drawn = features(true, columns), features(drawn, columns)
    scale = jnp.sqrt((of_true**2 + of_drawn**2).mean(axis=0) / 2) + 1e-6
    of_true, of_drawn = of_true / scale, of_drawn / scale
    gram = of_true.T @ of_true + of_drawn.T @ of_drawn
    towards = (of_true - of_drawn).T @ signs.T
    ridge = RIDGE * 2 * len(true) * jnp.eye(len(gram))
    weights = jax.scipy.linalg.solve(gram + ridge, towards, assume_a="pos")
    there = jnp.broadcast_to(here[1], (len(here[0]), len(here[1])))
    return features(here[0], there) / scale @ weights
