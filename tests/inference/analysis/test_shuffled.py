"""Draws of a narrow ridge, whose marginals alone leave it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist
from scipy.stats import norm

from inference.analysis import shuffled_marginals
from simulators import Prior, Simulator

BOX = Prior({"a": dist.Uniform(-10.0, 10.0), "b": dist.Uniform(-10.0, 10.0)})


def features(recording):
    """Undefined where the sum of both is more than 0.5 away from 0."""
    total, difference = recording
    return {"sum": jnp.where(jnp.abs(total) < 0.5, total, jnp.nan), "difference": difference}


RIDGE = Simulator(
    "ridge", BOX, lambda key, theta: (theta["a"] + theta["b"], theta["a"] - theta["b"]), features
)


@pytest.fixture(scope="module")
def draws():
    """The sum has sd 0.2, the difference 2."""
    z = np.random.default_rng(0).normal(size=(4_000, 2)) * [0.2, 2.0]
    return np.stack([z.sum(axis=1), z[:, 0] - z[:, 1]], axis=1) / 2


def test_shares_are_those_of_the_closed_form(draws):
    found = shuffled_marginals(jax.random.key(0), RIDGE, draws, np.zeros(2), num=4_000)
    together, apart = (2 * norm.cdf(0.5 / sd) - 1 for sd in (0.2, np.sqrt((0.04 + 4) / 2)))
    assert found.joint.num == found.shuffled.num == 4_000
    assert found.joint.valid == pytest.approx(together, abs=4 * found.joint.valid_error)
    assert found.shuffled.valid == pytest.approx(apart, abs=4 * found.shuffled.valid_error)
    assert found.shuffled.valid_error == pytest.approx(np.sqrt(apart * (1 - apart) / 4_000), rel=0.05)
    lost, error = found.lost
    assert lost == pytest.approx(together - apart, abs=4 * error)


def test_distances_are_in_scales(draws):
    found = shuffled_marginals(
        jax.random.key(0), RIDGE, draws, np.array([0.0, 3.0]), scale=np.array([0, 2.0])
    )
    x = draws[:1_000] @ np.array([1.0, -1.0])
    is_valid = np.abs(draws[:1_000].sum(axis=1)) < 0.5
    assert found.joint.distance == pytest.approx(np.abs(x[is_valid] - 3.0).mean() / 2, rel=1e-4)
    assert found.joint.distance_error > 0


def test_none_valid_has_no_distance(draws):
    found = shuffled_marginals(jax.random.key(0), RIDGE, draws + 3, np.zeros(2), num=50)
    assert found.joint.valid == 0
    assert np.isnan(found.joint.distance)


def test_one_draw_cannot_be_shuffled(draws):
    with pytest.raises(ValueError, match="two draws at least; got 1"):
        shuffled_marginals(jax.random.key(0), RIDGE, draws[:1], np.zeros(2))
