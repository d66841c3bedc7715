"""Paths on a ring, where the ridge between two points is the arc."""

import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import high_probability_path, orthogonal_path, straight_path

WIDTH = 0.1  # of the ring of radius 1
SCALE = np.ones(2)


def ring(theta):
    return -0.5 * ((jnp.linalg.norm(theta) - 1) / WIDTH) ** 2


def at(degrees):
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])


START, GOAL = at(-20), at(100)


@pytest.fixture(scope="module")
def ridge():
    return high_probability_path(ring, START, GOAL, SCALE)


def test_the_ridge_is_the_arc(ridge):
    np.testing.assert_allclose(ridge.points[[0, -1]], [START, GOAL], atol=1e-5)
    assert ridge.distance[-1] == pytest.approx(np.deg2rad(120), rel=0.03)
    assert ridge.log_prob.min() > -0.5


def test_the_straight_line_falls_far_below():
    straight = straight_path(ring, START, GOAL, SCALE)
    middle = -0.5 * ((np.cos(np.deg2rad(60)) - 1) / WIDTH) ** 2
    assert straight.log_prob.min() == pytest.approx(middle, rel=1e-2)
    assert straight.distance[-1] == pytest.approx(2 * np.sin(np.deg2rad(60)), rel=1e-5)


def test_lengths_are_in_scaled_parameters():
    scaled = straight_path(ring, START, GOAL, np.array([2.0, 2.0]))
    assert scaled.distance[-1] == pytest.approx(np.sin(np.deg2rad(60)), rel=1e-5)


def test_an_orthogonal_path_leaves_the_ring_downhill(ridge):
    aside = orthogonal_path(ring, ridge, 23, SCALE, share=0.1)
    assert aside.distance[-1] == pytest.approx(0.1 * ridge.distance[-1], abs=0.011)
    assert (np.diff(aside.log_prob[2:]) < 0).all()
    along = ridge.points[24] - ridge.points[22]
    moved = aside.points[-1] - aside.points[0]
    assert abs(along @ moved) < 1e-3 * np.linalg.norm(along) * np.linalg.norm(moved) + 1e-5


def test_a_parameter_at_its_bound_stays_there(ridge):
    point = ridge.points[23]
    bounds = point - np.array([0.02, 1.0]), point + np.array([0.02, 1.0])
    aside = orthogonal_path(ring, ridge, 23, SCALE, share=0.1, bounds=bounds)
    assert aside.points[:, 0].min() >= bounds[0][0] - 1e-6
    assert aside.points[:, 0].max() <= bounds[1][0] + 1e-6


def test_the_ridge_of_a_banana_is_its_parabola():
    """The density is equal all along b = a^2, so the best way is that curve, whose length is known."""

    def banana(theta):
        return -0.5 * ((theta[1] - theta[0] ** 2) / 0.05) ** 2

    ends = np.array([-0.5, 0.25]), np.array([1.2, 1.44])
    found = high_probability_path(banana, *ends, SCALE, num_waves=3)
    straight = straight_path(banana, *ends, SCALE)

    def length(a):  # of the parabola from 0 to a
        return a / 2 * np.sqrt(1 + 4 * a**2) + np.arcsinh(2 * a) / 4

    assert found.distance[-1] == pytest.approx(length(1.2) - length(-0.5), rel=0.02)
    assert np.abs(found.points[:, 1] - found.points[:, 0] ** 2).max() < 0.05
    assert found.log_prob.min() > -0.5
    assert straight.log_prob.min() < -50


def test_an_end_outside_the_prior_is_one_sentence():
    with pytest.raises(ValueError, match="two ends where the density is finite"):
        high_probability_path(lambda theta: jnp.log(theta[0]), np.array([-1.0, 0.0]), GOAL, SCALE)


def test_the_ends_of_a_ridge_have_no_orthogonal_path(ridge):
    with pytest.raises(ValueError, match="1 to 78; got 79"):
        orthogonal_path(ring, ridge, 79, SCALE)
