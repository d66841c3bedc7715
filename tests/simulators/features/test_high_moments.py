"""Moments to order 8 and autocorrelations in float32 against NumPy in float64, whole and in blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from simulators.features import high_moments
from simulators.features.window import Window

LAGS = (10, 40, 100)


def exact(values):
    """Mean, moments 2 to 8, autocorrelations."""
    v = np.asarray(values, np.float64)
    c = v - v.mean()
    correlations = [(c[:-lag] * c[lag:]).sum() / (c**2).sum() for lag in LAGS]
    return v.mean(), np.array([(c**k).mean() for k in range(2, 9)]), np.array(correlations)


@jax.jit
def whole(values):
    return high_moments.of_series(values, LAGS)


@jax.jit(static_argnames=("window", "block_length"))
def in_blocks(values, window, block_length):
    padded = jnp.pad(values, (0, -len(values) % block_length), constant_values=1e3)

    def body(known, block):
        index, samples = block
        first = index * block_length
        return high_moments.add_block(known, first, samples, window=window, lags=LAGS), None

    blocks = padded.reshape(-1, block_length)
    return jax.lax.scan(body, high_moments.start(LAGS, values.dtype), (jnp.arange(len(blocks)), blocks))[0]


def traces():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 12_001)
    noise = rng.normal(size=t.size)
    spiking = -60 + 90 * np.exp(-(((t * 40) % 1 - 0.5) ** 2) / 0.002)
    return {
        "spiking": spiking + noise,
        "quiet": -70 + 0.01 * np.convolve(noise, np.ones(50) / 7, "same"),
        "drifting": -70 + 0.5 * t + 0.01 * noise,
        "far away": 1e3 + noise,
    }


@pytest.mark.long
@pytest.mark.parametrize("name", list(traces()))
@pytest.mark.parametrize("block_length", [None, 128, 200])
def test_float32_agrees_with_float64(name, block_length):
    """To 1e-4 of each moment (odd ones: of the sd to that power), 1e-4 of each autocorrelation."""
    values = traces()[name].astype(np.float32)
    window = Window(1001, 10_999)
    inside = values[window.start : window.stop]
    found = whole(jnp.asarray(inside)) if block_length is None else in_blocks(values, window, block_length)
    mean, moments, correlations = exact(inside)
    assert float(found.mean) == pytest.approx(mean, rel=1e-6)
    scale = np.maximum(np.abs(moments), moments[0] ** (np.arange(2, 9) / 2))
    assert (np.abs(np.asarray(found.moments)[2:] - moments) < 1e-4 * scale).all()
    np.testing.assert_allclose(found.autocorrelation, correlations, atol=1e-4, rtol=0)


@pytest.mark.long
def test_a_window_that_begins_within_a_block_ignores_what_is_before(key):
    values = jax.random.normal(key, (1000,)).at[:300].set(1e4)
    found = in_blocks(values, Window(300, 900), 200)
    np.testing.assert_allclose(found.moments[2], np.var(values[300:900]), rtol=1e-5)
    assert float(found.count) == 600


@pytest.mark.long
def test_a_constant_has_no_autocorrelation():
    constant = jnp.full(1000, -70.0)
    for found in (whole(constant), in_blocks(constant, Window(0, 1000), 200)):
        assert np.isnan(found.autocorrelation).all()
        assert (np.asarray(found.moments)[2:] == 0).all()
