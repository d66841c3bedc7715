"""Modes of a mixture whose shares are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.analysis import clusters
from simulators import Prior

MEANS, SDS, SHARES = np.array([[-2.0, 0.0], [2.0, 1.0]]), np.array([0.5, 0.3]), np.array([0.3, 0.7])


class Mixture:
    """A posterior of two round Gaussians."""

    prior = Prior({"a": dist.Uniform(-5.0, 5.0), "b": dist.Uniform(-5.0, 5.0)})

    def log_density(self):
        """Of one row, in its precision."""

        def density(theta):
            square = ((theta - MEANS) ** 2).sum(axis=1) / SDS**2
            return jax.scipy.special.logsumexp(-0.5 * square, b=SHARES / (2 * np.pi * SDS**2))

        return density


@pytest.fixture(scope="module")
def draws():
    random = np.random.default_rng(0)
    of = random.choice(2, 400, p=SHARES)
    return MEANS[of] + SDS[of, None] * random.normal(size=(400, 2)), of


def test_both_modes_and_their_shares_are_found(draws):
    rows, of = draws
    found = clusters(Mixture(), rows, num_starts=60, num_steps=100)
    np.testing.assert_allclose(found.modes, MEANS[::-1], atol=1e-3)
    np.testing.assert_allclose(found.log_prob, np.log(SHARES / (2 * np.pi * SDS**2))[::-1], atol=1e-4)
    assert np.abs(found.shares - SHARES[::-1]).max() < 3 * found.errors.max()
    np.testing.assert_array_equal(found.owner, 1 - of[:60])
    assert found.shares.sum() == pytest.approx(1.0)


def test_modes_without_a_valley_are_one(draws):
    found = clusters(Mixture(), draws[0], num_starts=10, num_steps=100, valley=100.0)
    assert len(found.modes) == 1
    assert found.shares.tolist() == [1.0]
    assert jnp.isfinite(found.log_prob).all()
