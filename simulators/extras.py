"""Further observations beside a built-in synthetic one, to see what several of them tell."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from simulators.base import Simulator
from simulators.simulate import simulate_batch

SPARE = 10  # simulations beyond twice those that are needed, for models of which some fail


def simulate_extra(
    simulator: Simulator, num: int, *, is_diverse: bool = True, key: Key[Array, ""] | None = None
) -> Float[np.ndarray, "num num_features"]:
    """Observations that share the true shared parameters of the built-in one; the first of more are the same.

    Args:
        simulator: with a built-in observation of known parameters, and shared parameters in its prior.
        num: how many.
        is_diverse: whether the other parameters are drawn from the prior, which is what inference assumes;
            else they are those of the built-in observation.
        key: None: a fixed one.

    Raises:
        ValueError: nothing is shared, the true parameters are not known, or too many simulations fail.
    """
    theta = extra_theta(simulator, 2 * num + SPARE, is_diverse=is_diverse, key=_theta_key(key))
    done = simulate_batch(simulator, jax.random.fold_in(_theta_key(key), 1), theta=theta)
    valid = np.asarray(done.x)[np.asarray(done.is_valid)]
    if len(valid) < num:
        raise ValueError(
            f"Of {len(theta)} simulations of '{simulator.name}' only {len(valid)} are valid, but {num} extra "
            "observations are wanted; ask for fewer."
        )
    return valid[:num]


def extra_theta(
    simulator: Simulator, num: int, *, is_diverse: bool, key: Key[Array, ""]
) -> Float[Array, "num dim"]:
    """Parameters with the true values of the shared ones, for the arguments of ``simulate_extra``."""
    prior, observed = simulator.prior, simulator.observed
    if not prior.shared:
        raise ValueError(
            f"'{simulator.name}' has no parameter that observations share, so further ones tell nothing new."
        )
    truth = simulator.true_theta if observed is None else observed.theta
    if truth is None:
        raise ValueError(
            f"The parameters of the built-in observation of '{simulator.name}' are not known, so nothing can "
            "be simulated beside it; bring recordings."
        )
    keys = jax.vmap(lambda row: jax.random.fold_in(key, row))(jnp.arange(num))
    drawn = jax.vmap(lambda one: prior.sample(one, 1)[0])(keys)
    is_shared = np.isin(np.arange(prior.dim), prior.shared_positions)
    return jnp.where(is_shared | (not is_diverse), jnp.asarray(truth, jnp.float32), drawn)


def _theta_key(key: Key[Array, ""] | None) -> Key[Array, ""]:
    return jax.random.key(1) if key is None else key
