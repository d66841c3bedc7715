"""Particles led from the prior to the posterior, and the jumps that are made of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from numpyro import distributions as dist
from scipy import stats

from inference.methods.mcmc import jumps
from inference.methods.mcmc.target import Target
from inference.methods.mcmc.tempering import _next_beta, temper
from inference.progress import Stopped
from simulators import Prior, Simulator

PRIOR = Prior({"a": dist.Normal(0.0, 3.0), "b": dist.Normal(0.0, 3.0)})
CENTRES, SHARES, SD = np.array([[-3.0, 2.0], [4.0, 0.0]], np.float32), np.array([0.2, 0.8]), 0.1


def two_modes(theta, x):
    """Narrow Gaussians whose posterior masses are SHARES."""
    point = jnp.stack([theta["a"], theta["b"]])
    log_prior = dist.Normal(0.0, 3.0).log_prob(CENTRES).sum(axis=1)
    log_parts = dist.Normal(point, SD).log_prob(CENTRES).sum(axis=1)
    return logsumexp(jnp.log(SHARES) - log_prior + log_parts) + 0 * x[0]


def target(log_likelihood):
    simulator = Simulator("toy", PRIOR, lambda key, theta: theta["a"][None], log_likelihood=log_likelihood)
    return Target(simulator, np.zeros(1, np.float32))


@pytest.fixture(scope="module")
def particles():
    betas = []
    u = np.asarray(temper(jax.random.key(0), target(two_modes), 1024, betas.append))
    return u, betas


@pytest.mark.long
def test_each_mode_gets_its_share(particles):
    u, betas = particles
    is_right = u[:, 0] > 0
    assert is_right.mean() == pytest.approx(SHARES[1], abs=0.08)  # resampling at each beta widens 0.0125
    for centre, part in zip(CENTRES, (u[~is_right], u[is_right]), strict=True):
        np.testing.assert_allclose(part.mean(axis=0), centre, atol=0.05)
        np.testing.assert_allclose(part.std(axis=0), SD, rtol=0.25)
    assert betas == sorted(betas)
    assert betas[-1] == 1.0


@pytest.mark.long
def test_jumps_are_drawn_from_the_density_that_they_say(particles, key):
    """Importance weights of the density over another one are 1 on average, and moments agree."""
    proposal = jumps.fit_proposal(particles[0])
    drawn = np.asarray(jax.vmap(lambda k: jumps.draw(proposal, k))(jax.random.split(key, 20_000)))
    wide = stats.multivariate_t([1, 1], 12 * np.eye(2), df=3, seed=1)
    points = wide.rvs(100_000).astype(np.float32)
    weight = np.exp(np.asarray(jax.vmap(lambda u: jumps.log_prob(proposal, u))(points)) - wide.logpdf(points))
    error = weight.std() / np.sqrt(len(weight))
    assert weight.mean() == pytest.approx(1, abs=4.5 * error)
    near = np.abs(points - CENTRES[1]).max(axis=1) < 0.1
    inside = (np.abs(drawn - CENTRES[1]).max(axis=1) < 0.1).mean()
    error = np.hypot((weight * near).std() / np.sqrt(len(weight)), 0.5 / np.sqrt(len(drawn)))
    assert inside == pytest.approx((weight * near).mean(), abs=4.5 * error)


def test_beta_grows_until_half_of_the_usable_particles_are_left():
    log_likelihood = np.append(-np.square(np.linspace(0, 50, 500)), [-np.inf] * 300)
    beta = _next_beta(0.0, log_likelihood)
    weight = np.exp(beta * log_likelihood)
    assert weight.sum() ** 2 / np.square(weight).sum() == pytest.approx(250, rel=1e-3)
    assert _next_beta(0.2, 1e-3 * np.arange(9.0)) == 1.0


def test_a_likelihood_that_is_nowhere_is_an_error():
    with pytest.raises(ValueError, match="None of 128 draws of the prior"):
        temper(jax.random.key(0), target(lambda theta, x: theta["a"] * jnp.nan), 128, lambda beta: None)


def test_tempering_can_be_stopped():
    def stop(beta):
        raise Stopped

    with pytest.raises(Stopped):
        temper(jax.random.key(0), target(two_modes), 128, stop)
