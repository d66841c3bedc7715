"""Conditional correlations against closed forms, and what interpolation costs."""

import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import conditional_correlations, held

COVARIANCE = np.array([[1.0, 0.7, 0.3], [0.7, 2.0, -0.4], [0.3, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)
RANGES = np.array([[-6.0, 6.0]] * 3)


def gaussian(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


def banana(theta):
    """theta[1] lies around theta[0] squared; what a pair adds is no plane."""
    a, b = theta
    return -0.5 * (((a - 1) / 0.7) ** 2 + ((b - a**2) / 0.5) ** 2)


def expected():
    sd = np.sqrt(np.diag(PRECISION))
    return -PRECISION / np.outer(sd, sd) + 2 * np.eye(3)


@pytest.fixture(scope="module")
def draws():
    return np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, size=5)


@pytest.mark.parametrize("num_nodes", [None, 50, 5, 2])
def test_correlations_of_a_gaussian_are_those_of_its_precision(draws, num_nodes):
    found = conditional_correlations(gaussian, draws, RANGES, num_nodes=num_nodes)
    np.testing.assert_allclose(found, expected(), atol=1e-3)
    marginal = COVARIANCE[0, 1] / np.sqrt(COVARIANCE[0, 0] * COVARIANCE[1, 1])
    assert found[0, 1] > marginal + 0.2  # which the marginal correlation does not tell


@pytest.mark.parametrize(("num_nodes", "error"), [(5, 0.02), (10, 0.004), (None, 1e-6)])
def test_of_a_bent_ridge_few_nodes_are_close(num_nodes, error):
    rows, ranges = np.array([[1.0, 1.0], [0.3, 0.2], [1.5, 2.0]]), np.array([[-1.5, 3.5], [-2.0, 10.0]])
    all_places = conditional_correlations(banana, rows, ranges, num_nodes=50)
    assert all_places[0, 1] > 0.8
    found = conditional_correlations(banana, rows, ranges, num_nodes=num_nodes)
    assert found[0, 1] == pytest.approx(all_places[0, 1], abs=error)


def test_a_bent_ridge_on_all_places_is_its_integral():
    found = conditional_correlations(banana, np.ones((1, 2)), np.array([[-2.0, 4.0], [-3.0, 14.0]]))
    random = np.random.default_rng(0)
    a = 1 + 0.7 * random.normal(size=1_000_000)
    b = a**2 + 0.5 * random.normal(size=len(a))
    assert found[0, 1] == pytest.approx(np.corrcoef(a, b)[0, 1], abs=0.005)


def test_pairs_are_worked_off_in_blocks_of_one_size(draws, monkeypatch):
    monkeypatch.setattr(
        "inference.analysis.compensation.ROWS_TOGETHER", 2 * 10**2
    )  # three pairs, two at once
    heard = []
    found = conditional_correlations(
        gaussian, draws[:2], RANGES, num_nodes=10, on_progress=lambda *told: heard.append(told)
    )
    np.testing.assert_allclose(found, expected(), atol=1e-3)
    assert heard == [(1, 2), (2, 2)]


def test_a_pair_without_density_is_nan():
    found = conditional_correlations(lambda theta: -jnp.inf * theta[0] ** 2, np.ones((1, 2)), RANGES[:2])
    assert np.isnan(found[0, 1])


def test_where_there_is_no_density_there_is_no_mass():
    def half(theta):
        return jnp.where(theta[0] + theta[1] > 0, -0.5 * theta @ theta, jnp.nan)

    found = conditional_correlations(half, np.array([[1.0, 1.0]]), RANGES[:2])
    # the half plane: along (1, 1) a half normal, of variance 1 - 2 / pi, across it 1
    narrow = 1 - 2 / np.pi
    assert found[0, 1] == pytest.approx((narrow - 1) / (narrow + 1), abs=0.03)


def test_of_some_parameters_the_correlations_are_those_of_all():
    held_at = np.array([0.3, 1.0, -0.2])
    part = held(gaussian, held_at, [2, 0])
    found = conditional_correlations(part, held_at[None, [2, 0]], RANGES[[2, 0]])
    np.testing.assert_allclose(found, expected()[np.ix_([2, 0], [2, 0])], atol=1e-3)


def test_so_many_nodes_are_one_sentence(draws):
    with pytest.raises(ValueError, match="Between 2 and 50 nodes are possible; got 51"):
        conditional_correlations(gaussian, draws, RANGES, num_nodes=51)
