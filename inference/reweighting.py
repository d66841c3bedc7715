"""Importance re-weighting of a posterior estimate, where the simulator has a likelihood."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from inference.posterior import Posterior
from inference.resampling import effective_number
from simulators import Simulator

BATCH = 1_024


def log_importance_weights(
    posterior: Posterior, simulator: Simulator, theta: Float[ArrayLike, "n dim"], x: ArrayLike | None = None
) -> Float[np.ndarray, " n"]:
    """Log of prior x likelihood over the estimate at its own draws, normalised to sum one.

    With them the draws represent the exact posterior; `effective_share` says how many exact draws they are
    worth. Where no draw has a likelihood above zero, all are -inf.

    Args:
        posterior: the estimate.
        simulator: with a `log_likelihood`.
        theta: draws of the estimate, in the prior's units.
        x: features (num_features,); None: the observation.

    Raises:
        ValueError: the simulator has no likelihood.
    """
    if simulator.log_likelihood is None:
        raise ValueError(f"'{simulator.name}' has no likelihood to weigh draws with.")
    given = posterior.x_o if x is None else np.asarray(x, np.float32)
    rows = np.asarray(theta, np.float32)
    likelihood = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        padded = np.pad(part, ((0, BATCH - len(part)), (0, 0)), mode="edge")
        likelihood.append(
            np.asarray(_log_joint(simulator, jnp.asarray(padded), jnp.asarray(given)))[: len(part)]
        )
    log_weights = np.concatenate(likelihood) - np.asarray(posterior.log_prob(rows, x))
    log_weights = np.where(np.isfinite(log_weights), log_weights, -np.inf).astype(np.float64)
    if not np.isfinite(log_weights).any():
        return log_weights
    return log_weights - np.logaddexp.reduce(log_weights)


def effective_share(log_weights: Float[np.ndarray, " n"]) -> float:
    """How many equally weighted draws these are worth, as a share: 1 / (n x sum of squared weights)."""
    if not np.isfinite(log_weights).any():
        return 0.0
    log_weights = np.asarray(log_weights)
    return effective_number(np.exp(log_weights - log_weights.max())) / len(log_weights)


@eqx.filter_jit
def _log_joint(simulator: Simulator, theta: Array, x: Array) -> Array:
    def one(row: Array) -> Array:
        assert simulator.log_likelihood is not None
        return simulator.log_likelihood(simulator.prior.as_dict(row), x)

    return jax.vmap(one)(theta) + simulator.prior.log_prob(theta)
