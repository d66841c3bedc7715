"""The yardsticks: their exact posteriors are exact."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import get_simulator, simulate_batch
from simulators.models.linear_gaussian import posterior_moments

FALSE_ALARM = 1e-4  # per test


@pytest.mark.long
def test_linear_gaussian_posterior_is_proportional_to_prior_times_likelihood(key):
    simulator = get_simulator("linear_gaussian")
    x = jnp.asarray(simulator.default_observation().x)
    theta = simulator.prior.sample(key, 50)
    mean, covariance = posterior_moments(x)
    exact = stats.multivariate_normal(np.asarray(mean), np.asarray(covariance)).logpdf(np.asarray(theta))
    joint = simulator.prior.log_prob(theta) + jax.vmap(lambda t: simulator.log_likelihood({"theta": t}, x))(
        theta
    )
    np.testing.assert_allclose(exact - joint, np.mean(exact - joint), atol=2e-3)


@pytest.mark.long
def test_linear_gaussian_draws_have_the_exact_moments(key):
    simulator = get_simulator("linear_gaussian")
    x = jnp.asarray(simulator.default_observation().x)
    draws = simulator.exact_posterior(key, x, 20_000)
    z = (draws.mean(0) - posterior_moments(x)[0]) / jnp.sqrt(0.05 / 20_000)
    assert stats.chi2(10).sf(float((z**2).sum())) > FALSE_ALARM


@pytest.mark.long
def test_two_moons_likelihood_integrates_to_one():
    simulator = get_simulator("two_moons")
    theta = {"theta": jnp.array([0.3, -0.1])}
    grid = jnp.linspace(-1.2, 1.2, 1501)
    points = jnp.stack(jnp.meshgrid(grid, grid), -1).reshape(-1, 2)
    density = jnp.exp(jax.vmap(lambda x: simulator.log_likelihood(theta, x))(points))
    assert float(density.sum() * (grid[1] - grid[0]) ** 2) == pytest.approx(1.0, abs=0.01)


@pytest.mark.long
def test_two_moons_draws_agree_with_the_likelihood_on_a_grid(key):
    """Chi-square of exact draws against prior times likelihood, summed over 10 x 10 cells of the box."""
    simulator = get_simulator("two_moons")
    x = jnp.asarray(simulator.default_observation().x)
    draws = np.asarray(simulator.exact_posterior(key, x, 5_000))
    centres = (np.arange(2000) + 0.5) / 1000 - 1
    rows = jnp.asarray(np.stack(np.meshgrid(centres, centres, indexing="ij"), -1).reshape(-1, 2))
    log_density = jax.lax.map(lambda t: simulator.log_likelihood({"theta": t}, x), rows, batch_size=100_000)
    mass = np.exp(np.asarray(log_density, np.float64)).reshape(10, 200, 10, 200).sum((1, 3)).ravel()
    counts = np.histogram2d(draws[:, 0], draws[:, 1], bins=10, range=[[-1, 1], [-1, 1]])[0].ravel()
    expected = mass / mass.sum() * len(draws)
    common = expected > 5
    assert common.sum() >= 4
    observed, expected = (
        np.append(counts[common], counts[~common].sum()),
        np.append(expected[common], expected[~common].sum()),
    )
    chi2 = ((observed - expected) ** 2 / np.maximum(expected, 1.0)).sum()
    assert stats.chi2(len(observed) - 1).sf(chi2) > FALSE_ALARM


def test_two_moons_simulations_follow_the_likelihood(key):
    """Radii of the crescent are N(0.1, 0.01^2) (Kolmogorov-Smirnov)."""
    simulator = get_simulator("two_moons")
    theta = np.tile(np.array([[0.2, 0.3]], np.float32), (4_000, 1))
    x = simulate_batch(simulator, key, theta=theta).x
    offset = np.array([-0.5, 0.1]) / np.sqrt(2)
    radii = np.linalg.norm(x - offset - np.array([0.25, 0.0]), axis=1)
    assert stats.kstest(radii, stats.norm(0.1, 0.01).cdf).pvalue > FALSE_ALARM
