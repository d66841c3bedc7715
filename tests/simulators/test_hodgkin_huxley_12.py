"""Hodgkin-Huxley with twelve parameters against runs of the published code, noise-free and noisy.

``data/hodgkin_huxley_12.json`` holds numbers of those runs; the noise of the noisy ones is repeated here.
"""

import json
from pathlib import Path

import cloudpickle
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import simulate_batch
from simulators.features import current_clamp_20
from simulators.models import hodgkin_huxley_12 as model
from simulators.models.hodgkin_huxley import current_step
from simulators.models.hodgkin_huxley_12 import hodgkin_huxley_12, make_hodgkin_huxley_12, make_prior
from simulators.models.pospischil import at_rest

REFERENCE = json.loads((Path(__file__).parent / "data" / "hodgkin_huxley_12.json").read_text())
PROTOCOL = current_step()
FEATURES = tuple(current_clamp_20.UNITS)
NUM = 256


@jax.jit
def published_run(theta, noise):
    """Voltage with the given noise, and its features both ways."""

    def advance(neuron, inputs):
        return model.step(neuron, *inputs, theta=theta, dt=0.01)

    start = at_rest(-theta["-E_leak"], theta)
    voltage = jax.lax.scan(advance, start, (jnp.asarray(PROTOCOL.stimulus, noise.dtype), noise))[1]
    blocks = jnp.pad(voltage, (0, -len(voltage) % 200), constant_values=1e3).reshape(-1, 200)

    def add(running, block):
        index, samples = block
        return current_clamp_20.add_block(running, index * 200, samples, PROTOCOL.timing), None

    running = current_clamp_20.start(PROTOCOL.timing, noise.dtype)
    running = jax.lax.scan(add, running, (jnp.arange(len(blocks)), blocks))[0]
    whole, fused = current_clamp_20.features(voltage, PROTOCOL.timing), current_clamp_20.finish(running)
    return voltage, jnp.stack([whole[name] for name in FEATURES]), jnp.stack([fused[n] for n in FEATURES])


def named(case, dtype, **changed):
    theta = dict(zip(hodgkin_huxley_12.prior.names, REFERENCE["theta"][case], strict=True)) | changed
    return {name: jnp.asarray(value, dtype) for name, value in theta.items()}


def published_noise(seed, dtype):
    return jnp.asarray(np.random.RandomState(seed).normal(size=12_001), dtype)


@pytest.mark.long
@pytest.mark.parametrize("case", [0, 1])
def test_float64_is_the_published_run(case):
    """A nanovolt, and features to 1e-10: the same arithmetic, also with the published noise."""
    with jax.enable_x64(True):
        theta = named(case, np.float64, sigma=0.0)
        voltage, *features = published_run(theta, jnp.zeros(12_001))
        noisy = [published_run(named(case, np.float64), published_noise(seed, np.float64)) for seed in (0, 4)]
    expected = REFERENCE["voltage_noise_free_every_100th_mV"][case]
    np.testing.assert_allclose(voltage[::100], expected, atol=1e-6, rtol=0)
    for found in features:
        np.testing.assert_allclose(found, REFERENCE["features_noise_free"][case], rtol=1e-10)
    for (_, *both), seed in zip(noisy, (0, 4), strict=True):
        for found in both:
            np.testing.assert_allclose(found, REFERENCE["features_noisy"][case][seed], rtol=1e-10)


@pytest.mark.long
@pytest.mark.parametrize("case", [0, 1])
def test_float32_has_the_published_features(case):
    """To 1e-4 of each, with the noise of five published runs: rounding moves spikes by nanoseconds."""
    for seed in REFERENCE["seeds"]:
        _, *both = published_run(named(case, np.float32), published_noise(seed, np.float32))
        for found in both:
            assert found.dtype == jnp.float32
            np.testing.assert_allclose(found, REFERENCE["features_noisy"][case][seed], rtol=1e-4)


@pytest.mark.long
def test_noise_has_the_published_statistics():
    """Twenty features of ten published runs lie among 256 of ours.

    A rank test per feature and parameter set (Mann-Whitney against 5 runs), p > 1e-6 each: false-alarm rate
    4e-5 per seed, and the seed is fixed.
    """
    for case in (0, 1):
        theta = np.tile(np.float32(REFERENCE["theta"][case]), (NUM, 1))
        x = simulate_batch(hodgkin_huxley_12, jax.random.key(case), theta=theta, chunk_size=NUM).x
        for column, name in enumerate(FEATURES):
            published = np.array(REFERENCE["features_noisy"][case])[:, column]
            assert stats.mannwhitneyu(x[:, column], published).pvalue > 1e-6, name
            spread = np.ptp(x[:, column])
            assert (published >= x[:, column].min() - 0.3 * spread - 1e-6).all(), name
            assert (published <= x[:, column].max() + 0.3 * spread + 1e-6).all(), name


def test_features_have_the_published_order():
    """The published names: n_spikes, autocorr_0.1ms, ..., rest_mean_mV, stim_mean_mV, central_moment_2 ..."""
    assert len(REFERENCE["feature_names"]) == hodgkin_huxley_12.num_features == 20
    for ours, theirs in zip(hodgkin_huxley_12.feature_names, REFERENCE["feature_names"], strict=True):
        digits = [character for character in theirs.replace("mV", "") if character.isdigit()]
        assert [character for character in ours if character.isdigit()] == digits


@pytest.mark.long
@pytest.mark.parametrize(("kind", "low", "high"), [("default", 0.5, 1.5), ("large", 0.01, 3.0)])
def test_prior_is_log_uniform_around_the_truth(key, kind, low, high):
    prior, truth = make_prior(kind), np.array(REFERENCE["theta"][0])
    np.testing.assert_allclose(hodgkin_huxley_12.true_theta, truth)
    np.testing.assert_allclose(prior.low, low * truth)
    np.testing.assert_allclose(prior.high, high * truth)
    theta = np.asarray(prior.sample(key, 2000), float)
    places = (np.log(theta / truth) - np.log(low)) / (np.log(high) - np.log(low))
    for column in places.T:  # false-alarm rate 1e-6 each
        assert stats.kstest(column, "uniform").pvalue > 1e-6
    log_density = -np.log(theta).sum(1) - prior.dim * np.log(np.log(high / low))
    np.testing.assert_allclose(prior.log_prob(theta), log_density, rtol=1e-4)
    assert np.isneginf(prior.log_prob(1.01 * prior.high))
    back = prior.from_unconstrained(prior.to_unconstrained(theta.astype(np.float32)))
    np.testing.assert_allclose(back, theta, rtol=2e-3)


def test_another_prior_is_refused():
    with pytest.raises(ValueError, match="one of default, large"):
        make_hodgkin_huxley_12("huge")


def test_a_simulation_that_blows_up_is_flagged_as_not_finite(key):
    """Forward Euler needs dt g / C < 2."""
    theta = hodgkin_huxley_12.true_theta.copy()
    theta[hodgkin_huxley_12.prior.names.index("g_leak")] = 500.0
    x = simulate_batch(hodgkin_huxley_12, key, theta=np.tile(theta, (NUM, 1)), chunk_size=NUM)
    assert np.isinf(x.x).all()
    assert not x.is_valid.any()


def test_it_travels_to_another_process():
    copy = cloudpickle.loads(cloudpickle.dumps(hodgkin_huxley_12))
    assert copy.feature_names == FEATURES
    np.testing.assert_array_equal(copy.prior.low, hodgkin_huxley_12.prior.low)
