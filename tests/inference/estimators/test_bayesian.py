"""The Bayesian mixture: its divergence, its local noise, and what training may change."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from jax.flatten_util import ravel_pytree
from scipy import stats

from inference.embeddings.encoder import make_encoder
from inference.epoch import initial_state, with_parameters
from inference.estimators.base import EstimatorSpec, Frozen, partition_trainable
from inference.estimators.bayesian import BayesianMDN, bayesian_mixture_density, split_bayesian
from inference.objectives import make_rows
from inference.objectives_mixtures import VariationalLoss
from inference.scaling import identity_scaling

SPEC = EstimatorSpec("bayesian_mdn", 2, 3, width=6, depth=1, num_components=2)
X = jnp.array([0.5, -1.0, 2.0])


def build(*, roughness=0.0, **sizes):
    spec, rng = dataclasses.replace(SPEC, **sizes), np.random.default_rng(0)
    scaling, features = identity_scaling(spec.dim, spec.num_features)
    estimator = bayesian_mixture_density(rng, spec, scaling, make_encoder(rng, spec, features))
    parameters = initial_state(estimator).parameters
    noise = jnp.asarray(roughness * rng.normal(size=parameters.shape), jnp.float32)
    return with_parameters(estimator, parameters + noise)


def flat(tree):
    return np.asarray(ravel_pytree(tree)[0])


def test_it_starts_as_the_paper_says():
    estimator = build()
    prior_means, prior_log_sds = estimator.prior.value
    assert (flat(estimator.log_sds) == -5).all()
    assert (flat(prior_means) == 0).all()
    np.testing.assert_allclose(np.exp(-2 * flat(prior_log_sds)), 0.01, rtol=1e-5)


def test_the_divergence_is_that_of_numpyro_and_zero_from_itself():
    estimator = build(roughness=0.3)
    posterior = dist.Normal(flat(estimator.means), np.exp(flat(estimator.log_sds)))
    prior_means, prior_log_sds = map(flat, estimator.prior.value)
    expected = dist.kl_divergence(posterior, dist.Normal(prior_means, np.exp(prior_log_sds))).sum()
    kl = eqx.filter_jit(BayesianMDN.kl)
    assert float(kl(estimator)) == pytest.approx(float(expected), rel=1e-5)
    following = estimator.with_prior_from_itself()
    assert float(kl(following)) == pytest.approx(0.0, abs=1e-4)
    assert eqx.tree_equal(following.means, estimator.means)
    moved = eqx.tree_at(lambda e: e.means.slope, following, following.means.slope + 0.01)
    assert float(kl(moved)) > 0


def test_training_changes_means_and_sds_but_never_the_prior():
    estimator = build()
    trainable, fixed = partition_trainable(estimator)
    assert jax.tree.leaves(trainable.prior) == []
    assert eqx.tree_equal(fixed.prior, estimator.prior)
    num_weights = flat(estimator.means).size
    assert initial_state(estimator).parameters.size == 2 * num_weights
    moved = with_parameters(estimator, initial_state(estimator).parameters + 1.0)
    assert eqx.tree_equal(moved.prior, estimator.prior)
    np.testing.assert_allclose(flat(moved.log_sds), -4.0)


@pytest.mark.long
def test_local_noise_has_the_moments_of_drawn_weights(key):
    """One layer, 20 000 draws either way: means and variances of all outputs, one false alarm in 10^6."""
    estimator = build(num_components=1, dim=1)
    linear = jax.tree.map(lambda head: head, estimator.means)
    network = dataclasses.replace(linear.network, weights=(jnp.full((6, 3), 0.3),), biases=(jnp.ones(3),))
    means = dataclasses.replace(linear, network=network)
    log_sds = jax.tree.map(lambda leaf: jnp.full(leaf.shape, -0.7), means)
    estimator = BayesianMDN(
        estimator.spec, estimator.parameter_scaling, estimator.encoder, means, log_sds, Frozen((means, means))
    )
    h, (local_key, weight_key) = estimator.encode(X), jax.random.split(key)

    def numbers(mix):
        return jnp.stack([mix.means[0, 0], jnp.log(mix.factors[0, 0, 0])])

    def by_weights(k):
        drawn, unravel = ravel_pytree(means)
        sds = jnp.exp(ravel_pytree(log_sds)[0])
        return numbers(unravel(drawn + sds * jax.random.normal(k, drawn.shape))(h))

    local, weights = (
        np.asarray(jax.jit(jax.vmap(draw))(jax.random.split(k, 20_000)), np.float64)
        for draw, k in (
            (lambda k: numbers(estimator.noisy_mixture(k, h)), local_key),
            (by_weights, weight_key),
        )
    )
    assert local.std(0).min() > 0.5
    # Two means and two variances, each against its standard error.
    error = np.sqrt((local.var(0) + weights.var(0)) / 20_000)
    assert (np.abs(local.mean(0) - weights.mean(0)) / error).max() < stats.norm.isf(1e-6 / 8)
    squares = [(draws - draws.mean(0)) ** 2 for draws in (local, weights)]
    error = np.sqrt(sum(square.var(0) for square in squares) / 20_000)
    assert (np.abs(squares[0].mean(0) - squares[1].mean(0)) / error).max() < stats.norm.isf(1e-6 / 8)


@pytest.mark.long
def test_without_uncertainty_the_noisy_density_is_the_density(key):
    estimator = build(roughness=0.2)
    sure = eqx.tree_at(
        lambda e: e.log_sds, estimator, jax.tree.map(lambda leaf: leaf - 40.0, estimator.log_sds)
    )
    u, h = jnp.array([0.3, -0.2]), estimator.encode(X)
    noisy = eqx.filter_jit(BayesianMDN.noisy_log_prob)
    plain = eqx.filter_jit(BayesianMDN.log_prob_given)
    assert float(noisy(sure, key, u, h)) == pytest.approx(float(plain(sure, u, h)), abs=1e-4)
    wide = eqx.tree_at(lambda e: e.log_sds, estimator, jax.tree.map(jnp.zeros_like, estimator.log_sds))
    assert float(noisy(wide, key, u, h)) != pytest.approx(float(plain(wide, u, h)), abs=1e-2)


@pytest.mark.long
def test_the_loss_adds_a_rows_share_of_the_divergence_and_has_finite_gradients(key):
    estimator = build(roughness=0.2)
    rows = make_rows(np.zeros((5, 2)), np.tile(X, (5, 1)))
    loss = eqx.filter_jit(lambda objective, e: objective(key, e, rows))
    few, many = (np.asarray(loss(VariationalLoss(jnp.float32(num)), estimator)) for num in (10, 1000))
    expected = float(eqx.filter_jit(BayesianMDN.kl)(estimator)) * (1 / 10 - 1 / 1000)
    np.testing.assert_allclose(few - many, expected, rtol=1e-4)
    assert len(np.unique(many)) == 5  # each row has its own noise

    @eqx.filter_jit
    def gradient(parameters):
        objective = VariationalLoss(jnp.float32(100))
        mean_loss = lambda p: objective(key, with_parameters(estimator, p), rows).mean()  # noqa: E731
        return jax.grad(mean_loss)(parameters)

    assert np.isfinite(gradient(initial_state(estimator).parameters)).all()


@pytest.mark.long
def test_splitting_keeps_the_density_and_each_copys_uncertainty(key):
    single = build(num_components=1, roughness=0.1).with_prior_from_itself()
    split = split_bayesian(key, single, 3, spread=0.0)
    u = jnp.array([0.3, -0.2])
    log_prob = eqx.filter_jit(lambda e: e.log_prob(u, X))
    assert float(log_prob(split)) == pytest.approx(float(log_prob(single)), abs=1e-4)
    assert split.spec.num_components == 3
    last = lambda head: head.network.biases[-1].reshape(-1, 6)  # noqa: E731
    np.testing.assert_array_equal(last(split.log_sds), np.tile(last(single.log_sds), (3, 1)))
    np.testing.assert_array_equal(last(split.prior.value[1]), np.tile(last(single.log_sds), (3, 1)))
