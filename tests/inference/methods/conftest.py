"""Small models with posteriors that are known exactly, on which ABC is tested."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference import diagnostics, run
from simulators import Prior, Simulator

NOISE = 0.2
X_O = np.array([-0.5, 0.5], np.float32)
EXACT = diagnostics.Gaussian(X_O / (1 + NOISE**2), np.eye(2) * NOISE**2 / (1 + NOISE**2))
BEFORE = diagnostics.Gaussian(np.zeros(2), np.eye(2))
PRIOR = Prior({"theta": dist.Normal(0.0, 1.0).expand([2]).to_event(1)})


def gaussian(key, theta):
    """Two parameters seen through noise."""
    return theta["theta"] + NOISE * jax.random.normal(key, (2,))


def half(key, theta):
    """The same, without a value where the first parameter is negative."""
    return jnp.where(theta["theta"][0] < 0, jnp.nan, gaussian(key, theta))


def nothing(key, theta):
    """Never a value."""
    del key
    return jnp.nan * theta["theta"]


def bounded(key, theta):
    """One parameter of a uniform prior, seen through noise."""
    return theta["rate"][None] + 0.1 * jax.random.normal(key, (1,))


@pytest.fixture(scope="session")
def models():
    return SimpleNamespace(
        gaussian=Simulator("gaussian", PRIOR, gaussian),
        half=Simulator("half", PRIOR, half),
        nothing=Simulator("nothing", PRIOR, nothing),
        bounded=Simulator("bounded", Prior({"rate": dist.Uniform(0.0, 1.0)}), bounded),
    )


@pytest.fixture(scope="session")
def sample(models):
    """sample(config, simulator, x_o) -> Result, always with the same key."""

    def run_it(config, simulator=models.gaussian, x_o=X_O, on_progress=False, **settings):
        return run(config, simulator, x_o, key=jax.random.key(0), on_progress=on_progress, **settings)

    return run_it


@pytest.fixture(scope="session")
def kl_error():
    """Of the draws of a result about the model "gaussian", relative to the prior."""
    return lambda result: diagnostics.relative_kl_error(result.posterior.rows, EXACT, BEFORE)
