"""Mixture densities: laws of a density, their closed forms, and what splitting keeps."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from inference import gaussians
from inference.embeddings.encoder import make_encoder
from inference.epoch import initial_state, with_parameters
from inference.estimators.base import HEAVY_DOF, EstimatorSpec
from inference.estimators.bayesian import bayesian_mixture_density
from inference.estimators.mixtures import (
    advised_width,
    gaussian_density,
    mixture_density,
    num_outputs,
    split_components,
)
from inference.scaling import ParameterScaling, identity_scaling

BUILDERS = {"mdn": mixture_density, "gaussian": gaussian_density, "bayesian_mdn": bayesian_mixture_density}
X = jnp.array([0.5, -1.0])


def build(name, dim=2, *, roughness=0.2, **sizes):
    spec = EstimatorSpec(name, dim, 2, **{"width": 16, "num_components": 3, **sizes})
    rng = np.random.default_rng(0)
    encoder = make_encoder(rng, spec, identity_scaling(dim, 2)[1])
    scaling = ParameterScaling(jnp.linspace(-1.0, 1.0, dim), jnp.linspace(0.5, 2.0, dim))
    estimator = BUILDERS[name](rng, spec, scaling, encoder)
    parameters = initial_state(estimator).parameters
    return with_parameters(
        estimator,
        parameters + jnp.asarray(roughness * rng.normal(size=parameters.shape), jnp.float32),
    )


def grid(half_width, num):
    axis = jnp.linspace(-half_width, half_width, num)
    return jnp.stack(jnp.meshgrid(axis, axis), -1).reshape(-1, 2), float(axis[1] - axis[0]) ** 2


@pytest.mark.long
@pytest.mark.parametrize("name", BUILDERS)
def test_the_density_integrates_to_one_and_depends_on_x(name):
    estimator = build(name)
    points, area = grid(25.0, 501)
    log_prob = jax.jit(jax.vmap(estimator.log_prob, (0, None)))
    found = [np.exp(np.asarray(log_prob(points, x), np.float64)) for x in (X, -X)]
    for density in found:
        assert density.sum() * area == pytest.approx(1.0, abs=2e-3)
    assert np.abs(found[0] - found[1]).max() > 0.005


@pytest.mark.long
@pytest.mark.parametrize("kind", ["given", "heavy"])
def test_samples_follow_the_density(kind, key):
    """Kolmogorov-Smirnov on 4000 draws of a one-dimensional density: one false alarm in 10^6."""
    estimator = build("mdn", 1)
    h, u = estimator.encode(X), jnp.sinh(jnp.linspace(-12.0, 12.0, 40_001))
    log_prob, sample = {
        "given": (estimator.log_prob_given, estimator.sample_given),
        "heavy": (estimator.log_prob_heavy, estimator.sample_heavy),
    }[kind]
    draws = jax.jit(jax.vmap(sample, (0, None)))(jax.random.split(key, 4000), h)[:, 0]
    density = np.exp(np.asarray(jax.jit(jax.vmap(log_prob, (0, None)))(u[:, None], h), np.float64))
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(np.asarray(u, np.float64))
    distribution = np.concatenate([[0.0], steps.cumsum()])
    assert distribution[-1] == pytest.approx(1.0, abs=1e-3)
    ranks = np.interp(np.asarray(draws), np.asarray(u), distribution)
    assert stats.kstest(ranks, "uniform").pvalue > 1e-6


def test_the_mixture_is_in_the_parameters_own_units():
    """A head that ignores its inputs is a standard normal in scaled parameters."""
    estimator = build("gaussian", 3)
    flat_head = jax.tree.map(jnp.zeros_like, estimator.head)
    estimator = eqx.tree_at(lambda e: e.head, estimator, flat_head)
    mix = jax.jit(lambda x: estimator.mixture_given(estimator.encode(x)))(X)
    mean, cov = jax.jit(gaussians.moments)(mix)
    np.testing.assert_allclose(mean, estimator.parameter_scaling.location, atol=1e-6)
    np.testing.assert_allclose(cov, np.diag(estimator.parameter_scaling.scale**2), atol=1e-6)
    heavy = eqx.filter_jit(estimator.log_prob_heavy)(jnp.array([1.0, 0.0, -2.0]), estimator.encode(X))
    reference = stats.multivariate_t(np.asarray(mean), np.asarray(cov), df=HEAVY_DOF)
    assert float(heavy) == pytest.approx(reference.logpdf([1.0, 0.0, -2.0]), abs=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("dim", [1, 2, 31])
def test_factors_are_upper_triangular_with_positive_diagonal(dim):
    estimator = build("mdn", dim, num_components=2)
    mix = jax.jit(lambda x: estimator.mixture_given(estimator.encode(x)))(X)
    assert mix.factors.shape == (2, dim, dim)
    assert (np.tril(mix.factors, -1) == 0).all()
    assert (np.diagonal(mix.factors, axis1=1, axis2=2) > 0).all()
    assert (np.asarray(mix.factors)[:, *np.triu_indices(dim, 1)] != 0).all()
    assert float(jnp.exp(mix.log_weights).sum()) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("name", BUILDERS)
def test_gradients_are_finite_even_far_out(name):
    estimator = build(name)
    far = jnp.array([1e3, -1e3])

    @eqx.filter_jit
    def gradient(parameters):
        return jax.grad(lambda p: with_parameters(estimator, p).log_prob(far, X))(parameters)

    assert np.isfinite(gradient(initial_state(estimator).parameters)).all()


def test_a_new_mixture_has_components_apart_and_is_about_as_wide_as_the_parameters():
    estimator = build("mdn", 2, roughness=0.0, num_components=8)
    mix = jax.jit(lambda x: estimator.mixture_given(estimator.encode(x)))(X)
    z = (mix.means - estimator.parameter_scaling.location) / estimator.parameter_scaling.scale
    gaps = np.linalg.norm(z[:, None] - z[None], axis=-1)[np.triu_indices(8, 1)]
    assert gaps.min() > 0.01
    assert np.abs(z).max() < 4
    np.testing.assert_allclose(np.exp(mix.log_weights), 1 / 8, rtol=0.2)


@pytest.mark.long
def test_splitting_keeps_the_density_and_gives_equal_weights_to_distinct_components(key):
    single = build("gaussian", 3)
    split = split_components(key, single, 4, spread=0.0)
    assert split.spec == dataclasses.replace(single.spec, name="mdn", num_components=4)
    u = jnp.asarray(np.random.default_rng(0).normal(size=(20, 3)), jnp.float32)
    before, after = (jax.jit(jax.vmap(e.log_prob, (0, None)))(u, X) for e in (single, split))
    np.testing.assert_allclose(after, before, atol=1e-3)
    mix = jax.jit(lambda x: split.mixture_given(split.encode(x)))(X)
    np.testing.assert_allclose(np.exp(mix.log_weights), 0.25, atol=1e-6)
    assert len(np.unique(np.asarray(mix.means)[:, 0])) == 4
    with pytest.raises(ValueError, match=r"Only a single component can be split.*has 4"):
        split_components(key, split, 2)


def test_split_copies_are_set_apart_by_the_components_own_width(key):
    single = build("gaussian", 2, roughness=0.0)
    wide = split_components(key, single, 500)
    centre, mix = (
        eqx.filter_jit(lambda e: e.mixture_given(jnp.zeros(e.encoder.num_outputs)))(e) for e in (single, wide)
    )
    gaps = jnp.einsum("ij,kj->ki", centre.factors[0], mix.means - centre.means[0])
    # A standard deviation of 500 draws is within 5 of its standard errors: one false alarm in 10^6.
    np.testing.assert_allclose(np.std(gaps, axis=0), 1.0, atol=5 / np.sqrt(2 * 500))


def test_sizes_are_those_of_the_paper():
    """P20, methods: 89 units for two components and eight parameters."""
    assert num_outputs(8) == 45
    assert advised_width(EstimatorSpec("mdn", 8, 7, num_components=2)) == 89
