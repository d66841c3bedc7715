"""Moments, relative KL error and contraction against closed forms, on exact and wrong posteriors."""

import jax
import numpy as np
import pytest

from inference.diagnostics import Gaussian, compare_moments, contraction, relative_kl_error

NUM = 1_000


@pytest.mark.parametrize("name", ["shifted", "too narrow", "too wide"])
def test_wrong_moments_are_told_with_their_size(draws_of, name):
    found = compare_moments(draws_of(name, 0, NUM), draws_of("exact", 1, NUM))
    assert (found.p_value < 1e-6).all()
    sd = (1 + 0.5**-2) ** -0.5
    shift, ratio = {"shifted": (0.25 / sd, 1.0), "too narrow": (0.0, 0.6), "too wide": (0.0, 1.7)}[name]
    np.testing.assert_allclose(found.mean_shift, shift, atol=0.25)
    np.testing.assert_allclose(found.sd_ratio, ratio, rtol=0.15)


def test_a_lost_mode_is_told(draws_of):
    found = compare_moments(draws_of("one mode lost", 0, NUM), draws_of("two modes", 1, NUM))
    assert (found.p_value < 1e-6).all()
    assert (found.sd_ratio < 0.8).all()


def test_lost_correlation_is_told():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, NUM, 2)) @ np.linalg.cholesky([[1, 0.8], [0.8, 1]]).T
    found = compare_moments(rng.normal(size=(NUM, 2)), one)
    assert found.correlation_difference[0, 1] == pytest.approx(-0.8, abs=0.1)
    assert abs(compare_moments(other, one).correlation_difference).max() < 0.1


@pytest.mark.parametrize("name", ["exact", "two modes"])
def test_exact_moments_are_blamed_at_the_stated_rate(draws_of, name):
    """2 parameters of 60 pairs at 5 %: more than 16 of 120 would be a chance of 1e-4."""
    p_values = [
        compare_moments(draws_of(name, 2 * seed, 300), draws_of(name, 2 * seed + 1, 300)).p_value
        for seed in range(60)
    ]
    assert (np.array(p_values) < 0.05).sum() <= 16


def test_the_relative_error_has_its_closed_form_for_gaussians(draws_of):
    """One half of (v - 1 - ln v) for a variance that is 1 / v of the exact one, and 0 and 1 at its ends."""
    exact, prior = Gaussian(np.ones(2), np.eye(2) / 4), Gaussian(np.zeros(2), np.eye(2))
    narrow = Gaussian(exact.mean, exact.covariance / 2)
    of_prior = 0.5 * (2 * 0.25 + 2 - 2 + 2 * np.log(4))
    assert relative_kl_error(exact, exact, prior) == pytest.approx(0.0, abs=1e-12)
    assert relative_kl_error(prior, exact, prior) == pytest.approx(1.0)
    assert relative_kl_error(narrow, exact, prior) == pytest.approx((1 - np.log(2)) / of_prior)
    rows = np.random.default_rng(0).normal(size=(20_000, 2))
    wide = 0.5 * rows * 1.5 + 1
    assert relative_kl_error(rows * 0.5 + 1, exact, prior) < 0.001
    assert relative_kl_error(wide, exact, rows) == pytest.approx(
        (1 / 2.25 - 1 + np.log(2.25)) / of_prior, rel=0.05
    )


@pytest.mark.parametrize(("name", "expected"), [("exact", 0), ("too narrow", 1), ("shifted", 1)])
def test_wrong_posteriors_have_a_relative_error(draws_of, name, expected):
    """2000 draws of both: two parameters add about 5 / (4 * 1000) nats by chance to 1.2 of the prior's."""
    prior = Gaussian(np.zeros(2), np.eye(2))
    error = relative_kl_error(draws_of(name, 0, 2 * NUM), draws_of("exact", 1, 2 * NUM), prior)
    assert (error > 0.02) == expected


@pytest.mark.long
def test_contraction_and_z_scores_of_many_observations(case):
    """Sum of 2 x 300 squared z-scores: 1 +- 0.06; the false-alarm rate of four standard errors is 6e-5."""
    keys = jax.random.split(jax.random.key(0), (300, 200))

    def found(name):
        posterior, theta, x = case(name, 0, 300)
        draws = jax.vmap(jax.vmap(posterior.estimator.sample, (0, None)))(keys, x)
        prior = np.random.default_rng(0).normal(size=(20_000, 2))
        return contraction(np.asarray(draws), prior, true_theta=theta)

    exact = found("exact")
    assert exact.contraction.shape == exact.z_score.shape == (300, 2)
    np.testing.assert_allclose(exact.contraction.mean(axis=0), 1 - 1 / (1 + 0.5**-2), atol=0.01)
    assert abs(exact.mean_square_z.mean() - 1) < 4 * np.sqrt(2 / 600)
    assert (found("too narrow").mean_square_z > 2).all()
    assert (found("too wide").mean_square_z < 0.5).all()
    assert (found("shifted").z_score.mean(axis=0) > 0.4).all()


def test_nothing_learnt_is_no_contraction_and_shapes_are_checked():
    rows = np.random.default_rng(0).normal(size=(2, 5_000, 3))
    found = contraction(rows[0], rows[1])
    assert abs(found.contraction).max() < 0.1
    assert found.z_score is found.mean_square_z is None
    with pytest.raises(ValueError, match=r"a truth of shape \(3,\); got \(5000, 3\) and \(2,\)"):
        contraction(rows[0], rows[1], true_theta=np.zeros(2))


def test_wrong_input_is_refused():
    rows = np.random.default_rng(0).normal(size=(20, 2))
    with pytest.raises(ValueError, match="got 2 and 1 columns"):
        compare_moments(rows, rows[:, :1])
    with pytest.raises(ValueError, match=r"finite rows of shape \(n, dim\), n >= 3; got shape \(2, 2\)"):
        compare_moments(rows, rows[:2])
    with pytest.raises(ValueError, match="singular"):
        relative_kl_error(rows, np.repeat(rows[:, :1], 2, axis=1), rows)
