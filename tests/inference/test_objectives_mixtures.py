"""The closed form of SNPE-C against quadrature, and the corrections of A and C against a known posterior."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from inference import gaussians
from inference.embeddings.encoder import make_encoder
from inference.epoch import initial_state, with_parameters
from inference.estimators.base import EstimatorSpec
from inference.estimators.bayesian import BayesianMDN, bayesian_mixture_density
from inference.estimators.mixtures import mixture_density
from inference.gaussians import GaussianMixture, flat, stacked
from inference.objectives import make_rows, negative_log_prob
from inference.objectives_mixtures import ProposalPosteriorLoss, VariationalLoss
from inference.scaling import ParameterScaling, identity_scaling


def build(dim, builder=mixture_density):
    spec, rng = EstimatorSpec("mdn", dim, 2, width=8, num_components=2), np.random.default_rng(0)
    scaling = ParameterScaling(jnp.linspace(-0.5, 0.5, dim), jnp.linspace(0.7, 1.5, dim))
    estimator = builder(rng, spec, scaling, make_encoder(rng, spec, identity_scaling(dim, 2)[1]))
    parameters = initial_state(estimator).parameters
    return with_parameters(
        estimator, parameters + jnp.asarray(0.2 * rng.normal(size=parameters.shape), jnp.float32)
    )


def tilts_of(dim):
    """Round 0 from the prior, round 1 tilted by a Gaussian, round 2 by a mixture of two."""
    rng = np.random.default_rng(1)

    def tilt(num):
        factors = np.triu(0.3 * rng.normal(size=(num, dim, dim)), 1) + 1.2 * np.eye(dim)
        arrays = (np.log(np.full(num, 1 / num)), rng.normal(size=(num, dim)), factors)
        return GaussianMixture(*(jnp.asarray(a, jnp.float32) for a in arrays))

    return [flat(dim), tilt(1), tilt(2)]


def grid_of(dim):
    axis = np.linspace(-14.0, 14.0, 20_001 if dim == 1 else 561)
    points = np.stack(np.meshgrid(*[axis] * dim), -1).reshape(-1, dim)
    return jnp.asarray(points, jnp.float32), (axis[1] - axis[0]) ** dim


@pytest.mark.long
@pytest.mark.parametrize("dim", [pytest.param(1, marks=pytest.mark.long), 2])
def test_the_closed_form_is_the_quadrature_of_q_times_t(dim, key):
    """To the accuracy of single precision; the grid resolves Gaussians of these widths to rounding."""
    estimator, tilts = build(dim), tilts_of(dim)
    points, cell = grid_of(dim)
    rng = np.random.default_rng(2)
    rows = make_rows(rng.normal(size=(6, dim)), rng.normal(size=(6, 2)), round=np.arange(6) % 3)
    loss = eqx.filter_jit(ProposalPosteriorLoss(stacked(tilts)))(key, estimator, rows)
    log_q = jax.jit(jax.vmap(estimator.log_prob, (0, None)))
    densities = jax.jit(jax.vmap(gaussians.log_density, (None, 0)))
    expected = []
    for u, x, number in zip(rows.u, rows.x, np.asarray(rows.round), strict=True):
        tilt = tilts[number]
        both = np.asarray(log_q(points, x), np.float64) + np.asarray(densities(tilt, points), np.float64)
        own = log_q(u[None], x)[0] + densities(tilt, u[None])[0]
        expected.append(np.log(np.exp(both).sum() * cell) - float(own))
    np.testing.assert_allclose(loss, expected, atol=1e-3)


@pytest.mark.long
def test_rows_of_the_prior_have_the_plain_loss(key):
    estimator, rng = build(2), np.random.default_rng(2)
    rows = make_rows(rng.normal(size=(8, 2)), rng.normal(size=(8, 2)))
    losses = [
        eqx.filter_jit(objective)(key, estimator, rows)
        for objective in (ProposalPosteriorLoss(stacked(tilts_of(2))), negative_log_prob)
    ]
    np.testing.assert_allclose(losses[0], losses[1], atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("builder", [mixture_density, bayesian_mixture_density])
def test_gradients_are_finite_in_every_round_and_far_out(builder, key):
    estimator, tilts = build(2, builder), stacked(tilts_of(2))
    is_plain = builder is mixture_density
    objective = ProposalPosteriorLoss(tilts) if is_plain else VariationalLoss(jnp.float32(100), tilts)
    rows = make_rows(np.repeat([[0.0, 0.0], [300.0, -300.0]], 3, 0), np.zeros((6, 2)), round=np.arange(6) % 3)

    @eqx.filter_jit
    def gradient(parameters):
        mean_loss = lambda p: objective(key, with_parameters(estimator, p), rows).mean()  # noqa: E731
        return jax.grad(mean_loss)(parameters)

    assert np.isfinite(gradient(initial_state(estimator).parameters)).all()


@pytest.mark.long
def test_the_variational_loss_uses_the_tilts_too(key):
    """With nearly certain weights it is the closed form and the divergence."""
    estimator, tilts = build(2, bayesian_mixture_density), stacked(tilts_of(2))
    estimator = eqx.tree_at(
        lambda e: e.log_sds,
        estimator,
        jax.tree.map(lambda leaf: jnp.full(leaf.shape, -30.0), estimator.log_sds),
    )
    rng = np.random.default_rng(2)
    rows = make_rows(rng.normal(size=(6, 2)), rng.normal(size=(6, 2)), round=np.arange(6) % 3)
    found = eqx.filter_jit(VariationalLoss(jnp.float32(100), tilts))(key, estimator, rows)
    plain = eqx.filter_jit(ProposalPosteriorLoss(tilts))(key, estimator, rows)
    divergence = float(eqx.filter_jit(BayesianMDN.kl)(estimator))
    np.testing.assert_allclose(found - plain, divergence / 100, rtol=1e-4)


def test_dividing_by_the_tilt_recovers_a_known_posterior():
    """Prior N(0, 2^2), x = u + N(0, 1): what SNPE-A learns under a tilted prior, corrected."""
    x, prior_precision, tilt = 1.3, 0.25, (0.8, 3.0)  # tilt: mean, precision
    posterior = (x / (1 + prior_precision), 1 + prior_precision)
    learnt_precision = posterior[1] + tilt[1]
    learnt_mean = (posterior[0] * posterior[1] + tilt[0] * tilt[1]) / learnt_precision

    def gaussian(mean, precision):
        return GaussianMixture(jnp.zeros(1), jnp.full((1, 1), mean), jnp.full((1, 1, 1), precision**0.5))

    learnt = gaussian(learnt_mean, learnt_precision)
    corrected, is_proper = jax.jit(gaussians.divided_by)(learnt, gaussian(*tilt))
    assert is_proper
    mean, cov = jax.jit(gaussians.moments)(corrected)
    assert float(mean[0]) == pytest.approx(posterior[0], abs=1e-5)
    assert float(cov[0, 0]) == pytest.approx(1 / posterior[1], abs=1e-5)
    too_wide = gaussian(learnt_mean, 0.9 * tilt[1])
    assert not jax.jit(gaussians.divided_by)(too_wide, gaussian(*tilt))[1]


def test_the_loss_is_least_at_the_posterior_not_at_what_the_proposal_shows(key):
    """Rows from a tilted uniform prior and x = u + N(0, 1): the minimum is the posterior (closed form).

    20 000 rows; the loss of the posterior is below that of the density under the proposal by far more than
    six standard errors of their difference.
    """
    rng = np.random.default_rng(3)
    tilt_mean, tilt_precision = 0.5, 2.0
    u = tilt_mean + rng.normal(size=20_000) / tilt_precision**0.5  # a flat prior times the tilt
    x = u + rng.normal(size=20_000)
    tilt = GaussianMixture(
        jnp.zeros(1), jnp.full((1, 1), tilt_mean), jnp.full((1, 1, 1), tilt_precision**0.5)
    )

    @jax.jit
    @jax.vmap
    def difference(u, x):
        def loss(mean, precision):
            q = GaussianMixture(jnp.zeros(1), mean.reshape(1, 1), jnp.full((1, 1, 1), precision**0.5))
            return gaussians.times(q, tilt)[1] - gaussians.log_density(q, u[None])

        shown = (x + tilt_precision * tilt_mean) / (1 + tilt_precision)
        return loss(shown, 1 + tilt_precision) - loss(x, 1.0)

    gaps = np.asarray(difference(jnp.asarray(u, jnp.float32), jnp.asarray(x, jnp.float32)), np.float64)
    assert gaps.mean() / (gaps.std() / np.sqrt(gaps.size)) > stats.norm.isf(1e-9)
