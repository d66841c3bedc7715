"""Modes of a mixture whose shares are known."""

import equinox as eqx
import numpy as np
import pytest
from jax.scipy.special import logsumexp
from numpyro import distributions as dist

from inference import Posterior
from inference.analysis import clusters, join_ends
from inference.analysis.modes import Mode
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


def height(place):
    square = ((place - MEANS) ** 2).sum(axis=1) / SDS**2
    return float(logsumexp(-0.5 * square, b=SHARES / (2 * np.pi * SDS**2)))


def test_as_many_as_are_wanted(posterior):
    places = [*MEANS, MEANS[0] + [0.4, 0.0], MEANS[1] + [0.0, 0.1]]
    ends = [Mode(place, height(place)) for place in places]
    assert len(join_ends(posterior, ends).modes) == 2
    one, two, three = (join_ends(posterior, ends, num_modes=num) for num in (1, 2, 3))
    np.testing.assert_array_equal(one.modes, MEANS[1:])  # the higher one stands for both
    np.testing.assert_array_equal(two.owner, [1, 0, 1, 0])
    assert len(three.modes) == 2  # those beside a mode are on its slope: no valley is between
    assert len(join_ends(posterior, ends * 2, num_modes=6).modes) == 2
    with pytest.raises(ValueError, match="one or more"):
        join_ends(posterior, [])
    with pytest.raises(ValueError, match="got 0"):
        join_ends(posterior, ends, num_modes=0)


def test_the_shallowest_valley_is_filled_first(posterior):
    """A place on the slope of a mode joins before the modes join, although it is lower than they are."""
    left, right = MEANS
    far = Mode(np.array([0.5, -3.0]), -30.0)
    ends = [Mode(row, height(row)) for row in (left, right)]
    found = join_ends(posterior, [*ends, far], valley=-1.0)
    assert len(found.modes) == 3
    two = join_ends(posterior, [*ends, far], valley=-1.0, num_modes=2)
    assert two.owner[0] != two.owner[1]
