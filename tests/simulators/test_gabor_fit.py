"""The fit of the Gabor cell: the best that others find as well, and the same for both names of one field."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from simulators.models.gabor_fit import ANGLE, PHASE, PRECISION, best_shape, fitted, gabor_v1_fit
from simulators.models.gabor_v1 import CELLS, GRID

COUNT = 290.0


def plain_field(shape):
    """The specification in NumPy, minus its mean."""
    gain, phase, frequency, angle, ratio, width, x0, y0 = shape
    octaves, wave = 2 ** np.exp(width), 2 * np.pi * np.exp(frequency)
    x, y = np.meshgrid(GRID - np.tanh(x0 / 2), GRID - np.tanh(y0 / 2))
    a, b = x * np.cos(angle) - y * np.sin(angle), x * np.sin(angle) + y * np.cos(angle)
    sigma = np.sqrt(2 * np.log(2)) * (octaves + 1) / (octaves - 1) / wave
    volume = np.pi * sigma**2 / np.exp(ratio) / 0.05**2
    volume *= 0.5 + np.exp(-((wave * sigma) ** 2)) * np.cos(2 * phase)
    h = np.exp(gain) / np.sqrt(volume) * np.exp(-(a**2 + (np.exp(ratio) * b) ** 2) / (2 * sigma**2))
    h = (h * np.cos(wave * a - phase)).ravel()
    return h - h.mean()


def shape_of(cell):
    _, gain, phase, frequency, angle, ratio, width, x0, y0 = CELLS[cell]
    logs = np.log([gain, frequency, ratio, width])
    return np.array([logs[0], phase, logs[1], angle, logs[2], logs[3], *(2 * np.arctanh([x0, y0]))])


def noisy(cell, seed, count=COUNT):
    """The average that `count` spikes would give, if the movie were without end."""
    noise = np.random.default_rng(seed).normal(size=1681)
    return (plain_field(shape_of(cell)) + (noise - noise.mean()) / np.sqrt(count)).astype(np.float32)


def residuals(shape, average):
    return np.concatenate([np.sqrt(COUNT) * (average - plain_field(shape)), np.sqrt(PRECISION) * shape])


@pytest.fixture(scope="module")
def fit():
    return jax.jit(best_shape)


@pytest.mark.long
@pytest.mark.parametrize("cell", ["cosine, 1 Hz", "between, 5 Hz", "sine, 5 Hz"])
def test_the_fit_is_the_minimum_that_scipy_finds_from_the_truth(fit, cell):
    average = noisy(cell, 0)
    found = np.asarray(fit(average, jnp.float32(COUNT)), np.float64)
    expected = least_squares(residuals, shape_of(cell), args=(average,)).cost
    assert 0.5 * np.square(residuals(found, average)).sum() < expected + 0.05


def test_features_are_those_of_both_names_of_one_field(monkeypatch):
    """Half a turn and the reversed phase; the fit itself may find either."""
    shape = jnp.asarray(shape_of("between, 1 Hz"), jnp.float32)
    other = shape.at[PHASE].set(-shape[PHASE]).at[ANGLE].add(jnp.pi)
    told = []
    for one in (shape, other):
        monkeypatch.setattr("simulators.models.gabor_fit.best_shape", lambda average, count, one=one: one)
        told.append(fitted({"sta": jnp.zeros((41, 41)), "spike_count": jnp.float32(COUNT)}))
    for name, value in told[0].items():
        np.testing.assert_allclose(told[1][name], value, atol=2e-6, err_msg=name)


@pytest.mark.long
def test_without_spikes_nothing_is_defined(key):
    x = gabor_v1_fit(key, jnp.asarray(CELLS["cosine, 1 Hz"], jnp.float32).at[0].set(-30.0))
    assert np.isnan(x).all()


def test_the_fit_is_told_by_twelve_numbers():
    assert gabor_v1_fit.num_features == 12
    assert set(gabor_v1_fit.feature_labels) == set(gabor_v1_fit.feature_names)
