"""The posterior of an observation that shares parameters with others: laws, whatever its weights are."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpyro import distributions as dist

from inference.epoch import initial_state, with_parameters
from inference.estimators import EstimatorSpec, make_estimator
from inference.estimators.hierarchy import HierarchySpec
from inference.hierarchical_posterior import HierarchicalPosterior, side_by_side
from inference.methods.hierarchical.findings import narrowing
from simulators import Prior

UNIFORM = dist.Uniform(0.0, 1.0)
PRIOR = Prior({"alpha": UNIFORM, "beta": UNIFORM}, shared=("beta",))
X = np.array([0.25, 0.1, 0.4, 0.3], np.float32)[:, None]
SPEC = EstimatorSpec(
    "hierarchical", 2, 1, width=8, hierarchy=HierarchySpec((1,), 3, "gaussian", "mean")
)  # fmt: skip


def rough(spec=SPEC):
    estimator = make_estimator(jax.random.key(0), spec)
    parameters = np.asarray(initial_state(estimator).parameters)
    noise = 0.3 * np.random.default_rng(0).normal(size=parameters.shape)
    return with_parameters(estimator, jnp.asarray(parameters + noise, jnp.float32))


@pytest.fixture(scope="module")
def posterior():
    return HierarchicalPosterior(rough(), PRIOR, X[0], X[1:3])


def test_its_density_integrates_to_one(posterior):
    """On a grid of midpoints, with and without extras."""
    places = (np.arange(100) + 0.5) / 100
    theta = np.stack(np.meshgrid(places, places), axis=-1).reshape(-1, 2)
    found = [posterior.log_prob(theta, **given) for given in ({}, {"x": X[0]}, {"extra": X[3:]})]
    np.testing.assert_allclose(np.exp(found).mean(axis=1), 1.0, atol=0.02)
    assert np.abs(found[0] - found[1]).max() > 0.01
    theta[0] = 1.5
    assert posterior.log_prob(theta)[0] == -np.inf


def test_rows_without_extras_are_answered_alone(posterior):
    theta = np.full((4, 2), 0.4, np.float32)
    alone = np.asarray(posterior.log_prob(theta, X))
    np.testing.assert_array_equal(alone, posterior.log_prob(theta, X, np.zeros((4, 0, 1))))
    with_extras = np.asarray(posterior.log_prob(theta, X, X[1:3]))
    own = float(posterior.log_prob(np.full((10_000, 2), 0.4, np.float32))[0])
    assert with_extras[0] == pytest.approx(own, abs=1e-5)
    assert alone[0] != pytest.approx(own, abs=1e-3)


def test_extras_may_come_in_any_order(posterior):
    theta = np.random.default_rng(0).uniform(size=(4, 2))
    found = [posterior.log_prob(theta, X[:1].repeat(4, 0), X[order]) for order in ([1, 2, 3], [3, 1, 2])]
    np.testing.assert_allclose(*found, atol=1e-4)


@pytest.mark.long
def test_all_observations_have_one_joint_posterior(posterior):
    joint = np.asarray(posterior.sample_all(jax.random.key(1), 60))
    assert joint.shape == (60, 3, 2)
    assert ((joint > 0) & (joint < 1)).all()
    assert (joint[:, :, 1] == joint[:, :1, 1]).all()
    np.testing.assert_allclose(joint[:, 0], posterior.sample(jax.random.key(1), 60), atol=1e-5)


@pytest.mark.long
def test_an_ensemble_draws_jointly_from_one_member_at_a_time():
    posterior = HierarchicalPosterior(rough(replace(SPEC, num_members=2)), PRIOR, X[0], X[1:])
    joint = np.asarray(posterior.sample_all(jax.random.key(1), 60))
    assert (joint[:, :, 1] == joint[:, :1, 1]).all()
    np.testing.assert_allclose(joint[:, 0], posterior.sample(jax.random.key(1), 60), atol=1e-5)
    assert narrowing(jax.random.key(0), posterior)["extra_told"][1].shape == (3,)


def test_what_does_not_fit_is_refused_in_one_sentence(posterior):
    draw = lambda *given: posterior.sample(jax.random.key(0), 1, *given)  # noqa: E731
    with pytest.raises(ValueError, match="up to 3 extra observations; got 4"):
        draw(X[0], X)
    with pytest.raises(ValueError, match="one row of 1 features"):
        draw(X[0], np.zeros((2, 2)))
    with pytest.raises(ValueError, match="1 features that are not finite"):
        draw(X[0], X[1:] * np.array([[1], [np.nan], [1]]))
    with pytest.raises(ValueError, match="no observation of its own"):
        HierarchicalPosterior(posterior.estimator, PRIOR).sample(jax.random.key(0), 1)
    sharpened = HierarchicalPosterior(posterior.estimator, PRIOR, X[0], X[1:], is_amortised=False)
    with pytest.raises(ValueError, match="sharpened for its own observation"):
        sharpened.sample(jax.random.key(0), 1, X[0], X[1:3])
    assert sharpened.sample(jax.random.key(0), 1, X[0], X[1:]).shape == (1, 2)


def test_observations_are_put_side_by_side():
    rows = side_by_side(X, X[1:3], 3)
    assert rows.shape == (4, 4)
    np.testing.assert_array_equal(rows[0], [*X[0], *X[1], *X[2], np.nan])


@pytest.mark.long
def test_it_tells_how_the_extras_narrow_and_which_told_most(posterior):
    found = narrowing(jax.random.key(0), posterior)
    assert found["num_shown"][1].tolist() == [0, 1, 2]
    assert found["narrowing_sd"][1].shape == (3, 1)
    assert (np.diff(found["narrowing_quantile"][1], axis=1) > 0).all()
    assert (found["extra_told"][1] > -0.01).all()
    draws = np.asarray(posterior.sample(jax.random.key(2), 10_000, X[0]))[:, 1]
    assert found["narrowing_sd"][1][0, 0] == pytest.approx(draws.std(), rel=0.1)
