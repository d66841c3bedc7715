"""Calibration of posteriors that are exact, too narrow, too wide and shifted; their truth is known."""

import equinox as eqx
import jax
import numpy as np
import pytest
from numpyro import distributions as dist
from scipy import stats

from inference.diagnostics import Ranks, expected_coverage, sbc, tarp
from inference.diagnostics.bands import binomial_band
from simulators import Prior

NUM = 400


@pytest.fixture
def ranks_of(normal_posterior, normal_rows):
    """ranks_of(seed, shift=..., stretch=...): of 400 rows."""

    def ranks(seed=0, **errors):
        return sbc(jax.random.key(seed), normal_posterior(**errors), *normal_rows(seed, NUM), num_draws=200)

    return ranks


@pytest.mark.long
def test_the_exact_posterior_is_uniform_in_ranks_and_levels(ranks_of):
    found = ranks_of()
    assert found.ranks.shape == (NUM, 2)
    assert found.ranks.min() >= 0
    assert found.ranks.max() <= 200
    # Three chi-square tests at 1e-4 each.
    for counts in (*found.histogram(10), np.histogram(found.level, bins=10, range=(0, 1))[0]):
        assert stats.chisquare(counts).pvalue > 1e-4
    assert (found.p_value > 1e-4).all()
    assert abs(found.overconfidence) < 4 * found.level_error


@pytest.mark.parametrize(("stretch", "sign"), [(0.6, 1), (1.7, -1)])
def test_a_wrong_width_is_seen_in_ranks_and_coverage(ranks_of, stretch, sign):
    found = ranks_of(stretch=stretch)
    assert sign * found.overconfidence > 5 * found.level_error
    assert (sign * found.spread > 0.02).all()
    assert (found.p_value < 1e-4).all()
    assert (np.abs(found.shift) < 0.1).all()


def test_a_shift_is_seen_with_its_sign(ranks_of):
    found = ranks_of(shift=0.4)
    assert (found.shift < -0.1).all()  # too high a posterior leaves the truth at low ranks
    assert (found.p_value < 1e-4).all()


def test_coverage_lies_in_its_band_for_the_exact_posterior_alone(normal_posterior, normal_rows):
    exact, narrow = (
        expected_coverage(jax.random.key(1), normal_posterior(stretch=s), *normal_rows(1, NUM), num_draws=200)
        for s in (1.0, 0.5)
    )
    low, high = exact.band
    inside = (exact.coverage >= low) & (exact.coverage <= high)
    assert inside.mean() > 0.5  # neighbouring levels go together
    assert exact.error < 4 * 0.4 / np.sqrt(NUM)
    assert (narrow.coverage < narrow.band[0]).all()
    assert narrow.error > 0.1


def test_tarp_agrees(normal_posterior, normal_rows):
    exact, narrow, shifted = (
        tarp(jax.random.key(2), normal_posterior(**errors), *normal_rows(2, NUM), num_draws=200)
        for errors in ({}, {"stretch": 0.4}, {"shift": 1.0})
    )
    assert exact.error < 4 * 0.4 / np.sqrt(NUM)
    assert narrow.error > 0.06
    assert shifted.error > 0.06


def test_bounded_parameters_are_ranked_in_their_own_space(stated):
    """The posterior that is the prior itself is calibrated, if weak."""

    class Logistic(eqx.Module):
        def log_prob(self, u, x):
            return jax.scipy.stats.logistic.logpdf(u).sum()

        def sample(self, key, x):
            return jax.random.logistic(key, (1,))

    prior = Prior({"g": dist.Uniform(2.0, 80.0)})
    theta = np.asarray(prior.sample(jax.random.key(3), NUM))
    found = sbc(jax.random.key(4), stated(Logistic(), prior), theta, np.zeros((NUM, 1)), num_draws=200)
    assert (found.p_value > 1e-4).all()
    # Its density is flat in the prior's space: every draw is as high as the truth, up to rounding.
    assert found.level.shape == (NUM,)


def test_the_same_key_gives_the_same_ranks(ranks_of):
    np.testing.assert_array_equal(ranks_of(5).ranks, ranks_of(5).ranks)


def test_the_p_value_is_that_of_scipy():
    ranks = Ranks(np.random.default_rng(0).integers(0, 201, (150, 3)) ** 2 // 200, np.zeros(150), 200)
    expected = [stats.kstest(column, "uniform").pvalue for column in ranks.position.T]
    np.testing.assert_allclose(ranks.p_value, expected, rtol=0.1)


def test_histograms_have_about_twenty_rows_in_a_bin():
    ranks = Ranks(np.arange(200)[:, None] % 101, np.linspace(0, 1, 200), 100)
    assert ranks.histogram().shape == (1, 10)
    assert ranks.histogram().sum() == 200
    assert Ranks(np.zeros((10, 1), int), np.zeros(10), 100).histogram().shape == (1, 4)


def test_the_band_holds_its_mass():
    low, high = binomial_band(200, np.array([0.1]))
    inside = stats.binom.cdf(high, 200, 0.1) - stats.binom.cdf(low - 1, 200, 0.1)
    assert 0.95 <= inside < 0.98
    assert (low, high) == (stats.binom.ppf(0.025, 200, 0.1), stats.binom.ppf(0.975, 200, 0.1))


def test_rows_that_cannot_be_calibrated_are_refused(stated, normal_posterior):
    posterior = normal_posterior()
    with pytest.raises(ValueError, match="pairs of theta and x; got 3 rows of theta and 2"):
        sbc(jax.random.key(0), posterior, np.zeros((3, 2)), np.zeros((2, 2)))
    bounded = stated(posterior.estimator, Prior({"a": dist.Uniform(0.0, 1.0)}))
    with pytest.raises(ValueError, match="1 of 2 rows of theta lie outside the prior"):
        sbc(jax.random.key(0), bounded, np.array([[0.5], [1.5]]), np.zeros((2, 1)))
