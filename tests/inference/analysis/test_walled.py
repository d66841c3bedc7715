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


OUTSIDE = jnp.array([3.5, 0.0])


def test_inside_it_is_that_of_the_posterior_and_outside_it_leads_back(key):
    posterior = Posterior(make_estimator(jax.random.key(0), EstimatorSpec("gaussian", 2, 2)), PRIOR, X)
    theta = jnp.concatenate([PRIOR.sample(key, 8), OUTSIDE[None]])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(walled(posterior))))(theta)
    np.testing.assert_allclose(values[:8], posterior.log_prob(theta[:8]), rtol=1e-4, atol=1e-4)
    assert np.isfinite(slopes).all()
    assert values[8] < values[:8].min() - 50
    assert slopes[8, 0] < 0


def test_draws_alone_have_no_density():
    draws = DrawnPosterior(np.zeros((1, 3, 2)), PRIOR, X)
    with pytest.raises(ValueError, match="give draws and no normalised density"):
        walled(draws)
