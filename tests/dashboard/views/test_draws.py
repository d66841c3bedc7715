import numpy as np
import pytest
import xarray as xr

from dashboard.views.draws import PosteriorDraws, posterior_draws


def test_a_tree_gives_names_units_bounds_truth_and_prior(toy_tree):
    draws = posterior_draws(toy_tree)
    assert draws.names == ("g_Na", "tau", "w")
    assert draws.units == ("mS/cm2", "ms", "")
    assert draws.axis_label(0) == "g_Na (mS/cm²)"
    np.testing.assert_array_equal(draws.low, [0, 1, -np.inf])
    np.testing.assert_allclose(draws.truth, [40, 2, 0.5])
    assert draws.prior.shape == draws.values.shape == (2000, 3)


def test_the_order_is_that_of_the_prior_also_where_a_store_has_sorted_it(toy_tree, tmp_path):
    toy_tree.to_zarr(tmp_path / "tree.zarr", zarr_format=3, consolidated=False)
    draws = posterior_draws(xr.open_datatree(tmp_path / "tree.zarr", engine="zarr", consolidated=False))
    assert draws.names == ("g_Na", "tau", "w")
    np.testing.assert_array_equal(draws.values, posterior_draws(toy_tree).values)


def test_ranges_hold_the_prior_or_nearly_all_draws(toy_tree):
    draws = posterior_draws(toy_tree)
    low, high = draws.whole_range
    assert (low[0], high[0], low[1], high[1]) == (0, 80, 1, 3)
    assert (low[2], high[2]) == (min(draws.values[:, 2].min(), draws.prior[:, 2].min()), high[2])
    low, high = draws.zoomed_range
    assert 20 < low[0] < 35
    assert 45 < high[0] < 60
    assert low[1] == 1  # never beyond the prior
    assert low[1] <= draws.truth[1] <= high[1]


def test_ranges_are_never_empty():
    low, high = PosteriorDraws(("a",), np.full((10, 1), 3.0)).zoomed_range
    assert low[0] < 3.0 < high[0]


def test_only_keeps_columns_together(toy_tree):
    draws = posterior_draws(toy_tree)
    some = draws.only(["w", "g_Na"])
    np.testing.assert_array_equal(some.values, draws.values[:, [2, 0]])
    assert some.units == ("", "mS/cm2")
    np.testing.assert_allclose(some.truth, [0.5, 40])


def test_most_is_learned_about_the_narrowest(toy_tree):
    assert posterior_draws(toy_tree).most_informed == ("g_Na", "tau", "w")


def test_density_does_not_leave_the_prior(toy_tree):
    curve = posterior_draws(toy_tree).density(1)
    assert curve["x"].min() >= 1.0
    assert curve["y"][1] > 3.0  # heaped at the bound, not smeared over it
    assert curve["y"][0] == curve["y"][-1] == 0.0


def test_no_posterior_is_said_in_words(toy_tree):
    with pytest.raises(ValueError, match="no posterior draws: the run was given no observation"):
        posterior_draws(xr.DataTree.from_dict({"/prior": toy_tree["prior"].to_dataset()}))


@pytest.mark.parametrize("values", [np.zeros((5, 3)), np.zeros(5), np.zeros((0, 2))])
def test_shapes_that_do_not_fit_are_refused(values):
    with pytest.raises(ValueError, match=r"2 columns|no draws"):
        PosteriorDraws(("a", "b"), values)
