"""The Gaussian mixtures of SNPE: simulations and exact posteriors follow the closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import get_simulator, simulate_batch

FALSE_ALARM = 1e-4  # per test
COMPONENTS = {  # (sign, sd) of the two halves
    "gaussian_mixture_mean": ((1.0, 1.0), (1.0, 0.1)),
    "gaussian_mixture_two_means": ((1.0, 1.0), (-1.0, 1.0)),
}


@pytest.fixture(params=list(COMPONENTS))
def simulator(request):
    return get_simulator(request.param)


def exact_cdf(simulator, x):
    """Of the posterior, by quadrature of the likelihood over the box in float64."""
    grid = np.linspace(-10.0, 10.0, 200_001)
    density = sum(stats.norm.pdf(x, sign * grid, sd) for sign, sd in COMPONENTS[simulator.name])
    mass = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return lambda theta: np.interp(theta, grid, mass / mass[-1])


@pytest.mark.long
@pytest.mark.parametrize("theta", [-7.0, 0.3])
def test_simulations_follow_the_mixture(simulator, key, theta):
    x = simulate_batch(simulator, key, theta=np.full((20_000, 1), theta, np.float32)).x[:, 0]
    halves = COMPONENTS[simulator.name]
    cdf = lambda x: sum(0.5 * stats.norm.cdf(x, sign * theta, sd) for sign, sd in halves)  # noqa: E731
    assert stats.kstest(x, cdf).pvalue > FALSE_ALARM


def test_likelihood_is_the_mixture(simulator):
    theta, x = np.meshgrid(np.linspace(-10, 10, 9), np.linspace(-12, 12, 13))
    log_likelihood = jax.vmap(lambda t, x: simulator.log_likelihood({"theta": t}, x[None]))
    found = log_likelihood(jnp.asarray(theta.ravel()), jnp.asarray(x.ravel()))
    halves = [stats.norm.logpdf(x, sign * theta, sd) for sign, sd in COMPONENTS[simulator.name]]
    np.testing.assert_allclose(found, (np.logaddexp(*halves) - np.log(2)).ravel(), rtol=1e-5, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("x", [0.0, 5.0, -9.7, 13.0])
def test_exact_posterior_is_prior_times_likelihood(simulator, key, x):
    """Also where the box cuts it, and for an x that no theta explains well."""
    draws = np.asarray(simulator.exact_posterior(key, jnp.array([x]), 20_000))
    assert draws.shape == (20_000, 1)
    assert (np.abs(draws) <= 10.0).all()
    assert stats.kstest(draws[:, 0], exact_cdf(simulator, x)).pvalue > FALSE_ALARM


def test_published_observations_and_posteriors(key):
    """Figure 2 of the 2017 paper: at 0 a spike on a hill, at 5 two equal modes."""
    mean, two = (get_simulator(name) for name in COMPONENTS)
    assert mean.default_observation().x == pytest.approx([0.0])
    assert two.default_observation().x == pytest.approx([5.0])
    spike = np.asarray(mean.exact_posterior(key, jnp.zeros(1), 20_000))
    expected = (stats.norm.cdf(0.2) - stats.norm.cdf(-0.2) + stats.norm.cdf(2) - stats.norm.cdf(-2)) / 2
    assert stats.binomtest(int((np.abs(spike) < 0.2).sum()), 20_000, expected).pvalue > FALSE_ALARM
    modes = np.asarray(two.exact_posterior(key, jnp.array([5.0]), 20_000))
    assert stats.binomtest(int((modes > 0).sum()), 20_000, 0.5).pvalue > FALSE_ALARM
