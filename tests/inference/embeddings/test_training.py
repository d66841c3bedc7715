"""Embeddings and imputed constants are trained together with the density that uses them."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float, Num

from inference.embeddings import embedding_spec, make_encoder
from inference.estimators import DensityEstimator, EstimatorSpec
from inference.objectives import make_rows
from inference.scaling import ParameterScaling, fit_feature_scaling, identity_scaling
from inference.train import TrainConfig, TrainingProblem, fit

NUM, NOISE = 20, 2.0  # observations per row, and their standard deviation around the parameter


class Regression(DensityEstimator):
    """A Gaussian whose mean is linear in what the encoder gives."""

    spec: EstimatorSpec = eqx.field(static=True)
    parameter_scaling: ParameterScaling
    encoder: Callable[[Array], Array]
    slope: Num[Array, "dim num_inputs"]
    log_sd: Float[Array, " dim"]

    def log_prob_given(self, u, h):
        z = (u - self.slope @ h) / jnp.exp(self.log_sd)
        return (jax.scipy.stats.norm.logpdf(z) - self.log_sd).sum()

    def sample_given(self, key, h):
        return self.slope @ h + jnp.exp(self.log_sd) * jax.random.normal(key, self.log_sd.shape)

    log_prob_heavy, sample_heavy = log_prob_given, sample_given


def regression(spec, x):
    groups = None if spec.embedding is None else spec.embedding.groups
    encoder = make_encoder(np.random.default_rng(0), spec, fit_feature_scaling(x, groups=groups))
    slope = 0.1 * np.random.default_rng(1).normal(size=(spec.dim, encoder.num_outputs))
    scaling = identity_scaling(spec.dim, 1)[0]
    return Regression(spec, scaling, encoder, jnp.asarray(slope, jnp.float32), jnp.zeros(spec.dim))


def series(seed, num, missing):
    """Parameters from N(0, 1), series of observations, exact posterior means and standard deviations."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(num, 2))
    y = u[:, None] + NOISE * rng.normal(size=(num, NUM, 2))
    y[rng.random((num, NUM)) < missing * rng.random((num, 1))] = np.nan
    there = (~np.isnan(y)).sum(1)
    mean, sd = np.nansum(y, 1) / (there + NOISE**2), 1 / np.sqrt(1 + there / NOISE**2)
    return u, y.reshape(num, -1).astype(np.float32), mean, sd


@pytest.mark.long
@pytest.mark.parametrize(("name", "missing"), [("deepset", 0.0), ("deepset", 0.6), ("gru", 0.0)])
def test_the_posterior_mean_of_raw_series_is_learned(name, missing):
    """From 4000 rows: the error was 0.09 to 0.16 posterior sds; ten times more if nothing is learned."""
    embedding = embedding_spec(name, (("y", (NUM, 2)),))
    u, x, _, _ = series(0, 4000, missing)
    estimator = regression(EstimatorSpec("regression", 2, 2 * NUM, embedding=embedding), x)
    problem = TrainingProblem(estimator, make_rows(u, x), make_rows(*series(1, 500, missing)[:2]))
    trained, _ = fit(jax.random.key(0), problem, TrainConfig(batch_size=100, max_epochs=12))
    _, x, mean, sd = series(2, 1000, missing)
    learned = jax.jit(jax.vmap(lambda row: trained.slope @ trained.encode(row)))(jnp.asarray(x))
    assert np.sqrt(np.mean(((learned - mean) / sd) ** 2)) < 0.25
    assert np.sqrt(np.mean((mean / sd) ** 2)) > 1.5


@pytest.mark.long
def test_a_gap_gets_the_constant_that_serves_best():
    """The density's mean is the feature itself, which is missing where u > 1: there E[u] = 1.525."""

    def rows(seed, num):
        u = np.random.default_rng(seed).normal(size=(num, 1))
        return u, np.where(u > 1, np.nan, u).astype(np.float32)

    spec = EstimatorSpec("regression", 1, 1, imputes=True)
    scaling, features = identity_scaling(1, 1)
    encoder = make_encoder(np.random.default_rng(0), spec, features)
    first_view = jnp.array([[1, 0, 0]])  # integers are not trained
    estimator = Regression(spec, scaling, encoder, first_view, jnp.zeros(1))
    problem = TrainingProblem(estimator, make_rows(*rows(0, 2000)), make_rows(*rows(1, 1000)))
    trained, _ = fit(jax.random.key(0), problem, TrainConfig(batch_size=50, learning_rate=0.02))
    before, after = (float(e.encoder.imputation.constants[0]) for e in (estimator, trained))
    assert abs(before) < 0.05
    assert after == pytest.approx(1.525, abs=0.05)
