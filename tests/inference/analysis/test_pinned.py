"""Draws given some parameters, against closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import more_steps, pinned_draws

MIX = np.array([[1.0, 0.0, 0.0, 0.0], [0.8, 1.0, 0.0, 0.0], [0.3, -0.6, 0.5, 0.0], [0.0, 0.5, 0.2, 0.9]])
COVARIANCE = MIX @ MIX.T
PRECISION = np.linalg.inv(COVARIANCE)


def gaussian(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


def banana(theta):
    """theta[1] lies around theta[0] squared, theta[2] at minus that."""
    a, b, c = theta
    return -0.5 * (a**2 + ((b - a**2) / 0.3) ** 2 + ((c + a**2) / 0.5) ** 2)


@pytest.fixture(scope="module")
def draws():
    return np.random.default_rng(0).multivariate_normal(np.zeros(4), COVARIANCE, size=10_000)


@pytest.fixture(scope="module")
def bent():
    random = np.random.default_rng(1)
    a, noise = random.normal(size=10_000), random.normal(size=(10_000, 2))
    return np.stack([a, a**2 + 0.3 * noise[:, 0], -(a**2) + 0.5 * noise[:, 1]], axis=1)


@pytest.mark.parametrize("pinned", [{0: 1.5}, {3: -2.5}, {0: 1.0, 2: -1.0}])
def test_of_a_gaussian_mean_and_covariance_are_those_of_the_closed_form(draws, pinned):
    found = pinned_draws(jax.random.key(0), gaussian, draws, pinned, num=2_000)
    at, values = list(pinned), np.array(list(pinned.values()))
    free = [k for k in range(4) if k not in pinned]
    covariance = np.linalg.inv(PRECISION[np.ix_(free, free)])
    mean = -covariance @ PRECISION[np.ix_(free, at)] @ values
    sd = np.sqrt(np.diag(covariance))
    assert found.draws.shape == (2_000, 4)
    np.testing.assert_array_equal(found.draws[:, at], np.tile(values, (2_000, 1)))
    assert np.abs((found.draws[:, free].mean(0) - mean) / sd).max() < 0.1
    np.testing.assert_allclose(
        np.cov(found.draws[:, free].T) / np.outer(sd, sd), covariance / np.outer(sd, sd), atol=0.1
    )
    assert found.effective > 0.3
    assert 0.1 < found.acceptance < 0.9


def test_a_bent_ridge_is_followed(bent):
    found = pinned_draws(jax.random.key(0), banana, bent, {0: 2.0}, num=2_000)
    found = more_steps(jax.random.key(1), banana, found, {0: 2.0}, num_steps=20)
    np.testing.assert_allclose(found.draws[:, 1:].mean(0), [4.0, -4.0], atol=0.05)
    np.testing.assert_allclose(found.draws[:, 1:].std(0), [0.3, 0.5], rtol=0.1)


def test_both_arms_are_found(bent):
    found = pinned_draws(jax.random.key(0), banana, bent, {1: 2.0}, num=2_000)
    found = more_steps(jax.random.key(1), banana, found, {1: 2.0}, num_steps=20)
    a = found.draws[:, 0]
    assert np.abs(a).mean() == pytest.approx(2**0.5, abs=0.1)
    assert (a > 0).mean() == pytest.approx(0.5, abs=0.1)


def test_the_same_key_gives_the_same_draws(draws):
    one, other = (pinned_draws(jax.random.key(3), gaussian, draws, {0: 0.5}, num=2_000) for _ in range(2))
    np.testing.assert_array_equal(one.draws, other.draws)


@pytest.mark.parametrize("pinned", [{}, dict.fromkeys(range(4), 0.0)])
def test_nothing_or_everything_pinned_is_one_sentence(draws, pinned):
    with pytest.raises(ValueError, match="Pin at least one parameter and leave one free"):
        pinned_draws(jax.random.key(0), gaussian, draws, pinned)


def test_values_beyond_the_density_are_one_sentence(draws):
    with pytest.raises(ValueError, match="pin nearer to the draws"):
        pinned_draws(jax.random.key(0), lambda theta: -jnp.inf * theta[0] ** 2, draws, {0: 1.0})
