"""The walled log density is that of the posterior inside the prior, and falls outside."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference import DrawnPosterior, Posterior
from inference.analysis.walled import walled
from inference.estimators import EstimatorSpec, make_estimator
from simulators import Prior

PRIOR = Prior({"a": dist.Uniform(-1.0, 3.0), "b": dist.Normal(0.0, 1.0)})
X = np.zeros(2, np.float32)


@pytest.fixture(scope="module")
def posterior():
    return Posterior(make_estimator(jax.random.key(0), EstimatorSpec("gaussian", 2, 2)), PRIOR, X)


def test_it_is_the_posterior_s_and_has_slopes(posterior, key):
    theta = PRIOR.sample(key, 8)
    density = walled(posterior)
    np.testing.assert_allclose(jax.vmap(density)(theta), posterior.log_prob(theta), rtol=1e-4, atol=1e-4)
    assert np.isfinite(jax.vmap(jax.grad(density))(theta)).all()


def test_outside_the_prior_it_falls_and_leads_back(posterior):
    density = walled(posterior)
    outside = jnp.array([3.5, 0.0])
    assert density(outside) < density(jnp.array([2.9, 0.0])) - 50
    assert jax.grad(density)(outside)[0] < 0


def test_draws_alone_have_no_density():
    draws = DrawnPosterior(np.zeros((1, 3, 2)), PRIOR, X)
    with pytest.raises(ValueError, match="give draws and no normalised density"):
        walled(draws)
