"""Gaussian linear uniform, and the Gaussian mixture in two dimensions: closed-form posteriors.

The third, Gaussian linear, is our own `linear_gaussian`.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from numpyro import distributions as dist

from simulators import Prior, Simulator
from tests.benchmarks.tasks.base import Task, exact

DIM = 10
LINEAR_SD = 0.1**0.5
MIXTURE_BOUND = 10.0
MIXTURE_SDS = np.array([1.0, 0.1])


def _uniform(bound: float, dim: int) -> Prior:
    return Prior(
        {"theta": dist.Uniform(-bound, bound).expand([dim]).to_event(1)}, labels={"theta": r"$\theta$"}
    )


def _linear_posterior(key, x, num):
    """A Gaussian around x in each dimension, cut at the box."""
    low, high = (-1.0 - x) / LINEAR_SD, (1.0 - x) / LINEAR_SD
    return jnp.clip(x + LINEAR_SD * jax.random.truncated_normal(key, low, high, (num, DIM)), -1.0, 1.0)


def _mixture_simulate(key, theta):
    """Both coordinates come from the same component."""
    which_key, noise_key = jax.random.split(key)
    sd = jnp.asarray(MIXTURE_SDS)[jax.random.bernoulli(which_key).astype(int)]
    return theta["theta"] + sd * jax.random.normal(noise_key, (2,))


def _mixture_log_likelihood(theta, x):
    parts = [dist.Normal(theta["theta"], sd).log_prob(x).sum() for sd in MIXTURE_SDS]
    return jnp.logaddexp(*parts) - jnp.log(2.0)


def _mixture_posterior(key, x, num):
    """A component by its mass inside the box, then its Gaussian, cut at the box."""
    which_key, place_key = jax.random.split(key)
    sds = jnp.asarray(MIXTURE_SDS)[:, None]
    low, high = (-MIXTURE_BOUND - x) / sds, (MIXTURE_BOUND - x) / sds
    # Mass in the left tail of whichever side is nearer, where it is exact.
    mass = jnp.where(low + high > 0, ndtr(-low) - ndtr(-high), ndtr(high) - ndtr(low)).prod(1)
    which = jax.random.categorical(which_key, jnp.log(mass), shape=(num,))
    noise = jax.random.truncated_normal(place_key, low[which], high[which], (num, 2))
    return jnp.clip(x + sds[which] * noise, -MIXTURE_BOUND, MIXTURE_BOUND)


_linear = Simulator(
    "gaussian_linear_uniform",
    _uniform(1.0, DIM),
    lambda key, theta: theta["theta"] + LINEAR_SD * jax.random.normal(key, (DIM,)),
    log_likelihood=lambda theta, x: dist.Normal(theta["theta"], LINEAR_SD).log_prob(x).sum(),
    exact_posterior=_linear_posterior,
)
_mixture = Simulator(
    "gaussian_mixture",
    _uniform(MIXTURE_BOUND, 2),
    _mixture_simulate,
    log_likelihood=_mixture_log_likelihood,
    exact_posterior=_mixture_posterior,
)
LINEAR_UNIFORM = Task(_linear, exact(_linear))
MIXTURE = Task(_mixture, exact(_mixture))
