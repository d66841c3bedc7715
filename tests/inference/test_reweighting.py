"""Importance weights turn the draws of an estimate into draws of the posterior."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.estimators import EstimatorSpec, make_estimator
from inference.posterior import Posterior
from inference.reweighting import effective_share, log_importance_weights
from inference.scaling import ParameterScaling, identity_scaling
from simulators import Prior, Simulator

PRIOR = Prior({"a": dist.Normal(0.0, 1.0)})
X_O = np.array([1.0], np.float32)


def simulate(key, theta):
    return (theta["a"] + 0.5 * jax.random.normal(key))[None]


SIMULATOR = Simulator(
    "noisy", PRIOR, simulate, log_likelihood=lambda theta, x: dist.Normal(theta["a"], 0.5).log_prob(x[0])
)


@pytest.fixture(scope="module")
def estimate():
    """Nearly N(0.6, 0.7), where the posterior is N(0.8, 0.447)."""
    scaling = ParameterScaling(jnp.array([0.6]), jnp.array([0.7]))
    spec = EstimatorSpec("maf", 1, 1, num_layers=1, width=8)
    return Posterior(
        make_estimator(jax.random.key(0), spec, scalings=(scaling, identity_scaling(1, 1)[1])), PRIOR, X_O
    )


@pytest.mark.long
def test_weighted_draws_have_the_exact_moments(estimate):
    """5 000 draws worth at least 2 000: five standard errors of the mean are 0.05."""
    theta = np.asarray(estimate.sample(jax.random.key(1), 5_000))
    log_weights = log_importance_weights(estimate, SIMULATOR, theta)
    weights = np.exp(log_weights)
    assert weights.sum() == pytest.approx(1.0)
    assert 0.4 < effective_share(log_weights) < 1
    mean = weights @ theta[:, 0]
    assert abs(mean - 0.8) < 0.05
    assert abs(np.sqrt(weights @ (theta[:, 0] - mean) ** 2) - np.sqrt(0.2)) < 0.05


def test_equal_weights_are_worth_their_number_and_no_weight_nothing():
    assert effective_share(np.full(10, -np.log(10))) == pytest.approx(1.0)
    assert effective_share(np.full(10, -np.inf)) == 0


def test_without_a_likelihood_there_are_no_weights(estimate):
    blind = Simulator("blind", PRIOR, simulate)
    with pytest.raises(ValueError, match="'blind' has no likelihood"):
        log_importance_weights(estimate, blind, np.zeros((3, 1)))
