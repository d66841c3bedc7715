"""The hierarchical density: laws that hold whatever its weights are, and how one is stored."""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

from inference.epoch import initial_state, with_parameters
from inference.estimators import EstimatorSpec, load_estimator, make_estimator, save_estimator
from inference.estimators.hierarchical import HierarchicalDensity
from inference.estimators.hierarchy import HierarchySpec
from inference.scaling import fit_feature_scaling, fit_parameter_scaling

NUM_EXTRA, NUM_FEATURES, NUM_DRAWS = 4, 3, 2_000
U = np.random.default_rng(3).normal(1.0, 2.0, size=(20, 3)).astype(np.float32)
NOTHING = np.full((1 + NUM_EXTRA, NUM_FEATURES), np.nan, np.float32)


class Numbers(NamedTuple):
    """What is looked at, for one set of recordings."""

    log_prob: Array  # of each row of u
    local: tuple[Array, Array]  # log q(local | shared, x_0) of each row, as of the first and of an extra
    encoded: Array
    pooled: Array
    of_all: Array  # a draw for every recording
    of_first: Array  # with the same key


def spec_of(aggregator, density="mdn"):
    hierarchy = HierarchySpec((1,), NUM_EXTRA, density, aggregator, is_cut=aggregator == "mean")
    return EstimatorSpec(
        "hierarchical", 3, NUM_FEATURES, num_layers=2, width=8, num_components=2, hierarchy=hierarchy
    )


def rough(spec):
    """An estimator whose every weight was shaken, scaled to parameters and features of odd units."""
    rng = np.random.default_rng(0)
    u = rng.normal(1.0, [2.0, 0.5, 3.0], size=(50, 3))
    x = rng.normal(-1.0, 4.0, size=(50, NUM_FEATURES))
    scalings = fit_parameter_scaling(u), fit_feature_scaling(x)
    estimator = make_estimator(jax.random.key(0), spec, scalings=scalings)
    parameters = np.asarray(initial_state(estimator).parameters)
    return with_parameters(
        estimator, jnp.asarray(parameters + 0.2 * rng.normal(size=parameters.shape), jnp.float32)
    )


def recordings(num, seed=2):
    """So many, with gaps up to the largest number."""
    x = np.random.default_rng(seed).normal(-1.0, 4.0, size=(num, NUM_FEATURES))
    return np.concatenate([x, NOTHING[num:]]).astype(np.float32)


@eqx.filter_jit
def _numbers(estimator, u, x, key):
    encoded, is_there = estimator.encoder.each(x)
    pooled = estimator.encoder.pool(encoded, is_there)
    return Numbers(
        jax.vmap(lambda row: estimator.log_prob(row, x))(u),
        tuple(
            jax.vmap(lambda row, flag=flag: estimator.local_log_prob(row, encoded[0], is_first=flag))(u)
            for flag in (True, False)
        ),
        encoded,
        pooled,
        estimator.sample_all(key, encoded, pooled),
        estimator.sample(key, x),
    )


def numbers(estimator, x, u=U):
    return _numbers(estimator, jnp.asarray(u), jnp.asarray(x.ravel()), jax.random.key(7))


@pytest.fixture(params=["attention", "mean"], scope="module")
def estimator(request):
    estimator = rough(spec_of(request.param))
    assert isinstance(estimator, HierarchicalDensity)
    return estimator


def test_the_order_of_the_extras_changes_nothing(estimator):
    x = recordings(5)
    plain, shuffled, other_first = (
        numbers(estimator, x[order]) for order in ([*range(5)], [0, 3, 1, 4, 2], [1, 0, 2, 3, 4])
    )
    np.testing.assert_allclose(shuffled.log_prob, plain.log_prob, atol=1e-4)
    np.testing.assert_allclose(shuffled.pooled, plain.pooled, atol=1e-5)
    assert np.abs(other_first.log_prob - plain.log_prob).max() > 0.01
    if estimator.spec.hierarchy.aggregator == "attention":  # all recordings alike
        np.testing.assert_allclose(other_first.pooled, plain.pooled, atol=1e-5)
    else:
        mean = np.asarray(plain.encoded)[1:].mean(axis=0)
        np.testing.assert_allclose(plain.pooled[len(mean) : -1], mean, atol=1e-5)


def test_recordings_that_are_not_there_count_as_none(estimator):
    x = recordings(3)
    gap_between = numbers(estimator, x[[0, 3, 1, 4, 2]])
    np.testing.assert_allclose(gap_between.log_prob, numbers(estimator, x).log_prob, atol=1e-4)
    alone = jnp.asarray(x[0])
    short = eqx.filter_jit(lambda e: e.log_prob(jnp.asarray(U[0]), alone))(estimator)
    np.testing.assert_allclose(short, numbers(estimator, recordings(1)).log_prob[0], atol=1e-4)


def test_local_parameters_depend_on_their_own_recording_and_the_shared_ones(estimator):
    """The difference that the extras make is that of the shared factor: equal for all local parameters."""
    first, second = recordings(4), np.concatenate([recordings(4)[:1], recordings(5, seed=9)[1:]])
    moved = U + np.array([0.7, 0.0, 0.7], np.float32)
    here, there = (
        numbers(estimator, first, u).log_prob - numbers(estimator, second, u).log_prob for u in (U, moved)
    )
    np.testing.assert_allclose(here, there, atol=1e-4)
    assert np.ptp(here) > 0.01


def test_a_draw_for_all_recordings_shares_what_is_shared(estimator):
    found = numbers(estimator, recordings(5))
    np.testing.assert_allclose(found.of_all[0], found.of_first, rtol=1e-4, atol=1e-4)
    assert np.ptp(found.of_all[:, 1]) == 0
    assert np.ptp(found.of_all[:, 0]) > 0


def test_only_a_truncated_round_tells_the_first_recording_from_the_others(estimator):
    of_first, of_extra = numbers(estimator, recordings(2)).local
    assert bool((of_first == of_extra).all()) is not estimator.spec.hierarchy.is_cut


@pytest.mark.long
@pytest.mark.parametrize("density", ["nsf", "mdn"])
def test_draws_follow_the_density(density, key):
    """E log q by its own draws, and by those of its heavy-tailed companion with weights of mean one."""
    estimator, x = rough(spec_of("attention", density)), jnp.asarray(recordings(3).ravel())

    @eqx.filter_jit
    def densities(estimator, key):
        h, keys = estimator.encode(x), jax.random.split(key, NUM_DRAWS)
        light = jax.vmap(lambda k: estimator.sample_given(k, h))(keys)
        heavy = jax.vmap(lambda k: estimator.sample_heavy(k, h))(keys)
        log_q = jax.vmap(lambda row: estimator.log_prob_given(row, h))(jnp.concatenate([light, heavy]))
        return log_q, jax.vmap(lambda row: estimator.log_prob_heavy(row, h))(heavy)

    log_q, of_heavy = (np.asarray(part, float) for part in densities(estimator, key))
    light, heavy = np.split(log_q, 2)
    weight = np.exp(heavy - of_heavy)
    assert weight.mean() == pytest.approx(1.0, abs=6 * weight.std() / NUM_DRAWS**0.5)
    error = np.hypot(light.std(), (weight * heavy).std()) / NUM_DRAWS**0.5
    assert light.mean() == pytest.approx((weight * heavy).mean() / weight.mean(), abs=8 * error)


def test_weights_survive_a_file(estimator, tmp_path):
    save_estimator(tmp_path / "weights.eqx", estimator)
    loaded, x = load_estimator(tmp_path / "weights.eqx"), recordings(4)
    assert loaded.spec == estimator.spec
    np.testing.assert_array_equal(numbers(loaded, x).log_prob, numbers(estimator, x).log_prob)


def test_an_unknown_aggregator_is_refused():
    hierarchy = spec_of("mean").hierarchy
    assert hierarchy is not None
    with pytest.raises(ValueError, match="no aggregator 'sum'; choose one of attention, mean"):
        replace(hierarchy, aggregator="sum")
