"""The seven features: windows, order, and the whole trace against the trace in blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.features import current_clamp
from simulators.features.current_clamp import Timing
from simulators.features.window import Window

TIMING = Timing(num_samples=2000, dt=0.05, stimulus_on=20.0, stimulus_off=80.0)


def random_trace(seed, num=TIMING.num_samples):
    rng = np.random.default_rng(seed)
    t = np.arange(num) * TIMING.dt
    spiking = 80 * np.exp(-(((t / 7) % 1 - 0.5) ** 2) / 0.001)
    return (-60 + spiking + rng.normal(scale=0.2, size=num)).astype(np.float32)


@jax.jit(static_argnames=("timing", "block_length"))
def in_blocks(voltage, timing, block_length):
    blocks = jnp.pad(voltage, (0, -len(voltage) % block_length)).reshape(-1, block_length)

    def body(running, block):
        index, samples = block
        return current_clamp.add_block(running, index * block_length, samples, timing), None

    start = current_clamp.start(timing, voltage.dtype)
    return current_clamp.finish(jax.lax.scan(body, start, (jnp.arange(len(blocks)), blocks))[0])


@pytest.mark.long
@pytest.mark.parametrize(
    ("dt", "on", "off", "num"),
    [
        (0.01, 10.0, 110.0, 12_001),
        (0.02, 205.0, 1204.98, 72_500),
        (0.02, 205.0, 1204.99, 72_500),
        (0.1, 0.3 * 10, 0.7 * 10, 100),
    ],
)
def test_windows_are_the_published_ones(dt, on, off, num):
    """Compared in exact arithmetic: times that are a whole number of steps must not slip by rounding."""
    steps_on, steps_off = round(on / dt, 6), round(off / dt, 6)
    index = jnp.arange(num)
    timing = Timing(num, dt, on, off)
    for window, inside in (
        (timing.rest, index < steps_on),
        (timing.late_rest, (index >= np.floor(round(0.9 * steps_on, 6))) & (index < np.floor(steps_on))),
        (timing.stimulus, (index > steps_on) & (index < steps_off)),
    ):
        assert np.array_equal(window.contains(index), inside)
        assert len(window) == inside.sum()
    assert timing.refractory == round(0.5 / dt)


def test_windows_of_the_published_step():
    timing = Timing(12_001, 0.01, 10.0, 110.0)
    assert (timing.rest, timing.late_rest) == (Window(0, 1000), Window(900, 1000))
    assert (timing.stimulus, timing.refractory) == (Window(1001, 11_000), 50)


@pytest.mark.parametrize(("on", "off"), [(0.0, 80.0), (0.1, 80.0), (50.0, 50.1), (120.0, 150.0)])
def test_a_stimulus_without_rest_or_length_is_refused(on, off):
    with pytest.raises(ValueError, match="at least 10 samples before the stimulus and 3 during it"):
        Timing(2000, 0.05, on, off)


@pytest.mark.long
def test_a_stimulus_to_the_very_end_needs_no_sample_beyond():
    timing = Timing(2000, 0.05, 20.0, 200.0)
    voltage = jnp.asarray(random_trace(4))
    whole, blocks = current_clamp.features(voltage, timing), in_blocks(voltage, timing, 64)
    assert timing.stimulus.stop == 2000
    assert float(whole["spike_count"]) == float(blocks["spike_count"]) > 0


@pytest.mark.long
@pytest.mark.parametrize("block_length", [1, 64, 200])
def test_blocks_give_the_features_of_the_whole_trace(block_length):
    for seed in range(5):
        voltage = jnp.asarray(random_trace(seed))
        whole, blocks = current_clamp.features(voltage, TIMING), in_blocks(voltage, TIMING, block_length)
        assert float(whole["spike_count"]) == float(blocks["spike_count"]) > 3
        for name in current_clamp.UNITS:
            assert float(blocks[name]) == pytest.approx(float(whole[name]), rel=1e-5), name


def test_features_by_their_definitions():
    """One pass of numpy in float64 over the same samples."""
    voltage = random_trace(7)
    features = current_clamp.features(jnp.asarray(voltage), TIMING)
    v, t = voltage.astype(np.float64), np.arange(len(voltage)) * TIMING.dt
    stim = v[(t > 20.0 + 1e-9) & (t < 80.0 - 1e-9)]
    late = v[int(0.9 * 20 / 0.05) : int(20 / 0.05)]
    z = (stim - stim.mean()) / stim.std()
    expected = [v[t < 20.0 - 1e-9].mean(), late.std(), stim.mean(), stim.var(), (z**3).mean(), (z**4).mean()]
    assert tuple(features) == tuple(current_clamp.UNITS)
    np.testing.assert_allclose([float(x) for x in features.values()][1:], expected, rtol=1e-5)


@pytest.mark.long
def test_a_flat_trace_has_undefined_shape_and_is_not_zero():
    voltage = jnp.full(TIMING.num_samples, -71.3)
    for features in (current_clamp.features(voltage, TIMING), in_blocks(voltage, TIMING, 200)):
        assert float(features["stim_variance"]) == 0
        assert np.isnan(float(features["stim_skewness"]))
        assert np.isnan(float(features["stim_kurtosis"]))
        assert float(features["stim_mean"]) == pytest.approx(-71.3, rel=1e-6)
