"""The loss of groups of recordings: what is drawn anew, what stays, and that gaps harm nothing."""

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.epoch import initial_state, with_parameters
from inference.estimators import EstimatorSpec, make_estimator
from inference.estimators.hierarchical import HierarchicalDensity
from inference.estimators.hierarchy import HierarchySpec
from inference.objectives import EnsembleLoss, make_rows
from inference.objectives_hierarchical import HierarchicalLoss

NUM, SIZE = 200, 4  # groups, recordings of each
HIERARCHY = HierarchySpec((1,), SIZE - 1, "mdn", "mean")
SPEC = EstimatorSpec("hierarchical", 2, 2, width=8, num_components=2, hierarchy=HIERARCHY)


def groups(num=NUM):
    """Parameters (num, SIZE, 2), the second shared; features (num, SIZE, 2)."""
    rng = np.random.default_rng(0)
    u = rng.normal(size=(num, SIZE, 2))
    u[:, :, 1] = u[:, :1, 1]
    return u.astype(np.float32), (u + rng.normal(size=u.shape)).astype(np.float32)


def rows(u, x, **others):
    return make_rows(u.reshape(len(u), -1), x.reshape(len(x), -1), **others)


@eqx.filter_jit
def loss_of(objective, key, estimator, rows):
    return objective(key, estimator, rows)


def loss(*, is_first_round, num_atoms=0):
    return HierarchicalLoss(SIZE, SIZE, jnp.asarray(is_first_round), num_atoms)


FIRST, LATER, ATOMIC = (
    loss(is_first_round=True),
    loss(is_first_round=False),
    loss(is_first_round=False, num_atoms=10),
)


@pytest.fixture(scope="module")
def estimator():
    estimator = make_estimator(jax.random.key(0), SPEC)
    parameters = np.asarray(initial_state(estimator).parameters)
    noise = 0.2 * np.random.default_rng(0).normal(size=parameters.shape)
    estimator = with_parameters(estimator, jnp.asarray(parameters + noise, jnp.float32))
    assert isinstance(estimator, HierarchicalDensity)
    return estimator


@eqx.filter_jit
def _by_hand(estimator, u, x):
    encoded, is_there = estimator.encoder.each(x.ravel())
    shared = estimator.shared.log_prob_given(u[0, 1:], estimator.encoder.pool(encoded, is_there))
    return shared, jax.vmap(lambda row, code: estimator.local_log_prob(row, code, is_first=False))(u, encoded)


def by_hand(estimator, u, x):
    """log q(shared | all recordings), and log q(local | shared, x_i) of each."""
    shared, local = _by_hand(estimator, jnp.asarray(u), jnp.asarray(x))
    return float(shared), np.asarray(local)


def repeated():
    """The same group in every row, so that the rows show what is drawn."""
    u, x = groups(1)
    return np.repeat(u, NUM, axis=0), np.repeat(x, NUM, axis=0)


def takes_just_these(losses, expected):
    """Whether every loss is one of the expected ones, and each of these is met."""
    apart = np.abs(np.asarray(losses)[:, None] - expected)
    return apart.min(axis=1).max() < 1e-4 and apart.min(axis=0).max() < 1e-4


def test_in_the_first_round_who_is_first_and_who_is_shown_is_drawn(estimator):
    u, x = repeated()
    found = np.asarray(loss_of(FIRST, jax.random.key(0), estimator, rows(u, x)))
    assert len(np.unique(found.round(4))) > 5 * SIZE
    np.testing.assert_array_equal(found, loss_of(FIRST, jax.random.key(0), estimator, rows(u, x)))


def test_every_number_of_extras_is_shown():
    u, x = groups()
    keys = jax.random.split(jax.random.key(0), NUM)
    group = jax.jit(jax.vmap(FIRST._group))(keys, u.reshape(NUM, -1), x.reshape(NUM, -1))
    counts = np.bincount(group.is_shown.sum(axis=1), minlength=SIZE + 1)
    assert counts[0] == 0
    assert counts[1:].min() > 0.1 * NUM


def test_in_later_rounds_the_first_stays_and_all_observed_ones_are_shown(estimator, key):
    """Then only the extra whose local parameters are learnt from is drawn."""
    u, x = repeated()
    shared, local = by_hand(estimator, u[0], x[0])
    expected = -shared - (local[0] + local[1:]) / 2
    assert takes_just_these(loss_of(LATER, key, estimator, rows(u, x)), expected)


def test_recordings_of_no_use_count_as_absent(estimator, key):
    """With one recording left the loss is that of this one alone."""
    u, x = groups()
    x[:, 1:] = np.nan
    found = loss_of(FIRST, key, estimator, rows(u, x))
    shared, local = by_hand(estimator, u[3], x[3])
    assert found[3] == pytest.approx(-shared - local[0], abs=1e-4)


@pytest.mark.long
def test_gradients_are_finite_where_recordings_are_absent(estimator, key):
    u, x = groups()
    x[::2, 1:] = np.nan

    @eqx.filter_jit
    def gradient(parameters, key):
        objective: Any = FIRST
        return jax.grad(lambda p: objective(key, with_parameters(estimator, p), rows(u, x)).mean())(
            parameters
        )

    assert np.isfinite(gradient(initial_state(estimator).parameters, key)).all()


def test_the_atomic_loss_is_nothing_but_the_extras_where_all_rows_are_alike(estimator, key):
    """Ten equal atoms: log 10 for the first recording, whatever the density; and an extra's likelihood."""
    u, x = repeated()
    _, local = by_hand(estimator, u[0], x[0])
    assert takes_just_these(loss_of(ATOMIC, key, estimator, rows(u, x)), np.log(10) - local[1:])


def test_rows_without_weight_are_no_atoms(estimator, key):
    """Two values of the parameters of such rows make no difference."""
    u, x = groups()
    weight = np.arange(NUM) % 2
    broken = u.copy()
    broken[weight == 0] += 3.0
    whole, harmed = (
        np.asarray(loss_of(ATOMIC, key, estimator, rows(theta, x, weight=weight)))[weight == 1]
        for theta in (u, broken)
    )
    np.testing.assert_allclose(harmed, whole, atol=1e-4)


@pytest.mark.long
def test_members_learn_side_by_side_however_many_rows():
    """Many rows at once, in which the compiler once went wrong, give the losses of few."""
    ensemble: Any = make_estimator(jax.random.key(0), replace(SPEC, num_members=2))
    u, x = groups(1_500)
    x = np.exp(2 * x)
    x[:, 2:] = np.nan  # so that nothing is left to chance
    whole = loss_of(EnsembleLoss(LATER), jax.random.key(2), ensemble, rows(u, x))
    few = rows(u[:20], x[:20])
    each = [loss_of(LATER, jax.random.key(2), ensemble.member(i), few) for i in range(2)]
    np.testing.assert_allclose(whole[:20], sum(each) / 2, rtol=1e-4, atol=1e-4)
