"""Pairs on a ring, where the farthest are opposite each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.analysis import disparate_pair


def ring(theta):
    return -0.5 * ((jnp.linalg.norm(theta) - 1) / 0.1) ** 2


@pytest.fixture(scope="module")
def draws():
    random = np.random.default_rng(0)
    angle, radius = random.uniform(0, 2 * np.pi, 3_000), random.normal(1, 0.1, 3_000)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def test_the_two_are_opposite_and_equally_probable(draws):
    i, j = disparate_pair(jax.random.key(0), ring, draws, np.ones(2), within=0.2)
    one, other = draws[i], draws[j]
    assert i < j
    assert np.linalg.norm(one - other) > 1.95
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) < -0.98
    assert abs(ring(one) - ring(other)) <= 0.2
    assert min(ring(one), ring(other)) > -0.5  # the median of a Gaussian's lies at -0.23


def test_distances_are_in_units_of_the_scale(draws):
    i, j = disparate_pair(jax.random.key(0), ring, draws, np.array([0.1, 1.0]))
    assert abs(draws[i, 0] - draws[j, 0]) > 1.9


def test_the_key_decides(draws):
    pairs = {disparate_pair(jax.random.key(k), ring, draws, np.ones(2)) for k in (0, 0, 1)}
    assert len(pairs) == 2


def test_no_density_is_one_sentence(draws):
    with pytest.raises(ValueError, match="two draws of finite density; got 0 among 1000"):
        disparate_pair(jax.random.key(0), lambda theta: jnp.nan * theta[0], draws, np.ones(2))


def test_no_equal_pair_is_one_sentence(draws):
    with pytest.raises(ValueError, match="No two of .* draws are within 0 nats"):
        disparate_pair(jax.random.key(0), lambda theta: theta[0], draws[:50], np.ones(2), within=0.0)
