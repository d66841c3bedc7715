"""Observations simulated beside the built-in one."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from simulators import get_simulator, simulate_extra
from simulators.extras import extra_theta


def test_more_begin_with_the_same(key):
    toy = get_simulator("hnpe_toy")
    few, many = simulate_extra(toy, 3, key=key), simulate_extra(toy, 8, key=key)
    assert np.array_equal(few, many[:3])
    assert np.array_equal(simulate_extra(toy, 3), simulate_extra(toy, 3))


@pytest.mark.parametrize("is_diverse", [True, False])
def test_the_shared_parameters_are_the_true_ones(is_diverse, key):
    toy = get_simulator("hnpe_toy")
    theta = np.asarray(extra_theta(toy, 50, is_diverse=is_diverse, key=key))
    assert np.all(theta[:, 1] == 0.5)
    assert (theta[:, 0].std() > 0.1) == is_diverse
    assert is_diverse or np.all(theta[:, 0] == 0.5)


def test_one_sentence_where_nothing_can_be_simulated():
    with pytest.raises(ValueError, match="'two_moons' has no parameter that observations share"):
        simulate_extra(get_simulator("two_moons"), 2)
    toy = get_simulator("hnpe_toy")
    unknown = replace(toy, observed=replace(toy.observed, theta=None))
    with pytest.raises(ValueError, match="are not known, so nothing can be simulated"):
        simulate_extra(unknown, 2, key=jax.random.key(0))
