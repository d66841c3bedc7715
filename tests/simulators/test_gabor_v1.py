"""The Gabor cell against its formulas in NumPy: filter, movie, features, prior, likelihood."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from simulators.models import gabor_v1 as model
from simulators.models.gabor_v1 import (
    CELLS,
    PRIOR,
    frames,
    gabor_v1,
    log_likelihood_of_counts,
    receptive_field,
)

NAMES = PRIOR.names
TOY = np.array(CELLS["cosine, 1 Hz"])


def named(row, dtype=np.float32, **changed):
    theta = dict(zip(NAMES, row, strict=True)) | changed
    return {name: jnp.asarray(value, dtype) for name, value in theta.items()}


def plain_field(row):
    """The specification in NumPy, rows y."""
    _, g, phi, f, psi, r, w, x0, y0 = row
    x, y = np.meshgrid(np.linspace(-1, 1, 41) - x0, np.linspace(-1, 1, 41) - y0)
    a, b = x * np.cos(psi) - y * np.sin(psi), x * np.sin(psi) + y * np.cos(psi)
    sigma = np.sqrt(2 * np.log(2)) * (2**w + 1) / (2**w - 1) / (2 * np.pi * f)
    volume = 4 * np.pi * sigma**2 / r * (0.5 + np.exp(-((2 * np.pi * f * sigma) ** 2)) * np.cos(2 * phi))
    volume /= 4 * (2 / 40) ** 2
    shape = np.exp(-(a**2 + (r * b) ** 2) / (2 * sigma**2)) * np.cos(2 * np.pi * f * a - phi)
    return g / np.sqrt(volume) * shape


@pytest.fixture(scope="module")
def movie():
    return np.concatenate(
        [np.asarray(jax.jit(frames, static_argnums=1)(i, 2000)) for i in range(0, 12_000, 2000)]
    )


# Prior


@pytest.mark.parametrize(
    ("name", "straighten", "mean", "sd"),
    [
        ("bias", lambda v: v, -0.57, math.sqrt(1.63)),
        ("gain", np.log, 0.0, 0.5),
        ("phase", lambda v: np.log(v / (np.pi - v)), 0.0, 1.9),
        ("frequency", np.log, 0.0, 0.5),
        ("angle", lambda v: np.log(v / (2 * np.pi - v)), 0.0, 1.78),
        ("ratio", np.log, 0.0, 0.5),
        ("width", np.log, 0.0, 0.5),
        ("x0", lambda v: np.log((1 + v) / (1 - v)), 0.0, 1.78),
        ("y0", lambda v: np.log((1 + v) / (1 - v)), 0.0, 1.78),
    ],
)
def test_prior_is_normal_on_the_published_scales(key, name, straighten, mean, sd):
    """Kolmogorov-Smirnov of 4000 draws, p > 1e-6 for each of nine: false-alarm rate 9e-6."""
    draws = np.asarray(PRIOR.sample(key, 4000), np.float64)[:, NAMES.index(name)]
    assert stats.kstest(straighten(draws), stats.norm(mean, sd).cdf).pvalue > 1e-6


def test_prior_has_the_published_order_and_ranges():
    assert NAMES == ("bias", "gain", "phase", "frequency", "angle", "ratio", "width", "x0", "y0")
    np.testing.assert_allclose(PRIOR.low, [-np.inf, 0, 0, 0, 0, 0, 0, -1, -1])
    np.testing.assert_allclose(
        PRIOR.high, [np.inf, np.inf, np.pi, np.inf, 2 * np.pi, np.inf, np.inf, 1, 1], rtol=1e-6
    )


@pytest.mark.long
def test_prior_density_is_that_of_the_published_scales(key):
    """Unconstrained rows of bounded parameters are those scales themselves, so densities are products."""
    rows = np.asarray(PRIOR.sample(key, 100), np.float64)
    u = np.asarray(PRIOR.to_unconstrained(rows))
    sds = np.array([math.sqrt(1.63), 0.5, 1.9, 0.5, 1.78, 0.5, 0.5, 1.78, 1.78])
    expected = stats.norm.logpdf(u, np.array([-0.57] + [0.0] * 8), sds).sum(axis=1)
    np.testing.assert_allclose(PRIOR.unconstrained_log_prob(jnp.asarray(u)), expected, atol=2e-2)


# Filter


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS)
def test_filter_is_the_formula_and_its_norm_the_gain(cell):
    """Its square to a quarter: fields reach over the frame, and VOL has 1 where 1/2 would be exact."""
    row = CELLS[cell]
    found = np.asarray(receptive_field(named(row)))
    np.testing.assert_allclose(found, plain_field(row), atol=2e-6)
    assert np.sum(found**2) == pytest.approx(row[1] ** 2, rel=0.25)


def test_filter_is_the_formula_for_prior_draws(key):
    """Narrow bands, whose envelope is wider than the frame, included."""
    for row in np.asarray(PRIOR.sample(key, 50), np.float64):
        expected = plain_field(row)
        found = np.asarray(receptive_field(named(row)))
        np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max() + 1e-6)


@pytest.mark.long
def test_volume_is_positive_over_the_whole_prior(key):
    """2 pi f sigma is at least sqrt(2 log 2), so the factor is between 1/4 and 3/4: the guard never acts."""
    rows = np.asarray(PRIOR.sample(key, 20_000))
    fields = jax.jit(jax.vmap(lambda row: receptive_field(PRIOR.as_dict(row)).sum()))(rows)
    assert np.isfinite(fields).all()
    wide = named(TOY, width=20.0, phase=math.pi / 2)
    assert np.isfinite(np.asarray(receptive_field(wide))).all()


def test_half_a_turn_and_the_reversed_phase_leave_the_filter_unchanged():
    for row in CELLS.values():
        theta = named(row)
        turned = receptive_field(theta | {"angle": theta["angle"] + jnp.pi, "phase": -theta["phase"]})
        np.testing.assert_allclose(turned, receptive_field(theta), atol=2e-6)


@pytest.mark.long
def test_gradients_of_the_filter_are_finite_differences(key):
    with jax.enable_x64(new_val=True):
        weights = np.random.default_rng(0).standard_normal((41, 41))
        total = jax.jit(lambda row: (receptive_field(PRIOR.as_dict(row)) * weights).sum())
        row = jnp.asarray(TOY) + 0.1
        slopes = np.asarray(jax.jit(jax.grad(total))(row))
        for column in range(len(NAMES)):
            step = jnp.zeros(len(NAMES)).at[column].set(1e-5)
            assert slopes[column] == pytest.approx(
                float(total(row + step) - total(row - step)) / 2e-5, abs=1e-6
            )


# Movie, spikes, features


@pytest.mark.long
def test_the_movie_is_white_and_does_not_depend_on_how_it_is_cut(movie):
    """20 million pixels: mean and variance within 5 standard errors, and neighbours uncorrelated."""
    assert movie.shape == (12_000, 1681)
    np.testing.assert_allclose(np.asarray(frames(777, 3)), movie[777:780], atol=2e-6)  # compiled otherwise
    num = movie.size
    assert abs(movie.mean(dtype=np.float64)) < 5 / num**0.5
    assert abs((movie.astype(np.float64) ** 2).mean() - 1) < 5 * (2 / num) ** 0.5
    for a, b in ((movie[:, 1:], movie[:, :-1]), (movie[1:], movie[:-1]), (movie[:, 41:], movie[:, :-41])):
        assert abs((a.astype(np.float64) * b).mean()) < 5 / a.size**0.5


@pytest.mark.long
@pytest.mark.parametrize("cell", CELLS)
def test_features_are_those_of_the_dense_formulas(cell, movie, key):
    """Both ways, from the very spikes; and their number is Poisson (p > 1e-6, six cells)."""
    row = CELLS[cell]
    spikes = np.asarray(jax.jit(gabor_v1.simulate)(key, named(row)))
    drive = movie.astype(np.float64) @ plain_field(row).ravel()
    rates = 0.025 * np.exp(row[0] + np.minimum(drive, 4))
    assert (
        2 * min(stats.poisson.cdf(spikes.sum(), rates.sum()), stats.poisson.sf(spikes.sum() - 1, rates.sum()))
        > 1e-6
    )
    average = spikes @ movie / spikes.sum()
    expected = (average - average.mean()).reshape(41, 41)
    whole = jax.jit(gabor_v1.features)(spikes)
    fused = jax.jit(gabor_v1.simulate_features)(key, named(row))
    for found in (whole, fused):
        assert float(found["spike_count"]) == spikes.sum()
        np.testing.assert_allclose(found["sta"], expected, atol=2e-5)


def test_the_average_of_a_strong_cell_is_its_filter(key):
    """E[STA] = h without clipping: 300 Hz, gain 0.9.

    However many spikes, a movie of 12 000 frames leaves noise of sqrt(exp(gain^2) / 12 000) = 0.014 in each
    pixel, against 0.022 of h: a correlation of 0.85, and 0.015 of its height.
    """
    row = np.array(CELLS["between, 5 Hz"])
    row[:2] = 5.7, 0.9
    found = np.asarray(jax.jit(gabor_v1.simulate_features)(key, named(row))["sta"])
    expected = plain_field(row)
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] == pytest.approx(0.85, abs=0.05)
    assert np.sum(found * expected) / np.sum(expected**2) == pytest.approx(1.0, abs=0.08)


def test_the_toy_cell_fires_about_299_times(movie):
    """As published: the expected count, within the spread of a Poisson count around it."""
    drive = movie.astype(np.float64) @ plain_field(TOY).ravel()
    expected = np.sum(0.025 * np.exp(TOY[0] + drive))
    assert abs(expected - 299) < 3 * math.sqrt(299)
    assert abs(float(gabor_v1.default_observation().x[-1]) - expected) < 4 * math.sqrt(expected)


def test_drive_is_clipped_at_four(movie):
    """A gain of 6: without the limit, rates would be some hundred times higher."""
    row = TOY.copy()
    row[:2] = -2.0, 6.0
    spikes = np.asarray(jax.jit(gabor_v1.simulate)(jax.random.key(0), named(row)))
    drive = movie.astype(np.float64) @ plain_field(row).ravel()
    expected = np.sum(0.025 * np.exp(-2 + np.minimum(drive, 4)))
    assert abs(spikes.sum() - expected) < 6 * math.sqrt(expected)


def test_a_cell_without_spikes_is_invalid(key):
    x = gabor_v1(key, jnp.asarray(TOY).at[0].set(-30.0))
    assert float(x[-1]) == 0
    assert np.isnan(x[:-1]).all()


def test_features_are_1681_pixels_and_the_count():
    assert gabor_v1.feature_shapes == (("sta", (41, 41)), ("spike_count", ()))
    assert gabor_v1.num_features == 1682


@pytest.mark.long
def test_a_batch_needs_neither_the_movie_nor_its_drives():
    """256 simulations work in a quarter of the movie's memory, and 100 000 in chunks of that."""
    keys = jax.random.split(jax.random.key(0), 256)
    rows = jnp.tile(jnp.asarray(TOY, jnp.float32), (256, 1))
    compiled = jax.jit(jax.vmap(gabor_v1)).lower(keys, rows).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 40e6


# Likelihood


@pytest.mark.long
def test_log_likelihood_is_poissons(movie, key):
    spikes = np.asarray(jax.jit(gabor_v1.simulate)(key, named(TOY)))
    for cell in ("cosine, 1 Hz", "sine, 5 Hz"):
        row = CELLS[cell]
        drive = movie.astype(np.float64) @ plain_field(row).ravel()
        expected = stats.poisson.logpmf(spikes, 0.025 * np.exp(row[0] + np.minimum(drive, 4))).sum()
        found = float(jax.jit(log_likelihood_of_counts)(named(row), spikes))
        assert found == pytest.approx(expected, rel=1e-4)


def test_features_do_not_determine_the_likelihood():
    """Which is why the simulator has none: the mean over pixels is gone from the average."""
    assert gabor_v1.log_likelihood is None


@pytest.mark.long
def test_a_recording_gives_its_own_likelihood_and_no_other(key):
    spikes = jax.jit(gabor_v1.simulate)(key, named(TOY))
    known = model.given(spikes)
    row = dict(zip(known.feature_names, known.default_observation().x, strict=True))
    assert row["spike_count"] == float(spikes.sum())
    x = jnp.asarray(known.default_observation().x)
    likelihood = jax.jit(known.log_likelihood)
    assert float(likelihood(named(TOY), x)) == pytest.approx(
        float(jax.jit(log_likelihood_of_counts)(named(TOY), spikes)), rel=1e-5
    )
    assert np.isnan(likelihood(named(TOY), x.at[3].add(0.1)))


def test_the_picture_is_the_filter(key):
    picture = gabor_v1.picture(key, named(TOY))
    assert picture.shape == (len(gabor_v1.axes.y), len(gabor_v1.axes.x))
    np.testing.assert_array_equal(picture, receptive_field(named(TOY)))
    row, column = np.unravel_index(np.asarray(picture).argmax(), picture.shape)
    # Below the top at its place: rows are y.
    assert gabor_v1.axes.x[column] == pytest.approx(model.GRID[column])
    assert math.hypot(gabor_v1.axes.x[column] - TOY[7], gabor_v1.axes.y[row] - TOY[8]) < 0.1
