"""SNPE beside NUTS: what each of them is given; a whole comparison takes minutes."""

import jax
import numpy as np
import pytest

from inference import NUTS
from simulators.models.gabor_v1 import PRIOR
from tests.benchmarks.against_nuts import GABOR, MODELS, _models, _unfolded


@pytest.mark.parametrize("name", MODELS)
def test_both_know_the_same_observation(name):
    learnt_from, exact_for, _ = _models(name)
    assert exact_for.log_likelihood is not None
    np.testing.assert_array_equal(learnt_from.default_observation().x, exact_for.default_observation().x)


@pytest.mark.long
def test_the_gabor_cell_is_seen_by_twelve_numbers_and_by_all_spikes():
    learnt_from, exact_for, nuts = _models(GABOR)
    assert learnt_from.default_observation().x.shape == (12,)
    assert np.isfinite(learnt_from.default_observation().x).all()
    assert exact_for.log_likelihood is not None
    assert isinstance(nuts, NUTS)
    assert learnt_from.prior.names == exact_for.prior.names


def test_an_angle_is_compared_on_its_circle():
    theta = np.asarray(PRIOR.sample(jax.random.key(0), 7))
    whole_turn = theta.copy()
    whole_turn[:, PRIOR.names.index("angle")] += 2 * np.pi
    learnt_from = type("Cell", (), {"prior": PRIOR})()
    np.testing.assert_allclose(
        _unfolded(theta, learnt_from), _unfolded(whole_turn, learnt_from), rtol=1e-5, atol=1e-5
    )
    assert _unfolded(theta, learnt_from).shape == (7, PRIOR.dim + 1)
