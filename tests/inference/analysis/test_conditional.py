"""Conditional densities and correlations against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import conditional_correlations, conditional_density, held

COVARIANCE = np.array([[1.0, 0.7, 0.3], [0.7, 2.0, -0.4], [0.3, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)
RANGES = np.array([[-8.0, 8.0]] * 3)


def gaussian(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


def expected():
    sd = np.sqrt(np.diag(PRECISION))
    return -PRECISION / np.outer(sd, sd) + 2 * np.eye(3)


def test_correlations_of_a_gaussian_are_those_of_its_precision():
    draws = np.random.default_rng(0).multivariate_normal(np.zeros(3), COVARIANCE, size=5)
    found = conditional_correlations(gaussian, draws, RANGES, num_grid=100)
    np.testing.assert_allclose(found, expected(), atol=1e-4)
    marginal = COVARIANCE[0, 1] / np.sqrt(COVARIANCE[0, 0] * COVARIANCE[1, 1])
    assert found[0, 1] > marginal + 0.2  # which the marginal correlation does not tell


def test_pairs_are_worked_off_in_blocks_of_one_size(monkeypatch):
    monkeypatch.setattr(
        "inference.analysis.conditional.ROWS_TOGETHER", 2 * 64**2
    )  # three pairs, two at a time
    heard = []
    found = conditional_correlations(
        gaussian, np.zeros((2, 3)), RANGES, num_grid=64, on_progress=lambda *told: heard.append(told)
    )
    np.testing.assert_allclose(found, expected(), atol=1e-3)
    assert heard == [(1, 2), (2, 2)]


def test_a_pair_without_density_is_nan():
    found = conditional_correlations(lambda theta: -jnp.inf * theta[0] ** 2, np.ones((1, 2)), RANGES[:2])
    assert np.isnan(found[0, 1])


def test_a_conditional_density_has_the_mean_and_sd_of_the_closed_form():
    held = np.array([0.5, 0.0, -0.5])
    (grid,), density = conditional_density(gaussian, held, (1,), RANGES, num_grid=400)
    mean = -(PRECISION[1, [0, 2]] @ held[[0, 2]]) / PRECISION[1, 1]
    assert density.sum() == pytest.approx(1)
    assert density @ grid == pytest.approx(mean, abs=1e-3)
    assert np.sqrt(density @ (grid - mean) ** 2) == pytest.approx(PRECISION[1, 1] ** -0.5, rel=1e-3)


def test_the_first_parameter_of_a_pair_runs_along_rows():
    grids, density = conditional_density(gaussian, np.zeros(3), (2, 0), RANGES, num_grid=80)
    assert density.shape == (80, 80)
    sd = np.sqrt(density.sum(1) @ grids[0] ** 2)
    assert sd == pytest.approx(np.sqrt(np.linalg.inv(PRECISION[np.ix_([2, 0], [2, 0])])[0, 0]), rel=1e-2)


def test_of_some_parameters_the_correlations_are_those_of_all():
    held_at = np.array([0.3, 1.0, -0.2])
    part = held(gaussian, held_at, [2, 0])
    found = conditional_correlations(part, held_at[None, [2, 0]], RANGES[[2, 0]], num_grid=100)
    np.testing.assert_allclose(found, expected()[np.ix_([2, 0], [2, 0])], atol=1e-4)


def test_three_parameters_are_one_sentence():
    with pytest.raises(ValueError, match=r"of one or two parameters; got \[0, 1, 2\]"):
        conditional_density(gaussian, np.zeros(3), (0, 1, 2), RANGES)
