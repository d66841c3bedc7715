"""Conditional densities against closed forms."""

import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import conditional_density

COVARIANCE = np.array([[1.0, 0.7, 0.3], [0.7, 2.0, -0.4], [0.3, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)
RANGES = np.array([[-8.0, 8.0]] * 3)


def gaussian(theta):
    return -0.5 * theta @ jnp.asarray(PRECISION, jnp.float32) @ theta


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


def test_three_parameters_are_one_sentence():
    with pytest.raises(ValueError, match=r"of one or two parameters; got \[0, 1, 2\]"):
        conditional_density(gaussian, np.zeros(3), (0, 1, 2), RANGES)
