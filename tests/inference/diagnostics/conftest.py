"""A posterior whose truth is known: theta ~ N(0, 1), x ~ N(theta, 0.5^2), in two parameters."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
import pytest
from numpyro import distributions as dist

from simulators import Prior

NOISE = 0.5


class Normal(eqx.Module):
    """The exact posterior, or one that errs in mean or width."""

    shift: float = 0.0
    stretch: float = 1.0

    def _moments(self, x):
        precision = 1 + NOISE**-2
        return x * NOISE**-2 / precision + self.shift, self.stretch * precision**-0.5

    def log_prob(self, u, x):
        return jax.scipy.stats.norm.logpdf(u, *self._moments(x)).sum()

    def sample(self, key, x):
        mean, sd = self._moments(x)
        return mean + sd * jax.random.normal(key, x.shape)


class Stated(NamedTuple):
    """As much of a posterior as diagnostics use."""

    estimator: eqx.Module
    prior: Prior


@pytest.fixture(scope="session")
def stated():
    return Stated


@pytest.fixture(scope="session")
def normal_posterior():
    """normal_posterior(shift=..., stretch=...) -> the exact posterior with these errors."""
    prior = Prior({"a": dist.Normal(0.0, 1.0), "b": dist.Normal(0.0, 1.0)})
    return lambda **errors: Stated(Normal(**errors), prior)


@pytest.fixture(scope="session")
def normal_rows():
    """normal_rows(seed, num) -> theta and x, as the posterior assumes."""

    def rows(seed, num):
        random = np.random.default_rng(seed)
        theta = random.normal(size=(num, 2)).astype(np.float32)
        return theta, (theta + NOISE * random.normal(size=(num, 2))).astype(np.float32)

    return rows
