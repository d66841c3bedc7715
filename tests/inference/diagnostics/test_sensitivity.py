"""Sensitivity against slopes that are known; a posterior that overlooks a feature is seen to do so."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.diagnostics import sensitivity

SD = (1 + 0.5**-2) ** -0.5  # of the exact posterior
X_O = np.array([0.6, -0.3])
SLOPE = 0.8 / SD  # its mean moves by 0.8 for each unit of its own feature


@pytest.fixture
def prior_x(normal_rows):
    """Of standard deviation sqrt(1.25) in each feature."""
    return normal_rows(1, 4_000)[1]


def test_the_exact_posterior_has_its_slopes(normal_posterior, prior_x):
    """Exact but for the standard deviations of 4 000 simulations and 2 000 draws, of 2 and 3 %."""
    found = sensitivity(jax.random.key(0), normal_posterior(), X_O, prior_x)
    np.testing.assert_allclose(found.shift, SLOPE * np.sqrt(1.25) * np.eye(2), rtol=0.1, atol=1e-4)
    np.testing.assert_allclose(found.widening, 0.0, atol=1e-4)
    np.testing.assert_allclose(found.strength, SLOPE * np.sqrt(1.25), rtol=0.1)


@pytest.mark.parametrize(("stretch", "factor"), [(0.5, 2.0), (2.0, 0.5)])
def test_a_posterior_of_wrong_width_reacts_too_strongly_or_too_little(
    normal_posterior, prior_x, stretch, factor
):
    found = sensitivity(jax.random.key(0), normal_posterior(stretch=stretch), X_O, prior_x)
    np.testing.assert_allclose(np.diag(found.shift), factor * SLOPE * np.sqrt(1.25), rtol=0.1)


@pytest.mark.long
def test_what_is_overlooked_or_only_widens(stated, normal_posterior, prior_x):
    """Feature 0 moves the first parameter, feature 1 widens the second, the others do nothing."""
    exact = normal_posterior()

    class Odd(eqx.Module):
        def sample(self, key, x):
            return jnp.stack([x[0], 0.0]) + jnp.stack([1.0, jnp.exp(x[1])]) * jax.random.normal(key, (2,))

        def log_prob(self, u, x):
            mean, sd = jnp.stack([x[0], 0.0]), jnp.stack([1.0, jnp.exp(x[1])])
            return jax.scipy.stats.norm.logpdf(u, mean, sd).sum()

    x = np.concatenate([prior_x / np.sqrt(1.25)] * 2, axis=1)
    x[:, 3] = 1.0
    found = sensitivity(jax.random.key(0), stated(Odd(), exact.prior), np.zeros(4), x)
    np.testing.assert_allclose(found.shift[:, 0], [1.0, 0.0], atol=0.1)
    np.testing.assert_allclose(found.widening[:, 1], [0.0, 1.0], atol=0.1)
    np.testing.assert_allclose(found.shift[0, 1:3], 0.0, atol=1e-4)
    # The score of a log standard deviation is z^2 - 1, of variance 2.
    np.testing.assert_allclose(found.strength[:3], [1.0, np.sqrt(2), 0.0], atol=0.15)
    assert np.isnan(found.strength[3])
    assert np.isnan(
        sensitivity(jax.random.key(0), stated(Odd(), exact.prior), np.array([0, 0, np.nan, 0]), x).shift[0, 2]
    )


def test_shapes_are_checked(normal_posterior):
    with pytest.raises(ValueError, match=r"do not fit: got \(2,\) and \(9, 3\)"):
        sensitivity(jax.random.key(0), normal_posterior(), np.zeros(2), np.zeros((9, 3)))
