"""The loss of groups of recordings: what is drawn anew, what stays, and that gaps harm nothing."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.epoch import initial_state, with_parameters
from inference.estimators import EstimatorSpec, make_estimator
from inference.estimators.hierarchical import HierarchicalDensity
from inference.estimators.hierarchy import HierarchySpec
from inference.objectives import EnsembleLoss, Rows, make_rows
from inference.objectives_hierarchical import HierarchicalLoss

NUM, SIZE = 12, 4  # groups, recordings of each
HIERARCHY = HierarchySpec((1,), SIZE - 1, "mdn", "attention")
SPEC = EstimatorSpec("hierarchical", 2, 2, width=8, num_components=2, hierarchy=HIERARCHY)


def groups(num=NUM, seed=0):
    """Parameters (num, SIZE, 2), the second shared; features (num, SIZE, 2)."""
    rng = np.random.default_rng(seed)
    u = rng.normal(size=(num, SIZE, 2))
    u[:, :, 1] = u[:, :1, 1]
    return u.astype(np.float32), (u + rng.normal(size=u.shape)).astype(np.float32)


def rows(u, x, **others) -> Rows:
    return make_rows(u.reshape(len(u), -1), x.reshape(len(x), -1), **others)


def rough(spec=SPEC):
    estimator = make_estimator(jax.random.key(0), spec)
    parameters = initial_state(estimator).parameters
    return with_parameters(
        estimator, parameters + 0.2 * jax.random.normal(jax.random.key(1), parameters.shape)
    )


@eqx.filter_jit
def loss_of(objective, key, estimator, rows):
    return objective(key, estimator, rows)


def loss(is_first_round, *, num_observed=SIZE, num_atoms=0):
    return HierarchicalLoss(SIZE, num_observed, jnp.asarray(is_first_round), num_atoms)


@pytest.fixture(scope="module")
def estimator():
    estimator = rough()
    assert isinstance(estimator, HierarchicalDensity)
    return estimator


def test_in_the_first_round_who_is_first_and_who_is_shown_is_drawn(estimator):
    u, x = groups(1)
    keys = jax.random.split(jax.random.key(0), 200)
    found = {float(loss_of(loss(True), key, estimator, rows(u, x))[0]) for key in keys}
    assert len(found) > 3 * SIZE
    again = (
        loss_of(loss(True), keys[0], estimator, rows(u, x)),
        loss_of(loss(True), keys[0], estimator, rows(u, x)),
    )
    np.testing.assert_array_equal(*again)


def test_every_number_of_extras_is_shown():
    u, x = groups(2_000)
    shown = jax.vmap(loss(True)._group)(
        jax.random.split(jax.random.key(0), 2_000), u.reshape(2_000, -1), x.reshape(2_000, -1)
    ).is_shown.sum(axis=1)
    counts = np.bincount(shown, minlength=SIZE + 1)
    assert counts[0] == 0
    assert counts[1:].min() > 0.1 * 2_000


def test_in_later_rounds_the_first_stays_and_the_observed_number_is_shown(estimator, key):
    """Then only the extra whose local parameters are learnt from is drawn: expected by hand."""
    u, x = groups(1)
    found = float(loss_of(loss(False), key, estimator, rows(u, x))[0])
    encoded, is_there = estimator.encoder.each(jnp.asarray(x.ravel()))
    pooled = estimator.encoder.pool(encoded, is_there)
    shared = estimator.shared.log_prob_given(jnp.asarray(u[0, 0, 1:]), pooled)
    local = [float(estimator.local_log_prob(u[0, i], encoded[i], is_first=i == 0)) for i in range(SIZE)]
    expected = [-float(shared) - (local[0] + other) / 2 for other in local[1:]]
    assert min(abs(found - value) for value in expected) < 1e-4


def test_recordings_of_no_use_count_as_absent_and_gradients_stay_finite(estimator, key):
    """With one recording left the loss is that of this one alone."""
    u, x = groups(3)
    x[:, 1:] = np.nan
    found = loss_of(loss(True), key, estimator, rows(u, x))
    alone = [-float(estimator.log_prob(u[i, 0], jnp.asarray(x[i, 0]))) for i in range(3)]
    np.testing.assert_allclose(found, alone, atol=1e-4)

    @eqx.filter_jit
    def gradient(parameters, key):
        return jax.grad(lambda p: loss(True)(key, with_parameters(estimator, p), rows(u, x)).mean())(
            parameters
        )

    assert np.isfinite(gradient(initial_state(estimator).parameters, key)).all()


def test_the_atomic_loss_is_nothing_but_the_extras_where_all_rows_are_alike(estimator, key):
    """Ten equal atoms: log 10 for the first recording, whatever the density; and an extra's likelihood."""
    u, x = groups(1)
    u, x = np.repeat(u, NUM, axis=0), np.repeat(x, NUM, axis=0)
    found = loss_of(loss(False, num_atoms=10), key, estimator, rows(u, x))
    encoded, _ = estimator.encoder.each(jnp.asarray(x[0].ravel()))
    local = [float(estimator.local_log_prob(u[0, i], encoded[i], is_first=False)) for i in range(1, SIZE)]
    expected = np.log(10) - np.array(local)
    assert np.abs(np.asarray(found)[:, None] - expected).min(axis=1).max() < 1e-4


def test_rows_without_weight_are_no_atoms(estimator, key):
    u, x = groups()
    weight = np.array([1.0] * (NUM - 2) + [0.0] * 2)
    broken = u.copy()
    broken[-2:] = 1e6  # their density underflows
    objective = loss(False, num_atoms=NUM)
    whole, harmed = (
        loss_of(objective, key, estimator, rows(theta, x, weight=weight))[:-2] for theta in (u, broken)
    )
    np.testing.assert_allclose(harmed, whole, atol=1e-4)


@pytest.mark.parametrize("num", [40, pytest.param(1_500, marks=pytest.mark.long)])
def test_members_learn_side_by_side_however_many_rows(num):
    """Many rows at once, in which the compiler once went wrong, give the losses of few."""
    ensemble = make_estimator(jax.random.key(0), replace(SPEC, num_members=2))
    objective, (u, x) = loss(False), groups(num)
    x = np.exp(2 * x)
    x[:, 2:] = np.nan  # so that nothing is left to chance
    whole = loss_of(EnsembleLoss(objective), jax.random.key(2), ensemble, rows(u, x))
    each = [loss_of(objective, jax.random.key(2), ensemble.member(i), rows(u[:20], x[:20])) for i in range(2)]
    np.testing.assert_allclose(whole[:20], sum(each) / 2, rtol=1e-4, atol=1e-4)
