"""Simultaneous bands of ranks and coverage: exact posteriors stay inside at their rate, wrong ones never."""

import jax
import numpy as np
import pytest
from scipy import stats

from inference.diagnostics import calibration, expected_coverage, sbc, tarp
from inference.diagnostics.bands import ecdf_band, joint_band
from inference.progress import Stopped

NUM, NUM_DRAWS = 300, 99
WRONG = ("shifted", "too narrow", "too wide", "one mode lost")


@pytest.mark.parametrize(("num", "num_draws", "mass"), [(40, 19, 0.9), (300, 99, 0.95), (1000, 1000, 0.95)])
def test_even_ranks_leave_the_band_at_the_stated_rate(num, num_draws, mass):
    """4 000 curves: five standard errors; in whole counts a band can hold more than asked for, not less."""
    band = ecdf_band(num, num_draws, mass=mass)
    ranks = np.random.default_rng(0).integers(0, num_draws + 1, (4_000, num))
    position = np.sort((ranks + 0.5) / (num_draws + 1), axis=1)
    curves = np.stack([np.searchsorted(row, band.position) for row in position]) / num - band.position
    error = np.sqrt(mass * (1 - mass) / 4_000)
    assert mass - 5 * error < band.is_inside(curves).mean() < mass + 5 * error + 0.02 * (num < 100)


def test_a_single_position_is_a_binomial_interval_and_many_need_more_room():
    (low,), (high,) = joint_band(200, np.array([0.1]))
    assert (low, high) == (stats.binom.ppf(0.025, 200, 0.1), stats.binom.ppf(0.975, 200, 0.1))
    (lower, *_), (higher, *_) = joint_band(200, np.array([0.1, 0.3, 0.6]))
    assert lower < low
    assert higher > high


def test_a_band_is_kept_and_refuses_nonsense():
    assert ecdf_band(50, 19) is ecdf_band(50, 19)
    with pytest.raises(ValueError, match="at least one rank and one draw; got 0 and 10"):
        ecdf_band(0, 10)
    with pytest.raises(ValueError, match="a mass between 0 and 1 .* got mass 1.0"):
        ecdf_band(10, 10, mass=1.0)


@pytest.mark.long
@pytest.mark.parametrize("name", WRONG)
def test_wrong_posteriors_leave_the_band_of_ranks(case, name):
    ranks = sbc(jax.random.key(0), *case(name, 0, NUM), num_draws=NUM_DRAWS)
    assert not ranks.is_inside(mass=0.9999).any()
    difference = ranks.ecdf_difference(np.array([0.25, 0.75]))
    signs = {"shifted": (1, 1), "too narrow": (1, -1), "too wide": (-1, 1)}
    if name in signs:
        assert (np.sign(difference) == signs[name]).all()


@pytest.mark.parametrize("name", ["exact", "two modes"])
def test_exact_posteriors_stay_inside_at_the_stated_rate(case, name):
    """20 rank curves at 95 %: 6 or more outside would be a chance of 3e-4. Of 10 levels, 5: 6e-5."""
    found = [sbc(jax.random.key(seed), *case(name, seed, NUM), num_draws=NUM_DRAWS) for seed in range(10)]
    assert sum((~ranks.is_inside()).sum() for ranks in found) < 6
    curves = [calibration.Coverage(calibration.LEVELS, ranks.coverage(), NUM) for ranks in found]
    assert sum(not curve.is_inside() for curve in curves) < 5


@pytest.mark.long
def test_coverage_curves_as_a_whole(case):
    """One curve each, exact ones at a false-alarm rate of 1e-4."""
    for measure in (expected_coverage, tarp):
        results = {
            name: measure(jax.random.key(1), *case(name, 1, NUM), num_draws=NUM_DRAWS)
            for name in ("exact", "two modes", "too narrow", "too wide", "one mode lost")
        }
        assert {name for name, curve in results.items() if curve.is_inside(mass=0.9999)} == {
            "exact",
            "two modes",
        }, measure


@pytest.mark.long
def test_progress_is_told_and_chunks_change_nothing(case, monkeypatch):
    arguments, events = case("exact", 0, 50), []
    whole = sbc(jax.random.key(3), *arguments, num_draws=20)
    monkeypatch.setattr(calibration, "CHUNK", 12)
    parts = sbc(jax.random.key(3), *arguments, num_draws=20, on_progress=events.append)
    np.testing.assert_array_equal(parts.ranks, whole.ranks)
    np.testing.assert_array_equal(parts.level, whole.level)
    assert [event.done for event in events] == [10, 20, 30, 40, 50]

    def stop(event):
        raise Stopped

    with pytest.raises(Stopped):
        sbc(jax.random.key(3), *arguments, num_draws=20, on_progress=stop)
