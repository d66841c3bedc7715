"""Modes of a mixture whose shares are known."""

import equinox as eqx
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from numpyro import distributions as dist

from inference import Posterior
from inference.analysis import clusters
from inference.embeddings.encoder import AsItIs
from inference.estimators import EstimatorSpec
from inference.estimators.base import DensityEstimator
from inference.scaling import ParameterScaling, identity_scaling
from simulators import Prior

PRIOR = Prior({"a": dist.Normal(0.0, 5.0), "b": dist.Normal(0.0, 5.0)})
MEANS, SDS, SHARES = np.array([[-2.0, 0.0], [2.0, 1.0]]), np.array([0.5, 0.3]), np.array([0.3, 0.7])


class Two(DensityEstimator):
    """Two round Gaussians, whatever x."""

    spec: EstimatorSpec = eqx.field(static=True, default=EstimatorSpec("mdn", 2, 1))
    parameter_scaling: ParameterScaling = eqx.field(default_factory=lambda: identity_scaling(2, 1)[0])
    encoder: AsItIs = eqx.field(default_factory=lambda: AsItIs(1))

    def log_prob_given(self, u, h):
        square = ((u - MEANS) ** 2).sum(axis=1) / SDS**2
        return logsumexp(-0.5 * square, b=SHARES / (2 * np.pi * SDS**2))

    def sample_given(self, key, h):
        raise NotImplementedError

    log_prob_heavy, sample_heavy = log_prob_given, sample_given


@pytest.fixture(scope="module")
def posterior():
    return Posterior(Two(), PRIOR, np.zeros(1))


@pytest.fixture(scope="module")
def draws():
    random = np.random.default_rng(0)
    of = random.choice(2, 400, p=SHARES)
    return MEANS[of] + SDS[of, None] * random.normal(size=(400, 2)), of


def test_both_modes_and_their_shares_are_found(posterior, draws):
    rows, of = draws
    found = clusters(posterior, rows, num_starts=60, num_steps=100)
    np.testing.assert_allclose(found.modes, MEANS[::-1], atol=1e-3)
    np.testing.assert_allclose(found.log_prob, np.log(SHARES / (2 * np.pi * SDS**2))[::-1], atol=1e-4)
    assert np.abs(found.shares - SHARES[::-1]).max() < 3 * found.errors.max()
    np.testing.assert_array_equal(found.owner, 1 - of[:60])
    assert found.shares.sum() == pytest.approx(1.0)


def test_modes_without_a_valley_are_one(posterior, draws):
    found = clusters(posterior, draws[0], num_starts=10, num_steps=100, valley=100.0)
    assert len(found.modes) == 1
    assert found.shares.tolist() == [1.0]
    assert np.isfinite(found.log_prob).all()
