"""Posterior predictive checks on a model whose answers are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.diagnostics import posterior_predictive, prior_predictive
from inference.diagnostics.predictive import predictive_distance, predictive_gap
from inference.estimators import EstimatorSpec, make_estimator
from inference.posterior import Posterior
from simulators import Prior, Simulator


def simulate(key, theta):
    """One feature that follows theta, one that fails for half of the prior."""
    return {
        "level": theta["a"] + 0.01 * jax.random.normal(key),
        "delay": jnp.where(theta["a"] > 0, 1.0, jnp.nan),
    }


SIMULATOR = Simulator("level", Prior({"a": dist.Uniform(-1.0, 1.0)}), simulate)


def posterior(x_o):
    estimator = make_estimator(jax.random.key(0), EstimatorSpec("maf", 1, 2, num_layers=1, width=4))
    return Posterior(estimator, SIMULATOR.prior, x_o)


@pytest.mark.long
def test_simulations_are_those_of_the_draws_and_failures_are_counted():
    check = posterior_predictive(jax.random.key(1), posterior(np.array([0.5, 1.0])), SIMULATOR, num=200)
    np.testing.assert_allclose(check.simulations.x[:, 0], check.simulations.theta[:, 0], atol=0.06)
    assert check.share_defined[0] == 1.0
    assert 0.3 < check.share_defined[1] < 0.7
    assert check.share_valid == pytest.approx(check.share_defined[1])
    assert check.distance.shape == (2,)
    assert 0.2 < check.distance[0] < 2.0


@pytest.mark.long
def test_another_observation_can_be_checked_and_none_is_an_error():
    amortised = posterior(None)
    with pytest.raises(ValueError, match="no observation"):
        posterior_predictive(jax.random.key(1), amortised, SIMULATOR, num=100)
    check = posterior_predictive(jax.random.key(1), amortised, SIMULATOR, num=100, x=np.array([0.5, 1.0]))
    assert np.isfinite(check.distance[0])


def test_distance_is_in_prior_predictive_standard_deviations():
    rng = np.random.default_rng(0)
    prior = np.stack([rng.normal(0.0, 5.0, 4000), np.full(4000, 2.0), np.full(4000, np.nan)], axis=1)
    predicted = np.stack([rng.normal(3.0, 0.1, 4000), np.full(4000, 2.0), np.full(4000, np.nan)], axis=1)
    predicted[::2, 0] = np.nan
    distance = predictive_distance(predicted, prior, np.array([1.0, 2.0, 1.0]))
    assert distance[0] == pytest.approx(2.0 / 5.0, abs=0.02)
    assert np.isnan(distance[1:]).all()


def test_either_of_two_modes_comes_near_the_observation_and_the_middle_does_not():
    """Of predictions around -3 and 3 the median lies anywhere between: it tells nothing."""
    rng = np.random.default_rng(0)
    predicted = rng.choice([-3.0, 3.0], (1000, 1), p=[0.05, 0.95]) + rng.normal(0.0, 0.1, (1000, 1))
    prior = rng.normal(0.0, 2.0, (1000, 1))
    for observed, is_missed in ((-3.0, False), (3.0, False), (0.0, True), (4.0, True)):
        gap, limit = predictive_gap(predicted, prior, np.array([observed]))
        assert (gap[0] > max(limit, 0.25)) == is_missed, (observed, gap, limit)


def test_undefined_features_are_far_off_only_where_the_observation_has_them():
    rng = np.random.default_rng(0)
    predicted, prior = rng.normal(size=(500, 3)), rng.normal(size=(500, 3))
    predicted[4:, 1] = np.nan
    gap, limit = predictive_gap(predicted, prior, np.array([np.nan, 0.0, 0.0]))
    assert np.isnan(gap[0])
    assert np.isinf(gap[1])
    assert gap[2] < limit < np.inf


@pytest.mark.long
def test_the_limit_has_its_false_alarm_rate_for_all_features_together():
    """400 observations from among the predictions, 18 features: 1 % exceed the limit.

    More than 12 of 400 would be a chance of 2e-4.
    """
    rng = np.random.default_rng(1)
    heavy = rng.standard_t(3, (400 + 1000, 18))
    gaps = [predictive_gap(heavy[400:], heavy[400:], row) for row in heavy[:400]]
    assert sum(bool((gap > limit).any()) for gap, limit in gaps) <= 12
    assert gaps[0][1] > 0


def test_the_limit_is_that_of_a_plain_search():
    rng = np.random.default_rng(2)
    column = rng.normal(size=200)
    apart = np.sort(np.abs(column[:, None] - column), axis=1)[:, 2]  # itself, the nearest, the second nearest
    _, limit = predictive_gap(column[:, None], column[:, None], np.zeros(1))
    assert limit == pytest.approx(np.sort(apart)[198] / column.std())


def normal_model(prior):
    """Two features around one parameter, in noise."""
    return Simulator(
        "normal", prior, lambda key, theta: {
            "one": theta["a"] + 0.3 * jax.random.normal(key),
            "other": theta["a"] + 0.3 * jax.random.normal(jax.random.fold_in(key, 1)),
        }
    )  # fmt: skip


@pytest.mark.long
def test_the_prior_finds_its_own_observations_usual_at_the_stated_rate():
    """60 observations at 5 %: more than 10 would be a chance of 3e-4."""
    model = normal_model(Prior({"a": dist.Normal(0.0, 1.0)}))
    x_o = prior_predictive(jax.random.key(99), model, np.zeros(2), num=60).simulations.x
    found = [prior_predictive(jax.random.key(s), model, row, num=200) for s, row in enumerate(x_o)]
    assert sum(one.place.p_value <= 0.05 for one in found) <= 10
    assert found[0].simulations.x.shape == (200, 2)
    assert found[0].share_valid == 1.0
    np.testing.assert_array_equal(found[0].share_defined, 1.0)


@pytest.mark.parametrize(
    ("name", "x_o", "mean", "sd"),
    [
        ("shifted", [0.2, 0.1], 4.0, 1.0),
        ("too narrow", [1.2, 1.1], 0.0, 0.1),
        ("an impossible pair", [1.5, -1.5], 0.0, 1.0),
    ],
)
def test_priors_that_do_not_reach_the_observation_are_told(name, x_o, mean, sd):
    model = normal_model(Prior({"a": dist.Normal(mean, sd)}))
    found = prior_predictive(jax.random.key(0), model, np.array(x_o), num=500)
    assert found.place.p_value < 0.01, name
    assert (found.distance > 1).all()
