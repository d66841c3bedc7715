"""Moments against closed forms and float64, where float32 would cancel if it could."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.features.moments import Moments, add_block, central_moments, no_moments
from simulators.features.window import Window


def exact(values):
    v = np.asarray(values, np.float64)
    return np.array([v.mean(), v.var(), stats.skew(v), stats.kurtosis(v, fisher=False)])


def described(moments: Moments):
    return np.array([moments.mean, moments.variance, moments.skewness, moments.kurtosis], np.float64)


@jax.jit(static_argnames=("block_length", "window"))
def in_blocks(values, block_length, window):
    padded = jnp.pad(values, (0, -len(values) % block_length), constant_values=1e3)
    blocks = padded.reshape(-1, block_length)

    def body(known, block):
        index, samples = block
        return add_block(known, index * block_length, samples, window=window), None

    return jax.lax.scan(body, no_moments(jnp.float32), (jnp.arange(len(blocks)), blocks))[0]


def assert_close(moments, values):
    """To 1e-4, the mean to 1e-6; a skewness, which may be 0, to 1e-4 of 1."""
    (mean, variance, skewness, kurtosis), expected = described(moments), exact(values)
    assert mean == pytest.approx(expected[0], rel=1e-6, abs=1e-6)
    assert variance == pytest.approx(expected[1], rel=1e-4)
    assert skewness == pytest.approx(expected[2], rel=1e-4, abs=1e-4)
    assert kurtosis == pytest.approx(expected[3], rel=1e-4)


def traces():
    rng = np.random.default_rng(0)
    t = np.linspace(0, 1, 12_001)
    spiking = -60 + 90 * np.exp(-(((t * 40) % 1 - 0.5) ** 2) / 0.002)
    return {
        "spiking": spiking + rng.normal(size=t.size),
        "nearly constant": -70 + 1e-3 * rng.normal(size=t.size),
        "slow drift": -70 + 5e-3 * t + 2e-4 * rng.normal(size=t.size),
        "outlying first sample": np.r_[20.0, -70 + 0.01 * rng.normal(size=t.size - 1)],
        "a second and a half": -65 + np.cumsum(rng.normal(size=72_500)) * 1e-2,
    }


@pytest.mark.long
@pytest.mark.parametrize("name", list(traces()))
@pytest.mark.parametrize("block_length", [None, 50, 200])
def test_float32_agrees_with_float64(name, block_length):
    """Both see the same values, rounded to float32."""
    values = traces()[name].astype(np.float32)
    window = Window(0, len(values))
    moments = (
        central_moments(jnp.asarray(values))
        if block_length is None
        else in_blocks(values, block_length, window)
    )
    assert_close(moments, values)


def test_one_in_four_has_the_moments_of_a_bernoulli_variable():
    moments = central_moments(jnp.array([0.0, 0.0, 1.0, 0.0]))
    p, q = 0.25, 0.75
    expected = [p, p * q, (q - p) / np.sqrt(p * q), 3 + (1 - 6 * p * q) / (p * q)]
    np.testing.assert_allclose(described(moments), expected, rtol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("window", [Window(0, 1000), Window(123, 457), Window(200, 300), Window(998, 1000)])
@pytest.mark.parametrize("block_length", [1, 50, 64])
def test_only_samples_of_the_window_enter(window, block_length):
    values = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    moments = in_blocks(values, block_length, window)
    assert float(moments.count) == len(window)
    assert_close(moments, values[window.start : window.stop])


@pytest.mark.parametrize("level", [-70.1, 0.0, 1e4])
def test_a_constant_has_no_skewness_and_no_kurtosis(level):
    values = np.full(1000, level, np.float32)
    for moments in (central_moments(jnp.asarray(values)), in_blocks(values, 64, Window(10, 990))):
        assert float(moments.mean) == pytest.approx(level, rel=1e-6)
        assert float(moments.variance) == 0
        assert np.isnan(float(moments.skewness))
        assert np.isnan(float(moments.kurtosis))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stays_so(bad):
    values = np.r_[np.zeros(100), bad, np.zeros(99)].astype(np.float32)
    for moments in (central_moments(jnp.asarray(values)), in_blocks(values, 64, Window(0, 200))):
        assert not np.isfinite(described(moments)).any()
