"""The written-out generator is JAX's own, and its normals are normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators import counter_noise
from simulators.counter_noise import key_words, random_word, standard_normal

NUM = 200_000


def normals(key, num=NUM, low=0):
    words = key_words(key)
    place = jnp.arange(num, dtype=jnp.uint32)
    return np.asarray(standard_normal(random_word((words[0], words[1]), place, jnp.full_like(place, low))))


def test_paired_normals_are_normal_and_independent(key):
    """Kolmogorov-Smirnov, and no correlation between the two of a pair or neighbours: false alarms 3e-6."""
    x = np.asarray(counter_noise.paired_normals(key, 2 * NUM + 1), float)
    assert len(x) == 2 * NUM + 1
    assert stats.kstest(x, "norm").pvalue > 1e-6
    for lag in (1, NUM, NUM + 1):
        assert abs(np.mean(x[lag:] * x[:-lag])) < 5 / np.sqrt(len(x) - lag)


@pytest.mark.long
def test_the_words_are_those_of_threefry_20(key):
    from jax.extend.random import threefry_2x32

    words, counter = key_words(key), jnp.arange(1000, dtype=jnp.uint32)
    theirs = threefry_2x32(words, counter)  # the first half of the counter is the high word
    assert np.array_equal(random_word((words[0], words[1]), counter[:500], counter[500:]), theirs[:500])


@pytest.mark.long
def test_normals_are_normal(key):
    """Kolmogorov-Smirnov; mean, variance and kurtosis within 5 standard errors: false alarms below 3e-6."""
    x = normals(key)
    assert stats.kstest(x, stats.norm.cdf).pvalue > 1e-6
    assert abs(x.mean()) < 5 / NUM**0.5
    assert abs(x.var() - 1) < 5 * (2 / NUM) ** 0.5
    assert abs(stats.kurtosis(x)) < 5 * (24 / NUM) ** 0.5


def test_neighbours_in_time_and_sweep_are_independent(key):
    """Correlations within 5 standard errors: false alarms below 2e-6."""
    x, y = normals(key), normals(key, low=1)
    for a, b in ((x[1:], x[:-1]), (x, y), (x**2 - 1, y**2 - 1), (x[20:], x[:-20])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / len(a) ** 0.5


@pytest.mark.long
def test_the_transform_is_the_inverse_normal_distribution_function():
    """At 23-bit uniforms in (0, 1), the ends included: relative error 1e-6."""
    word = np.unique(
        np.concatenate([np.arange(2**12), 2**32 - 1 - np.arange(2**12), np.arange(0, 2**32, 2**20)])
    )
    word = word.astype(np.uint32)
    x = np.asarray(standard_normal(jnp.asarray(word)), np.float64)
    centred = ((word.view(np.int32) >> 9) + 0.5) * 2.0**-22  # in (-1, 1)
    expected = stats.norm.ppf((1 - np.abs(centred)) / 2) * -np.sign(centred)
    np.testing.assert_allclose(x, expected, rtol=2e-6)
    assert np.abs(x).max() < 5.4


def test_a_row_of_normals_is_what_jax_draws(key):
    """To some roundings, which the tails magnify; a new JAX that draws others is noticed here."""
    np.testing.assert_allclose(counter_noise.normals(key, NUM), jax.random.normal(key, (NUM,)), rtol=1e-5)
