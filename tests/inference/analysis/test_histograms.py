import numpy as np
import pytest

from inference.analysis.histograms import (
    MASSES,
    bin_draws,
    hdr_levels,
    hdr_thresholds,
    marginal_counts,
    pair_densities,
)

SQUARE = (np.array([-5.0, -5.0]), np.array([5.0, 5.0]))


def gaussian(seed, *, num, correlation=0.0):
    noise = np.random.default_rng(seed).normal(size=(num, 2))
    noise[:, 1] = correlation * noise[:, 0] + np.sqrt(1 - correlation**2) * noise[:, 1]
    return noise


def levels_at(levels, index):
    return np.pad(levels, (0, 1))[index[1], index[0]]  # draws outside the range are in no region


@pytest.mark.parametrize("correlation", [0.0, 0.95])
@pytest.mark.parametrize(("num", "off"), [(10_000, 0.02), (500, 0.08)])
def test_regions_hold_their_mass_of_fresh_draws(correlation, num, off):
    draws, fresh = (
        gaussian(1, num=num, correlation=correlation),
        gaussian(2, num=40_000, correlation=correlation),
    )
    levels = hdr_levels(bin_draws(draws, *SQUARE, num_bins=80), [(0, 1)])[0]
    inside = levels_at(levels, bin_draws(fresh, *SQUARE, num_bins=80).index)
    for count, mass in enumerate(MASSES, start=1):
        # Binomial sd of the share: 0.005 for 10 000 draws, 0.022 for 500. Four sds and less, at fixed seeds.
        assert (inside >= count).mean() == pytest.approx(mass, abs=off)


def test_regions_are_the_discs_of_a_gaussian():
    levels = hdr_levels(bin_draws(gaussian(3, num=200_000), *SQUARE, num_bins=80), [(0, 1)])[0]
    for count, mass in enumerate(MASSES, start=1):
        radius = np.sqrt((levels >= count).sum() / 8**2 / np.pi)  # 8 bins per unit
        assert radius == pytest.approx(np.sqrt(-2 * np.log(1 - mass)), rel=0.03)


def test_a_region_counts_the_draws_that_lie_outside_the_range():
    draws = np.concatenate([np.zeros((60, 2)), np.full((40, 2), 9.0)])
    bins = bin_draws(draws, *SQUARE, num_bins=20)
    thresholds = hdr_thresholds(bins, pair_densities(bins, [(0, 1)]), [(0, 1)])[0]
    assert thresholds[0] == 0.0  # 95 % of the draws: not all of them are in sight
    assert thresholds[2] > 0.0


def test_thin_ridges_stay_thin():
    draws = np.repeat(np.random.default_rng(0).uniform(-5, 5, size=(10_000, 1)), 2, axis=1)
    levels = hdr_levels(bin_draws(draws, *SQUARE, num_bins=80), [(0, 1)])[0]
    across = (levels[20:60, 20:60] > 0).sum(axis=1)
    assert across.max() <= 5  # of 80 bins; the calm kernel alone would give about 9


def test_orientation_is_y_down_the_rows_and_x_along_the_columns():
    draws = np.tile([[4.5, -4.5]], (100, 1))
    density = pair_densities(bin_draws(draws, *SQUARE, num_bins=10), [(0, 1)])[0]
    assert np.unravel_index(density.argmax(), density.shape) == (0, 9)


def test_no_mass_is_lost_or_made_by_smoothing():
    draws = np.random.default_rng(0).uniform(-5, 5, size=(5_000, 2))
    bins = bin_draws(draws, *SQUARE, num_bins=40)
    assert pair_densities(bins, [(0, 1)]).sum() == pytest.approx(5_000, rel=0.02)
    assert marginal_counts(bins).sum(axis=1).tolist() == [5_000, 5_000]


def test_a_uniform_density_is_flat_up_to_its_edge():
    draws = np.random.default_rng(3).uniform(-5, 5, size=(200_000, 2))
    density = pair_densities(bin_draws(draws, *SQUARE, num_bins=40), [(0, 1)])[0]
    assert density[0].mean() == pytest.approx(density.mean(), rel=0.05)
    assert density[:, -1].mean() == pytest.approx(density.mean(), rel=0.05)


def test_outside_and_nan_are_in_no_bin():
    draws = np.array([[0.0, 0.0], [9.0, 0.0], [np.nan, 0.0], [5.0, -5.0]])
    bins = bin_draws(draws, *SQUARE, num_bins=10)
    assert bins.index.T.tolist() == [[5, 5], [10, 5], [10, 5], [9, 0]]
    assert marginal_counts(bins).sum(axis=1).tolist() == [2, 4]


def test_rows_restrict_every_count():
    draws = gaussian(4, num=1_000)
    bins, rows = bin_draws(draws, *SQUARE, num_bins=20), np.flatnonzero(draws[:, 0] > 0)
    alone = bin_draws(draws[rows], *SQUARE, num_bins=20)
    np.testing.assert_array_equal(marginal_counts(bins, rows), marginal_counts(alone))
    np.testing.assert_array_equal(pair_densities(bins, [(0, 1)], rows), pair_densities(alone, [(0, 1)]))


def test_nothing_selected_shows_nothing():
    bins = bin_draws(gaussian(5, num=100), *SQUARE, num_bins=20)
    nobody = np.array([], np.intp)
    assert not hdr_levels(bins, [(0, 1)], nobody).any()
    assert not marginal_counts(bins, nobody).any()


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="column 1 must be finite"):
        bin_draws(gaussian(6, num=3), np.zeros(2), np.array([1.0, 0.0]), num_bins=4)
