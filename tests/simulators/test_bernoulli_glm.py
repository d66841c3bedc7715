"""Bernoulli GLM: stimulus, spikes, prior and posterior of the published example."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import get_simulator, simulate_batch
from simulators.models import bernoulli_glm as model

FALSE_ALARM = 1e-4  # per test


@pytest.fixture(scope="module")
def glm():
    return get_simulator("bernoulli_glm")


@pytest.fixture(scope="module")
def vectors(shared):
    with np.load(shared / "reference" / "vectors_snpe" / "glm_T100.npz") as file:
        return dict(file)


def log_joint(glm, x):
    """Log of prior times likelihood at one row."""
    return lambda row: glm.prior.log_prob(row) + glm.log_likelihood(glm.prior.as_dict(row), x)


def test_stimulus_and_observation_are_the_published_ones(glm, vectors):
    observed = glm.default_observation()
    np.testing.assert_allclose(glm.axes.stimulus, vectors["stimulus"], rtol=1e-12)
    np.testing.assert_array_equal(observed.recording, vectors["spikes"])
    np.testing.assert_allclose(observed.x, vectors["summary"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(observed.theta, vectors["theta_true"], rtol=1e-6)


@pytest.mark.long
def test_prior_is_the_published_one(glm, vectors, key):
    np.testing.assert_allclose(model.smoothness_matrix(), vectors["F"], atol=1e-12)
    np.testing.assert_allclose(model.prior_precision(), vectors["prior_precision"], atol=1e-12)
    theta = np.asarray(glm.prior.sample(key, 20_000), np.float64)
    exact = stats.multivariate_normal(np.zeros(10), np.linalg.inv(vectors["prior_precision"]))
    np.testing.assert_allclose(glm.prior.log_prob(theta[:100]), exact.logpdf(theta[:100]), atol=1e-3)
    # Each draw's squared Mahalanobis distance is chi-square with 10 degrees of freedom.
    distance = np.einsum("ni,ij,nj->n", theta, vectors["prior_precision"], theta)
    assert stats.kstest(distance, stats.chi2(10).cdf).pvalue > FALSE_ALARM


@pytest.mark.long
def test_posterior_has_the_published_mode_and_curvature(glm, vectors):
    joint = log_joint(glm, jnp.asarray(vectors["summary"], jnp.float32))
    mode = jnp.asarray(vectors["posterior_mode"], jnp.float32)
    slope = jax.jit(jax.grad(joint))
    np.testing.assert_allclose(slope(mode), 0.0, atol=2e-4)
    step = 0.02
    curvature = jax.vmap(lambda d: (slope(mode + step * d) - slope(mode - step * d)) / (2 * step))(
        jnp.eye(10)
    )
    np.testing.assert_allclose(np.linalg.inv(-curvature), vectors["laplace_cov"], rtol=0.02, atol=2e-3)


@pytest.mark.long
def test_posterior_has_the_moments_of_the_published_gibbs_sampler(glm, vectors, key):
    """Importance sampling from a Student t around the mode, 8 degrees of freedom, covariance times 1.3."""
    num, dof = 40_000, 8
    normal_key, chi_key = jax.random.split(key)
    root = np.linalg.cholesky(1.3 * vectors["laplace_cov"])
    widening = np.sqrt(dof / (2 * np.asarray(jax.random.gamma(chi_key, dof / 2, (num,)), np.float64)))
    normal = np.asarray(jax.random.normal(normal_key, (num, 10)), np.float64)
    rows = vectors["posterior_mode"] + widening[:, None] * normal @ root.T
    proposal = stats.multivariate_t(vectors["posterior_mode"], 1.3 * vectors["laplace_cov"], dof)
    joint = jax.jit(jax.vmap(log_joint(glm, jnp.asarray(vectors["summary"], jnp.float32))))
    log_weight = np.asarray(joint(jnp.asarray(rows, jnp.float32)), np.float64) - proposal.logpdf(rows)
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    assert 1 / (weight**2).sum() > 0.4 * num
    mean = weight @ rows
    error = np.sqrt(((weight[:, None] * (rows - mean)) ** 2).sum(0) + vectors["mcse_mean"] ** 2)
    assert (np.abs(mean - vectors["posterior_mean"]) < stats.norm.isf(FALSE_ALARM / 20) * error).all()
    covariance = (weight[:, None] * (rows - mean)).T @ (rows - mean)
    sds = np.sqrt(vectors["posterior_cov"].diagonal())
    np.testing.assert_allclose(
        covariance / np.outer(sds, sds), vectors["posterior_cov"] / np.outer(sds, sds), atol=0.06
    )


def test_features_are_sums_over_spikes(glm, key):
    """Against the definition, term by term; terms before the start are left out."""
    spikes = np.asarray(jax.random.bernoulli(key, 0.3, (100,)), np.float32)
    v = glm.axes.stimulus
    sums = [sum(spikes[t] * v[t - k] for t in range(k, 100)) for k in range(9)]
    features = glm.features(jnp.asarray(spikes))
    np.testing.assert_allclose(features["spike_count"], spikes.sum())
    np.testing.assert_allclose(features["spike_triggered_sum"], sums, rtol=1e-4, atol=1e-4)


@pytest.mark.long
def test_spikes_come_with_the_likelihood_of_their_features(glm, key):
    """The sum over bins of log Bernoulli equals the log-likelihood of the sums; mean counts fit."""
    theta = glm.prior.as_dict(jnp.asarray(glm.true_theta))
    spikes = glm.simulate(key, theta)
    design = model.design_matrix(glm.axes.stimulus)
    chance = 1 / (1 + np.exp(-design @ glm.true_theta))
    x = jnp.concatenate([jnp.ravel(value) for value in glm.features(spikes).values()])
    by_bin = stats.bernoulli.logpmf(np.asarray(spikes), chance).sum()
    assert float(glm.log_likelihood(theta, x)) == pytest.approx(by_bin, abs=1e-3)
    counts = simulate_batch(glm, key, theta=np.tile(glm.true_theta, (4_000, 1))).x[:, 0]
    z = (counts.mean() - chance.sum()) / np.sqrt((chance * (1 - chance)).sum() / 4_000)
    assert abs(z) < stats.norm.isf(FALSE_ALARM / 2)


@pytest.mark.parametrize("num_bins", [9, 500])
def test_any_number_of_bins(num_bins):
    glm = model.make_bernoulli_glm(num_bins, seed=3)
    assert len(glm.default_observation().recording) == num_bins
    assert glm.feature_names == get_simulator("bernoulli_glm").feature_names


def test_a_stimulus_of_ones_own(glm):
    mine = model.make_bernoulli_glm(stimulus=np.ones(20))
    assert mine.axes.stimulus.tolist() == [1.0] * 20
    assert mine.default_observation().recording.shape == (20,)
    with pytest.raises(ValueError, match="9 lags"):
        model.make_bernoulli_glm(5)
