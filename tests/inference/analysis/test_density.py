import numpy as np
import pytest

from inference.analysis.density import bounded_density, central_interval, contraction, correlations


def total(grid, density):
    return density.sum() * (grid[1] - grid[0])


def test_density_of_a_gaussian_is_the_gaussian():
    draws = np.random.default_rng(0).normal(3.0, 0.5, size=20_000)
    grid, density = bounded_density(draws)
    exact = np.exp(-0.5 * ((grid - 3) / 0.5) ** 2) / (0.5 * np.sqrt(2 * np.pi))
    assert np.abs(density - exact).max() < 0.04  # of a peak of 0.8: five times the sampling error
    assert total(grid, density) == pytest.approx(1.0)


def test_nothing_leaks_past_the_bounds():
    draws = np.abs(np.random.default_rng(1).normal(size=20_000))  # its density is highest at its bound
    grid, density = bounded_density(draws, low=0.0)
    assert grid[0] > 0.0
    assert total(grid, density) == pytest.approx(1.0)
    assert density[0] == pytest.approx(2 / np.sqrt(2 * np.pi), rel=0.06)


def test_uniform_is_flat_up_to_both_bounds():
    draws = np.random.default_rng(2).uniform(2.0, 5.0, size=50_000)
    _, density = bounded_density(draws, 2.0, 5.0)
    np.testing.assert_allclose(density, 1 / 3, rtol=0.12)


@pytest.mark.parametrize("draws", [np.full(10, 4.0), np.array([0.0]), np.array([1.0, 1.0, np.nan, 2.0])])
def test_degenerate_draws_still_have_a_density(draws):
    grid, density = bounded_density(draws)
    assert np.isfinite(density).all()
    assert total(grid, density) == pytest.approx(1.0)


def test_bad_draws_are_refused():
    with pytest.raises(ValueError, match="at least one finite draw"):
        bounded_density(np.array([np.nan]))
    with pytest.raises(ValueError, match="outside the bounds 0 to 1"):
        bounded_density(np.array([0.5, 1.5]), 0.0, 1.0)


def test_central_interval_of_known_numbers():
    np.testing.assert_allclose(central_interval(np.arange(101.0)[:, None], mass=0.9)[:, 0], [5, 50, 95])


def test_correlations_are_pearsons_and_nan_without_variation():
    draws = np.random.default_rng(3).normal(size=(200, 3))
    draws[:, 1] += 2 * draws[:, 0]
    np.testing.assert_allclose(correlations(draws), np.corrcoef(draws.T), atol=1e-12)
    draws[:, 2] = 7.0
    assert np.isnan(correlations(draws)[2]).all()


def test_contraction_is_one_when_known_and_zero_when_nothing_was_learned():
    prior = np.random.default_rng(4).uniform(size=(4_000, 2))
    posterior = np.stack([np.full(100, 0.5), prior[:100, 1]], axis=1)
    known, unknown = contraction(posterior, prior)
    assert known == 1.0
    assert abs(unknown) < 0.3  # variance of 100 draws of a uniform: sd 9 %
