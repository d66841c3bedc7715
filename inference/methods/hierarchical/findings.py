"""What the extra observations tell about the shared parameters: how much, and which of them most."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Key

from inference.estimators.ensemble import Ensemble
from inference.estimators.hierarchical import HierarchicalDensity
from inference.hierarchical_posterior import HierarchicalPosterior
from inference.methods.base import Variables
from simulators import Prior

NUM_DRAWS = 2_000
QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
MOST_STEPS = 64  # numbers of extras that are looked at; of more, some are passed over


def narrowing(key: Key[Array, ""], posterior: HierarchicalPosterior) -> Variables:
    """The shared parameters for 0, 1, ... N extras, in the order in which they were given; what each told.

    Variables, empty for an amortised posterior and where there is no extra:
        num_shown (step): extras that were used; narrowing_sd (step, shared), narrowing_quantile (step,
            quantile, shared): of the posterior, in the parameters' units; quantile_level (quantile).
        extra_told (extra): Kullback-Leibler divergence, in nats, of the posterior of the shared parameters
            with all extras from that without this one. Zero: it told nothing that the others do not tell.

    Args:
        key: of the draws.
        posterior: amortised, that of the first round: later ones know the observed extras only.
    """
    extra, prior = posterior.extra, posterior.prior
    if extra is None or not len(extra):
        return {}
    steps = np.unique(np.linspace(0, len(extra), min(len(extra) + 1, MOST_STEPS)).round().astype(int))
    shown = np.stack([posterior.whole(extra[:num]) for num in steps])
    without = np.stack([posterior.whole(np.delete(extra, i, axis=0)) for i in range(len(extra))])
    keys = jax.random.split(key, NUM_DRAWS)  # the same for all steps: what changes is not their noise
    theta = np.asarray(_shared_draws(posterior.estimator, prior, keys, jnp.asarray(shown)))
    told = _told(
        posterior.estimator, jax.random.fold_in(key, 1), jnp.asarray(shown[-1]), jnp.asarray(without)
    )
    quantiles = np.quantile(theta, QUANTILES, axis=1).swapaxes(0, 1)
    return {
        "num_shown": (("step",), steps),
        "quantile_level": (("quantile",), QUANTILES),
        "narrowing_sd": (("step", "shared"), theta.std(axis=1)),
        "narrowing_quantile": (("step", "quantile", "shared"), quantiles.astype(np.float32)),
        "extra_told": (("extra",), np.asarray(told)),
    }


@eqx.filter_jit
def _shared_draws(estimator: Any, prior: Prior, keys: Array, sets: Array) -> Array:
    """Draws (sets, draws, shared), in the prior's units."""
    positions = np.array(prior.shared_positions)

    def of_set(x: Array) -> Array:
        u = jnp.zeros((len(keys), prior.dim)).at[:, positions].set(_draws(estimator, keys, x))
        return prior.from_unconstrained(u)[:, positions]

    return jax.lax.map(of_set, sets)


@eqx.filter_jit
def _told(estimator: Any, key: Array, x: Array, without: Array) -> Array:
    """Mean of log q(shared | x) / q(shared | x without one) over draws of the former, for each one."""
    u = _draws(estimator, jax.random.split(key, NUM_DRAWS), x)
    log_q = _log_q(estimator, u, x)
    return jax.lax.map(lambda less: jnp.clip(log_q - _log_q(estimator, u, less), -50.0, 50.0).mean(), without)


def _draws(estimator: Any, keys: Array, x: Array) -> Array:
    """Unconstrained draws (n, shared) for one set of recordings; of an ensemble each from a member."""

    def of(member: HierarchicalDensity) -> Array:
        pooled = member.encoder.pool(*member.encoder.each(x))
        return jax.vmap(lambda k: member.shared.sample_given(k, pooled))(keys)

    if not isinstance(estimator, Ensemble):
        return of(estimator)
    draws = eqx.filter_vmap(of)(estimator.members)
    return draws[jnp.arange(len(keys)) % estimator.spec.num_members, jnp.arange(len(keys))]


def _log_q(estimator: Any, u: Array, x: Array) -> Array:
    """Log density of unconstrained shared parameters (n, shared)."""

    def of(member: HierarchicalDensity) -> Array:
        pooled = member.encoder.pool(*member.encoder.each(x))
        return jax.vmap(lambda row: member.shared.log_prob_given(row, pooled))(u)

    if not isinstance(estimator, Ensemble):
        return of(estimator)
    return logsumexp(eqx.filter_vmap(of)(estimator.members), axis=0) - np.log(estimator.spec.num_members)
