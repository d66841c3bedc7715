"""Scalings on well-behaved and on awkward features."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.scaling import fit_feature_scaling, fit_parameter_scaling


def scaled(x):
    """The first view of each feature."""
    return both_views(x)[:, : x.shape[1]]


def scores(x):
    """The second view."""
    return both_views(x)[:, x.shape[1] :]


def both_views(x):
    return np.asarray(jax.vmap(fit_feature_scaling(x))(jnp.asarray(x, jnp.float32)))


@pytest.mark.long
def test_a_gaussian_feature_is_standardised_and_left_linear():
    x = np.random.default_rng(0).normal(5.0, 20.0, (4000, 1))
    z = scaled(x)
    assert z.mean() == pytest.approx(0.0, abs=0.06)
    assert z.std() == pytest.approx(1.0, abs=0.06)
    inside = np.abs(z) < 3
    assert np.corrcoef(x[inside], z[inside])[0, 1] > 0.999_999


def test_outliers_neither_dominate_nor_change_places():
    x = np.random.default_rng(0).normal(size=(1000, 1))
    x[:10, 0] = 10.0 ** np.arange(2, 12)
    z = scaled(x)
    assert z[10:].std() > 0.8
    assert z.max() < 40
    assert (np.diff(z[:10, 0]) > 0).all()


@pytest.mark.long
def test_a_count_that_is_mostly_zero_keeps_its_values_apart():
    z = scaled(np.repeat([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 20.0], 50)[:, None])
    assert len(np.unique(z)) == 4
    assert len(np.unique(scores(np.repeat([0.0, 0.0, 0.0, 1.0, 2.0, 20.0], 50)[:, None]))) == 4
    assert np.abs(z).max() < 10


@pytest.mark.long
@pytest.mark.parametrize("value", [0.0, -70.0, 1e9, np.nan])
def test_a_constant_or_absent_feature_gets_scale_one(value):
    x = np.stack([np.full(200, value), np.linspace(0, 1, 200)], axis=1)
    scaling = fit_feature_scaling(x)
    assert scaling.scale[0] == 1.0
    assert np.isfinite(scaling.location).all()
    assert np.isfinite(both_views(x)[:, [1, 3]]).all()
    assert scores(x)[:, 1].std() > 0.5


def test_rounding_around_a_constant_is_not_blown_up():
    x = -70.0 * (1 + 1e-7 * np.random.default_rng(0).normal(size=(500, 1)))
    assert np.abs(both_views(x)).max() < 1e-3


def test_nan_is_left_out_of_the_fit_and_stays_nan():
    clean = np.random.default_rng(0).normal(size=(500, 1))
    gaps = np.concatenate([clean, np.full((300, 1), np.nan)])
    assert eqx.tree_equal(fit_feature_scaling(gaps), fit_feature_scaling(clean))
    assert np.isnan(both_views(gaps)[500:]).all()


@pytest.mark.parametrize("shape", [lambda z: z, np.exp, lambda z: z**5, lambda z: 50 / (1 + np.exp(-4 * z))])
def test_normal_scores_undo_any_monotone_distortion(shape):
    z = np.random.default_rng(0).normal(size=(4000, 1))
    score = scores(shape(z))
    inside = np.abs(z) < 2
    assert np.abs(score - z)[inside].max() < 0.25
    assert (np.diff(score[np.argsort(z[:, 0])], axis=0) >= 0).all()
    assert np.abs(score).max() < 8


@pytest.mark.long
def test_normal_scores_of_a_count_rise_with_it():
    count = np.repeat([0.0, 0.0, 0.0, 1.0, 2.0, 9.0, 40.0], 50)[:, None]
    score = scores(count)[::50, 0]
    assert score[0] == score[2] < 0
    assert (np.diff(score[2:]) > 0.1).all()


def test_parameters_are_standardised_with_their_jacobian():
    u = np.random.default_rng(0).normal([1.0, -2.0], [3.0, 0.5], (1000, 2))
    scaling = fit_parameter_scaling(u)
    z = jax.vmap(scaling)(jnp.asarray(u, jnp.float32))
    np.testing.assert_allclose(z.std(0), 1.0, atol=1e-3)
    np.testing.assert_allclose(jax.vmap(scaling.inverse)(z), u, atol=1e-5)
    assert float(scaling.log_det()) == pytest.approx(-np.log(u.std(0)).sum(), abs=1e-5)
