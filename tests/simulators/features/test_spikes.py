"""Spike counting against the published two-step rule, written with numpy, on made and on random traces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.features.spikes import add_block, count_spikes, no_spikes
from simulators.features.window import Window

BLOCK_LENGTHS = (1, 7, 200)


def published_count(voltage, window, refractory):
    """The rule as released: clip, flatten what falls, list where the rest falls; then window and gaps."""
    v = np.maximum(np.asarray(voltage, np.float64), -10.0)
    v[:-1][np.diff(v) < 0] = -10.0
    listed = np.flatnonzero(np.diff(v) < 0)
    listed = listed[(listed >= window.start) & (listed < window.stop)]
    return int((np.diff(listed, prepend=-refractory - 1) > refractory).sum())


@jax.jit(static_argnames=("window", "refractory"))
def whole(voltage, window, refractory):
    return count_spikes(voltage, window=window, refractory=refractory)


@jax.jit(static_argnames=("block_length", "window", "refractory"))
def in_blocks(voltage, block_length, window, refractory):
    blocks = jnp.pad(voltage, (0, -len(voltage) % block_length), constant_values=50.0)
    blocks = blocks.reshape(-1, block_length)

    def body(counter, block):
        index, samples = block
        new = add_block(counter, index * block_length, samples, window=window, refractory=refractory)
        return new, None

    start = no_spikes(voltage.dtype, refractory=refractory)
    return jax.lax.scan(body, start, (jnp.arange(len(blocks)), blocks))[0].count


def all_counts(voltage, window, refractory):
    voltage = jnp.asarray(voltage, jnp.float32)
    return [
        int(whole(voltage, window, refractory)),
        *(int(in_blocks(voltage, length, window, refractory)) for length in BLOCK_LENGTHS),
    ]


def trace_with_peaks(*tops, num=400, height=20.0):
    voltage = np.full(num, -60.0)
    for top in tops:
        voltage[top - 1 : top + 2] = (0.0, height, 0.0)
    return voltage


MADE = {
    "none": (np.full(400, -60.0), 0),
    "one": (trace_with_peaks(100), 1),
    "far apart": (trace_with_peaks(100, 151, 300), 3),
    "as far apart as the refractory time": (trace_with_peaks(100, 150), 1),
    "a peak not counted still hides the next": (trace_with_peaks(100, 140, 180), 1),
    "the third is far from the second": (trace_with_peaks(100, 140, 191), 2),
    "below threshold": (trace_with_peaks(100, height=-10.0) - 60.0, 0),
    "one sample above threshold is too short": (np.where(np.arange(400) == 100, 30.0, -60.0), 0),
    "a plateau is one spike": (np.r_[np.full(100, -60.0), [0, 20, 20, 20, 0], np.full(295, -60.0)], 1),
    "rising until the end": (np.r_[np.full(397, -60.0), [0.0, 10.0, 20.0]], 0),
    "before the window": (trace_with_peaks(20), 0),
    "hidden by nothing, as the peak before is not listed": (trace_with_peaks(29, 50), 1),
    "after the window": (trace_with_peaks(385), 0),
}


@pytest.mark.parametrize("name", list(MADE))
def test_made_traces(name):
    voltage, expected = MADE[name]
    window = Window(30, 380)
    assert published_count(voltage, window, 50) == expected
    assert all_counts(voltage, window, 50) == [expected] * (1 + len(BLOCK_LENGTHS))


@pytest.mark.long
@pytest.mark.parametrize("window", [Window(0, 798), Window(101, 700)])
@pytest.mark.parametrize("refractory", [1, 25])
def test_random_traces(window, refractory):
    """Random walks around the threshold; in whole millivolts there are plateaus and ties."""
    rng = np.random.default_rng([window.start, refractory])
    walks = np.cumsum(rng.normal(scale=4.0, size=(40, 800)), axis=1) - 10.0
    walks = -10 + 40 * np.sin(walks / 40)
    walks[::2] = np.round(walks[::2])
    expected = [published_count(walk, window, refractory) for walk in walks]
    assert len(set(expected)) > 5  # the traces differ
    found = [all_counts(walk, window, refractory) for walk in walks]
    assert found == [[count] * (1 + len(BLOCK_LENGTHS)) for count in expected]
