"""Active subspaces of features that are linear and quadratic, where they are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.analysis import active_subspace, density_gradients, fitted_gradients, simulated_gradients
from simulators import Prior, Simulator

PRIOR = Prior({name: dist.Normal(0.0, 1.0) for name in "abc"})
SLOPES = np.array([1.0, -2.0, 0.5])
CURVATURE = np.array([[2.0, 1.0, 0.0], [1.0, 2.0, 0.0], [0.0, 0.0, 0.1]])


def row_of(theta):
    return jnp.stack([theta[name] for name in "abc"])


def features(theta):
    row = row_of(theta)
    return {
        "line": row @ jnp.asarray(SLOPES, jnp.float32),
        "bowl": row @ jnp.asarray(CURVATURE, jnp.float32) @ row,
    }


MODEL = Simulator("bowls", PRIOR, lambda key, theta: theta, features)


@pytest.fixture(scope="module")
def draws():
    return np.random.default_rng(0).normal(size=(2_000, 3))


def test_of_a_line_one_direction_is_all(draws):
    scale = np.array([1.0, 0.5, 2.0])
    gradients = simulated_gradients(jax.random.key(0), MODEL, draws[:50], "line")
    found = active_subspace(gradients.rows, scale)
    slope = SLOPES * scale
    np.testing.assert_allclose(found.values, [slope @ slope, 0, 0], atol=1e-5)
    np.testing.assert_allclose(np.abs(found.vectors[0] @ slope), np.linalg.norm(slope), rtol=1e-6)
    np.testing.assert_allclose(found.shares, [1, 0, 0], atol=1e-6)


def test_of_a_bowl_they_are_those_of_its_squared_curvature(draws):
    """Of g = 2 A z with z standard normal, the mean of g g^T is 4 A A."""
    found = active_subspace(simulated_gradients(jax.random.key(0), MODEL, draws, "bowl").rows, np.ones(3))
    np.testing.assert_allclose(found.values, 4 * np.array([9.0, 1.0, 0.01]), rtol=0.1)
    np.testing.assert_allclose(found.vectors[0], [0.5**0.5, 0.5**0.5, 0], atol=0.03)


def test_a_fitted_quadratic_has_the_exact_slopes(draws):
    values = (draws @ CURVATURE * draws).sum(axis=1)
    found = fitted_gradients(draws, values, draws[:20])
    np.testing.assert_allclose(found.rows, 2 * draws[:20] @ CURVATURE, atol=1e-3)
    assert found.explained == pytest.approx(1.0, abs=1e-6)


def test_what_is_no_quadratic_is_told(draws):
    noise = np.random.default_rng(1).normal(size=2_000)
    noise[:100] = np.nan
    found = fitted_gradients(draws, draws[:, 0] + noise, draws[:5])
    assert found.explained == pytest.approx(0.5, abs=0.1)
    np.testing.assert_allclose(found.rows[:, 0].mean(), 1.0, atol=0.2)


def test_slopes_of_a_density(draws):
    found = density_gradients(lambda theta: -0.5 * theta @ theta, draws[:5])
    np.testing.assert_allclose(found.rows, -draws[:5], rtol=1e-5)


def test_problems_are_one_sentence(draws):
    with pytest.raises(ValueError, match="no feature 'x'; there are line, bowl"):
        simulated_gradients(jax.random.key(0), MODEL, draws[:2], "x")
    with pytest.raises(ValueError, match="None of the gradients is finite"):
        active_subspace(np.full((2, 3), np.nan), np.ones(3))
    with pytest.raises(ValueError, match="a feature that varies; got 2000, with a standard deviation of 0"):
        fitted_gradients(draws, np.ones(2_000), draws)
