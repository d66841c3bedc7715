"""The power spectrum against NumPy, and for series whose power is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.features.spectrum import frequencies, log_power


def by_numpy(series):
    centred = series - series.mean()
    segments = [centred[first : first + 65] for first in range(0, len(series) - 64, 32)]
    return np.log10(np.mean([np.abs(np.fft.rfft(segment)) ** 2 for segment in segments], axis=0))


@pytest.mark.parametrize("num", [98, 1024])
def test_it_is_that_of_numpy(num):
    series = np.cumsum(np.random.default_rng(num).normal(size=num)) + 40.0
    np.testing.assert_allclose(log_power(series.astype(np.float32)), by_numpy(series), atol=2e-4)


def test_a_wave_is_found_in_its_bin():
    """9 cycles in 65 samples: |DFT|^2 = (65 / 2)^2 times its squared amplitude, and none elsewhere."""
    place = np.arange(65 + 65 * 32, dtype=float)
    series = 3 * np.sin(2 * np.pi * 9 / 65 * place)
    with jax.enable_x64(True):
        found = np.asarray(log_power(series))
    assert found.argmax() == 9
    assert found[9] == pytest.approx(np.log10((3 * 65 / 2) ** 2), abs=1e-3)
    assert np.nanmax(np.delete(found, 9)) < found[9] - 4
    assert frequencies(128.0)[9] == pytest.approx(9 * 128 / 65)


def test_white_noise_is_flat(key):
    """The expectation is 65 sd^2 in all bins but the first, to 5 standard errors: false-alarm rate 2e-5."""
    power = 10 ** np.asarray(jax.vmap(log_power)(2.0 * jax.random.normal(key, (800, 1024))), float)
    z = (power.mean(0) - 65 * 4.0) / (power.std(0) / np.sqrt(800))
    assert np.abs(z[1:]).max() < stats.norm.isf(1e-5 / 32)


def test_ten_times_the_amplitude_is_two_more(key):
    series = jax.random.normal(key, (1024,))
    np.testing.assert_allclose(log_power(10 * series) - log_power(series), 2.0, atol=1e-4)


def test_a_flat_series_has_no_spectrum():
    assert np.isnan(log_power(jnp.full(1024, 7.0))).all()


def test_a_short_series_is_refused():
    with pytest.raises(ValueError, match="at least 65 samples; got 64"):
        log_power(np.zeros(64))
