"""The hierarchical density: laws that hold whatever its weights are, and how one is stored."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inference.embeddings.recordings import AttentionPool, MeanPool
from inference.epoch import initial_state, with_parameters
from inference.estimators import EstimatorSpec, load_estimator, make_estimator, save_estimator
from inference.estimators.hierarchical import HierarchicalDensity
from inference.estimators.hierarchy import HierarchySpec
from inference.scaling import fit_feature_scaling, fit_parameter_scaling

NUM_EXTRA, NUM_FEATURES = 4, 3
SPECS = {
    name: EstimatorSpec(
        "hierarchical", 3, NUM_FEATURES, num_layers=2, width=8, num_components=2,
        hierarchy=HierarchySpec((1,), NUM_EXTRA, density, aggregator),
    )
    for name, density, aggregator in (
        ("attention", "mdn", "attention"), ("mean", "mdn", "mean"), ("spline", "nsf", "attention"),
    )
}  # fmt: skip


def rough(spec, seed=0):
    """An estimator whose every weight was shaken, scaled to parameters and features of odd units."""
    rng = np.random.default_rng(seed)
    u = rng.normal(1.0, [2.0, 0.5, 3.0], size=(50, 3)).astype(np.float32)
    x = rng.normal(-1.0, 4.0, size=(50, NUM_FEATURES)).astype(np.float32)
    scalings = fit_parameter_scaling(u), fit_feature_scaling(x)
    estimator = make_estimator(jax.random.key(seed), spec, scalings=scalings)
    parameters = initial_state(estimator).parameters
    return with_parameters(
        estimator, parameters + 0.2 * jax.random.normal(jax.random.key(1), parameters.shape)
    )


def recordings(num, seed=2):
    return np.random.default_rng(seed).normal(-1.0, 4.0, size=(num, NUM_FEATURES)).astype(np.float32)


@eqx.filter_jit
def log_prob(estimator, u, x):
    return jax.vmap(lambda row: estimator.log_prob(row, x.ravel()))(u)


@pytest.fixture(params=["attention", "mean"], scope="module")
def estimator(request):
    return rough(SPECS[request.param])


@pytest.fixture(scope="module")
def u():
    return jnp.asarray(np.random.default_rng(3).normal(1.0, 2.0, size=(20, 3)), jnp.float32)


def test_the_order_of_the_extras_changes_nothing(estimator, u):
    x = recordings(5)
    shuffled = x[[0, 3, 1, 4, 2]]
    np.testing.assert_allclose(log_prob(estimator, u, shuffled), log_prob(estimator, u, x), atol=1e-4)
    other_first = x[[1, 0, 2, 3, 4]]
    assert np.abs(log_prob(estimator, u, other_first) - log_prob(estimator, u, x)).max() > 0.01


def test_attention_takes_all_recordings_alike():
    estimator, x = rough(SPECS["attention"]), recordings(5)
    assert isinstance(estimator, HierarchicalDensity)
    assert isinstance(estimator.encoder.pool, AttentionPool)
    pooled = [
        estimator.encoder.pool(*estimator.encoder.each(jnp.asarray(rows.ravel()))) for rows in (x, x[::-1])
    ]
    np.testing.assert_allclose(*pooled, atol=1e-5)


def test_the_mean_is_that_of_the_scaled_features_of_the_extras():
    estimator, x = rough(SPECS["mean"]), jnp.asarray(recordings(3))
    assert isinstance(estimator, HierarchicalDensity)
    encoder = estimator.encoder
    assert isinstance(encoder.pool, MeanPool)
    scaled = jax.vmap(encoder.recording)(x)
    pooled = encoder.pool(*encoder.each(x.ravel()))
    expected = jnp.concatenate([scaled[0], scaled[1:].mean(0)])
    np.testing.assert_allclose(pooled[:-1], expected, atol=1e-5)


def test_recordings_that_are_not_there_count_as_none(estimator, u):
    x = recordings(3)
    padded = np.concatenate([x, np.full((2, NUM_FEATURES), np.nan, np.float32)])
    np.testing.assert_allclose(log_prob(estimator, u, padded), log_prob(estimator, u, x), atol=1e-4)
    gap_between = padded[[0, 3, 1, 4, 2]]
    np.testing.assert_allclose(log_prob(estimator, u, gap_between), log_prob(estimator, u, x), atol=1e-4)
    assert np.abs(log_prob(estimator, u, x[:1]) - log_prob(estimator, u, x)).max() > 0.01


def test_local_parameters_depend_on_their_own_recording_and_the_shared_ones(estimator, u):
    """The difference that the extras make is that of the shared factor: equal for all local parameters."""
    first, second = recordings(4), np.concatenate([recordings(1), recordings(3, seed=9)])
    moved = u.at[:, jnp.array([0, 2])].add(0.7)
    gaps = [log_prob(estimator, rows, first) - log_prob(estimator, rows, second) for rows in (u, moved)]
    np.testing.assert_allclose(*gaps, atol=1e-4)
    assert np.ptp(gaps[0]) > 0.01


def test_a_draw_for_all_recordings_shares_what_is_shared(estimator, key):
    x = jnp.asarray(recordings(5))
    assert isinstance(estimator, HierarchicalDensity)

    @eqx.filter_jit
    def both(estimator, key):
        encoded, is_there = estimator.encoder.each(x.ravel())
        of_all = estimator.sample_all(key, encoded, estimator.encoder.pool(encoded, is_there))
        return of_all, estimator.sample(key, x.ravel())

    of_all, first = both(estimator, key)
    np.testing.assert_allclose(of_all[0], first, rtol=1e-4, atol=1e-4)
    assert np.ptp(of_all[:, 1]) == 0
    assert np.ptp(of_all[:, 0]) > 0


@pytest.mark.parametrize("name", ["attention", pytest.param("spline", marks=pytest.mark.long)])
def test_draws_follow_the_density(name, key):
    """Gibbs' inequality as an equality: -E log q over 4 000 draws against weights from the heavy tails."""
    estimator, x = rough(SPECS[name]), jnp.asarray(recordings(3).ravel())

    @eqx.filter_jit
    def numbers(estimator, key):
        h = estimator.encode(x)
        light, heavy = (
            jax.vmap(lambda k, draw=draw: draw(k, h))(jax.random.split(key, 4_000))
            for draw in (estimator.sample_given, estimator.sample_heavy)
        )
        density = jax.vmap(lambda row: estimator.log_prob_given(row, h))
        return density(light), density(heavy), jax.vmap(lambda row: estimator.log_prob_heavy(row, h))(heavy)

    light, heavy, of_heavy = (np.asarray(part, float) for part in numbers(estimator, key))
    weight = np.exp(heavy - of_heavy)
    assert weight.mean() == pytest.approx(1.0, abs=6 * weight.std() / 4_000**0.5)
    error = np.hypot(light.std(), (weight * heavy).std()) / 4_000**0.5
    assert light.mean() == pytest.approx((weight * heavy).mean() / weight.mean(), abs=8 * error)


def test_a_truncated_round_tells_the_first_recording_from_the_others(u):
    spec = SPECS["mean"]
    assert spec.hierarchy is not None
    estimator = rough(replace(spec, hierarchy=replace(spec.hierarchy, is_cut=True)))
    assert isinstance(estimator, HierarchicalDensity)
    encoded = estimator.encoder.each(jnp.asarray(recordings(1).ravel()))[0][0]
    both = [estimator.local_log_prob(u[0], encoded, is_first=is_first) for is_first in (True, False)]
    assert both[0] != both[1]


@pytest.mark.parametrize("name", ["attention", "mean"])
def test_weights_survive_a_file(name, u, tmp_path):
    estimator, x = rough(SPECS[name]), recordings(4)
    save_estimator(tmp_path / "weights.eqx", estimator)
    loaded = load_estimator(tmp_path / "weights.eqx")
    assert loaded.spec == estimator.spec
    np.testing.assert_array_equal(log_prob(loaded, u, x), log_prob(estimator, u, x))


def test_an_unknown_aggregator_is_refused():
    with pytest.raises(ValueError, match="no aggregator 'sum'; choose one of attention, mean"):
        HierarchySpec((0,), 3, "nsf", "sum")
