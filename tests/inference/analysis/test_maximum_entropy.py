"""The greatest entropy with given moments, where it is known: that of a Gaussian on a wide box."""

import numpy as np
import pytest

from inference.analysis import maximum_entropy


def uniform(num=20_000, half=20.0, seed=0):
    return np.random.default_rng(seed).uniform(-half, half, (num, 1))


def test_a_mean_and_an_sd_on_a_wide_box_make_a_gaussian():
    found = maximum_entropy(uniform(), np.ones(1), np.full(1, 2.0), log_volume=np.log(40.0))
    assert found.entropy == pytest.approx(0.5 * np.log(2 * np.pi * np.e * 4), abs=0.03)
    assert found.multipliers == pytest.approx([0.0, -1 / 8], abs=0.01)
    assert found.effective_draws > 2_000
    assert found.weights.sum() == pytest.approx(1)


def test_a_narrow_box_leaves_it_uniform():
    """The moments of the uniform distribution itself cost nothing."""
    found = maximum_entropy(uniform(half=1.0), np.zeros(1), np.full(1, 12**-0.5 * 2), log_volume=np.log(2.0))
    assert found.entropy == pytest.approx(np.log(2.0), abs=0.01)


@pytest.mark.parametrize(("mean", "sd"), [(50.0, 1.0), (0.0, 30.0)])
def test_what_no_weights_can_reach_is_not_known(mean, sd):
    found = maximum_entropy(uniform(2_000), np.array([mean]), np.array([sd]), log_volume=np.log(40.0))
    assert np.isnan(found.entropy)
    assert found.effective_draws == 0


def test_too_few_draws_are_not_enough():
    found = maximum_entropy(uniform(5_000), np.ones(1), np.full(1, 0.005), log_volume=np.log(40.0))
    assert np.isnan(found.entropy)
