"""Entropies of conditionals and marginals of a Gaussian, in closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import conditional_entropies, importance, importance_from

COVARIANCE = np.array([[1.0, 0.9, 0.0], [0.9, 1.0, 0.0], [0.0, 0.0, 0.04]])
PRECISION = np.linalg.inv(COVARIANCE)
RANGES = np.array([[-6.0, 6.0], [-6.0, 6.0], [-2.0, 2.0]])


def gaussian(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


@pytest.fixture(scope="module")
def found():
    draws = np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, size=500)
    heard = []
    answer = importance(gaussian, draws, RANGES, on_progress=lambda *told: heard.append(told))
    assert heard[-1] == (500, 500)
    return answer


def test_conditionals_of_a_gaussian_have_the_entropy_of_its_precision(found):
    exact = 0.5 * np.log(2 * np.pi * np.e / np.diag(PRECISION))
    np.testing.assert_allclose(found.conditional, exact, atol=1e-3)
    assert (found.error < 1e-4).all()  # the same at every draw
    np.testing.assert_allclose(found.width, np.exp(exact) / [12, 12, 4], rtol=2e-3)


def test_what_the_others_free_is_their_mutual_information(found):
    freed = 0.5 * np.log(np.diag(COVARIANCE) * np.diag(PRECISION))
    np.testing.assert_allclose(found.freed, freed, atol=0.08)  # 500 draws: sd 1 / sqrt(2 n) = 0.03


def test_a_flat_parameter_has_the_entropy_of_its_range():
    draws = np.random.default_rng(1).uniform(RANGES[:, 0], RANGES[:, 1], (200, 3))
    found = importance(lambda theta: 0.0 * theta.sum(), draws, RANGES, num_grid=20)
    np.testing.assert_allclose(found.conditional, found.flat, atol=1e-5)
    np.testing.assert_allclose(found.marginal, found.flat, atol=0.05)
    np.testing.assert_allclose(found.width, 1.0, atol=1e-5)


def test_no_density_has_no_entropy():
    draws = np.zeros((2, 3))
    with pytest.warns(RuntimeWarning):
        found = importance(lambda theta: jnp.nan * theta[0], draws, RANGES)
    assert np.isnan(found.conditional).all()


def test_pieces_make_the_whole():
    draws = np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, size=20)
    whole = importance(gaussian, draws, RANGES)
    pieces = [conditional_entropies(gaussian, draws[k : k + 5], RANGES) for k in range(0, 20, 5)]
    for one, other in zip(importance_from(np.concatenate(pieces), draws, RANGES), whole, strict=True):
        np.testing.assert_array_equal(one, other)
