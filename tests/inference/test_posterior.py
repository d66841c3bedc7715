"""The posterior: inside the prior, normalised, and clear about what it needs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.estimators import EstimatorSpec, make_estimator
from inference.posterior import Posterior
from simulators import Prior

PRIOR = Prior(
    {
        "rate": dist.Uniform(0.5, 80.0),
        "mean": dist.Normal(0.0, 2.0),
        "scale": dist.HalfNormal(1.0),
    }
)
X = np.array([0.2, -0.4], np.float32)


def untrained(prior=PRIOR, x_o=X):
    spec = EstimatorSpec("nsf", prior.dim, 2, num_layers=2, width=8)
    return Posterior(make_estimator(jax.random.key(0), spec), prior, x_o)


@pytest.mark.long
def test_draws_are_inside_the_prior_and_more_of_them_begin_with_the_same():
    posterior = untrained()
    draws = posterior.sample(jax.random.key(1), 1500)
    assert draws.shape == (1500, 3)
    assert bool(jnp.isfinite(PRIOR.log_prob(draws)).all())
    assert bool(jnp.isfinite(posterior.log_prob(draws)).all())
    np.testing.assert_array_equal(posterior.sample(jax.random.key(1), 1500), draws)
    np.testing.assert_allclose(posterior.sample(jax.random.key(1), 20), draws[:20], rtol=1e-4)
    assert not np.array_equal(posterior.sample(jax.random.key(2), 20), draws[:20])


@pytest.mark.long
def test_density_is_normalised_in_the_prior_s_own_space():
    prior = Prior({"rate": dist.Uniform(0.5, 80.0)})
    grid = jnp.linspace(0.5, 80.0, 20_001)[1:-1, None]
    density = np.exp(np.asarray(untrained(prior).log_prob(grid), np.float64))
    assert np.trapezoid(density, np.asarray(grid[:, 0], np.float64)) == pytest.approx(1.0, abs=5e-3)


@pytest.mark.long
def test_density_is_minus_infinity_outside_and_never_nan():
    inside = [10.0, 0.0, 1.0]
    outside = [[0.4, 0.0, 1.0], [80.1, 0.0, 1.0], [10.0, 0.0, -0.1], [np.nan, 0.0, 1.0]]
    values = untrained().log_prob(np.array([inside, *outside], np.float32))
    assert np.isfinite(values[0])
    assert (np.asarray(values[1:]) == -np.inf).all()
    at_bounds = untrained().log_prob(np.array([[0.5, 0.0, 1.0], [80.0, 0.0, 1e-30]], np.float32))
    assert not np.isnan(at_bounds).any()


@pytest.mark.long
def test_draws_follow_the_density(key):
    """Importance weights towards a uniform density have mean 1; z below 6, one false alarm in 10^8."""
    prior = Prior({"rate": dist.Uniform(0.0, 1.0), "other": dist.Uniform(-1.0, 3.0)})
    posterior = untrained(prior)
    draws = posterior.sample(key, 4000)
    inner = np.asarray((jnp.abs(draws - jnp.array([0.5, 1.0])) < jnp.array([0.3, 1.2])).all(axis=1))
    weights = inner * np.exp(-np.asarray(posterior.log_prob(draws), np.float64)) / (0.6 * 2.4)
    assert abs(weights.mean() - 1) < 6 * weights.std() / np.sqrt(4000)


def test_another_observation_can_be_named():
    posterior, other = untrained(), np.array([1.0, 1.0], np.float32)
    amortised = untrained(x_o=None)
    theta = np.array([10.0, 0.0, 1.0], np.float32)
    assert posterior.log_prob(theta, x=other) == amortised.log_prob(theta, x=other)
    assert posterior.log_prob(theta) == amortised.log_prob(theta, x=X)
    assert posterior.log_prob(theta).shape == (1,)


def test_what_is_missing_or_wrong_is_said_in_one_sentence():
    posterior, key = untrained(), jax.random.key(0)
    with pytest.raises(ValueError, match="amortised and has no observation"):
        untrained(x_o=None).sample(key, 5)
    with pytest.raises(
        ValueError, match=r"one row of 2 features, shape \(2,\), or rows of them; got shape \(3,\)"
    ):
        posterior.sample(key, 5, np.zeros(3))
    with pytest.raises(ValueError, match="1 features that are not finite"):
        posterior.log_prob(np.zeros((1, 3)), np.array([np.nan, 0.0]))
    with pytest.raises(ValueError, match="at least 1; got 0"):
        posterior.sample(key, 0)
    with pytest.raises(ValueError, match=r"shape \(n, 3\); got \(4, 2\)"):
        posterior.log_prob(np.zeros((4, 2)))
    with pytest.raises(ValueError, match="not finite"):
        untrained(x_o=np.array([np.inf, 0.0]))


def test_share_at_bounds_counts_each_side_and_skips_what_has_none():
    theta = np.tile([40.0, 0.0, 1.0], (10, 1))
    theta[:3, 0] = 0.6
    theta[3:4, 0] = 79.9
    shares = untrained().share_at_bounds(theta)
    np.testing.assert_allclose(shares, [[0.3, 0.1], [0.0, 0.0], [0.0, 0.0]])


@pytest.mark.long
def test_many_observations_are_answered_at_once():
    """The same law as one by one: mean and sd of 2 000 draws within five standard errors."""
    posterior = untrained()
    x = np.array([[0.2, -0.4], [1.0, 2.0], [0.0, 0.0]], np.float32)
    draws = np.asarray(posterior.sample(jax.random.key(1), 2_000, x))
    assert draws.shape == (3, 2_000, 3)
    alone = np.asarray(posterior.sample(jax.random.key(2), 2_000, x[1]))
    error = alone.std(0) * np.sqrt(2 / 2_000)
    assert (np.abs(draws[1].mean(0) - alone.mean(0)) < 5 * error).all()
    paired = posterior.log_prob(draws[:, 0], x)
    one_by_one = [posterior.log_prob(row[0], given)[0] for row, given in zip(draws, x, strict=True)]
    np.testing.assert_allclose(paired, one_by_one, rtol=1e-4, atol=1e-4)
    with pytest.raises(ValueError, match="give one x for each"):
        posterior.log_prob(draws[0, :2], x)


@pytest.mark.long
def test_the_mode_is_where_the_density_is_highest():
    """Of unconstrained parameters, that is without the Jacobian of the map to them."""
    posterior = untrained()
    mode = posterior.mode(jax.random.key(0))
    draws = posterior.sample(jax.random.key(1), 5_000)
    points = jnp.concatenate([mode[None], draws])
    density = posterior.log_prob(points) + PRIOR.log_abs_det_jacobian(PRIOR.to_unconstrained(points))
    assert int(jnp.argmax(density)) == 0
    assert bool(jnp.isfinite(PRIOR.log_prob(mode)))
