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
    return lambda **errors: Stated(_traced(Normal(**errors)), prior)


@pytest.fixture(scope="session")
def normal_rows():
    """normal_rows(seed, num) -> theta and x, as the posterior assumes."""

    def rows(seed, num):
        random = np.random.default_rng(seed)
        theta = random.normal(size=(num, 2)).astype(np.float32)
        return theta, (theta + NOISE * random.normal(size=(num, 2))).astype(np.float32)

    return rows


class Folded(eqx.Module):
    """Of theta ~ N(0, 1) if x ~ N(|theta|, 0.5^2): two modes, `weight` of the mass above zero; exact: 0.5."""

    weight: float = 0.5

    def _moments(self, x):
        precision = 1 + NOISE**-2
        return x * NOISE**-2 / precision, precision**-0.5

    def log_prob(self, u, x):
        mean, sd = self._moments(x)
        share = jax.numpy.where(u > 0, self.weight, 1 - self.weight)
        above_zero = jax.scipy.stats.norm.logcdf(mean / sd)
        return (
            jax.scipy.stats.norm.logpdf(jax.numpy.abs(u), mean, sd) - above_zero + jax.numpy.log(share)
        ).sum()

    def sample(self, key, x):
        sign_key, size_key = jax.random.split(key)
        mean, sd = self._moments(x)
        size = mean + sd * jax.random.truncated_normal(size_key, -mean / sd, jax.numpy.inf, x.shape)
        return size * jax.numpy.where(jax.random.bernoulli(sign_key, self.weight, x.shape), 1.0, -1.0)


def _traced(estimator):
    """With numbers as arrays, so that one program serves all errors."""
    return jax.tree.map(jax.numpy.float32, estimator)


CASES = {
    "exact": Normal(),
    "shifted": Normal(shift=0.25),
    "too narrow": Normal(stretch=0.6),
    "too wide": Normal(stretch=1.7),
    "two modes": Folded(),
    "one mode lost": Folded(weight=0.999),
}


@pytest.fixture(scope="session")
def case(normal_posterior, normal_rows):
    """case(name, seed, num) -> a posterior, theta and x of its model; "exact" and "two modes" are exact."""
    prior = normal_posterior().prior

    def make(name, seed, num):
        theta, x = normal_rows(seed, num)
        if isinstance(CASES[name], Folded):
            x = x - theta + np.abs(theta)
        return Stated(_traced(CASES[name]), prior), theta, x

    return make


@pytest.fixture(scope="session")
def draws_of(case):
    """draws_of(name, seed, num) -> independent draws of a case's posterior at x = (0.6, +-0.3)."""
    sample = eqx.filter_jit(lambda estimator, keys, x: jax.vmap(lambda key: estimator.sample(key, x))(keys))

    def draws(name, seed, num):
        estimator = case(name, 0, 1)[0].estimator
        x = np.array([0.6, 0.3 if isinstance(estimator, Folded) else -0.3], np.float32)
        return np.asarray(sample(estimator, jax.random.split(jax.random.key(seed), num), x))

    return draws
