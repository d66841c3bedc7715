"""Local C2ST on posteriors whose truth is known: everywhere right, everywhere wrong, wrong in one place."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.diagnostics import local_c2st

NUM = 500
X_O = np.array([0.6, 0.3])


@pytest.mark.long
@pytest.mark.parametrize("name", ["shifted", "too narrow", "too wide", "one mode lost"])
def test_wrong_posteriors_are_found_at_the_observation(case, name):
    found = local_c2st(jax.random.key(0), *case(name, 0, NUM), X_O, num_draws=500)
    assert found.p_value == pytest.approx(1 / 201)
    assert found.theta.shape == (500, 2)
    assert found.statistic == pytest.approx(((found.probability - 0.5) ** 2).mean())


@pytest.mark.long
@pytest.mark.parametrize("name", ["exact", "two modes"])
def test_exact_posteriors_are_blamed_at_the_stated_rate(case, name):
    """40 data sets at 5 %: more than 8 would be a chance of 7e-5; and the p-values are even."""
    p_values = [
        local_c2st(jax.random.key(seed), *case(name, seed, NUM), X_O, num_draws=500).p_value
        for seed in range(40)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 8 / 40
    assert 0.3 < np.mean(p_values) < 0.7


@pytest.mark.long
def test_it_tells_on_which_side_draws_are_lacking(case):
    """Too high a posterior has too few low draws."""
    found = local_c2st(jax.random.key(0), *case("shifted", 0, 2_000), X_O, num_draws=500)
    for values in found.theta.T:
        is_low = values < np.median(values)
        assert found.probability[is_low].mean() > found.probability[~is_low].mean() + 0.1


@pytest.mark.long
def test_what_is_wrong_in_one_place_is_found_there(stated, normal_posterior, normal_rows):
    """Shifted by a standard deviation where x[0] is above 0: far larger a statistic there than elsewhere."""
    exact = normal_posterior()

    class Half(eqx.Module):
        def sample(self, key, x):
            return exact.estimator.sample(key, x) + 0.447 * (x[0] > 0)

    arguments = (stated(Half(), exact.prior), *normal_rows(0, 2_000))
    wrong, right = (local_c2st(jax.random.key(0), *arguments, np.array([a, 0.0])) for a in (1.2, -1.2))
    assert wrong.p_value < 0.01
    assert wrong.statistic > 5 * right.statistic


@pytest.mark.long
def test_many_and_missing_features_are_no_problem(stated, normal_posterior, normal_rows):
    exact = normal_posterior()

    class First(eqx.Module):
        def sample(self, key, x):
            return exact.estimator.sample(key, x[:2])

    theta, x = normal_rows(0, NUM)
    many = np.concatenate([x, np.random.default_rng(0).normal(size=(NUM, 18)).astype(np.float32)], axis=1)
    many[::7, 5] = np.nan
    found = local_c2st(jax.random.key(0), stated(First(), exact.prior), theta, many, many[1])
    assert found.p_value > 1e-2
    assert jnp.isfinite(found.statistic)


def test_an_observation_of_another_shape_is_refused(case):
    with pytest.raises(ValueError, match=r"shape of a row of x, \(2,\); got \(3,\)"):
        local_c2st(jax.random.key(0), *case("exact", 0, NUM), np.zeros(3))
